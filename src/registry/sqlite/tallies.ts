// What was committed, in SQLite: cut records for a time, tallies for ever.
//
// Owns:      when a tally goes on and when another is opened.
// Does not:  judge: a window that does not join the one before it opens a tally, and the audit asks why.
//
// Invariant: a tally's offsets, windows and sums are those of cut records and gaps that join, in the transaction of the
// checkpoint that they belong to.

import { sql } from "kysely";
import type { CutPart, CutRecord, ExportGap, ExportTally, ExportType, Span, StreamKey } from "../registry.ts";
import type { Change, Reader } from "./database.ts";
import type { CutRecordRow, TallyRow } from "./schema.ts";

type StoredTally = Omit<TallyRow, "number"> & { number: number };

/** What is added to a tally. */
interface Step {
  readonly windowFirst: number;
  readonly windowLast: number;
  readonly windows: number;
  readonly files: number;
  readonly exported: number;
  readonly discarded: number;
  readonly offsets: { readonly first: number; readonly next: number } | null;
}

export async function insertCut(change: Change, cut: CutRecord): Promise<void> {
  const row = {
    definition_version: cut.definitionVersion,
    first: cut.first,
    next: cut.next,
    parts: JSON.stringify(cut.parts.map(({ records, bytes, sha256 }) => [records, bytes, sha256])),
  };
  await change
    .insertInto("export_cuts")
    .values({ export_id: cut.exportId, type: cut.type, partition: cut.partition, window: cut.window, ...row })
    // A window used a second time, after the clock was reset to before it: the later one stands.
    .onConflict((conflict) => conflict.columns(["export_id", "type", "partition", "window"]).doUpdateSet(row))
    .execute();
}

/** @param span  null for snapshots. */
export async function tallyCut(change: Change, cut: CutRecord, span: Span | null): Promise<void> {
  await add(change, cut, span, {
    windowFirst: cut.window,
    windowLast: cut.window,
    windows: 1,
    files: cut.parts.length,
    exported: cut.parts.reduce((sum, { records }) => sum + records, 0),
    discarded: 0,
    offsets: { first: cut.first, next: cut.next },
  });
}

/** @param span  null for snapshots. */
export async function tallyGap(change: Change, gap: ExportGap, span: Span | null): Promise<void> {
  const { windowFirst, windowLast, offsets, records } = gap;
  if (span !== null && (offsets === null || records === null)) await startAfter(change, gap);
  else {
    const step = { windowFirst, windowLast, offsets, windows: 0, files: 0, exported: 0, discarded: records ?? 0 };
    await add(change, gap, span, step);
  }
}

/** A snapshot that an export is to write from now on. */
export async function tallyGiven(
  change: Change,
  exportId: string,
  cut: { readonly type: ExportType; readonly window: number; readonly records: number },
): Promise<void> {
  const stream = { exportId, type: cut.type, partition: 0 };
  const present = await newestTally(change, stream);
  if (present === undefined) await open(change, stream, { window_first: cut.window, records_given: cut.records });
  else {
    await change
      .updateTable("export_tallies")
      .set({ records_given: sql`records_given + ${cut.records}` })
      .where("number", "=", present.number)
      .execute();
  }
}

/** After windows of which nobody knows what they held, offsets may start anywhere. */
export async function startAfter(change: Change, gap: ExportGap): Promise<void> {
  const present = await newestTally(change, gap);
  const windowFirst = gap.windowLast + 1;
  if (present === undefined || present.offset_next !== null) await open(change, gap, { window_first: windowFirst });
  else {
    const later = Math.max(present.window_first, windowFirst);
    await change
      .updateTable("export_tallies")
      .set({ window_first: later })
      .where("number", "=", present.number)
      .execute();
  }
}

