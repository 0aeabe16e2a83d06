import { describe, expect, test } from "vitest";
import type { CutRecord, ExportGap, Registry } from "../registry.ts";
import { type MakeStand, cutOf, fridge, makeExport, runOf, spanFrom } from "./stand.ts";

const stream = { type: "measurements", partition: 0 } as const;

/** Commits a window with three records. */
async function commit(registry: Registry, id: string, window: number, first: number, more: Partial<CutRecord> = {}) {
  const from = (await registry.checkpoints(id)).find(({ type }) => type === "measurements")?.windowNext ?? null;
  const runs = [runOf(id, window)];
  const cut = cutOf(runs, first, more);
  const span = spanFrom(10);
  expect(await registry.advanceCheckpoint({ exportId: id, stream, from, to: window + 1, span, runs, cut })).toBe(true);
  return cut;
}

function gapOf(exportId: string, windows: [number, number], offsets: [number, number] | null): ExportGap {
  return {
    ...stream,
    exportId,
    windowFirst: windows[0],
    windowLast: windows[1],
    reason: "restored",
    at: "2026-01-02T03:05:00.000Z",
    offsets: offsets === null ? null : { first: offsets[0], next: offsets[1] },
    records: offsets === null ? null : offsets[1] - offsets[0],
  };
}

const offsetsOf = async (registry: Registry, id: string) =>
  (await registry.auditFacts(id)).tallies.map(({ offsets, windowFirst, settled, exported, discarded }) => [
    windowFirst,
    settled?.last,
    offsets === null ? null : [offsets.first, offsets.next],
    exported,
    discarded,
  ]);

