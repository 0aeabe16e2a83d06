// Migration 7: device twins.
//
// Both sections as JSON of TwinSection. A device has no row until something of its twin is changed: until then its desired
// section is its settings, version 1, and its reported section is empty. Goes with its device (D1).

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statement = `create table device_twins (
  device_id text primary key references devices (id) on delete cascade,
  desired text not null,
  reported text not null
) strict, without rowid`;

export const deviceTwins: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(statement).execute(db);
  },
};
