// The conservation audit over the journal on disk: what an operator does to it raises no alarm, and real loss is named.

import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { sumOf } from "../../src/export/audit/balance.ts";
import { FileJournal } from "../../src/journal/file/file-journal.ts";
import { resetClock } from "../../src/journal/file/reset-clock.ts";
import { type Log, silentLog } from "../../src/lib/log.ts";
import { windowMs, windowOf } from "../../src/lib/window.ts";
import { ExportBench } from "../lib/export-bench.ts";

let bench: ExportBench;
let alarms: Record<string, unknown>[] = [];
afterEach(() => bench.close());

const directory = (): string => join(bench.directory, "journal");

async function open(partitions: number, startMs?: number, bytesMax?: number): Promise<void> {
  alarms = [];
  const log: Log = {
    ...silentLog,
    error: (fields) => {
      if ("code" in fields && fields.code === "conservation-violated") alarms.push({ ...fields });
    },
  };
  bench = await ExportBench.open({ log, ...(startMs === undefined ? {} : { startMs }) });
  await stop();
  await start(partitions, bytesMax);
}

async function stop(): Promise<void> {
  await bench.exporter.stop();
  await bench.journal.close();
}

async function start(partitions: number, bytesMax = 1e12): Promise<void> {
  bench.journal = await FileJournal.open({
    directory: directory(),
    hub: "hub",
    partitions,
    bytesMax,
    warnShare: 0.8,
    warnBeforeMs: 0,
    freeBytesMin: 0,
    retentionMs: 7 * 24 * 3_600_000,
    recycleBytesMax: 0,
    frameBytesMax: 1 << 20,
    clockJumpMaxMs: 300_000,
    clock: bench.clock,
    log: silentLog,
    onFailed: (error) => {
      throw error;
    },
  });
  await bench.startExporter();
  await bench.settle();
}

/** A window: `count` records in each partition given, then it closes and is exported. */
async function pass(count: number, ...writers: number[]): Promise<void> {
  for (const writer of writers) await bench.send(count, "dev-1", writer);
  await bench.clock.pass(windowMs);
  const isClosed = (): boolean =>
    bench.journal.partitionNumbers().every((one) => bench.journal.closedBelow(one) >= windowOf(bench.clock.nowMs()));
  // On a slow disk a window may end while something is being written: the journal looks again some milliseconds later.
  while (!isClosed()) await bench.clock.pass(10);
  await bench.settle();
}

/** Of the first partition, the oldest first. */
function segmentPaths(): string[] {
  const folder = join(directory(), String(bench.journal.partitionNumbers()[0]));
  const names = readdirSync(folder).filter((one) => one.endsWith(".seg"));
  return names.toSorted().map((name) => join(folder, name));
}

const newestSegment = (): string => segmentPaths().at(-1)!;

function damageFirstRecord(path: string): void {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, "X", readFileSync(path).indexOf('{"n":') + 2);
  closeSync(descriptor);
}

const auditOf = (id: string) => bench.exporter.status(id)!.audit!;
const sums = (id: string) => sumOf(auditOf(id).balances);
const sound = (exported: number, more: object = {}) => ({
  journaled: exported,
  exported,
  waiting: 0,
  discarded: 0,
  accepted: 0,
  ...more,
});

test("E1: several partitions, an export turned on in mid-window, partitions added later: no alarm", async () => {
  await open(2);
  const storage = await bench.folder("lake");
  await bench.send(3, "dev-1", 0); // before it is on, in the window that counts as a whole
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  await pass(2, 0, 1);
  expect(sums(id)).toEqual(sound(7));
  await pass(1, 1);
  await stop();
  await start(4);
  await pass(2, 0, 2, 3);
  await pass(0);
  await pass(1, 3);
  expect(sums(id)).toEqual(sound(15));
  expect(auditOf(id).violations).toEqual([]);
  expect(alarms).toEqual([]);
});

test("E1: a clock in the wrong year, reset: the retired partition is exported and trimmed, the fresh one joins, no alarm", async () => {
  await open(1, Date.parse("2038-05-06T07:08:05.000Z"));
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  await pass(4, 0);
  await bench.send(3); // the open window, sealed by the reset
  await stop();
  bench.clock.wallMs = Date.parse("2026-01-02T03:04:05.000Z");
  const { retired } = await resetClock({
    directory: directory(),
    hub: "hub",
    nowMs: bench.clock.nowMs(),
    onClosed: (windowOpen, ahead) => bench.registry.windowsWentBack(windowOpen, ahead),
  });
  expect(retired).toHaveLength(1);
  await start(1);
  await pass(2, 0);
  await pass(1, 0);
  expect(sums(id)).toEqual(sound(10));
  await stop();
  await start(1);
  await pass(5, 0);
  expect(sums(id)).toEqual(sound(15));
  expect(auditOf(id).violations).toEqual([]);
  expect(alarms).toEqual([]);
});

test("E1, E4: trimmed under its budget, and let go by a discard: no alarm, and what was let go is counted", async () => {
  await open(2, undefined, 2_000_000);
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  for (let window = 0; window < 30; window++) await pass(300, 0, 1);
  expect(bench.journal.segments(0, 0).length).toBeLessThan(30);
  expect(sums(id)).toEqual(sound(18000));
  // What it cannot write is let go.
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  await pass(5, 0, 1);
  await pass(5, 0);
  expect(sums(id)).toEqual(sound(18000, { journaled: 18015, waiting: 15 }));
  await bench.exporter.discard(id, "away");
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  bench.exporter.retry(id);
  await pass(1, 0, 1);
  await pass(1, 0, 1);
  expect(sums(id)).toEqual(sound(18004, { journaled: 18019, discarded: 15 }));
  expect(auditOf(id).violations).toEqual([]);
  expect(alarms).toEqual([]);
});

