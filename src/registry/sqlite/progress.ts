// How far exports got: checkpoints, runs and gaps in SQLite. What is settled goes into cut records and tallies, too
// (tallies.ts), in the same transaction.
//
// Invariant: E3, a checkpoint moves by compare-and-set and never back.

import { assert } from "../../lib/assert.ts";
import { integerOf } from "../input.ts";
import type { CutRecord, ExportGap, ExportRun, ExportType, ProgressCalls, Span, StreamKey } from "../registry.ts";
import type { Change, Database } from "./database.ts";
import type { GapRow, RunRow } from "./schema.ts";
import { insertCut, tallyCut, tallyGap } from "./tallies.ts";

export function progressIn(database: Database): ProgressCalls {
  return {
    async checkpoints(exportId) {
      const rows = await database.reader
        .selectFrom("export_checkpoints")
        .selectAll()
        .where("export_id", "=", exportId)
        .orderBy("type")
        .orderBy("partition")
        .execute();
      return rows.map((row) => ({
        type: row.type as ExportType,
        partition: row.partition,
        windowNext: row.window_next,
      }));
    },

    async advanceCheckpoint({ exportId, stream, from, to, span, runs, cut, gap }) {
      assert(from === null || to > from, "E3: a checkpoint never moves back");
      assert((cut === undefined) === (runs.length === 0), "what was exported has a cut record");
      return await database.change(async (change) => {
        const isMoved = await (from === null
          ? insertCheckpoint(change, exportId, stream.type, stream.partition, to)
          : moveCheckpoint(change, exportId, stream.type, stream.partition, from, to));
        if (isMoved) await recordOutcome(change, exportId, stream, { runs, cut, gap, span });
        return isMoved;
      });
    },

    async runs({ exportId, limit, before }) {
      let select = database.reader.selectFrom("export_runs").selectAll().where("export_id", "=", exportId);
      if (before !== undefined) select = select.where("number", "<", before);
      const rows = await select
        .orderBy("number", "desc")
        .limit(integerOf(limit, "limit", 1, 1000))
        .execute();
      return rows.map(runFromRow);
    },

    async runsOf(exportId, paths) {
      integerOf(paths.length, "paths", 0, 1000);
      if (paths.length === 0) return [];
      const rows = await database.reader
        .selectFrom("export_runs")
        .selectAll()
        .where("export_id", "=", exportId)
        .where("path", "in", paths)
        .execute();
      // Ordered here: asked for an order, SQLite would read the whole history by number.
      const runs = rows.map(runFromRow).toSorted((one, other) => one.number - other.number);
      return [...new Map(runs.map((run) => [run.path, run])).values()];
    },

    async gaps(exportId) {
      const rows = await database.reader
        .selectFrom("export_gaps")
        .selectAll()
        .where("export_id", "=", exportId)
        .orderBy("number")
        .execute();
      return rows.map(gapFromRow);
    },

    async pruneRuns(keep) {
      integerOf(keep, "keep", 0, Number.MAX_SAFE_INTEGER);
      await database.change(async (change) => {
        for (const { id } of await change.selectFrom("exports").select("id").execute()) {
          const oldest = await change
            .selectFrom("export_runs")
            .select("number")
            .where("export_id", "=", id)
            .orderBy("number", "desc")
            .limit(1)
            .offset(keep)
            .executeTakeFirst();
          if (oldest === undefined) continue;
          await change
            .deleteFrom("export_runs")
            .where("export_id", "=", id)
            .where("number", "<=", oldest.number)
            .execute();
        }
      });
    },
  };
}

interface Outcome {
  readonly runs: readonly ExportRun[];
  readonly cut: CutRecord | undefined;
  readonly gap: ExportGap | undefined;
  /** Null for snapshots. */
  readonly span: Span | null;
}

/** Adds what a checkpoint's move or a settled debt came with. */
export async function recordOutcome(
  change: Change,
  exportId: string,
  stream: StreamKey,
  { runs, cut, gap, span }: Outcome,
): Promise<void> {
  for (const run of runs) {
    assert(run.exportId === exportId, "an outcome is of one export");
    await insertRun(change, run);
  }
  for (const part of [cut, gap]) {
    const isSame = part?.exportId === exportId && part.type === stream.type && part.partition === stream.partition;
    assert(part === undefined || isSame, "an outcome is of one stream");
  }
  if (cut !== undefined) {
    await insertCut(change, cut);
    await tallyCut(change, cut, span);
  }
  if (gap !== undefined) {
    await insertGap(change, gap);
    await tallyGap(change, gap, span);
  }
}

async function insertRun(change: Change, run: ExportRun): Promise<void> {
  await change
    .insertInto("export_runs")
    .values({
      export_id: run.exportId,
      type: run.type,
      partition: run.partition,
      definition_version: run.definitionVersion,
      window: run.window,
      part: run.part,
      path: run.path,
      records: run.records,
      bytes: run.bytes,
      sha256: run.sha256,
      attempts: run.attempts,
      started_at: run.startedAt,
      committed_at: run.committedAt,
      outcome: run.outcome,
    })
    .execute();
}

export async function insertGap(change: Change, gap: ExportGap): Promise<void> {
  await change
    .insertInto("export_gaps")
    .values({
      export_id: gap.exportId,
      type: gap.type,
      partition: gap.partition,
      window_first: gap.windowFirst,
      window_last: gap.windowLast,
      reason: gap.reason,
      at: gap.at,
      offset_first: gap.offsets?.first ?? null,
      offset_next: gap.offsets?.next ?? null,
      records: gap.records,
    })
    .execute();
}

async function insertCheckpoint(
  change: Change,
  exportId: string,
  type: string,
  partition: number,
  to: number,
): Promise<boolean> {
  const present = await change.selectFrom("exports").select("id").where("id", "=", exportId).executeTakeFirst();
  if (present === undefined) return false;
  const { numInsertedOrUpdatedRows } = await change
    .insertInto("export_checkpoints")
    .values({ export_id: exportId, type, partition, window_next: to })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

async function moveCheckpoint(
  change: Change,
  exportId: string,
  type: string,
  partition: number,
  from: number,
  to: number,
): Promise<boolean> {
  const { numUpdatedRows } = await change
    .updateTable("export_checkpoints")
    .set({ window_next: to })
    .where("export_id", "=", exportId)
    .where("type", "=", type)
    .where("partition", "=", partition)
    .where("window_next", "=", from)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

function runFromRow(row: Omit<RunRow, "number"> & { number: number }): ExportRun & { readonly number: number } {
  return {
    number: row.number,
    exportId: row.export_id,
    type: row.type as ExportType,
    partition: row.partition,
    definitionVersion: row.definition_version,
    window: row.window,
    part: row.part,
    path: row.path,
    records: row.records,
    bytes: row.bytes,
    sha256: row.sha256,
    attempts: row.attempts,
    startedAt: row.started_at,
    committedAt: row.committed_at,
    outcome: row.outcome as ExportRun["outcome"],
  };
}

export function gapFromRow(row: Omit<GapRow, "number">): ExportGap {
  return {
    exportId: row.export_id,
    type: row.type as ExportType,
    partition: row.partition,
    windowFirst: row.window_first,
    windowLast: row.window_last,
    reason: row.reason,
    at: row.at,
    offsets:
      row.offset_first === null || row.offset_next === null ? null : { first: row.offset_first, next: row.offset_next },
    records: row.records,
  };
}
