// The exporter with a real registry and real folders: tenures, edits, retries, ours and foreign, snapshots.

import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import type { Destination, PutOutcome, StorageAccess } from "../../src/destinations/destination.ts";
import { silentLog } from "../../src/lib/log.ts";
import { type BenchOptions, ExportBench } from "../lib/export-bench.ts";

let bench: ExportBench;
afterEach(() => bench.close());

async function open(options: BenchOptions = {}): Promise<ExportBench> {
  bench = await ExportBench.open(options);
  return bench;
}

/** Every put goes through `put`, which may do it, lie about it, or fail. */
function withPut(
  storage: StorageAccess,
  put: (destination: Destination, request: Parameters<Destination["put"]>[0]) => Promise<PutOutcome>,
): StorageAccess {
  return {
    ...storage,
    container: async (name, given) => {
      const destination = await storage.container(name, given);
      return {
        root: destination.root,
        put: (request) => put(destination, request),
        head: (path, signal) => destination.head(path, signal),
        read: (path, signal) => destination.read(path, signal),
        list: (prefix, signal) => destination.list(prefix, signal),
        listLevel: (request) => destination.listLevel(request),
        probe: (signal) => destination.probe(signal),
      };
    },
    listContainers: (signal) => storage.listContainers(signal),
    createContainer: (name, signal) => storage.createContainer(name, signal),
    close: () => storage.close(),
  };
}

test("E1: every message lands once, in the file of its minute, at the seed's path; empty minutes leave nothing", async () => {
  await open();
  const storage = await bench.folder("lake");
  await bench.createExport("all", bench.settings(storage));
  await bench.device("dev-1");
  const first = await bench.send(3);
  await bench.pass(3);
  const second = await bench.send(2);
  await bench.pass(1);
  expect(bench.files("lake")).toEqual([
    "iot/deviceTemplates/hub/2026/01/02/03/04/00.avro",
    "iot/devices/hub/2026/01/02/03/04/00.avro",
    "iot/measurements/hub/2026/01/02/03/04/00.avro",
    "iot/measurements/hub/2026/01/02/03/07/00.avro",
  ]);
  expect(await bench.bodies("lake")).toEqual([...first, ...second]);
  expect(bench.exporter.statuses()[0]).toMatchObject({ state: "healthy", owedFiles: 0, trouble: null });
});

test("S1, S2: the first snapshot is full; later ones hold each changed device once, in its last state; deletions leave none", async () => {
  await open();
  const storage = await bench.folder("lake");
  await bench.device("a");
  await bench.device("b");
  await bench.createExport("devices only", bench.settings(storage, { types: ["devices"] }));
  await bench.pass(1);
  for (let fan = 1; fan <= 5; fan++) await bench.registry.updateDevice("a", { settings: { device: { fan } } });
  await bench.device("c");
  await bench.registry.setDeviceKeys("b", "regenerate-primary"); // not exported: no revision
  await bench.registry.deleteDevice("c");
  await bench.pass(2);
  const files = bench.files("lake");
  expect(files).toEqual(["iot/devices/hub/2026/01/02/03/04/00.avro", "iot/devices/hub/2026/01/02/03/05/00.avro"]);
  expect((await bench.records("lake", files[0] as string)).map(({ id }) => id)).toEqual(["a", "b"]);
  expect(await bench.records("lake", files[1] as string)).toEqual([
    {
      id: "a",
      name: "a",
      simulated: false,
      deviceTemplate: { id: "cooler", version: "1.0.0" },
      properties: { cloud: { site: "Leeds" }, device: {} },
      settings: { device: { fan: 5 } },
    },
  ]);
});

test("E2: two folders with equal definitions get equal bytes, snapshots too", async () => {
  await open();
  const [one, two] = [await bench.folder("one"), await bench.folder("two")];
  await bench.device("dev-1");
  await bench.createExport("one", bench.settings(one));
  await bench.createExport("two", bench.settings(two));
  await bench.send(50);
  await bench.pass(1);
  await bench.registry.updateDevice("dev-1", { name: "renamed" });
  await bench.send(5);
  await bench.pass(1);
  const files = bench.files("one");
  expect(files.length).toBe(5);
  expect(bench.files("two")).toEqual(files);
  for (const path of files) expect(bench.bytes("two", path).equals(bench.bytes("one", path))).toBe(true);
});

