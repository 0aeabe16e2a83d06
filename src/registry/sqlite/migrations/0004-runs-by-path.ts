// Migration 4: the run of a file is found by its path.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statement = `create index export_runs_by_path on export_runs (export_id, path)`;

export const runsByPath: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(statement).execute(db);
  },
};
