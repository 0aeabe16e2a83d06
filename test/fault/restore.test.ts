// A hub that lost its machine, or its registry, and is restored from a backup that was taken under load: the destination is
// the same, and what the former hub exported after the backup lies there. Nothing is doubled or overwritten, nothing is
// alarmed falsely, what may be lost is on record, and everything later flows.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterEach, expect, test } from "vitest";
import { openContainer } from "../../src/avro/avro.ts";
import { type Azurite, startAzurite } from "../lib/azurite.ts";
import { pause } from "../lib/fleet.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { lakeFiles } from "../lib/lake.ts";
import { Ledger } from "../lib/ledger.ts";
import { MqttPublisher } from "../lib/mqtt-publisher.ts";

/** A window lasts a second. */
const rate = 60;
const originMs = Date.parse("2026-03-04T05:06:30.000Z");
const main = join(import.meta.dirname, "../../src/main.ts");
const types = ["measurements", "devices", "deviceTemplates"];

let hub: HubProcess | null = null;
let azurite: Azurite | null = null;
let directory = "";
let startMs = 0;
afterEach(async () => {
  await hub?.kill();
  hub = null;
  await azurite?.stop();
  azurite = null;
  rmSync(directory, { recursive: true, force: true });
});

/** Files by path. */
type Contents = ReadonlyMap<string, Buffer>;
interface Lake {
  readonly account: object;
  contents(): Promise<Contents>;
}

function folderLake(): Promise<Lake> {
  const path = join(directory, "lake");
  const contents = (): Promise<Contents> => {
    const files = lakeFiles(join(path, "iot")).map(
      (file) => [file.slice(path.length + 5), readFileSync(file)] as const,
    );
    return Promise.resolve(new Map(files));
  };
  return Promise.resolve({ account: { settings: { kind: "folder", path } }, contents });
}

async function azureLake(): Promise<Lake> {
  azurite = await startAzurite();
  const { connectionString } = azurite;
  const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient("iot");
  const contents = async (): Promise<Contents> => {
    const found = new Map<string, Buffer>();
    for await (const { name } of container.listBlobsFlat()) {
      found.set(name, await container.getBlobClient(name).downloadToBuffer());
    }
    return found;
  };
  const settings = { kind: "azure-blob", auth: "connection-string" };
  return { account: { settings, secret: connectionString }, contents };
}

const windowClockMs = (): number => Math.round(originMs + (performance.now() - startMs) * rate);

async function start(dataDir: string): Promise<HubProcess> {
  const clock = [`--test-clock-rate=${rate}`, `--test-clock-origin=${new Date(windowClockMs()).toISOString()}`];
  return await HubProcess.start(dataDir, "--no-sample", "--journal-partitions=2", ...clock);
}

/** Beside the publishers of this process, which go on meanwhile. */
async function coldpath(...words: string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const status = await new Promise<number | null>((done) => child.once("close", done));
  return { status, output };
}

const deviceIds = ["alpha", "beta", "gamma", "delta"];

async function prepare(lake: Lake): Promise<{ exportId: string; policyKey: string }> {
  const hub = running();
  const { id } = await hub.api<{ id: string }>("POST", "/storage-accounts", { name: "lake", ...lake.account });
  await hub.api("POST", `/storage-accounts/${id}/containers`, { name: "iot" });
  const cloud = { count: { name: "Count", dataType: "double", initialValue: 0 } };
  const fields = { measurements: { telemetry: {}, states: {}, events: {} }, settings: { device: {} } };
  const template = { id: "meter", name: "Meter", publish: true, ...fields, properties: { cloud, device: {} } };
  await hub.api("POST", "/device-templates", template);
  for (const deviceId of deviceIds) await hub.api("POST", "/devices", { id: deviceId, templateId: "meter" });
  const made = await hub.api<{ id: string }>("POST", "/exports", {
    name: "all",
    storageAccountId: id,
    container: "iot",
    types,
  });
  const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", "/policies/device/keys");
  return { exportId: made.id, policyKey: primaryKey };
}

function running(): HubProcess {
  if (hub === null) throw new Error("no server runs");
  return hub;
}