test("E5: a lost answer changes nothing: the file that is there is ours", async () => {
  let puts = 0;
  await open({
    wrap: (storage) =>
      withPut(storage, async (destination, request) => {
        const outcome = await destination.put(request);
        if (puts++ > 0) return outcome;
        return { kind: "temporary", code: "ECONNRESET", message: "the answer was lost", hint: "wait" };
      }),
  });
  const storage = await bench.folder("lake");
  const made = await bench.createExport("m", bench.settings(storage, { types: ["measurements"] }));
  const bodies = await bench.send(3);
  await bench.clock.pass(55_100); // the window's end, and less than the first delay
  await bench.settle();
  expect(bench.exporter.statuses()[0]).toMatchObject({
    state: "retrying",
    trouble: { code: "ECONNRESET", attempts: 1 },
  });
  const before = bench.bytes("lake", bench.files("lake")[0] as string);
  await bench.pass(1);
  expect(bench.exporter.statuses()[0]).toMatchObject({ state: "healthy" });
  expect(bench.files("lake").length).toBe(1);
  expect(bench.bytes("lake", bench.files("lake")[0] as string).equals(before)).toBe(true);
  expect(await bench.bodies("lake")).toEqual(bodies);
  const [run] = await bench.registry.runs({ exportId: made.id, limit: 10 });
  expect(run).toMatchObject({ outcome: "adopted", attempts: 2, records: 3 });
});

test("E5: a file that lost its label is ours by its records, a foreign one stops that export only, and nothing is overwritten", async () => {
  await open();
  const [one, two] = [await bench.folder("one"), await bench.folder("two")];
  const foreign = join(bench.directory, "one/iot/measurements/hub/2026/01/02/03/04/00.avro");
  mkdirSync(dirname(foreign), { recursive: true });
  writeFileSync(foreign, "someone else's");
  const stopped = await bench.createExport("one", bench.settings(one, { types: ["measurements"] }));
  const healthy = await bench.createExport("two", bench.settings(two, { types: ["measurements"] }));
  const bodies = await bench.send(3);
  await bench.pass(8);
  expect(bench.exporter.status(stopped.id)).toMatchObject({ state: "stopped", trouble: { code: "foreign-object" } });
  expect(bench.exporter.status(stopped.id)?.trouble?.message).toContain("measurements/hub/2026/01/02/03/04/00.avro");
  expect(bench.exporter.status(healthy.id)).toMatchObject({ state: "healthy" });
  expect(bench.bytes("one", "iot/measurements/hub/2026/01/02/03/04/00.avro").toString()).toBe("someone else's");
  // The operator moves it away, puts our own file of the other export there without its label, and retries.
  renameSync(foreign, join(bench.directory, "aside"));
  writeFileSync(foreign, bench.bytes("two", "iot/measurements/hub/2026/01/02/03/04/00.avro"));
  bench.exporter.retry(stopped.id);
  await bench.until(() => bench.exporter.status(stopped.id)?.state === "healthy");
  expect(bench.exporter.status(stopped.id)).toMatchObject({ state: "healthy", trouble: null });
  expect(await bench.bodies("one")).toEqual(bodies);
});

