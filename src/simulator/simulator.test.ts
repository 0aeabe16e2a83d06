import { afterEach, beforeEach, expect, test } from "vitest";
import { IngestHub, until } from "../../test/lib/ingest-hub.ts";
import { emptyTemplate } from "../../test/lib/plain-devices.ts";
import { ManualClock } from "../journal/journal.contract.ts";
import { silentLog } from "../lib/log.ts";
import { type NewDevice, type NewTemplate, settingSync } from "../registry/registry.ts";
import { Simulator, type SimulatorOptions } from "./simulator.ts";

const intervalMs = 10_000;
const cooler: NewTemplate = {
  ...emptyTemplate,
  id: "cooler",
  measurements: {
    telemetry: { temp: { name: "T", dataType: "double", minValue: 2, maxValue: 8 } },
    states: {},
    events: {},
  },
  properties: { cloud: {}, device: { lastReboot: { name: "R", dataType: "dateTime" } } },
};

let clock: ManualClock;
let hub: IngestHub;
let simulator: Simulator | null = null;

beforeEach(async () => {
  clock = new ManualClock(Date.parse("2026-01-02T03:04:05.000Z"), rest);
  hub = await IngestHub.open({ clock });
  await hub.registry.createTemplate(cooler);
});
afterEach(async () => {
  await simulator?.stop();
  simulator = null;
  await hub.close();
});

