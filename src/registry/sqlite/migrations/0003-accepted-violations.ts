// Migration 3: what an administrator accepted of the audit's violations.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  // Rows are only added. Offsets are null where the violation names none.
  `create table export_accepted_violations (
    number integer primary key autoincrement, export_id text not null references exports (id) on delete cascade,
    kind text not null, type text not null, partition integer not null, window_first integer not null,
    window_last integer not null, offset_first integer, offset_next integer, records integer not null,
    reason text not null, at text not null
  ) strict`,
  `create index export_accepted_violations_by_export on export_accepted_violations (export_id, number)`,
];

export const acceptedViolations: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
