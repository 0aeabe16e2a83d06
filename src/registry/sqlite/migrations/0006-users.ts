// Migration 6: users, their sessions, API tokens, the audit log.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  // name_key: see userNameKey. password: scrypt, see password-hash.ts.
  `create table users (
    id text primary key, name text not null, name_key text not null unique, role text not null, disabled integer not null,
    password text not null, etag integer not null, created_at text not null, last_sign_in_at text
  ) strict`,
  // hash: SHA-256 of the token, base64url. Times are real time in milliseconds.
  `create table sessions (
    id text primary key, hash text not null unique, user_id text not null references users (id) on delete cascade,
    idle_until_ms integer not null, expires_ms integer not null
  ) strict`,
  `create index sessions_by_user on sessions (user_id, idle_until_ms)`,
  `create table api_tokens (
    id text primary key, hash text not null unique, name text not null, role text not null, created_at text not null,
    created_by text not null, expires_ms integer not null, last_used_at text
  ) strict`,
  // Rows are only added, and the oldest deleted. refused: a call that changed nothing because it was refused.
  `create table audit_log (
    number integer primary key autoincrement, at text not null, actor_kind text not null, actor_id text, actor_name text,
    role text, action text not null, subject text, outcome integer not null, refused integer not null, detail text not null,
    address text not null
  ) strict`,
  `create index audit_log_by_refused on audit_log (refused, number)`,
];

export const users: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
