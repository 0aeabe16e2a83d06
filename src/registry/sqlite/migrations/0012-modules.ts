// Migration 12: modules of devices.
//
// `desired` and `reported` are JSON of TwinSection, null until something of them is changed. A module goes with its device (D1).

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statement = `create table modules (
  device_id text not null references devices (id) on delete cascade,
  id text not null,
  generation_id text not null,
  access_keys blob not null,
  desired text,
  reported text,
  created_at text not null,
  primary key (device_id, id)
) strict, without rowid`;

export const modules: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(statement).execute(db);
  },
};
