// Migration 10: cloud-to-device messages.
//
// `properties` is JSON of CloudMessageProperties, `bytes` counts them with the body. `lock_token` and `lock_ends_ms` are of the
// last delivery while it holds; `ended_ms` is null while a message waits, and its body is dropped when it ends. Times of the
// registry's clock. Rows go with their device (D1).

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  `create table cloud_messages (
    device_id text not null references devices (id) on delete cascade,
    number integer not null,
    message_id text not null,
    properties text not null,
    body blob not null,
    body_bytes integer not null,
    bytes integer not null,
    state text not null,
    delivery_count integer not null,
    lock_token text,
    lock_ends_ms integer,
    enqueued_ms integer not null,
    expires_ms integer not null,
    ended_ms integer,
    primary key (device_id, number),
    unique (device_id, message_id)
  ) strict`,
  "create index cloud_messages_waiting on cloud_messages (expires_ms, bytes) where ended_ms is null",
  "create index cloud_messages_ended on cloud_messages (ended_ms) where ended_ms is not null",
];

export const cloudMessages: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