/** The registry answers and the journal writes in a few turns of the event loop. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function start(more: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const { registry, accept } = hub;
  simulator = await Simulator.start({ registry, accept, clock, log: silentLog, intervalMs, ...more });
  return simulator;
}

async function create(...devices: readonly Partial<NewDevice>[]): Promise<void> {
  await hub.registry.createDevices(devices.map((device) => ({ templateId: "cooler", simulated: true, ...device })));
}

const numbered = (count: number): NewDevice[] =>
  Array.from({ length: count }, (_, index) => ({ id: `sim-${index}`, templateId: "cooler", simulated: true }));

test("Each simulated device sends once an interval, spread over it, as the seed's sample shows it", async () => {
  await create(...numbered(10), { id: "real", simulated: false }, { id: "off", enabled: false });
  await start();
  expect(simulator?.status()).toEqual({ devices: 10, sent: 0, skipped: 0 });
  await clock.pass(6 * intervalMs);
  const records = hub.records();
  expect(records).toHaveLength(60);
  for (const { id = "" } of numbered(10)) expect(hub.records(id)).toHaveLength(6);
  const times = new Set(records.slice(0, 10).map(({ EnqueuedTimeUtc }) => EnqueuedTimeUtc));
  expect(times.size).toBeGreaterThan(5);
  const [record] = records;
  const { generationId } = await hub.registry.device(record?.SystemProperties["connectionDeviceId"] ?? "");
  expect(record?.Properties).toEqual({});
  expect(record?.SystemProperties).toEqual({
    connectionDeviceId: expect.any(String),
    connectionAuthMethod: '{"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
    connectionDeviceGenerationId: generationId,
    enqueuedTime: record?.EnqueuedTimeUtc,
  });
  for (const { Body } of records) {
    const { temp, ...more } = JSON.parse(Body.toString()) as Record<string, number>;
    expect(temp).toBeGreaterThanOrEqual(2);
    expect(temp).toBeLessThanOrEqual(8);
    expect(more).toEqual({});
  }
  expect(simulator?.status().sent).toBe(60);
});

test("A device that has not reported its properties does, once", async () => {
  await create({ id: "a" });
  await start();
  await clock.pass(3 * intervalMs);
  const { properties, etag } = await hub.registry.device("a");
  expect(properties.device["lastReboot"]).toMatch(/^2026-01-02T03:04:/);
  await clock.pass(3 * intervalMs);
  expect((await hub.registry.device("a")).etag).toBe(etag);
});

test.each(["wrapped", "bare"] as const)(
  "A device answers its settings, %s, when it comes and when they change",
  async (form) => {
    const device = { fan: { name: "Fan", dataType: "double", initialValue: 1 } } as const;
    await hub.registry.createTemplate({ ...emptyTemplate, id: "fan", settings: { form, device } });
    await create({ id: "a", templateId: "fan" });
    const { registry } = hub;
    const sync = async (): Promise<unknown> => {
      const { desired, reported } = await registry.deviceTwin("a");
      return settingSync("fan", desired, reported);
    };
    expect(await sync()).toMatchObject({ state: "pending" });
    await start();
    const synced = (value: number, desiredVersion: number): Promise<void> =>
      expect.poll(sync, { timeout: 5_000 }).toMatchObject({ state: "synced", reported: value, desiredVersion });
    await synced(1, 1);
    await registry.updateDevice("a", { settings: { device: { fan: 7 } } });
    await synced(7, 2);
    const { version } = (await registry.deviceTwin("a")).reported;
    await registry.updateDevice("a", { name: "A" });
    await clock.pass(3 * intervalMs);
    expect((await registry.deviceTwin("a")).reported.version).toBe(version);
  },
);

test("Devices come and go as the registry says", async () => {
  await create({ id: "first" });
  const { status } = await start().then((started) => ({ status: () => started.status() }));
  await create({ id: "second" }, { id: "real", simulated: false });
  await until(() => status().devices === 2, "the new one is active");
  await hub.registry.updateDevice("second", { enabled: false });
  expect(status().devices).toBe(1);
  await hub.registry.updateDevice("second", { enabled: true });
  await until(() => status().devices === 2, "it is active again");
  await hub.registry.deleteDevice("first");
  expect(status().devices).toBe(1);
  await clock.pass(2 * intervalMs);
  expect(hub.records("first")).toEqual([]);
  expect(hub.records("second").length).toBeGreaterThan(0);
});

test("D1: a re-created device speaks as its new generation only", async () => {
  await create({ id: "a" });
  await start();
  await clock.pass(intervalMs);
  await hub.registry.deleteDevice("a");
  await create({ id: "a" });
  await until(() => simulator?.status().devices === 1, "it is active again");
  const { generationId } = await hub.registry.device("a");
  const before = hub.records("a").length;
  await clock.pass(2 * intervalMs);
  const later = hub.records("a").slice(before);
  expect(later.length).toBeGreaterThan(0);
  expect(later.every(({ SystemProperties }) => SystemProperties["connectionDeviceGenerationId"] === generationId)).toBe(
    true,
  );
});

test("A device that moves to another template version sends what that one defines", async () => {
  await create({ id: "a" });
  await hub.registry.createTemplateVersion("cooler", {
    ...cooler,
    version: "2.0.0",
    publish: true,
    measurements: { telemetry: { rpm: { name: "R", dataType: "double" } }, states: {}, events: {} },
  });
  await start();
  await clock.pass(intervalMs);
  await hub.registry.migrateDevice("a", "2.0.0");
  await rest();
  await clock.pass(2 * intervalMs);
  const keys = hub.bodies("a").map((body) => Object.keys(JSON.parse(body) as object).join(","));
  expect(keys[0]).toBe("temp");
  expect(keys.at(-1)).toBe("rpm");
});

test("A refusal of the journal costs the turn and is counted; nothing is made up for", async () => {
  await create({ id: "a" });
  await start();
  await clock.pass(2 * intervalMs);
  hub.writer.refuseWith("full");
  await clock.pass(3 * intervalMs);
  hub.writer.refuseWith(null);
  await clock.pass(2 * intervalMs);
  expect(simulator?.status()).toEqual({ devices: 1, sent: 4, skipped: 3 });
  expect(hub.records("a")).toHaveLength(4);
});

test("Devices follow an edit of their template in place, from the next message on", async () => {
  await create(...numbered(2));
  await start();
  await clock.pass(2 * intervalMs);
  const temp = { name: "T", dataType: "double", minValue: -1000, maxValue: 8 } as const;
  const added = { name: "N", dataType: "double", minValue: 50, maxValue: 60 } as const;
  const measurements = { ...cooler.measurements, telemetry: { temp, added } };
  const before = hub.records().length;
  await hub.registry.updateTemplate("cooler", "1.0.0", { ...cooler, measurements });
  await rest();
  await clock.pass(4 * intervalMs);
  const bodies = hub.records().map(({ Body }) => JSON.parse(Buffer.from(Body).toString()) as Record<string, number>);
  expect(bodies.length).toBeGreaterThan(before + 4);
  expect(bodies.slice(0, before).every((body) => !("added" in body))).toBe(true);
  const after = bodies.slice(before);
  expect(after.every((body) => Number(body["added"]) >= 50)).toBe(true);
  expect(after.some((body) => Number(body["temp"]) < 2)).toBe(true);
});

test("M1: no more than the most devices are active; one that leaves makes room", async () => {
  await create(...numbered(5));
  await start({ devicesMax: 3 });
  expect(simulator?.status().devices).toBe(3);
  const ids = new Set<string>();
  await clock.pass(intervalMs);
  for (const { SystemProperties } of hub.records()) ids.add(SystemProperties["connectionDeviceId"] ?? "");
  expect(ids.size).toBe(3);
  await hub.registry.deleteDevice([...ids][0] ?? "");
  await until(() => simulator?.status().devices === 3, "another one took its place");
});

test("A stop is a stop, also in the middle of a report", async () => {
  await create(...numbered(3));
  await start();
  await clock.pass(intervalMs - 1);
  await simulator?.stop();
  const before = hub.records().length;
  await clock.pass(5 * intervalMs);
  await create({ id: "late" });
  expect(hub.records()).toHaveLength(before);
  expect(simulator?.status().devices).toBe(0);
});

test("A template without measurements makes silent devices", async () => {
  await create({ id: "mute", templateId: "plain" });
  await start();
  await clock.pass(3 * intervalMs);
  expect(hub.records()).toEqual([]);
});
