// The conservation audit on a real exporter: quiet while all is well, and exact about what is not.

import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Log } from "../../src/lib/log.ts";
import { windowOf } from "../../src/lib/window.ts";
import { sumOf } from "../../src/export/audit/balance.ts";
import { MemoryJournal } from "../../src/journal/memory/memory-journal.ts";
import { ExportBench } from "../lib/export-bench.ts";

let bench: ExportBench;
let alarms: Record<string, unknown>[] = [];
afterEach(() => bench.close());

async function open(more: Parameters<typeof ExportBench.open>[0] = {}): Promise<void> {
  alarms = [];
  const ignore = (): void => {};
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields, message) => {
      if ("code" in fields && fields.code === "conservation-violated") alarms.push({ ...fields, message });
    },
  };
  bench = await ExportBench.open({ log, ...more });
}

/** Goes behind the exporter's back: the next commit says something else. */
function tamper(change: (move: Parameters<typeof bench.registry.advanceCheckpoint>[0]) => typeof move | null): void {
  const real = bench.registry.advanceCheckpoint.bind(bench.registry);
  bench.registry.advanceCheckpoint = async (move) => {
    const changed = change(move);
    return changed === null ? true : await real(changed);
  };
}

const auditOf = (id: string) => bench.exporter.status(id)!.audit!;
const at = (time: string): number => windowOf(Date.parse(`2026-01-02T${time}:00Z`));

test("E1: a balance through toggles, discards, edits and restarts, with no alarm", async () => {
  await open();
  const storage = await bench.folder("lake");
  await bench.device("dev-1");
  await bench.send(7); // before it is on: not its affair
  await bench.pass(1);
  const { id } = await bench.createExport("lake", bench.settings(storage));
  await bench.send(5);
  await bench.pass(2);
  await bench.send(3); // open
  expect(sumOf(auditOf(id).balances.filter(({ type }) => type === "measurements"))).toMatchObject({ exported: 5 });
  await bench.registry.updateExport(
    id,
    { settings: bench.settings(storage, { types: ["devices"] }) },
    bench.windowOpen,
  );
  await bench.pass(1);
  await bench.send(11); // measurements are toggled off
  await bench.pass(2);
  await bench.registry.updateExport(id, { settings: bench.settings(storage) }, bench.windowOpen);
  await bench.pass(1);
  await bench.send(2);
  await bench.pass(1);
  await bench.registry.setExportOn(id, false, bench.windowOpen);
  await bench.pass(1);
  await bench.send(13); // off
  await bench.pass(1);
  await bench.registry.setExportOn(id, true, bench.windowOpen);
  await bench.send(4);
  await bench.pass(1);
  await bench.send(1);
  bench.exporter.retry(id);
  await bench.exporter.stop();
  await bench.startExporter();
  await bench.settle();
  const { balances, violations } = auditOf(id);
  expect(violations).toEqual([]);
  const measured = balances.filter(({ type }) => type === "measurements");
  expect(measured).toEqual([
    {
      type: "measurements",
      partition: 0,
      tenure: 1,
      journaled: 10,
      exported: 10,
      waiting: 0,
      discarded: 0,
      accepted: 0,
    },
    { type: "measurements", partition: 0, tenure: 2, journaled: 5, exported: 4, waiting: 1, discarded: 0, accepted: 0 },
  ]);
  expect(balances.find(({ type }) => type === "devices")).toMatchObject({ waiting: 0, discarded: 0 });
  expect(alarms).toEqual([]);
});

test("what waits and what is let go is counted", async () => {
  let isAway = true;
  await open({
    wrap: (storage) => ({
      container: async (name, given) => {
        const real = await storage.container(name, given);
        return {
          root: real.root,
          put: (request) =>
            isAway
              ? Promise.resolve({ kind: "temporary", code: "away", message: "away", hint: "wait" })
              : real.put(request),
          head: (path, signal) => real.head(path, signal),
          read: (path, signal) => real.read(path, signal),
          list: (prefix, signal) => real.list(prefix, signal),
          listLevel: (request) => real.listLevel(request),
          probe: (signal) => real.probe(signal),
        };
      },
      listContainers: (signal) => storage.listContainers(signal),
      createContainer: (name, signal) => storage.createContainer(name, signal),
      close: () => storage.close(),
    }),
  });
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  for (const count of [5, 3, 2]) {
    await bench.send(count);
    await bench.pass(1);
  }
  expect(sumOf(auditOf(id).balances)).toEqual({ journaled: 10, exported: 0, waiting: 10, discarded: 0, accepted: 0 });
  await bench.exporter.discard(id, "enough", at("03:05"));
  await bench.settle();
  expect(sumOf(auditOf(id).balances)).toEqual({ journaled: 10, exported: 0, waiting: 2, discarded: 8, accepted: 0 });
  isAway = false;
  await bench.pass(2);
  expect(sumOf(auditOf(id).balances)).toEqual({ journaled: 10, exported: 2, waiting: 0, discarded: 8, accepted: 0 });
  expect(await bench.registry.gaps(id)).toMatchObject([{ records: 8, offsets: { first: 0, next: 8 } }]);
  expect(alarms).toEqual([]);
});

