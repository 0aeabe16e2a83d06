// Makes a small, complete data directory with the code as it is, packed, for the upgrade test: one for each released
// format. `node tools/make-data-dir-fixture.ts FOLDER` writes data-dir.tar.gz and expected.json there.
//
// What is in it, and why: test/fixtures/data-dir-first-format/README.md. All keys in it were made for it by the server.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { makeSasToken } from "../src/ingest/sas-token.ts";
import { nodeDisk } from "../src/lib/disk.ts";
import { resetClock } from "../src/journal/file/reset-clock.ts";
import { encodeFrameHead, identityCrc } from "../src/journal/file/segment-format.ts";
import { scanSegment } from "../src/journal/file/segment-scan.ts";
import { systemClock } from "../src/lib/clock.ts";
import { openSqliteRegistry } from "../src/registry/sqlite/sqlite-registry.ts";
import { HubProcess } from "../test/lib/hub-process.ts";
import { lakeFiles, lakeNumbers } from "../test/lib/lake.ts";
import { RawMqtt, publishBytes } from "../test/lib/raw-mqtt.ts";

const wrongMs = Date.parse("2038-05-06T07:08:30.000Z");
const rightMs = Date.parse("2026-03-04T05:06:30.000Z");
const lastMs = Date.parse("2026-03-04T07:00:05.000Z");

const target = resolve(process.argv[2] ?? "");
if (process.argv[2] === undefined) throw new Error("name the folder to write to");
const directory = mkdtempSync(join(tmpdir(), "coldpath-fixture-"));
const dataDir = join(directory, "data");
const lake = join(directory, "lake");
const small = ["--no-sample", "--journal-recycle-bytes-max=1MiB"];
const numbers = { wrongYear: [] as number[], letGo: [] as number[], exported: [] as number[], open: [] as number[] };
/** In both partitions. */
const devices = ["alpha", "beta", "gamma", "delta"];
let next = 0;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const start = (originMs: number, rate: number, ...flags: string[]): Promise<HubProcess> =>
  HubProcess.start(
    dataDir,
    ...small,
    `--test-clock-origin=${new Date(originMs).toISOString()}`,
    `--test-clock-rate=${rate}`,
    ...flags,
  );

/** Sends as several devices, so that every partition gets some. @returns the numbers of the messages, all acknowledged. */
async function send(hub: HubProcess, count: number): Promise<number[]> {
  const sent: number[] = [];
  for (const deviceId of devices) {
    const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", `/devices/${deviceId}/credentials`);
    const token = makeSasToken(`localhost/devices/${deviceId}`, primaryKey, Date.now() + 3_600_000);
    const client = await RawMqtt.device(hub.address.ports.mqtt, deviceId, token);
    for (let packetId = 1; packetId <= count; packetId++) {
      const payload = JSON.stringify({ number: next });
      client.send(publishBytes({ topic: `devices/${deviceId}/messages/events/`, payload, packetId }));
      sent.push(next++);
    }
    while (client.packets.filter(({ cmd }) => cmd === "puback").length < count) await pause(10);
    client.socket.destroy();
  }
  return sent;
}

async function exported(container: string, wanted: readonly number[]): Promise<void> {
  for (;;) {
    const counts = await lakeNumbers(join(lake, container, "measurements"));
    if (wanted.every((number) => counts.has(number))) return;
    await pause(200);
  }
}

/** A frame that was begun and not finished, behind the last whole one: what a crash leaves. */
async function tear(partition: string): Promise<void> {
  const folder = join(dataDir, "journal", partition);
  const name = readdirSync(folder)
    .filter((one) => one.endsWith(".seg"))
    .toSorted()
    .at(-1);
  if (name === undefined) throw new Error("no segment to tear");
  const file = await nodeDisk.open(join(folder, name), "update");
  const scan = await scanSegment(file);
  if (scan.kind !== "open") throw new Error(`${name} is ${scan.kind}`);
  const head = encodeFrameHead(identityCrc(scan.identity), {
    kind: "records",
    records: 3,
    offsetFirst: scan.offsetNext,
    timeMs: scan.timeMs ?? lastMs,
    payloadBytes: 600,
    bodyCrc: 12_345,
  });
  await file.write([head, Buffer.alloc(200, "torn")], scan.end);
  await file.sync();
  await file.close();
}

// A first start whose clock is wrong by years.
let hub = await start(wrongMs, 60);
const fields = { measurements: { telemetry: {}, states: {}, events: {} }, settings: { device: {} } };
const cloud = { count: { name: "Count", dataType: "double", initialValue: 0 } };
const template = { id: "meter", name: "Meter", publish: true, ...fields, properties: { cloud, device: {} } };
await hub.api("POST", "/device-templates", template);
await hub.api("POST", "/device-templates", { ...template, id: "draft", name: "A draft", publish: false });
for (const id of devices) await hub.api("POST", "/devices", { id, templateId: "meter" });
await hub.api("POST", "/devices", { id: "off", name: "Disabled", templateId: "meter", enabled: false });
await hub.api("POST", "/devices", { id: "robot", templateId: "meter", simulated: true, enabled: false });
await hub.api("POST", "/policies", { name: "gateway" });
const account = async (name: string, settings: object, secret?: string): Promise<string> =>
  (
    await hub.api<{ id: string }>("POST", "/storage-accounts", {
      name,
      settings,
      ...(secret === undefined ? {} : { secret }),
    })
  ).id;
