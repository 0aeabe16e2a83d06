// The promise under SIGKILL, under a clock that steps, and after a clock that was in a wrong year: every PUBACK that a
// client received has its record in exactly one file. The real server in a process of its own, the real file system; the
// client never sends anything twice, and an independent reader judges. For longer: npm run fault:kill.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Fleet, breachesOf, makeFleet, pause, publish } from "../lib/fleet.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { nameOf, ways } from "../lib/load-devices.ts";
import { KillStory } from "../lib/kill-story.ts";
import { lakeFiles } from "../lib/lake.ts";
import { needs } from "../lib/needs.ts";
import { noBreaches } from "../lib/read-back.ts";

/** Real milliseconds are so many of the window clock: a window lasts one second. */
const rate = 60;
const rounds = 20;
const devices = 4;
const main = join(import.meta.dirname, "../../src/main.ts");

let hub: HubProcess | null = null;
let directory = "";
afterEach(async () => {
  await hub?.kill();
  hub = null;
  rmSync(directory, { recursive: true, force: true });
});

/** A fresh data directory with an export of measurements into a folder and a few devices. */
async function prepare(...flags: string[]): Promise<Fleet> {
  directory = mkdtempSync(join(tmpdir(), "coldpath-kill-"));
  hub = await start(...flags);
  return await makeFleet(hub, directory, devices);
}

function start(...flags: string[]): Promise<HubProcess> {
  return HubProcess.start(join(directory, "data"), "--no-sample", `--test-clock-rate=${rate}`, ...flags);
}

async function check(fleet: Fleet): Promise<void> {
  expect(await breachesOf(fleet, 120)).toEqual(noBreaches);
  expect(fleet.ledger.acknowledged.size).toBeGreaterThan(100);
}

function running(): HubProcess {
  if (hub === null) throw new Error("the server is not running");
  return hub;
}

needs("python")("killed at random", () => {
  test(`J1, J3, E1, E5: SIGKILL ${rounds} times, in load, in uploads and in recovery, one partition and several: every acknowledgement, over each transport, has its record in exactly one file, in a folder and in Azurite`, async () => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-kill-"));
    const story = await KillStory.open({ directory, ways, inFlight: 20, acknowledgedPerRound: 2000 });
    try {
      while (story.rounds < rounds) await story.round();
      const { acknowledged, acknowledgedBy, exports } = await story.judge(true);
      expect(acknowledged).toBeGreaterThan(rounds * 500);
      for (const way of ways) expect(acknowledgedBy.get(nameOf(way)), nameOf(way)).toBeGreaterThan(rounds);
      for (const { name, records, breaches } of exports) {
        expect({ name, ...breaches }).toEqual({ name, ...noBreaches });
        expect(records).toBeGreaterThanOrEqual(acknowledged);
      }
    } finally {
      expect(await story.close()).toBe(0);
    }
  });
});

needs("python")("clocks", () => {
  test("J2, J4, E1: the clock steps an hour back and forth across restarts, with empty and full windows: still exactly one", async () => {
    const originMs = Date.parse("2026-03-04T05:06:30.000Z");
    const hourMs = 3_600_000;
    const at = (ms: number): string => `--test-clock-origin=${new Date(originMs + ms).toISOString()}`;
    const setting = await prepare(at(0));
    const steps = [hourMs, 0, -hourMs, 2 * hourMs, hourMs];
    for (const [index, stepMs] of steps.entries()) {
      const publishers = publish(setting, running(), 20);
      await pause(400 + Math.random() * 800);
      if (index % 2 === 0) await hub?.kill();
      else {
        await Promise.all(publishers.map((publisher) => publisher.stop()));
        await pause(1500); // an empty window or two
        expect(await hub?.stop()).toBe(0);
      }
      await Promise.all(publishers.map(({ ended }) => ended));
      hub = await start(at(stepMs));
      if (index % 2 === 1) await pause(1200);
    }
    const publishers = publish(setting, running(), 20);
    await pause(500);
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await check(setting);
  });

  test("J2, J4, E1: a clock in the wrong year, then reset-clock: what was taken in both years is exported once", async () => {
    const setting = await prepare("--test-clock-origin=2038-05-06T07:08:30.000Z");
    const wrong = publish(setting, running(), 20);
    await pause(1500);
    await Promise.all(wrong.map((publisher) => publisher.stop()));
    await hub?.kill();
    const dataDir = join(directory, "data");
    const reset = spawnSync(process.execPath, [main, "journal", "reset-clock", "--data-dir", dataDir, "--yes"], {
      encoding: "utf8",
    });
    expect(reset.stderr + reset.stdout).toContain("It goes on in partition 1");
    hub = await start();
    const right = publish(setting, running(), 20);
    await pause(1500);
    await Promise.all(right.map((publisher) => publisher.stop()));
    await check(setting);
    const years = new Set(
      lakeFiles(setting.measurements).map((path) => path.slice(setting.measurements.length).split("/")[2]),
    );
    expect(years).toEqual(new Set(["2038", new Date().getUTCFullYear().toString()]));
  });
});