test("E1, E2: edits of codec, types, path and on/off in mid-backlog leave every tenure complete", async () => {
  let isAway = true;
  await open({
    wrap: (storage) =>
      withPut(storage, (destination, request) =>
        isAway
          ? Promise.resolve({ kind: "temporary", code: "ETIMEDOUT", message: "away", hint: "wait" })
          : destination.put(request),
      ),
  });
  const storage = await bench.folder("lake");
  await bench.device("dev-1");
  const made = await bench.createExport("edited", bench.settings(storage));
  const { id } = made;
  const owed: string[] = [];
  owed.push(...(await bench.send(2))); // 03:04, version 1
  await bench.registry.updateExport(id, { settings: bench.settings(storage, { codec: "deflate" }) }, bench.windowOpen);
  await bench.pass(1);
  owed.push(...(await bench.send(2))); // 03:05, version 2: deflate
  await bench.registry.updateExport(
    id,
    { settings: bench.settings(storage, { pathTemplate: "new/{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro" }) },
    bench.windowOpen,
  );
  await bench.pass(1);
  owed.push(...(await bench.send(2))); // 03:06, version 3: another path, full snapshots
  await bench.registry.setExportOn(id, false, bench.windowOpen);
  await bench.pass(1);
  await bench.send(2); // 03:07: off
  await bench.pass(1);
  await bench.registry.setExportOn(id, true, bench.windowOpen);
  owed.push(...(await bench.send(2))); // 03:08, a new tenure
  await bench.registry.updateExport(
    id,
    { settings: bench.settings(storage, { types: ["devices"] }) },
    bench.windowOpen,
  );
  await bench.pass(1);
  await bench.send(2); // 03:09: measurements toggled off
  await bench.pass(1);
  expect(bench.exporter.status(id)).toMatchObject({ state: "retrying" });
  expect(bench.files("lake")).toEqual([]);
  isAway = false;
  await bench.pass(2);
  expect(bench.exporter.status(id)).toMatchObject({ state: "healthy", owedFiles: 0 });
  expect(bench.files("lake")).toEqual([
    "iot/deviceTemplates/hub/2026/01/02/03/04/00.avro",
    "iot/devices/hub/2026/01/02/03/04/00.avro",
    "iot/devices/hub/2026/01/02/03/09/00.avro",
    "iot/measurements/hub/2026/01/02/03/04/00.avro",
    "iot/measurements/hub/2026/01/02/03/05/00.avro",
    "iot/new/deviceTemplates/hub/2026/01/02/03/06/00.avro",
    "iot/new/deviceTemplates/hub/2026/01/02/03/08/00.avro",
    "iot/new/devices/hub/2026/01/02/03/06/00.avro",
    "iot/new/devices/hub/2026/01/02/03/08/00.avro",
    "iot/new/measurements/hub/2026/01/02/03/06/00.avro",
    "iot/new/measurements/hub/2026/01/02/03/08/00.avro",
  ]);
  const found = [...(await bench.bodies("lake")), ...(await bench.bodies("lake", "iot/new/measurements/"))];
  expect(found).toEqual(owed);
  expect(bench.bytes("lake", "iot/measurements/hub/2026/01/02/03/05/00.avro").includes("deflate")).toBe(true);
});

test("An export that was turned off writes what it owes, then is off and may be deleted", async () => {
  await open();
  const storage = await bench.folder("lake");
  const made = await bench.createExport("short", bench.settings(storage, { types: ["measurements", "devices"] }));
  const bodies = await bench.send(1);
  await bench.registry.setExportOn(made.id, false, bench.windowOpen);
  await bench.settle();
  expect(bench.exporter.status(made.id)?.state).toBe("draining");
  await bench.pass(1);
  expect(bench.exporter.status(made.id)?.state).toBe("off");
  expect(await bench.bodies("lake")).toEqual(bodies);
  expect(bench.exporter.owesNothing(made.id)).toBe(true);
  await bench.registry.deleteExport(made.id, true);
  await bench.pass(1);
  expect(bench.exporter.statuses()).toEqual([]);
});

test("A permanent failure stops the export with what to do, and it heals by itself when the cause is gone", async () => {
  await open();
  const storage = await bench.folder("lake");
  const made = await bench.createExport("m", bench.settings(storage, { types: ["measurements"] }));
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  const bodies = await bench.send(1);
  await bench.pass(2);
  const status = bench.exporter.status(made.id);
  expect(status).toMatchObject({ state: "stopped", owedFiles: 1, trouble: { code: "container-not-found" } });
  expect(status?.trouble?.hint).not.toBe("");
  expect(existsSync(join(bench.directory, "lake/iot"))).toBe(false);
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  await bench.pass(6);
  expect(bench.exporter.status(made.id)).toMatchObject({ state: "healthy", owedFiles: 0 });
  expect(await bench.bodies("lake")).toEqual(bodies);
});

test("The destination is away for three windows: every window's file is there after, once", async () => {
  await open();
  const storage = await bench.folder("lake");
  const made = await bench.createExport("m", bench.settings(storage, { types: ["measurements"] }));
  const bodies = await bench.send(1);
  await bench.pass(1);
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  for (let window = 0; window < 3; window++) {
    bodies.push(...(await bench.send(2)));
    await bench.pass(1);
  }
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  bench.exporter.retry(made.id);
  await bench.until(() => bench.files("lake").length === 4);
  expect(bench.files("lake").length).toBe(4);
  expect(await bench.bodies("lake")).toEqual(bodies);
});