function publish(ledger: Ledger, policyKey: string): MqttPublisher[] {
  const { port } = { port: running().address.ports.mqtt };
  return deviceIds.map((deviceId) => new MqttPublisher({ port, deviceId, policyKey, ledger, inFlight: 5 }));
}

async function recordsOf(bytes: Buffer): Promise<Record<string, unknown>[]> {
  const records: Record<string, unknown>[] = [];
  // oxlint-disable-next-line require-await -- a source of one chunk
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  for await (const record of openContainer(source())) records.push(record as Record<string, unknown>);
  return records;
}

/** Number of a message → in which files it stands. */
async function numbersIn(contents: Contents): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>();
  for (const [path, bytes] of contents) {
    if (!path.startsWith("measurements/")) continue;
    for (const { Body } of await recordsOf(bytes)) {
      const { number } = JSON.parse(String(Body)) as { number: number };
      found.set(number, [...(found.get(number) ?? []), path]);
    }
  }
  return found;
}

const hashes = (contents: Contents): Record<string, string> =>
  Object.fromEntries([...contents].map(([path, bytes]) => [path, createHash("sha256").update(bytes).digest("hex")]));

async function until(isSo: () => Promise<boolean>, secondsMax = 60): Promise<void> {
  for (let turn = 0; turn < secondsMax * 4; turn++) {
    if (await isSo()) return;
    await pause(250);
  }
  throw new Error(`it never came to be; the server said:\n${running().output}`);
}

interface Answer {
  readonly status: { readonly state: string; readonly trouble: unknown; readonly owedFiles: number };
}
interface Gap {
  readonly type: string;
  readonly windowFirst: string;
  readonly windowLast: string;
  readonly reason: string;
}

/** A file's window, from its path. */
const windowOfPath = (path: string): number => {
  const [, , year, month, day, hour, minute] = path.split("/");
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
};

/** Warnings and errors of the running server. */
function alarms(): string[] {
  const lines = running().output.split("\n");
  return lines.filter((line) => /"level":(?:40|50)/.test(line) && !line.includes("A test clock is on"));
}

/** The audit has looked, and balances: what a restore let go is no violation. */
async function expectSoundAudit(): Promise<void> {
  const { exports } = await running().api<{ exports: { audit: { violations: number } | null }[] }>("GET", "/status");
  expect(exports.map(({ audit }) => audit?.violations)).toEqual([0]);
}

async function expectNoAlarm(exportId: string): Promise<void> {
  const { status } = await running().api<Answer>("GET", `/exports/${exportId}`);
  expect(status).toMatchObject({ state: "healthy", trouble: null });
  expect(alarms()).toEqual([]);
  await expectSoundAudit();
}

