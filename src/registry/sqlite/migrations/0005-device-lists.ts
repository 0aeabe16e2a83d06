// Migration 5: the indexes that lists of devices are read from.
//
// By name means in lower case, as the search has it: what stands in `search_text` behind the id and its line feed. A search
// reads `devices_by_search` from end to end, so it holds whatever a list filters and sorts by: the rows themselves, several
// times as large, are read for the page alone (sqlite/device-pages.ts).

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  `create index devices_by_name on devices (substr(search_text, length(id) + 2), id)`,
  `create index devices_by_creation on devices (created_at, id)`,
  `create index devices_by_search on devices (
    id, search_text, template_id, template_version, simulated, enabled, created_at
  )`,
];

export const deviceLists: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