test("A container that is away is one line in the log an attempt, whatever number of streams wait for it", async () => {
  const told: object[] = [];
  await open({ log: { ...silentLog, error: (fields) => told.push(fields) } });
  const storage = await bench.folder("lake");
  await bench.device("dev-1");
  await bench.createExport("all", bench.settings(storage));
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  await bench.send(1);
  await bench.pass(1);
  const before = told.length;
  await bench.pass(5); // a probe every five minutes
  const code = "container-not-found";
  expect(told.slice(before)).toMatchObject([{ code, type: "measurements", partition: 0, attempts: 2 }]);
});

test("Letting a backlog go records the gap, and the export goes on behind it", async () => {
  await open();
  const storage = await bench.folder("lake");
  const made = await bench.createExport("m", bench.settings(storage));
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  await bench.send(1);
  await bench.pass(2);
  expect(await bench.exporter.discard(made.id, "the store is gone for good")).toBe(2); // measurements, deviceTemplates
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  const bodies = await bench.send(2);
  await bench.pass(1);
  expect(await bench.bodies("lake")).toEqual(bodies);
  const gaps = await bench.registry.gaps(made.id);
  expect(gaps.map(({ type }) => type).toSorted((one, other) => (one < other ? -1 : 1))).toEqual([
    "deviceTemplates",
    "measurements",
  ]);
  expect(gaps.every(({ reason }) => reason === "the store is gone for good")).toBe(true);
});

test("A backlog that could not be let go is told to the caller; the exporter goes on, and nothing is lost", async () => {
  await open();
  const storage = await bench.folder("lake");
  const made = await bench.createExport("m", bench.settings(storage, { types: ["measurements"] }));
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  const bodies = await bench.send(1);
  await bench.pass(1);
  const { registry } = bench;
  const advanceCheckpoint = registry.advanceCheckpoint.bind(registry);
  registry.advanceCheckpoint = () => Promise.reject(new Error("the registry is busy"));
  await expect(bench.exporter.discard(made.id, "no room")).rejects.toThrow("the registry is busy");
  registry.advanceCheckpoint = advanceCheckpoint;
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  bodies.push(...(await bench.send(2)));
  await bench.pass(2);
  expect(await bench.bodies("lake")).toEqual(bodies);
});

test("E1, S1: while snapshots cannot be staged, measurements are exported; the snapshots follow, complete", async () => {
  await open();
  const storage = await bench.folder("lake");
  await bench.device("dev-1");
  await bench.createExport("all", bench.settings(storage));
  const stage = join(bench.directory, "snapshots");
  renameSync(stage, join(bench.directory, "away"));
  const bodies = await bench.send(3);
  await bench.pass(1);
  bodies.push(...(await bench.send(2)));
  await bench.pass(1);
  expect(await bench.bodies("lake")).toEqual(bodies);
  expect(bench.files("lake").filter((path) => path.startsWith("iot/devices/"))).toEqual([]);
  renameSync(join(bench.directory, "away"), stage);
  await bench.pass(1);
  const [snapshot, ...more] = bench.files("lake").filter((path) => path.startsWith("iot/devices/"));
  expect(more).toEqual([]);
  expect((await bench.records("lake", snapshot ?? "")).map(({ id }) => id)).toEqual(["dev-1"]);
});

test("A backlog policy lets the oldest windows go when they pass its hours, with the gap on record, and goes on", async () => {
  await open();
  const storage = await bench.folder("lake");
  const made = await bench.createExport("m", bench.settings(storage, { types: ["measurements"] }));
  await bench.registry.updateExport(
    made.id,
    { backlog: { letGoAfterHours: 0.05, letGoAfterBytes: null } },
    bench.windowOpen,
  );
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  await bench.send(1); // 03:04, three minutes old at 03:08
  await bench.pass(3);
  const kept = await bench.send(2); // 03:07
  await bench.pass(2);
  await bench.until(() => bench.exporter.status(made.id)?.owedFiles === 1);
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  bench.exporter.retry(made.id);
  await bench.until(() => bench.files("lake").length === 1);
  expect(await bench.bodies("lake")).toEqual(kept);
  expect(await bench.registry.gaps(made.id)).toMatchObject([
    { type: "measurements", reason: expect.stringContaining("0.05 hours") },
  ]);
});