test("E1: an exporter that passes a window over is found out at once, by window and offsets; the alarm stays, and is told once", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  await bench.send(5);
  await bench.pass(1);
  tamper((move) => (move.to === at("03:06") ? { ...move, runs: [], cut: undefined } : move));
  await bench.send(3); // 03:05: the checkpoint goes by, and nothing says that it was written
  await bench.pass(1);
  const lost = {
    kind: "lost",
    type: "measurements",
    partition: 0,
    windowFirst: at("03:05"),
    windowLast: at("03:05"),
    offsets: { first: 5, next: 8 },
    records: 3,
  };
  expect(auditOf(id)).toMatchObject({ violationCount: 1, violations: [lost] });
  await bench.send(2);
  await bench.pass(3);
  expect(auditOf(id)).toMatchObject({ violationCount: 1, violations: [lost] });
  expect(sumOf(auditOf(id).balances)).toEqual({ journaled: 10, exported: 7, waiting: 0, discarded: 0, accepted: 0 });
  expect(alarms).toMatchObject([
    { exportId: id, windowFirst: "20260102T0305Z", windowLast: "20260102T0305Z", offsets: { first: 5, next: 8 } },
  ]);
  // Put on record, it balances again.
  const reason = "known";
  const windows = { windowFirst: at("03:05"), windowLast: at("03:05") };
  const stream = { exportId: id, type: "measurements", partition: 0 } as const;
  const then = "2026-01-02T03:15:00.000Z";
  await bench.registry.recordGap({ ...stream, ...windows, reason, at: then, offsets: lost.offsets, records: 3 });
  await bench.pass(1);
  expect(auditOf(id).violations).toEqual([]);
  expect(sumOf(auditOf(id).balances)).toEqual({ journaled: 10, exported: 7, waiting: 0, discarded: 3, accepted: 0 });
});

test("the first window of an export, passed over, is found as well", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  tamper((move) => (move.to === at("03:05") ? { ...move, runs: [], cut: undefined } : move));
  await bench.send(3);
  await bench.pass(1);
  await bench.send(2);
  await bench.pass(1);
  expect(auditOf(id).violations).toMatchObject([
    { kind: "lost", windowFirst: at("03:04"), windowLast: at("03:04"), offsets: { first: 0, next: 3 } },
  ]);
});

test("a window written twice, or with another count, is named", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  tamper((move) => {
    const { cut } = move;
    if (cut === undefined) return move;
    const [part] = cut.parts;
    if (cut.window === at("03:05")) return { ...move, cut: { ...cut, parts: [{ ...part!, records: 2 }] } };
    if (cut.window !== at("03:06")) return move;
    const parts = [{ ...part!, records: cut.next - cut.first + 1 }];
    return { ...move, cut: { ...cut, first: cut.first - 1, parts } };
  });
  for (const count of [5, 3, 4, 1]) {
    await bench.send(count);
    await bench.pass(1);
  }
  expect(
    auditOf(id).violations.map(({ kind, windowFirst, windowLast, records }) => [
      kind,
      windowFirst,
      windowLast,
      records,
    ]),
  ).toEqual([
    ["doubled", at("03:06"), at("03:06"), -1],
    ["miscounted", at("03:05"), at("03:05"), 1],
  ]);
  // A fresh look over all records says the same.
  await bench.exporter.stop();
  await bench.startExporter();
  await bench.settle();
  expect(auditOf(id).violationCount).toBe(2);
});