async function add(
  change: Change,
  stream: StreamKey & { exportId: string },
  span: Span | null,
  step: Step,
): Promise<void> {
  const present = await newestTally(change, stream);
  const number = joins(present, span, step)
    ? present.number
    : await open(change, stream, { window_first: await firstOf(change, stream, present, span, step) });
  await change
    .updateTable("export_tallies")
    .set({
      settled_first: sql`coalesce(settled_first, ${step.windowFirst})`,
      settled_last: sql`max(coalesce(settled_last, 0), ${step.windowLast})`,
      windows: sql`windows + ${step.windows}`,
      files: sql`files + ${step.files}`,
      records_exported: sql`records_exported + ${step.exported}`,
      records_discarded: sql`records_discarded + ${step.discarded}`,
      ...(span === null
        ? {}
        : {
            tenure: span.tenure,
            span_first: span.windowFirst,
            offset_first: sql`coalesce(offset_first, ${step.offsets?.first ?? null})`,
            offset_next: step.offsets?.next ?? null,
          }),
    })
    .where("number", "=", number)
    .execute();
}

function joins(present: StoredTally | undefined, span: Span | null, step: Step): present is StoredTally {
  if (present === undefined) return false;
  if (span === null || present.offset_next === null) return true;
  return present.span_first === span.windowFirst && present.offset_next === step.offsets?.first;
}

/** Where a new tally's windows start: behind those settled before, also where tenures were renumbered in between. */
async function firstOf(
  change: Change,
  { exportId }: { readonly exportId: string },
  present: StoredTally | undefined,
  span: Span | null,
  step: Step,
): Promise<number> {
  if (present === undefined && span !== null) {
    // Nothing was settled before: whatever was owed since the export was turned on first must still come.
    const tenure = await change
      .selectFrom("export_tenures")
      .select(({ fn }) => fn.min("window_first").as("first"))
      .where("export_id", "=", exportId)
      .executeTakeFirst();
    return Math.min(span.windowFirst, tenure?.first ?? span.windowFirst);
  }
  return Math.max(span?.windowFirst ?? step.windowFirst, (present?.settled_last ?? -1) + 1);
}

export async function newestTally(
  db: Reader,
  { exportId, type, partition }: StreamKey & { exportId: string },
): Promise<StoredTally | undefined> {
  return await db
    .selectFrom("export_tallies")
    .selectAll()
    .where("export_id", "=", exportId)
    .where("type", "=", type)
    .where("partition", "=", partition)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
}

async function open(
  change: Change,
  { exportId, type, partition }: StreamKey & { exportId: string },
  start: { readonly window_first: number; readonly records_given?: number },
): Promise<number> {
  const { number } = await change
    .insertInto("export_tallies")
    .values({
      export_id: exportId,
      type,
      partition,
      records_given: type === "measurements" ? null : 0,
      ...start,
      windows: 0,
      files: 0,
      records_exported: 0,
      records_discarded: 0,
    })
    .returning("number")
    .executeTakeFirstOrThrow();
  return number;
}

export function cutFromRow(row: CutRecordRow): CutRecord {
  const parts = JSON.parse(row.parts) as [records: number, bytes: number, sha256: string][];
  return {
    exportId: row.export_id,
    type: row.type as ExportType,
    partition: row.partition,
    window: row.window,
    definitionVersion: row.definition_version,
    first: row.first,
    next: row.next,
    parts: parts.map(([records, bytes, sha256]): CutPart => ({ records, bytes, sha256 })),
  };
}

export function tallyFromRow(row: StoredTally): ExportTally {
  return {
    number: row.number,
    type: row.type as ExportType,
    partition: row.partition,
    tenure: row.tenure,
    windowFirst: row.window_first,
    settled:
      row.settled_first === null || row.settled_last === null
        ? null
        : { first: row.settled_first, last: row.settled_last },
    offsets:
      row.offset_first === null || row.offset_next === null ? null : { first: row.offset_first, next: row.offset_next },
    windows: row.windows,
    files: row.files,
    given: row.records_given,
    exported: row.records_exported,
    discarded: row.records_discarded,
  };
}
