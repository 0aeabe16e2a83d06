// Makes a registry that was restored from a backup fit to go on: in one change, before a server opens it.
//
//   E1  Windows whose records are gone are gaps on record, never exported, and never stand in the way.
//   E3  Checkpoints move forward only: over what is lost.
//   S1  Every export that is on starts again with full snapshots: what the former hub exported after the backup is not
//       known, so no delta can follow it. No window that was open before is cut again.
//   A1  Nobody stays signed in: who was signed out after the backup must not be in again.

import type { Window } from "../../lib/window.ts";
import { type Export, type ExportType, type OwedSnapshot, snapshotTypes } from "../registry.ts";
import { type JournalStart, type Restored, owedRange } from "../restored.ts";
import { isOwed, tenureAt } from "../tenure.ts";
import { type Change, Database } from "./database.ts";
import { exportFromRow, selectExports } from "./export-row.ts";
import { insertGap } from "./progress.ts";
import { owedIn } from "./snapshots.ts";
import { newestTally, startAfter } from "./tallies.ts";

export interface RestoredRegistry {
  /** How many gaps are on record now because of it. */
  readonly gaps: number;
  /** Snapshots that were owed when the backup was made: their staged files may be gone. */
  readonly owed: readonly OwedSnapshot[];
}

/**
 * Brings `registry.db` to this version's schema, and on record what was lost. Nobody may use the file meanwhile.
 *
 * @throws ColdpathError `registry-newer`, `registry-unreadable`.
 */
export async function adoptRestoredRegistry(file: string, restored: Restored): Promise<RestoredRegistry> {
  const database = await Database.open(file);
  try {
    return await database.change(async (change) => {
      let gaps = 0;
      const counters = await change.selectFrom("counters").select("snapshot_window").executeTakeFirstOrThrow();
      const snapshotsFrom = (counters.snapshot_window ?? -1) + 1;
      for (const one of (await selectExports(change).execute()).map(exportFromRow)) {
        for (const start of restored.partitions) gaps += await passOver(change, one, start, restored);
        for (const type of snapshotTypes) {
          // A full snapshot will hold all that the missing ones held.
          if (isOwed(one, restored.windowNext, type)) continue;
          const range = owedRange(one, type, snapshotsFrom, restored.windowNext);
          if (range === null) continue;
          await recordGap(change, one, { type, partition: 0 }, range, restored);
          gaps++;
        }
        if (tenureAt(one, restored.windowNext) !== null) await markFull(change, one.id, restored.windowNext);
      }
      await change
        .updateTable("counters")
        .set({ snapshot_window: restored.windowNext - 1 })
        .execute();
      await change.deleteFrom("sessions").execute();
      return { gaps, owed: await owedIn(change) };
    });
  } finally {
    await database.close();
  }
}

async function passOver(
  change: Change,
  one: Export,
  { partition, windowNext, offsetNext }: JournalStart,
  restored: Restored,
): Promise<number> {
  const type = "measurements";
  const tally = await newestTally(change, { exportId: one.id, type, partition });
  // Trimming takes what was exported; where the next record is still there, nothing is missing.
  const settledTo = tally?.offset_next ?? null;
  if (offsetNext !== null && (settledTo === null || settledTo >= offsetNext)) return 0;
  const row = await change
    .selectFrom("export_checkpoints")
    .select("window_next")
    .where("export_id", "=", one.id)
    .where("type", "=", type)
    .where("partition", "=", partition)
    .executeTakeFirst();
  const range = owedRange(one, type, row?.window_next ?? 0, windowNext);
  if (range === null) return 0;
  const values = { export_id: one.id, type, partition, window_next: windowNext };
  await change
    .insertInto("export_checkpoints")
    .values(values)
    .onConflict((conflict) =>
      conflict.columns(["export_id", "type", "partition"]).doUpdateSet({ window_next: windowNext }),
    )
    .execute();
  const gap = await recordGap(change, one, { type, partition }, range, restored);
  await startAfter(change, gap);
  return 1;
}

async function recordGap(
  change: Change,
  { id: exportId }: Export,
  stream: { readonly type: ExportType; readonly partition: number },
  range: { readonly windowFirst: Window; readonly windowLast: Window },
  { reason, at }: Restored,
) {
  const gap = { ...stream, ...range, exportId, reason, at, offsets: null, records: null };
  await insertGap(change, gap);
  return gap;
}

async function markFull(change: Change, exportId: string, windowFirst: Window): Promise<void> {
  for (const type of snapshotTypes) {
    await change
      .insertInto("export_full_marks")
      .values({ export_id: exportId, type, window_first: windowFirst })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}
