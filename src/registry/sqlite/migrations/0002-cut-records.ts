// Migration 2: what was committed, window by window for a time and in sums for ever; gaps with what they held.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  // A committed window. parts: JSON, one [records, bytes, sha256] a file. No path: it follows from the definition.
  `create table export_cuts (
    export_id text not null references exports (id) on delete cascade, type text not null, partition integer not null,
    window integer not null, definition_version integer not null, first integer not null, next integer not null,
    parts text not null, primary key (export_id, type, partition, window)
  ) strict, without rowid`,

  // Sums of cuts and gaps that join. Columns are null as long as nothing was settled, and offsets for snapshots.
  // records_given: of snapshots, what was owed in all.
  `create table export_tallies (
    number integer primary key autoincrement, export_id text not null references exports (id) on delete cascade,
    type text not null, partition integer not null, tenure integer, span_first integer, window_first integer not null,
    settled_first integer, settled_last integer, offset_first integer, offset_next integer, windows integer not null, files integer not null,
    records_given integer, records_exported integer not null, records_discarded integer not null
  ) strict`,
  `create index export_tallies_by_stream on export_tallies (export_id, type, partition, number)`,
  // What came before is not counted: each stream's sums start at its checkpoint, with what it owes there.
  `insert into export_tallies (export_id, type, partition, window_first, windows, files, records_exported,
      records_discarded)
    select export_id, type, partition, window_next, 0, 0, 0, 0 from export_checkpoints`,
  `insert into export_tallies (export_id, type, partition, window_first, windows, files, records_given,
      records_exported, records_discarded)
    select debt.export_id, debt.type, 0, min(debt.window), 0, 0, sum(cut.records), 0, 0
    from snapshot_debts as debt
    join snapshot_cuts as cut on cut.window = debt.window and cut.type = debt.type and cut.scope = debt.scope
    group by debt.export_id, debt.type`,

  // Null in gaps of the first format: it did not count them.
  `alter table export_gaps add column offset_first integer`,
  `alter table export_gaps add column offset_next integer`,
  `alter table export_gaps add column records integer`,
];

export const cutRecords: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