test("A backlog policy counts only what is owed: after a restart, what is committed and still in the journal is not", async () => {
  await open();
  const storage = await bench.folder("lake");
  const ids: string[] = [];
  for (const name of ["one", "two"]) {
    const template = `${name}/{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro`;
    const made = await bench.createExport(
      name,
      bench.settings(storage, { types: ["measurements"], pathTemplate: template }),
    );
    await bench.registry.updateExport(
      made.id,
      { backlog: { letGoAfterHours: null, letGoAfterBytes: 1000 } },
      bench.windowOpen,
    );
    ids.push(made.id);
  }
  const bodies: string[] = [];
  for (let window = 0; window < 5; window++) {
    bodies.push(...(await bench.send(2)));
    await bench.pass(1);
  }
  await bench.exporter.stop();
  await bench.startExporter();
  await bench.pass(2);
  for (const id of ids) expect(await bench.registry.gaps(id)).toEqual([]);
  expect(await bench.bodies("lake", "iot/one/")).toEqual(bodies);
  // Away for two windows of 600 bytes each: both exports let the older one go, once.
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  await bench.send(2);
  await bench.pass(1);
  await bench.send(2);
  await bench.pass(3);
  for (const id of ids) expect(await bench.registry.gaps(id)).toHaveLength(1);
});

test("E3: a restart of the exporter at any point writes nothing twice", async () => {
  await open();
  const storage = await bench.folder("lake");
  await bench.device("dev-1");
  await bench.createExport("m", bench.settings(storage));
  const bodies: string[] = [];
  for (let round = 0; round < 4; round++) {
    bodies.push(...(await bench.send(2)));
    await bench.clock.pass(60_000);
    await bench.exporter.stop();
    await bench.startExporter();
  }
  await bench.settle();
  expect(await bench.bodies("lake")).toEqual(bodies);
  const ids = [];
  for (const path of bench.files("lake").filter((one) => one.startsWith("iot/devices/"))) {
    ids.push(...(await bench.records("lake", path)).map(({ id }) => id));
  }
  expect(ids).toEqual(["dev-1"]);
});

test("A window larger than the limit goes on in further parts, in order", async () => {
  await open();
  const storage = await bench.folder("lake");
  await bench.createExport("parts", bench.settings(storage, { types: ["measurements"], fileBytesMax: 1 << 20 }));
  const bodies = await bench.send(9000);
  await bench.pass(1);
  const files = bench.files("lake");
  expect(files.slice(0, 2)).toEqual([
    "iot/measurements/hub/2026/01/02/03/04/00.avro",
    "iot/measurements/hub/2026/01/02/03/04/00_001.avro",
  ]);
  expect(await bench.bodies("lake")).toEqual(bodies);
  for (const path of files) expect(bench.bytes("lake", path).length).toBeLessThan((1 << 20) * 1.02);
});

test("M1: a minute of many exports has them looked at once, not with each of its files", async () => {
  const { registry } = await open();
  await bench.device("dev-1");
  const count = 12;
  for (let index = 0; index < count; index++) {
    const storage = await bench.folder(`lake-${index}`);
    await bench.createExport(`lake-${index}`, bench.settings(storage, { types: ["measurements"] }));
  }
  await bench.pass(1);
  const looks = vi.spyOn(registry, "exports");
  const reads = vi.spyOn(registry, "export");
  await bench.send(3);
  await bench.pass(1);
  expect(bench.exporter.statuses().reduce((sum, { filesWritten }) => sum + filesWritten, 0)).toBe(count);
  // Once for the exporter, once for the audit; each of the three streams of an export reads it, and once more behind a file.
  expect(looks.mock.calls.length).toBeLessThanOrEqual(3);
  expect(reads.mock.calls.length).toBeLessThanOrEqual(4 * count);
});

test("E4: what a backlog needed is released with its files, before another minute closes", async () => {
  const { journal } = await open();
  const made = await bench.createExport("m", bench.settings(await bench.folder("lake")));
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  await bench.send(1);
  await bench.pass(5);
  const release = vi.spyOn(journal, "release");
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  bench.exporter.retry(made.id);
  await bench.settle();
  expect(release).toHaveBeenLastCalledWith(0, journal.closedBelow(0) - 2);
});

test("the last file is known again after a restart, before another is written", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("all", bench.settings(storage, { types: ["measurements"] }));
  await bench.send(3);
  await bench.pass(1);
  const { lastFile } = bench.exporter.status(id) ?? {};
  expect(lastFile).toMatchObject({ path: "measurements/hub/2026/01/02/03/04/00.avro", records: 3 });
  await bench.exporter.stop();
  await bench.startExporter();
  expect(bench.exporter.status(id)).toMatchObject({ lastFile, filesWritten: 0 });
});
