// Upgrades: data directories that former versions wrote, packed under test/fixtures, are read by the present code. And the
// other way round: what a newer version wrote is refused as it was found.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { nodeDisk } from "../../src/lib/disk.ts";
import { writeFloor } from "../../src/journal/file/floor.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openSqliteRegistry } from "../../src/registry/sqlite/sqlite-registry.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { lakeFiles, lakeNumbers, lakeRecords } from "../lib/lake.ts";
import { RawMqtt, publishBytes } from "../lib/raw-mqtt.ts";

const fixtures = join(import.meta.dirname, "../fixtures");
const main = join(import.meta.dirname, "../../src/main.ts");

interface Expected {
  readonly numbers: Readonly<Record<"wrongYear" | "letGo" | "exported" | "open", readonly number[]>>;
  readonly lastMs: number;
  readonly accountKey: string;
  readonly azureId: string;
  /** Where the folder account was on the machine that made the fixture. */
  readonly folder: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly adminToken: string;
  readonly registry: Readonly<Record<string, object>>;
  readonly keys: Readonly<Record<string, { readonly primaryKey: string; readonly secondaryKey: string }>>;
  readonly exportsAnswer: readonly object[];
  readonly gaps: object;
  readonly runs: object;
}

let directory = "";
let dataDir = "";
let hub: HubProcess | null = null;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-upgrade-"));
  dataDir = join(directory, "data");
});
afterEach(async () => {
  await hub?.kill();
  hub = null;
  rmSync(directory, { recursive: true, force: true });
});

/** Unpacks a fixture; its folder account gets a place on this machine. */
function unpack(name: string): Expected {
  const fixture = join(fixtures, name);
  const expected = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8")) as Expected;
  const packed = join(directory, "packed");
  mkdirSync(packed);
  execFileSync("tar", ["-xzf", join(fixture, "data-dir.tar.gz"), "-C", packed]);
  const registry = new DatabaseSync(join(packed, "registry.db"));
  registry
    .prepare("update storage_accounts set settings = replace(settings, ?, ?)")
    .run(expected.folder, join(directory, "lake"));
  // Copied while it is open: closing would move the WAL into the database, and a server that was killed left one.
  cpSync(packed, dataDir, { recursive: true, preserveTimestamps: true });
  registry.close();
  for (const container of ["on", "off", "draining"]) mkdirSync(join(directory, "lake", container), { recursive: true });
  return expected;
}