test.each([
  { store: "a folder", open: folderLake },
  { store: "Azure Blob", open: azureLake },
])("B2, B3, S1: the machine is lost under load and restored, into $store", async ({ open }) => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-restore-"));
  startMs = performance.now();
  const lake = await open();
  hub = await start(join(directory, "former"));
  const { exportId, policyKey } = await prepare(lake);
  const before = new Ledger();
  let publishers = publish(before, policyKey);
  await until(async () => (await lake.contents()).size >= 4);
  // A snapshot is owed in the backup, and more are cut and exported after it.
  await running().api("PATCH", "/devices/alpha", { properties: { cloud: { count: 1 } } });
  const backup = join(directory, "backup.tar");
  const taken = await coldpath("backup", backup, `--data-dir=${join(directory, "former")}`, "--json");
  expect(taken).toMatchObject({ status: 0 });
  const exportedAtBackup = (await lake.contents()).size;
  await running().api("PATCH", "/devices/beta", { properties: { cloud: { count: 2 } } });
  const late = await running().api<{ generationId: string }>("POST", "/devices", { id: "late", templateId: "meter" });
  // Definitions that the backup does not know, and a device that it still has.
  await running().api("DELETE", "/devices/delta");
  await until(async () => (await lake.contents()).size > exportedAtBackup + 3);
  await running().kill();
  await Promise.all(publishers.map(({ ended }) => ended));
  rmSync(join(directory, "former"), { recursive: true });
  const lakeBefore = await lake.contents();

  const dataDir = join(directory, "restored");
  const clock = `--test-clock-origin=${new Date(windowClockMs()).toISOString()}`;
  const restored = await coldpath("restore", backup, `--data-dir=${dataDir}`, "--json", clock);
  expect(restored, restored.output).toMatchObject({ status: 0 });
  const { windowNext, gaps } = JSON.parse(restored.output) as { windowNext: string; gaps: number };
  const windowNextMs = Date.parse(`${windowNext}:00Z`);
  expect(gaps).toBeGreaterThan(0);
  hub = await start(dataDir);
  const after = new Ledger();
  after.next = before.next;
  publishers = publish(after, policyKey);
  await pause(2500);
  await running().api("PATCH", "/devices/gamma", { properties: { cloud: { count: 3 } } });
  const again = await running().api<{ generationId: string }>("POST", "/devices", { id: "late", templateId: "meter" });
  expect(BigInt(again.generationId)).toBeGreaterThan(BigInt(late.generationId));
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  let numbers = new Map<number, string[]>();
  await until(async () => {
    numbers = await numbersIn(await lake.contents());
    return [...after.acknowledged].every((number) => numbers.has(number));
  });
  await pause(2500);
  const lakeAfter = await lake.contents();
  numbers = await numbersIn(lakeAfter);

  // Nothing of the former hub was overwritten or taken away; nothing of the new one is older.
  const { ...former } = hashes(lakeBefore);
  expect(hashes(lakeAfter)).toMatchObject(former);
  const fresh = [...lakeAfter.keys()].filter((path) => !lakeBefore.has(path));
  // A staged snapshot that was owed is the exception: its gap, or its file, is of the former hub's window.
  expect(fresh.filter((path) => windowOfPath(path) < windowNextMs)).toEqual([]);
  expect([...numbers].filter(([, paths]) => paths.length !== 1)).toEqual([]);
  expect([...after.acknowledged].filter((number) => !numbers.has(number))).toEqual([]);
  expect(after.acknowledged.size).toBeGreaterThan(100);
  await expectNoAlarm(exportId);

  // What is missing was taken between the last exported window and the restore; both ends are on record.
  const { items } = await running().api<{ items: Gap[] }>("GET", `/exports/${exportId}/gaps`);
  const measured = items.filter(({ type }) => type === "measurements");
  expect(measured.length).toBe(2);
  for (const { windowFirst, windowLast, reason } of measured) {
    expect(Date.parse(windowLast)).toBe(windowNextMs - 60_000);
    expect(Date.parse(windowFirst)).toBeLessThan(windowNextMs - 60_000);
    expect(reason).toContain("restored from a backup of 2026");
  }
  const lost = [...before.acknowledged].filter((number) => !numbers.has(number));
  expect(lost.length, "what was journaled and not exported is lost with its machine").toBeGreaterThan(0);

  // The first snapshot after the restore is full; the change after it follows.
  const snapshots = fresh.filter((path) => path.startsWith("devices/")).toSorted();
  const first = await recordsOf(lakeAfter.get(snapshots[0] ?? "") as Buffer);
  expect(first.map(({ id }) => id)).toEqual(expect.arrayContaining(deviceIds));
  const all = (await Promise.all(snapshots.map((path) => recordsOf(lakeAfter.get(path) as Buffer)))).flat();
  const counts = all
    .filter(({ id }) => id === "gamma")
    .map((record) => (record["properties"] as never)["cloud"]["count"]);
  expect(counts.at(-1)).toBe(3);
  const status = await running().api<{ restored: { backupAt: string } | null }>("GET", "/status");
  expect(status.restored?.backupAt).toMatch(/^2026/);
  expect(await running().stop()).toBe(0);
});