test("J3, E1: a segment that is damaged stops the export; moved away it still does, and let go it is a gap with its offsets; no alarm", async () => {
  await open(2);
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  await pass(4, 0, 1);
  renameSync(join(bench.directory, "lake/iot"), join(bench.directory, "lake/away"));
  const damaged = bench.journal.windowNext();
  await pass(3, 0, 1);
  await pass(2, 0, 1);
  await stop();
  // The first partition's segment of that minute: one byte of its records.
  const path = segmentPaths()[1]!;
  damageFirstRecord(path);
  renameSync(join(bench.directory, "lake/away"), join(bench.directory, "lake/iot"));
  await start(2);
  await pass(1, 0, 1);
  expect(bench.exporter.status(id)).toMatchObject({ state: "stopped", trouble: { code: "journal-corrupt" } });
  // It waits, owed: nothing is lost as long as it is there.
  expect(auditOf(id).violations).toEqual([]);
  // The operator moves it away, although there is `discard` for that.
  await stop();
  mkdirSync(join(bench.directory, "aside"));
  renameSync(path, join(bench.directory, "aside", basename(path)));
  await start(2);
  await pass(1, 0, 1);
  await pass(1, 0, 1);
  // The journal knows by its neighbours that it is not there, and goes on to say so.
  expect(bench.exporter.status(id)).toMatchObject({ state: "stopped", trouble: { code: "journal-corrupt" } });
  expect(auditOf(id).violations).toEqual([]);
  await bench.exporter.discard(id, "destroyed by the disk", damaged);
  await pass(1, 0, 1);
  expect(await bench.registry.gaps(id)).toMatchObject([
    { partition: 0, windowFirst: damaged, windowLast: damaged, offsets: { first: 4, next: 7 }, records: 3 },
  ]);
  expect(sums(id)).toEqual(sound(23, { journaled: 26, discarded: 3 }));
  await stop();
  await start(2);
  expect(auditOf(id).violations).toEqual([]);
  expect(alarms).toEqual([]);
});

test("J3, E1: offsets left unused behind a damaged open segment are no lost records, once it is let go", async () => {
  await open(1);
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  await pass(4, 0);
  const damaged = bench.journal.windowNext();
  await bench.send(2);
  await bench.send(1);
  await stop();
  damageFirstRecord(newestSegment());
  await start(1); // where its records end is not certain: the journal goes on far above
  await pass(5, 0); // in the minute after it, which has not come yet
  await pass(0);
  expect(bench.exporter.status(id)).toMatchObject({ state: "stopped", trouble: { code: "journal-corrupt" } });
  expect(bench.journal.segments(0, damaged + 1)[0]?.offsetFirst).toBeGreaterThan(2 ** 33);
  await bench.exporter.discard(id, "destroyed by the disk", damaged);
  bench.exporter.retry(id);
  await pass(2, 0);
  await pass(1, 0);
  expect(sums(id)).toMatchObject({ exported: 12, waiting: 0 });
  expect(auditOf(id).violations).toEqual([]);
  await stop();
  await start(1);
  expect(auditOf(id).violations).toEqual([]);
  expect(alarms).toEqual([]);
});

test("a discard without an end takes what each partition has closed, also where one is ahead of the others", async () => {
  await open(2);
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  await pass(4, 0, 1);
  await bench.send(2, "dev-1", 0);
  await bench.send(1, "dev-1", 0);
  await stop();
  damageFirstRecord(newestSegment());
  await start(2); // the damaged minute is closed in its partition, and open in the other
  expect(bench.journal.closedBelow(0)).toBe(bench.journal.closedBelow(1) + 1);
  expect(bench.exporter.status(id)).toMatchObject({ state: "stopped", trouble: { code: "journal-corrupt" } });
  expect(await bench.exporter.discard(id, "destroyed by the disk")).toBe(1);
  await pass(3, 0, 1);
  await pass(1, 0, 1);
  expect(bench.exporter.status(id)).toMatchObject({ state: "healthy", trouble: null });
  expect(sums(id)).toMatchObject({ exported: 16, waiting: 0 });
  expect(auditOf(id).violations).toEqual([]);
  expect(alarms).toEqual([]);
});

test("E1: what was journaled and passed over is lost by its partition, minute and offsets; accepted, it alarms no more", async () => {
  await open(2);
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  const [, second = -1] = bench.journal.partitionNumbers();
  await pass(4, 0, 1);
  const lost = bench.journal.windowNext();
  const advance = bench.registry.advanceCheckpoint.bind(bench.registry);
  bench.registry.advanceCheckpoint = (move) =>
    advance(move.to === lost + 1 && move.stream.partition === second ? { ...move, runs: [], cut: undefined } : move);
  await pass(3, 0, 1);
  await pass(2, 0, 1);
  const violation = { kind: "lost", partition: second, windowFirst: lost, offsets: { first: 4, next: 7 }, records: 3 };
  expect(auditOf(id).violations).toMatchObject([violation]);
  await bench.exporter.acceptViolations(id, [auditOf(id).violations[0]!.id], "looked into");
  await stop();
  await start(2);
  await pass(1, 0, 1);
  expect(auditOf(id).violations).toEqual([]);
  expect(sums(id)).toEqual(sound(17, { journaled: 20, accepted: 3 }));
  expect(alarms).toHaveLength(1);
});