export function auditStories(make: MakeStand): void {
  describe("cut records and tallies", () => {
    test("E1: a committed window leaves a cut record, in the transaction of its checkpoint", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      const first = await commit(registry, id, 10, 100);
      const second = await commit(registry, id, 12, 103, { definitionVersion: 2 });
      const query = { exportId: id, stream, windowFirst: 0, limit: 10 };
      expect(await registry.cuts(query)).toEqual([first, second]);
      expect(await registry.cuts({ ...query, windowFirst: 11 })).toEqual([second]);
      expect(await registry.cuts({ ...query, windowLast: 11 })).toEqual([first]);
      expect(await registry.cuts({ ...query, limit: 1 })).toEqual([first]);
      // A move that lost the race leaves none.
      const runs = [runOf(id, 20)];
      const late = { exportId: id, stream, from: 11, to: 21, span: spanFrom(10), runs, cut: cutOf(runs, 106) };
      expect(await registry.advanceCheckpoint(late)).toBe(false);
      expect(await registry.cuts(query)).toHaveLength(2);
      expect(await offsetsOf(registry, id)).toEqual([[10, 12, [100, 106], 6, 0]]);
    });

    test("a tally goes on while windows join; a hole, an overlap or another span opens the next", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      await commit(registry, id, 11, 100);
      await commit(registry, id, 12, 103);
      await commit(registry, id, 14, 109); // three records are missing
      await commit(registry, id, 15, 109); // three came twice
      expect(await offsetsOf(registry, id)).toEqual([
        [10, 12, [100, 106], 6, 0],
        [13, 14, [109, 112], 3, 0],
        [15, 15, [109, 112], 3, 0],
      ]);
      const runs = [runOf(id, 30)];
      const span = spanFrom(30, 2);
      const move = { exportId: id, stream, from: 16, to: 31, span, runs, cut: cutOf(runs, 112) };
      await registry.advanceCheckpoint(move);
      expect((await registry.auditFacts(id)).tallies.at(-1)).toMatchObject({ tenure: 2, windowFirst: 30, files: 1 });
    });

    test("what was let go joins; after windows of which nobody knows, offsets start anywhere", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      await commit(registry, id, 10, 100);
      const gap = gapOf(id, [11, 13], [103, 110]);
      await registry.advanceCheckpoint({ exportId: id, stream, from: 11, to: 14, span: spanFrom(10), runs: [], gap });
      await commit(registry, id, 14, 110);
      expect(await offsetsOf(registry, id)).toEqual([[10, 14, [100, 113], 6, 7]]);
      const unknown = gapOf(id, [15, 40], null);
      expect(await registry.recordGap(unknown)).toBe(true);
      expect(await registry.recordGap(gapOf(id, [41, 42], null))).toBe(true);
      await commit(registry, id, 50, 0);
      expect(await offsetsOf(registry, id)).toEqual([
        [10, 14, [100, 113], 6, 7],
        [43, 50, [0, 3], 3, 0],
      ]);
      expect((await registry.gaps(id)).slice(0, 2)).toEqual([gap, unknown]);
      // Known to be lost, beside the checkpoints: on record, and no tally moves.
      expect(await registry.recordGap(gapOf(id, [51, 51], [3, 5]))).toBe(true);
      expect(await offsetsOf(registry, id)).toHaveLength(2);
      expect(await registry.recordGap(gapOf("gone", [1, 2], null))).toBe(false);
    });

    test("snapshots: what was given to write is counted, exported and let go", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      const { id } = await makeExport(registry, "lake", 10, { types: ["devices"] });
      await registry.setExportOn(id, true, () => 10);
      const recordCut = async (window: number, records: number) => {
        const demand = await registry.snapshotDemand(window);
        const { full, revisionFrom } = demand[0]!;
        const scope = full.length > 0 ? ("full" as const) : ("delta" as const);
        const cut = { type: "devices", window, scope, revisionFrom, revisionTo: window, records, bytes: 9 } as const;
        await registry.recordCuts(window, window, [cut], demand);
      };
      await recordCut(10, 5);
      await recordCut(11, 2);
      await recordCut(12, 1);
      const [full, delta, last] = await registry.owedSnapshots(id);
      const device = { type: "devices", path: "devices/10" } as const;
      const parts = [runOf(id, 10, { ...device, records: 4 }), runOf(id, 10, { ...device, records: 1, part: 1 })];
      await registry.settleSnapshot(full!, parts);
      const at = "2026-01-02T03:05:00.000Z";
      const offsets = { first: 10, next: 11 };
      const windows = { windowFirst: 11, windowLast: 11 };
      const gap = { exportId: id, type: "devices", partition: 0, ...windows, reason: "r", at, offsets, records: 2 };
      await registry.settleSnapshot(delta!, [], { ...gap, type: "devices" });
      const { tallies, owed } = await registry.auditFacts(id);
      expect(tallies).toMatchObject([{ type: "devices", given: 8, exported: 5, discarded: 2, files: 2, windows: 1 }]);
      expect(owed).toEqual([last]);
      const query = { exportId: id, stream: { type: "devices", partition: 0 } as const, windowFirst: 0, limit: 10 };
      expect(await registry.cuts(query)).toEqual([cutOf(parts, 0, { next: 10 })]);
    });

    test("cut records are pruned by window; tallies and gaps stay", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      for (let window = 10; window < 15; window++) await commit(registry, id, window, 3 * window);
      const before = await offsetsOf(registry, id);
      expect(await registry.pruneCuts(13)).toBe(3);
      expect(await registry.pruneCuts(13)).toBe(0);
      const kept = await registry.cuts({ exportId: id, stream, windowFirst: 0, limit: 10 });
      expect(kept.map(({ window }) => window)).toEqual([13, 14]);
      expect(await offsetsOf(registry, id)).toEqual(before);
    });

    test("accepted violations are kept in order, as they were given; they change no sum", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      await commit(registry, id, 10, 100);
      const before = await offsetsOf(registry, id);
      const extent = { windowFirst: 11, windowLast: 12, offsets: { first: 103, next: 105 }, records: 2 };
      const lost = {
        exportId: id,
        ...stream,
        kind: "lost",
        ...extent,
        reason: "known",
        at: "2026-01-02T03:05:00.000Z",
      };
      const sums = { ...lost, kind: "unbalanced", offsets: null, records: -1 };
      expect(await registry.acceptViolations([lost, sums])).toBe(true);
      expect(await registry.acceptViolations([lost])).toBe(true);
      expect((await registry.auditFacts(id)).accepted).toEqual([lost, sums, lost]);
      expect(await offsetsOf(registry, id)).toEqual(before);
      expect(await registry.acceptViolations([{ ...lost, exportId: "gone" }])).toBe(false);
      await registry.deleteExport(id, true);
      expect(await registry.acceptViolations([lost])).toBe(false);
    });

    test("an export takes its cut records and tallies with it", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      await commit(registry, id, 10, 0);
      await registry.deleteExport(id, true);
      expect(await registry.cuts({ exportId: id, stream, windowFirst: 0, limit: 10 })).toEqual([]);
      await expect(registry.auditFacts(id)).rejects.toMatchObject({ code: "export-not-found" });
    });
  });
}
