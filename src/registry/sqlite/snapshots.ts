// Snapshots in SQLite: what was cut, who owes which cut, where the next delta starts.
//
// Invariants:
//   S1  Position, cuts, debts and cleared marks change together, once a window: after a crash either all of it
//       happened or none, and the same window is asked for again.
//   E4  A cut stays until nobody owes it.

import { assert, must } from "../../lib/assert.ts";
import type { CutRecord, OwedSnapshot, SnapshotCalls, SnapshotCut, SnapshotDemand, SnapshotType } from "../registry.ts";
import { type ScheduledExport, snapshotDemandAt } from "../snapshot-demand.ts";
import type { Change, Database, Reader } from "./database.ts";
import { exportFromRow, selectExports } from "./export-row.ts";
import { recordOutcome } from "./progress.ts";
import type { CutRow } from "./schema.ts";
import { tallyGiven } from "./tallies.ts";

export function snapshotsIn(database: Database): SnapshotCalls {
  return {
    async snapshotDemand(window) {
      // In the queue of changes, so that exports, marks and positions are of one moment.
      return await database.change(async (change) => {
        if (await isRecorded(change, window)) return [];
        const positions = await positionsOf(change);
        return snapshotDemandAt(await scheduledExports(change), (type) => positions.get(type) ?? 0, window);
      });
    },

    async recordCuts(window, revisionTo, cuts, demand) {
      return await database.change(async (change) => {
        if (await isRecorded(change, window)) return false;
        await change.updateTable("counters").set({ snapshot_window: window }).execute();
        const present = new Set((await change.selectFrom("exports").select("id").execute()).map(({ id }) => id));
        const positions = await positionsOf(change);
        for (const cut of cuts) {
          const wanted = demand.find(({ type }) => type === cut.type);
          checkCut(cut, window, revisionTo, wanted);
          await insertCut(change, cut);
          const receivers = (wanted?.[cut.scope] ?? []).filter(({ exportId }) => present.has(exportId));
          for (const { exportId, definitionVersion } of receivers) {
            await insertDebt(change, { exportId, definitionVersion, cut });
            await tallyGiven(change, exportId, cut);
          }
        }
        for (const { type, revisionFrom, full } of demand) {
          assert(revisionFrom === (positions.get(type) ?? 0), "only recordCuts moves the position, once a window");
          assert(revisionTo >= revisionFrom, "revisions grow");
          await setPosition(change, type, revisionTo);
          for (const { exportId } of full) await clearMarks(change, exportId, type, window);
        }
        return true;
      });
    },

    async snapshotWindow() {
      return await recordedWindow(database.reader);
    },

    async owedSnapshots(exportId) {
      return await owedIn(database.reader, exportId);
    },

    async settleSnapshot({ exportId, cut, definitionVersion }, runs, gap) {
      return await database.change(async (change) => {
        const { numDeletedRows } = await change
          .deleteFrom("snapshot_debts")
          .where("export_id", "=", exportId)
          .where("window", "=", cut.window)
          .where("type", "=", cut.type)
          .where("scope", "=", cut.scope)
          .executeTakeFirst();
        if (numDeletedRows === 0n) return false;
        const { type, window, revisionFrom: first, revisionTo: next } = cut;
        const stream = { type, partition: 0 };
        const written: CutRecord = {
          ...stream,
          exportId,
          window,
          definitionVersion,
          first,
          next,
          parts: runs.map(({ records, bytes, sha256 }) => ({ records, bytes, sha256 })),
        };
        const outcome = { runs, cut: runs.length === 0 ? undefined : written, gap, span: null };
        await recordOutcome(change, exportId, stream, outcome);
        return true;
      });
    },

    async settledCuts() {
      const rows = await database.reader
        .selectFrom("snapshot_cuts as cut")
        .selectAll("cut")
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom("snapshot_debts as debt")
                .select("debt.export_id")
                .whereRef("debt.window", "=", "cut.window")
                .whereRef("debt.type", "=", "cut.type")
                .whereRef("debt.scope", "=", "cut.scope"),
            ),
          ),
        )
        .orderBy("cut.window")
        .orderBy("cut.type")
        .orderBy("cut.scope")
        .execute();
      return rows.map(cutFromRow);
    },

    async forgetCut({ window, type, scope }) {
      await database.change(async (change) => {
        // E4: the foreign key of a debt would refuse it.
        await change
          .deleteFrom("snapshot_cuts")
          .where("window", "=", window)
          .where("type", "=", type)
          .where("scope", "=", scope)
          .execute();
      });
    },
  };
}

