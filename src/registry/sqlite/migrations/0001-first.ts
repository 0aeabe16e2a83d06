// Migration 1: the registry's tables.
//
// Times are ISO text, windows are minutes since the epoch, secrets are sealed blobs (A2), flags are 0 or 1.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  // One row.
  `create table installation (
    id text primary key, hub_name text not null, secret blob not null, created_at text not null
  ) strict`,

  // One row. revision: the last one given out (S1). generation: the last generation id (D1), text because ticks do not
  // fit a double. snapshot_window: the last window whose cuts were recorded.
  `create table counters (
    id integer primary key check (id = 1), revision integer not null, generation text not null, snapshot_window integer
  ) strict`,
  `insert into counters (id, revision, generation) values (1, 0, '0')`,

  // A version of a template; drafts have no revision, so no snapshot sees them.
  `create table device_templates (
    id text not null, version text not null, version_rank integer not null, name text not null, content text not null,
    published integer not null, revision integer, etag integer not null, created_at text not null,
    primary key (id, version), check ((published = 1) = (revision is not null))
  ) strict`,
  `create unique index device_templates_by_revision on device_templates (revision)`,

  `create table devices (
    id text primary key, name text not null, simulated integer not null, template_id text not null,
    template_version text not null, enabled integer not null, generation_id text not null,
    property_values text not null, search_text text not null, access_keys blob not null, revision integer not null,
    etag integer not null, created_at text not null,
    foreign key (template_id, template_version) references device_templates (id, version)
  ) strict`,
  // What a snapshot reads: its cost follows the number of changes, not of devices.
  `create unique index devices_by_revision on devices (revision)`,
  `create index devices_by_template on devices (template_id, template_version, id)`,

  `create table hub_policies (name text primary key, access_keys blob not null, created_at text not null) strict`,

  `create table storage_accounts (
    id text primary key, name text not null unique, settings text not null, secret blob, etag integer not null,
    created_at text not null
  ) strict`,

  `create table exports (
    id text primary key, name text not null unique, let_go_after_hours real, let_go_after_bytes integer,
    etag integer not null, created_at text not null
  ) strict`,
  `create table export_definitions (
    export_id text not null references exports (id) on delete cascade, version integer not null,
    window_first integer not null, storage_account_id text not null references storage_accounts (id),
    settings text not null, primary key (export_id, version)
  ) strict, without rowid`,
  `create index export_definitions_by_storage on export_definitions (storage_account_id)`,
  `create table export_tenures (
    export_id text not null references exports (id) on delete cascade, number integer not null,
    window_first integer not null, window_last integer, primary key (export_id, number)
  ) strict, without rowid`,
  // From window_first on, the next snapshot of this type must be full.
  `create table export_full_marks (
    export_id text not null references exports (id) on delete cascade, type text not null,
    window_first integer not null, primary key (export_id, type, window_first)
  ) strict, without rowid`,
  `create table export_checkpoints (
    export_id text not null references exports (id) on delete cascade, type text not null, partition integer not null,
    window_next integer not null, primary key (export_id, type, partition)
  ) strict, without rowid`,
  `create table export_runs (
    number integer primary key autoincrement, export_id text not null references exports (id) on delete cascade,
    type text not null, partition integer not null, definition_version integer not null, window integer not null,
    part integer not null, path text not null, records integer not null, bytes integer not null, sha256 text not null,
    attempts integer not null, started_at text not null, committed_at text not null, outcome text not null
  ) strict`,
  `create index export_runs_by_export on export_runs (export_id, number)`,
  `create table export_gaps (
    number integer primary key autoincrement, export_id text not null references exports (id) on delete cascade,
    type text not null, partition integer not null, window_first integer not null, window_last integer not null,
    reason text not null, at text not null
  ) strict`,
  `create index export_gaps_by_export on export_gaps (export_id, number)`,

  // Where the next delta of a type starts.
  `create table snapshot_positions (type text primary key, revision_to integer not null) strict`,
  `create table snapshot_cuts (
    type text not null, window integer not null, scope text not null, revision_from integer not null,
    revision_to integer not null, records integer not null, bytes integer not null, primary key (window, type, scope)
  ) strict, without rowid`,
  // Which export has yet to write which cut.
  `create table snapshot_debts (
    export_id text not null references exports (id) on delete cascade, type text not null, window integer not null,
    scope text not null, definition_version integer not null, primary key (export_id, window, type),
    foreign key (window, type, scope) references snapshot_cuts (window, type, scope)
  ) strict, without rowid`,
  `create index snapshot_debts_by_cut on snapshot_debts (window, type, scope)`,
];

export const first: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
