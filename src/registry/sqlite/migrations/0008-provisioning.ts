// Migration 8: provisioning.
//
// Keys are sealed (A2); null: proved by a certificate. `template_version` null: the newest published one.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  `create table id_scopes (id_scope text primary key) strict, without rowid`,
  `create table enrollment_groups (
    id text primary key, name text not null unique, attestation text not null, access_keys blob, ca_certificate_id text,
    template_id text, template_version text, auto_approve integer not null, enabled integer not null, etag integer not null,
    created_at text not null
  ) strict`,
  `create table enrollments (
    registration_id text primary key, device_id text not null, attestation text not null, access_keys blob, thumbprints text,
    template_id text, template_version text, auto_approve integer not null, enabled integer not null, etag integer not null,
    created_at text not null
  ) strict`,
  // enrollment_group_id null: an individual enrollment. keys_digest: of the keys that provisioning gave the device.
  `create table registrations (
    registration_id text primary key, status text not null, waits_for text,
    enrollment_group_id text references enrollment_groups (id) on delete cascade,
    device_id text references devices (id) on delete set null, keys_digest text, model_id text, created_at text not null,
    updated_at text not null
  ) strict`,
  `create index registrations_by_status on registrations (status, registration_id)`,
  `create index registrations_by_group on registrations (enrollment_group_id, registration_id)`,
  // A device says of which model it is.
  `create index device_templates_by_model on device_templates (json_extract(content, '$.modelId'))`,
  `create index registrations_by_device on registrations (device_id)`,
];

export const provisioning: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
