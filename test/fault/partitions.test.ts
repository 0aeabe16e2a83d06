// The promise while the journal grows: partitions are added and frames change their size across kills, with a clock that
// is behind the partitions there are. Every PUBACK has its record in exactly one file.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { HubProcess } from "../lib/hub-process.ts";
import { lakeFiles, lakeNumbers } from "../lib/lake.ts";
import { Ledger, MqttPublisher } from "../lib/mqtt-publisher.ts";

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

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A window lasts one second. */
function start(clockMs: number, ...flags: string[]): Promise<HubProcess> {
  const origin = new Date(originMs + clockMs).toISOString();
  const clock = ["--test-clock-rate=60", `--test-clock-origin=${origin}`];
  return HubProcess.start(join(directory, "data"), "--no-sample", ...clock, ...flags);
}

async function prepare(server: HubProcess): Promise<{ measurements: string; policyKey: string }> {
  const lake = join(directory, "lake");
  const settings = { kind: "folder", path: lake };
  const { id: storageAccountId } = await server.api<{ id: string }>("POST", "/storage-accounts", {
    name: "l",
    settings,
  });
  await server.api("POST", `/storage-accounts/${storageAccountId}/containers`, { name: "iot" });
  const { id: templateId } = await server.api<{ id: string }>("POST", "/device-templates", {
    name: "T",
    publish: true,
    measurements: { telemetry: {}, states: {}, events: {} },
    settings: { device: {} },
    properties: { cloud: {}, device: {} },
  });
  for (let index = 0; index < devices; index++) {
    await server.api("POST", "/devices", { id: `dev-${index}`, templateId });
  }
  await server.api("POST", "/exports", { name: "m", storageAccountId, container: "iot", types: ["measurements"] });
  const { primaryKey } = await server.api<{ primaryKey: string }>("GET", "/policies/device/keys");
  return { measurements: join(lake, "iot", "measurements"), policyKey: primaryKey };
}

test("J2, J4, E1: partitions are added while the clock is behind, across kills: every PUBACK has its record in exactly one file", async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-partitions-"));
  hub = await start(hourMs);
  const { measurements, policyKey } = await prepare(hub);
  const ledger = new Ledger();
  const publish = (server: HubProcess): MqttPublisher[] =>
    Array.from({ length: devices }, (_, index) => {
      const { mqtt: port } = server.address.ports;
      return new MqttPublisher({ port, deviceId: `dev-${index}`, policyKey, ledger, inFlight: 10 });
    });
  const steps: [number, ...string[]][] = [
    [0, "--journal-partitions=3"],
    [-hourMs, "--journal-partitions=4", "--frame-bytes-max=1MiB"],
    [hourMs / 2, "--journal-partitions=4"],
    [2 * hourMs, "--journal-partitions=5"],
  ];
  for (const [clockMs, ...flags] of steps) {
    const publishers = publish(hub);
    await pause(800 + Math.random() * 1000);
    await hub.kill();
    await Promise.all(publishers.map(({ ended }) => ended));
    hub = await start(clockMs, ...flags);
  }
  const publishers = publish(hub);
  await pause(800);
  await Promise.all(publishers.map((publisher) => publisher.stop()));

  let counts = new Map<number, number>();
  for (let turn = 0; turn < 30; turn++) {
    await pause(1000);
    counts = await lakeNumbers(measurements);
    if ([...ledger.acknowledged].every((number) => counts.has(number))) break;
  }
  await pause(2500);
  counts = await lakeNumbers(measurements);
  const lost = [...ledger.acknowledged].filter((number) => !counts.has(number));
  const doubled = [...counts].filter(([, count]) => count !== 1);
  const invented = [...counts.keys()].filter((number) => !ledger.sent.has(number));
  expect({ lost: lost.length, doubled, invented }).toEqual({ lost: 0, doubled: [], invented: [] });
  const partitions = new Set(lakeFiles(measurements).map((path) => path.slice(-"00.avro".length, -".avro".length)));
  expect(partitions.size).toBeGreaterThan(2);
  expect(await hub.stop()).toBe(0);
});