test("a journal that was lost and replaced is told as that; on record as unknown, it is no alarm", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  await bench.send(5);
  await bench.pass(2);
  await bench.exporter.stop();
  await bench.journal.close();
  bench.journal = new MemoryJournal({ clock: bench.clock });
  await bench.startExporter();
  await bench.pass(1);
  expect(auditOf(id).violations).toMatchObject([{ kind: "replaced", windowFirst: at("03:05") }]);
  await bench.send(2);
  await bench.pass(1);
  expect(auditOf(id).violations).toMatchObject([{ kind: "replaced" }]);
  const stream = { exportId: id, type: "measurements", partition: 0 } as const;
  const windows = { windowFirst: at("03:05"), windowLast: at("03:06") };
  const reason = "the journal was lost";
  await bench.registry.recordGap({ ...stream, ...windows, reason, at: "now", offsets: null, records: null });
  await bench.send(1);
  await bench.pass(2);
  expect(auditOf(id).violations).toEqual([]);
  expect(sumOf(auditOf(id).balances)).toMatchObject({ exported: 8, waiting: 0 });
});

test("E1, E2: a registry restored from an older copy adopts the files that are there: equal cut records, no alarm", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  const query = { exportId: id, stream: { type: "measurements", partition: 0 }, windowFirst: 0, limit: 10 } as const;
  await bench.send(5);
  await bench.pass(1);
  const [file, copy] = [join(bench.directory, "registry.db"), join(bench.directory, "copy.db")];
  await bench.exporter.stop();
  await bench.registry.close();
  copyFileSync(file, copy);
  await bench.openRegistry();
  await bench.startExporter();
  for (const count of [3, 2]) {
    await bench.send(count);
    await bench.pass(1);
  }
  const cuts = await bench.registry.cuts(query);
  expect(cuts).toHaveLength(3);
  await bench.exporter.stop();
  await bench.registry.close();
  copyFileSync(copy, file);
  await bench.openRegistry();
  expect(await bench.registry.cuts(query)).toHaveLength(1);
  await bench.startExporter();
  await bench.pass(1);
  expect(await bench.registry.cuts(query)).toEqual(cuts);
  const runs = await bench.registry.runs({ exportId: id, limit: 2 });
  expect(runs.map(({ outcome }) => outcome)).toEqual(["adopted", "adopted"]);
  expect(sumOf(auditOf(id).balances)).toEqual({ journaled: 10, exported: 10, waiting: 0, discarded: 0, accepted: 0 });
  expect(alarms).toEqual([]);
});

const violationsOf = (id: string) =>
  auditOf(id).violations.map(({ kind, windowFirst, records }) => [kind, windowFirst, records]);

async function acceptAll(id: string): Promise<void> {
  const ids = auditOf(id).violations.map((one) => one.id);
  await bench.exporter.acceptViolations(id, ids, "looked into");
  expect(violationsOf(id)).toEqual([]);
}

async function restart(): Promise<void> {
  await bench.exporter.stop();
  await bench.startExporter();
  await bench.settle();
}

test("E1: what is accepted alarms no more, also after a restart and when the journal is trimmed; the same again does", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  let skipped = ["03:05", "03:06"];
  tamper((move) => (skipped.some((time) => move.to === at(time) + 1) ? { ...move, runs: [], cut: undefined } : move));
  for (const count of [5, 3, 1, 4]) {
    await bench.send(count);
    await bench.pass(1);
  }
  expect(violationsOf(id)).toEqual([
    ["lost", at("03:05"), 3],
    ["lost", at("03:06"), 1],
  ]);
  const [first] = auditOf(id).violations;
  expect(first!.hint).toContain(`coldpath export accept lake ${first!.id} --reason`);
  // One of the two; what was not asked for stays.
  const accepted = await bench.exporter.acceptViolations(id, [first!.id], "a bad disk");
  const lost = { kind: "lost", windowFirst: at("03:05"), windowLast: at("03:05"), offsets: { first: 5, next: 8 } };
  expect(accepted).toMatchObject([{ ...lost, records: 3, reason: "a bad disk" }]);
  expect(violationsOf(id)).toEqual([["lost", at("03:06"), 1]]);
  expect(sumOf(auditOf(id).balances)).toEqual({ journaled: 13, exported: 9, waiting: 0, discarded: 0, accepted: 3 });
  await expect(bench.exporter.acceptViolations(id, [first!.id], "again")).rejects.toMatchObject({
    code: "violation-not-found",
  });
  await restart();
  expect(violationsOf(id)).toEqual([["lost", at("03:06"), 1]]);
  expect(auditOf(id).accepted).toEqual(accepted);
  // The journal trims what it could be told by: the offsets still are.
  const segments = bench.journal.segments.bind(bench.journal);
  bench.journal.segments = () => [];
  await restart();
  expect(violationsOf(id)).toEqual([["lost", at("03:05"), 1]]);
  expect(auditOf(id).violations[0]!.offsets).toEqual({ first: 8, next: 9 });
  await acceptAll(id);
  bench.journal.segments = segments;
  await restart();
  expect(violationsOf(id)).toEqual([]);
  const told = alarms.length;
  skipped = ["03:08"];
  await bench.send(2);
  await bench.pass(1);
  expect(violationsOf(id)).toEqual([["lost", at("03:08"), 2]]);
  expect(alarms).toHaveLength(told + 1);
});