async function start({ lastMs }: Expected): Promise<HubProcess> {
  // A minute later than the fixture's last; a window lasts a second.
  const origin = `--test-clock-origin=${new Date(lastMs + 60_000).toISOString()}`;
  return await HubProcess.start(dataDir, "--no-sample", "--journal-partitions=2", "--test-clock-rate=60", origin);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 300; turn++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it never came to be; the server said:\n${hub?.output ?? ""}`);
}

/** Contents, modes and times by path; not what only the lock and SQLite's shared memory are in: they hold nothing. */
function fingerprint(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (/\/(?:lock\.db.*|registry\.db-shm)$/.test(path)) continue;
    const { mode, mtimeMs } = statSync(path);
    const content = entry.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
    found[path.slice(folder.length)] = `${mode} ${entry.isFile() ? mtimeMs : ""} ${content}`;
  }
  return found;
}

const released = ["data-dir-first-format"];

test.each(released)("%s: everything is read, what is owed is exported once, and it starts again", async (name) => {
  const expected = unpack(name);
  hub = await start(expected);
  expect(hub.adminToken).toBe(expected.adminToken);
  for (const [path, answer] of Object.entries(expected.registry)) {
    const text = JSON.stringify(answer).replaceAll(expected.folder, join(directory, "lake"));
    expect(await hub.api("GET", path), path).toMatchObject(JSON.parse(text) as object);
  }
  for (const [id, keys] of Object.entries(expected.keys)) {
    expect(await hub.api("GET", `/devices/${id}/credentials`)).toMatchObject(keys);
  }
  const { items } = await hub.api<{ items: object[] }>("GET", "/exports");
  expect(items).toMatchObject(expected.exportsAnswer);
  expect(await hub.api("GET", `/exports/${expected.exports["draining"]}/gaps`)).toMatchObject(expected.gaps);
  expect(hub.output).toMatch(/torn-tail.*torn-tail/s);

  // A device signs in with the key it was given then, and sends.
  const key = expected.keys["alpha"]?.primaryKey ?? "";
  const token = makeSasToken("localhost/devices/alpha", key, Date.now() + 3_600_000);
  const client = await RawMqtt.device(hub.address.ports.mqtt, "alpha", token);
  client.send(publishBytes({ topic: "devices/alpha/messages/events/", payload: '{"number":9999}', packetId: 1 }));
  await until(() => Promise.resolve(client.packets.some(({ cmd }) => cmd === "puback")));
  client.socket.destroy();

  const numbers = (container: string): Promise<Map<number, number>> =>
    lakeNumbers(join(directory, "lake", container, "measurements"));
  const { wrongYear, exported, open } = expected.numbers;
  const owed = { on: [...open, 9999], draining: [...wrongYear, ...exported], off: [] };
  await until(async () => {
    const { items } = await running().api<{ items: { name: string; status: { state: string } }[] }>("GET", "/exports");
    const states = Object.fromEntries(items.map(({ name, status }) => [name, status.state]));
    return states["draining"] === "off" && (await numbers("on")).has(9999);
  });
  const once = (list: readonly number[]): Map<number, number> => new Map(list.map((number) => [number, 1]));
  expect(await numbers("on")).toEqual(once(owed.on));
  expect(await numbers("draining")).toEqual(once(owed.draining));
  expect(lakeFiles(join(directory, "lake", "off"))).toEqual([]);
  await expectSnapshots();

  // Started again, and again with its registry opened by itself: nothing is written twice, secrets open.
  expect(await hub.stop()).toBe(0);
  const files = lakeFiles(join(directory, "lake"));
  hub = await start({ ...expected, lastMs: expected.lastMs + 3_600_000 });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(lakeFiles(join(directory, "lake"))).toEqual(files);
  expect(await hub.stop()).toBe(0);
  const registry = await openSqliteRegistry({ directory: dataDir, clock: systemClock });
  expect(await registry.storageSecret(expected.azureId)).toBe(expected.accountKey);
  await registry.close();
});

function running(): HubProcess {
  if (hub === null) throw new Error("no server runs");
  return hub;
}

/** `draining` gets the snapshots that were staged for it: full ones, then what changed. */
async function expectSnapshots(): Promise<void> {
  const folder = join(directory, "lake", "draining", "devices");
  const records: Record<string, unknown>[][] = [];
  for (const path of lakeFiles(folder)) records.push(await lakeRecords(path));
  // 2038 and the last edit in full; before that two changes of alpha, and one of beta.
  expect(records.map((one) => one.length).toSorted((a, b) => a - b)).toEqual([1, 1, 1, 6, 6]);
  const templates = lakeFiles(join(directory, "lake", "draining", "deviceTemplates"));
  expect(templates.length).toBe(2);
}

const newer: readonly (readonly [what: string, code: string, change: () => Promise<void> | void])[] = [
  ["a registry that was migrated further", "registry-newer", () => migrateFurther(true)],
  [
    "a registry that was migrated further, in the WAL of a killed server",
    "registry-newer",
    () => migrateFurther(false),
  ],
  [
    "a segment",
    "journal-newer",
    () => {
      const folder = join(dataDir, "journal", "1");
      const path = join(folder, readdirSync(folder).find((name) => name.endsWith(".seg")) ?? "");
      const bytes = readFileSync(path);
      bytes.writeUInt32LE(2, 8);
      const end = 16 + bytes.readUInt32LE(12);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end);
      writeFileSync(path, bytes);
    },
  ],
  [
    "a partition table",
    "journal-newer",
    () => {
      const path = join(dataDir, "journal", "partitions.json");
      const { crc32: _, ...table } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
      writeFileSync(path, `${JSON.stringify({ ...table, version: 2, owners: ["a", "b"] })}\n`);
    },
  ],
  [
    "a floor",
    "journal-newer",
    async () => {
      const folder = join(dataDir, "journal", "2");
      await writeFloor(nodeDisk, folder, { windowNext: 29_544_000, offsetNext: 5 });
      const line = "floor 3 29544000 5";
      const text = `${line} ${crc32(line).toString(16).padStart(8, "0")}\n`.padEnd(4096, "\n");
      writeFileSync(join(folder, "floor"), text + text);
    },
  ],
  [
    "a staged snapshot",
    "snapshot-newer",
    () => {
      const folder = join(dataDir, "snapshots");
      const path = join(folder, readdirSync(folder)[0] ?? "");
      writeFileSync(path, readFileSync(path, "utf8").replace('{"version":1,', '{"version":2,'));
    },
  ],
];

/** A migration that this version does not know, in the database file or still in its WAL. */
function migrateFurther(isCheckpointed: boolean): void {
  const registry = new DatabaseSync(join(dataDir, "registry.db"));
  registry.exec("insert into kysely_migration values ('0099-future', '2030-01-01')");
  if (!isCheckpointed) {
    cpSync(dataDir, join(directory, "copy"), { recursive: true });
  }
  registry.close();
  if (isCheckpointed) return;
  rmSync(dataDir, { recursive: true });
  cpSync(join(directory, "copy"), dataDir, { recursive: true });
}

test.each(newer)(
  "%s of a newer version: the directory is refused with %s, and stays as it was",
  async (_, code, change) => {
    unpack("data-dir-first-format");
    await change();
    const before = fingerprint(dataDir);
    const started = spawn(
      "serve",
      "--no-sample",
      "--web-port=0",
      "--mqtt-port=0",
      "--mqtts-port=0",
      "--amqps-port=0",
      "--https-port=0",
    );
    expect(started).toMatchObject({ status: 2 });
    expect(started.output).toContain("newer Coldpath");
    expect(fingerprint(dataDir)).toEqual(before);
    // The offline command that writes refuses it, too.
    const reset = spawn("journal", "reset-clock", "--yes", "--force", "--json");
    expect(reset.status).not.toBe(0);
    expect(reset.output).toContain(code);
    expect(fingerprint(dataDir)).toEqual(before);
  },
);

function spawn(...words: string[]): { status: number; output: string } {
  try {
    const output = execFileSync(process.execPath, [main, ...words, `--data-dir=${dataDir}`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { status: 0, output };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { status, output: stdout + stderr };
  }
}