const folderId = await account("lake", { kind: "folder", path: lake });
/** Not a key of anybody's account. */
const accountKey = Buffer.from("a key that opens nothing, of test/fixtures").toString("base64");
const azureId = await account(
  "azure",
  { kind: "azure-blob", endpoint: "https://example.blob.core.windows.net", auth: "account-key" },
  accountKey,
);
const types = ["measurements", "devices", "deviceTemplates"];
const exports: Record<string, string> = {};
for (const name of ["on", "off", "draining"]) {
  await hub.api("POST", `/storage-accounts/${folderId}/containers`, { name });
  const made = await hub.api<{ id: string }>("POST", "/exports", {
    name,
    storageAccountId: folderId,
    container: name,
    types,
  });
  exports[name] = made.id;
}
// From here on `draining` finds no container, so all stays owed to it.
renameSync(join(lake, "draining"), join(lake, "taken-away"));
numbers.wrongYear = await send(hub, 5);
await exported("on", numbers.wrongYear);
await hub.kill();

const registry = await openSqliteRegistry({ directory: dataDir, clock: systemClock });
await resetClock({
  directory: join(dataDir, "journal"),
  hub: registry.installation.hubName,
  nowMs: rightMs,
  onClosed: (windowOpen, ahead) => registry.windowsWentBack(windowOpen, ahead),
});
await registry.close();

// The right year, two partitions.
hub = await start(rightMs, 60, "--journal-partitions=2");
numbers.letGo = await send(hub, 20);
await exported("on", numbers.letGo);
await hub.api("POST", `/exports/${exports["off"]}/off`, {});
const { windowOpen } = await hub.api<{ windowOpen: string }>("GET", "/status");
const windowLast = new Date(Date.parse(windowOpen) - 60_000).toISOString();
await hub.api("POST", `/exports/${exports["draining"]}/discard`, { windowLast, reason: "for the fixture" });
for (const codec of ["deflate", "null"]) {
  await hub.api("PATCH", `/exports/${exports["on"]}`, { codec });
  await hub.api("PATCH", "/devices/alpha", { properties: { cloud: { count: codec.length } } });
  const sent = await send(hub, 20);
  numbers.exported.push(...sent);
  await exported("on", sent);
}
await hub.api("PATCH", `/exports/${exports["draining"]}`, { formatRevision: "2018-09" });
await hub.api("PATCH", "/devices/beta", { properties: { cloud: { count: 77 } } });
await pause(2500);
await hub.api("POST", `/exports/${exports["draining"]}/off`, {});
await pause(2500);
await hub.kill();

// The last minute, at real speed: it stays open, and its end is torn.
hub = await start(lastMs, 1, "--journal-partitions=2");
numbers.open = await send(hub, 10);
/** Without what follows the ports and the clock of one start. */
const ask = async (path: string): Promise<unknown> => {
  const isPassing = (key: string): boolean =>
    key.endsWith("ConnectionString") || ["hostName", "nextPath"].includes(key);
  return JSON.parse(JSON.stringify(await hub.api("GET", path)), (key, value: unknown) =>
    isPassing(key) ? undefined : value,
  );
};
const keys: Record<string, unknown> = {};
for (const id of [...devices, "off", "robot"]) keys[id] = await ask(`/devices/${id}/credentials`);
const status = (await ask("/exports")) as { items: { name: string; on: boolean; status: { state: string } }[] };
const expected = {
  numbers,
  lastMs,
  accountKey,
  azureId,
  folder: lake,
  exports,
  adminToken: hub.adminToken,
  registry: {
    "/device-templates": await ask("/device-templates"),
    "/devices": await ask("/devices"),
    "/policies": await ask("/policies"),
    "/policies/gateway/keys": await ask("/policies/gateway/keys"),
    "/storage-accounts": await ask("/storage-accounts"),
  },
  keys,
  exportsAnswer: status.items.map(({ status: _status, ...one }) => one),
  gaps: await ask(`/exports/${exports["draining"]}/gaps`),
  runs: await ask(`/exports/${exports["on"]}/runs`),
  states: Object.fromEntries(status.items.map(({ name, status: { state } }) => [name, state])),
};
await hub.kill();
for (const partition of ["1", "2"]) await tear(partition);
rmSync(join(dataDir, "server.json"), { force: true });

mkdirSync(target, { recursive: true });
writeFileSync(join(target, "expected.json"), `${JSON.stringify(expected, null, 1)}\n`);
const order = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--sparse"];
const tar = execFileSync("tar", [...order, "-C", dataDir, "-cf", "-", "."], { maxBuffer: 1 << 30 });
writeFileSync(join(target, "data-dir.tar.gz"), gzipSync(tar, { level: 9 }));
console.log(`${tar.length} bytes of tar; ${lakeFiles(join(lake, "on")).length} files were exported to "on".`);
console.log(JSON.stringify(expected.states), readdirSync(dataDir).join(" "));
rmSync(directory, { recursive: true, force: true });
