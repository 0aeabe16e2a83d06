// What an audit reads of the registry; the gaps and accepted violations that are put on record beside the checkpoints.

import { integerOf } from "../input.ts";
import type { AcceptedViolation, AuditCalls, ExportType } from "../registry.ts";
import type { Database } from "./database.ts";
import { requireExport } from "./export-row.ts";
import { gapFromRow, insertGap } from "./progress.ts";
import { owedIn } from "./snapshots.ts";
import type { AcceptedViolationRow } from "./schema.ts";
import { cutFromRow, startAfter, tallyFromRow } from "./tallies.ts";

/** Rows a statement removes: some milliseconds. */
const prunedRows = 2000;

export function auditIn(database: Database): AuditCalls {
  return {
    async cuts({ exportId, stream, windowFirst, windowLast, limit }) {
      let select = database.reader
        .selectFrom("export_cuts")
        .selectAll()
        .where("export_id", "=", exportId)
        .where("type", "=", stream.type)
        .where("partition", "=", stream.partition)
        .where("window", ">=", windowFirst);
      if (windowLast !== undefined) select = select.where("window", "<=", windowLast);
      const rows = await select
        .orderBy("window")
        .limit(integerOf(limit, "limit", 1, 1000))
        .execute();
      return rows.map(cutFromRow);
    },

    async pruneCuts(windowBefore) {
      return await database.change(async (change) => {
        const streams = await change
          .selectFrom("export_tallies")
          .select(["export_id", "type", "partition"])
          .distinct()
          .execute();
        for (const { export_id, type, partition } of streams) {
          // By stream, for the primary key starts with it.
          const { numDeletedRows } = await change
            .deleteFrom("export_cuts")
            .where("export_id", "=", export_id)
            .where("type", "=", type)
            .where("partition", "=", partition)
            .where("window", "in", (eb) =>
              eb
                .selectFrom("export_cuts")
                .select("window")
                .where("export_id", "=", export_id)
                .where("type", "=", type)
                .where("partition", "=", partition)
                .where("window", "<", windowBefore)
                .orderBy("window")
                .limit(prunedRows),
            )
            .executeTakeFirst();
          if (numDeletedRows > 0n) return Number(numDeletedRows);
        }
        return 0;
      });
    },

    async auditFacts(exportId) {
      // In the queue of changes, so that checkpoints, sums and debts are of one moment.
      return await database.change(async (change) => {
        const tallies = await change
          .selectFrom("export_tallies")
          .selectAll()
          .where("export_id", "=", exportId)
          .orderBy("number")
          .execute();
        const gaps = await change
          .selectFrom("export_gaps")
          .selectAll()
          .where("export_id", "=", exportId)
          .orderBy("number")
          .execute();
        const accepted = await change
          .selectFrom("export_accepted_violations")
          .selectAll()
          .where("export_id", "=", exportId)
          .orderBy("number")
          .execute();
        const checkpoints = await change
          .selectFrom("export_checkpoints")
          .selectAll()
          .where("export_id", "=", exportId)
          .execute();
        return {
          export: await requireExport(change, exportId),
          tallies: tallies.map(tallyFromRow),
          gaps: gaps.map(gapFromRow),
          accepted: accepted.map(acceptedFromRow),
          checkpoints: checkpoints.map((row) => ({
            type: row.type as ExportType,
            partition: row.partition,
            windowNext: row.window_next,
          })),
          owed: await owedIn(change, exportId),
        };
      });
    },

    async recordGap(gap) {
      return await database.change(async (change) => {
        const { exportId } = gap;
        const present = await change.selectFrom("exports").select("id").where("id", "=", exportId).executeTakeFirst();
        if (present === undefined) return false;
        await insertGap(change, gap);
        if (gap.type === "measurements" && gap.offsets === null) await startAfter(change, gap);
        return true;
      });
    },

    async acceptViolations(accepted) {
      return await database.change(async (change) => {
        for (const { exportId, offsets, windowFirst, windowLast, ...given } of accepted) {
          const { kind, type, partition, records, reason, at } = given;
          const present = await change.selectFrom("exports").select("id").where("id", "=", exportId).executeTakeFirst();
          if (present === undefined) return false;
          const windows = { window_first: windowFirst, window_last: windowLast };
          const range = { offset_first: offsets?.first ?? null, offset_next: offsets?.next ?? null };
          await change
            .insertInto("export_accepted_violations")
            .values({ export_id: exportId, kind, type, partition, ...windows, ...range, records, reason, at })
            .execute();
        }
        return true;
      });
    },
  };
}

function acceptedFromRow(row: Omit<AcceptedViolationRow, "number">): AcceptedViolation {
  const { kind, partition, offset_first: first, offset_next: next, records, reason, at } = row;
  return {
    exportId: row.export_id,
    kind,
    type: row.type as ExportType,
    partition,
    windowFirst: row.window_first,
    windowLast: row.window_last,
    offsets: first === null || next === null ? null : { first, next },
    records,
    reason,
    at,
  };
}