test("E1: doubled, miscounted and unbalanced are accepted by their numbers; more of the same alarms again", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements", "devices"] }));
  let harm: "miscount" | "double" | null = null;
  tamper((move) => {
    const { cut } = move;
    const [part] = cut?.parts ?? [];
    if (cut === undefined || part === undefined || harm === null || cut.type !== "measurements") return move;
    if (harm === "miscount") return { ...move, cut: { ...cut, parts: [{ ...part, records: part.records - 1 }] } };
    return { ...move, cut: { ...cut, first: cut.first - 1, parts: [{ ...part, records: part.records + 1 }] } };
  });
  const passWith = async (next: typeof harm): Promise<void> => {
    harm = next;
    await bench.send(3);
    await bench.pass(1);
  };
  await passWith(null);
  for (const [kind, records] of [
    ["miscount", 1],
    ["double", -1],
    ["miscount", 1],
    ["miscount", 1],
    ["double", -1],
  ] as const) {
    await passWith(kind);
    await passWith(null);
    expect(violationsOf(id)).toEqual([[`${kind}${kind === "double" ? "d" : "ed"}`, bench.windowOpen() - 2, records]]);
    await acceptAll(id);
    await restart();
    expect(violationsOf(id)).toEqual([]);
  }
  const [sums] = auditOf(id).balances;
  expect(sums).toMatchObject({ journaled: 35, exported: 32, accepted: 3 });
  // Snapshots: one was given, and is neither written nor owed.
  const real = bench.registry.settleSnapshot.bind(bench.registry);
  bench.registry.settleSnapshot = (owed, runs, gap) =>
    real(
      owed,
      runs.map((run) => ({ ...run, records: run.records + 1 })),
      gap,
    );
  await bench.device("dev-1");
  await bench.pass(2);
  expect(violationsOf(id)).toMatchObject([["unbalanced", expect.any(Number), -1]]);
  await acceptAll(id);
  await bench.device("dev-2");
  await bench.pass(2);
  expect(violationsOf(id)).toMatchObject([["unbalanced", expect.any(Number), -1]]);
  await acceptAll(id);
  expect(auditOf(id).accepted).toHaveLength(7);
});

test("a replaced journal is accepted before and after its first export; another one alarms", async () => {
  await open();
  const storage = await bench.folder("lake");
  const { id } = await bench.createExport("lake", bench.settings(storage, { types: ["measurements"] }));
  const replace = async (): Promise<void> => {
    await bench.exporter.stop();
    await bench.journal.close();
    bench.journal = new MemoryJournal({ clock: bench.clock });
    await bench.startExporter();
    await bench.pass(1);
  };
  await bench.send(5);
  await bench.pass(1);
  await replace();
  expect(violationsOf(id)).toMatchObject([["replaced", at("03:05"), 0]]);
  await bench.send(1);
  expect(alarms).toHaveLength(1);
  await acceptAll(id);
  await bench.send(1);
  await bench.pass(2);
  await restart();
  expect(violationsOf(id)).toEqual([]);
  expect(alarms).toHaveLength(1);
  await replace();
  expect(violationsOf(id)).toMatchObject([["replaced", expect.any(Number), 0]]);
  await bench.send(1);
  await bench.pass(1);
  expect(violationsOf(id)).toMatchObject([["replaced", expect.any(Number), -2]]);
  expect(alarms).toHaveLength(2);
  await acceptAll(id);
});
