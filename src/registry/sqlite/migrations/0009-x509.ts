// Migration 9: X.509 devices.
//
// `authentication` is one of `authenticationTypes`; thumbprints are upper case hex, of SHA-1 or SHA-256, and stand only with
// `x509-thumbprint`. A CA certificate is DER; it opens for nobody while `verified_at` is null.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  "alter table devices add column authentication text not null default 'sas'",
  "alter table devices add column thumbprint_primary text",
  "alter table devices add column thumbprint_secondary text",
  `create table ca_certificates (
    id text primary key,
    name text not null unique,
    certificate blob not null,
    thumbprint text not null unique,
    verified_at text,
    code text,
    code_expires_ms integer,
    created_at text not null
  ) strict, without rowid`,
];

export const x509: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
