// The promise while the journal grows: partitions are added and frames change their size across kills, with a clock that
// is behind the partitions there are. Every PUBACK has its record in exactly one file.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { breachesOf, makeFleet, pause, publish } from "../lib/fleet.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { lakeFiles } from "../lib/lake.ts";
import { needs } from "../lib/needs.ts";
import { noBreaches } from "../lib/read-back.ts";

const devices = 8;
const hourMs = 3_600_000;
const originMs = Date.parse("2026-03-04T05:06:30.000Z");

let hub: HubProcess | null = null;
let directory = "";
afterEach(async () => {
  await hub?.kill();
  hub = null;
  rmSync(directory, { recursive: true, force: true });
});

/** A window lasts one second. */
function start(clockMs: number, ...flags: string[]): Promise<HubProcess> {
  const origin = new Date(originMs + clockMs).toISOString();
  const clock = ["--test-clock-rate=60", `--test-clock-origin=${origin}`];
  return HubProcess.start(join(directory, "data"), "--no-sample", ...clock, ...flags);
}

needs("python")("a journal that grows", () => {
  test("J2, J4, E1: partitions are added while the clock is behind, across kills: every PUBACK has its record in exactly one file", async () => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-partitions-"));
    hub = await start(hourMs);
    const fleet = await makeFleet(hub, directory, devices);
    const steps: [number, ...string[]][] = [
      [0, "--journal-partitions=3"],
      [-hourMs, "--journal-partitions=4", "--frame-bytes-max=1MiB"],
      [hourMs / 2, "--journal-partitions=4"],
      [2 * hourMs, "--journal-partitions=5"],
    ];
    for (const [clockMs, ...flags] of steps) {
      const publishers = publish(fleet, hub, 10);
      await pause(800 + Math.random() * 1000);
      await hub.kill();
      await Promise.all(publishers.map(({ ended }) => ended));
      hub = await start(clockMs, ...flags);
    }
    const publishers = publish(fleet, hub, 10);
    await pause(800);
    await Promise.all(publishers.map((publisher) => publisher.stop()));

    expect(await breachesOf(fleet, 30)).toEqual(noBreaches);
    expect(fleet.ledger.acknowledged.size).toBeGreaterThan(100);
    const partitions = new Set(
      lakeFiles(fleet.measurements).map((path) => path.slice(-"00.avro".length, -".avro".length)),
    );
    expect(partitions.size).toBeGreaterThan(2);
    expect(await hub.stop()).toBe(0);
  });
});