export async function owedIn(db: Reader, exportId?: string): Promise<readonly OwedSnapshot[]> {
  let select = db
    .selectFrom("snapshot_debts as debt")
    .innerJoin("snapshot_cuts as cut", (join) =>
      join
        .onRef("cut.window", "=", "debt.window")
        .onRef("cut.type", "=", "debt.type")
        .onRef("cut.scope", "=", "debt.scope"),
    )
    .selectAll("cut")
    .select(["debt.export_id", "debt.definition_version"]);
  if (exportId !== undefined) select = select.where("debt.export_id", "=", exportId);
  const rows = await select.orderBy("cut.window").orderBy("cut.type").orderBy("debt.export_id").execute();
  return rows.map((row) => ({
    exportId: row.export_id,
    definitionVersion: row.definition_version,
    cut: cutFromRow(row),
  }));
}

async function recordedWindow(db: Reader): Promise<number | null> {
  const row = await db.selectFrom("counters").select("snapshot_window").executeTakeFirst();
  return must(row, "migration 1 made the counters row").snapshot_window;
}

async function isRecorded(db: Reader, window: number): Promise<boolean> {
  const last = await recordedWindow(db);
  return last !== null && window <= last;
}

async function positionsOf(db: Reader): Promise<ReadonlyMap<string, number>> {
  const rows = await db.selectFrom("snapshot_positions").selectAll().execute();
  return new Map(rows.map((row) => [row.type, row.revision_to]));
}

async function scheduledExports(db: Reader): Promise<readonly ScheduledExport[]> {
  const exports = (await selectExports(db).execute()).map(exportFromRow);
  const marks = await db.selectFrom("export_full_marks").selectAll().execute();
  return exports.map(({ id, definitions, tenures }) => ({
    id,
    definitions,
    tenures,
    marks: marks
      .filter((mark) => mark.export_id === id)
      .map((mark) => ({ type: mark.type as SnapshotType, windowFirst: mark.window_first })),
  }));
}

/** Pairs with what the exporter staged: a wrong cut here would be exported for good. */
function checkCut(cut: SnapshotCut, window: number, revisionTo: number, wanted: SnapshotDemand | undefined): void {
  assert(wanted !== undefined, "only what was asked for is cut");
  assert(cut.window === window && cut.revisionTo === revisionTo, "all cuts of a window are of one view");
  assert(
    cut.revisionFrom === (cut.scope === "full" ? 0 : wanted.revisionFrom),
    "a full cut starts at 0, a delta where the last cut ended (S1)",
  );
}

async function insertCut(change: Change, cut: SnapshotCut): Promise<void> {
  await change
    .insertInto("snapshot_cuts")
    .values({
      type: cut.type,
      window: cut.window,
      scope: cut.scope,
      revision_from: cut.revisionFrom,
      revision_to: cut.revisionTo,
      records: cut.records,
      bytes: cut.bytes,
    })
    .execute();
}

async function insertDebt(change: Change, { exportId, definitionVersion, cut }: OwedSnapshot): Promise<void> {
  await change
    .insertInto("snapshot_debts")
    .values({
      export_id: exportId,
      type: cut.type,
      window: cut.window,
      scope: cut.scope,
      definition_version: definitionVersion,
    })
    .execute();
}

async function setPosition(change: Change, type: SnapshotType, revisionTo: number): Promise<void> {
  await change
    .insertInto("snapshot_positions")
    .values({ type, revision_to: revisionTo })
    .onConflict((conflict) => conflict.column("type").doUpdateSet({ revision_to: revisionTo }))
    .execute();
}

async function clearMarks(change: Change, exportId: string, type: SnapshotType, window: number): Promise<void> {
  await change
    .deleteFrom("export_full_marks")
    .where("export_id", "=", exportId)
    .where("type", "=", type)
    .where("window_first", "<=", window)
    .execute();
}

function cutFromRow(row: CutRow): SnapshotCut {
  return {
    type: row.type as SnapshotType,
    window: row.window,
    scope: row.scope as SnapshotCut["scope"],
    revisionFrom: row.revision_from,
    revisionTo: row.revision_to,
    records: row.records,
    bytes: row.bytes,
  };
}