test("B3, E1: the registry alone is lost and restored beside its journal: every PUBACK still has its record in exactly one file", async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-restore-"));
  startMs = performance.now();
  const lake = await folderLake();
  const dataDir = join(directory, "data");
  hub = await start(dataDir);
  const { exportId, policyKey } = await prepare(lake);
  const ledger = new Ledger();
  let publishers = publish(ledger, policyKey);
  await until(async () => (await lake.contents()).size >= 4);
  await running().api("PATCH", "/devices/alpha", { properties: { cloud: { count: 1 } } });
  const backup = join(directory, "backup.tar");
  expect(await coldpath("backup", backup, `--data-dir=${dataDir}`)).toMatchObject({ status: 0 });
  const refused = await coldpath("restore", backup, `--data-dir=${dataDir}`, "--registry-only");
  expect(refused).toMatchObject({ status: 2, output: expect.stringContaining("Another Coldpath server") as string });
  const exportedAtBackup = (await lake.contents()).size;
  await until(async () => (await lake.contents()).size > exportedAtBackup + 4);
  await running().kill();
  await Promise.all(publishers.map(({ ended }) => ended));
  const lakeBefore = await lake.contents();
  for (const name of readdirSync(dataDir)) if (name.startsWith("registry.db")) rmSync(join(dataDir, name));

  const restored = await coldpath("restore", backup, `--data-dir=${dataDir}`, "--registry-only", "--json");
  expect(restored, restored.output).toMatchObject({ status: 0 });
  expect(JSON.parse(restored.output)).toMatchObject({ gaps: 0 });
  expect(readdirSync(dataDir).filter((name) => name.startsWith("former-registry-")).length).toBe(1);
  hub = await start(dataDir);
  publishers = publish(ledger, policyKey);
  await pause(1500);
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  let numbers = new Map<number, string[]>();
  await until(async () => {
    numbers = await numbersIn(await lake.contents());
    return [...ledger.acknowledged].every((number) => numbers.has(number));
  });
  await pause(2500);
  const lakeAfter = await lake.contents();
  numbers = await numbersIn(lakeAfter);
  expect(hashes(lakeAfter)).toMatchObject(hashes(lakeBefore));
  expect([...numbers].filter(([, paths]) => paths.length !== 1)).toEqual([]);
  expect([...ledger.acknowledged].filter((number) => !numbers.has(number))).toEqual([]);
  const { status } = await running().api<Answer>("GET", `/exports/${exportId}`);
  expect(status).toMatchObject({ state: "healthy", trouble: null });
  // The journal is that of a server that was killed.
  expect(alarms().filter((line) => !line.includes("torn-tail"))).toEqual([]);
  await expectSoundAudit();
  const { items } = await running().api<{ items: { outcome: string }[] }>("GET", `/exports/${exportId}/runs?limit=500`);
  expect(items.filter(({ outcome }) => outcome === "adopted").length).toBeGreaterThan(0);
  expect(await running().stop()).toBe(0);
});

test("E1: a journal without its registry is no fresh hub: the server does not start and touches nothing", async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-restore-"));
  const dataDir = join(directory, "data");
  const registry = join(dataDir, "registry.db");
  const aside = join(directory, "aside");
  const names = (): ReadonlySet<string> => new Set(readdirSync(dataDir, { recursive: true, encoding: "utf8" }));

  // A young registry is in its write-ahead log as a whole: a copy without that is in order, and empty.
  hub = await HubProcess.start(dataDir, "--no-sample");
  await hub.kill();
  renameSync(`${registry}-wal`, aside);
  const bytes = readFileSync(registry);
  await expect(HubProcess.start(dataDir, "--no-sample")).rejects.toThrow(/registry\.db is empty/);
  expect(readFileSync(registry).equals(bytes)).toBe(true);
  renameSync(aside, `${registry}-wal`);
  hub = await HubProcess.start(dataDir, "--no-sample");
  expect(await hub.stop()).toBe(0);

  renameSync(registry, aside);
  const before = names();
  await expect(HubProcess.start(dataDir, "--no-sample")).rejects.toThrow(/registry\.db is gone/);
  expect(names()).toEqual(before);
  writeFileSync(registry, "");
  await expect(HubProcess.start(dataDir, "--no-sample")).rejects.toThrow(/registry\.db is empty/);
  expect(readFileSync(registry)).toHaveLength(0);
  renameSync(aside, registry);
  hub = await HubProcess.start(dataDir, "--no-sample");
  expect(await hub.stop()).toBe(0);
});

test("A restore that was cut short is no hub: the server does not start on it", async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-restore-"));
  mkdirSync(join(directory, "data", "restoring"), { recursive: true });
  await expect(HubProcess.start(join(directory, "data"), "--no-sample")).rejects.toThrow(/restore.*cut short/);
  expect(readdirSync(join(directory, "data")).filter((name) => !name.startsWith("lock"))).toEqual(["restoring"]);
});
