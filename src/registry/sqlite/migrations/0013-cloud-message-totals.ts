// Migration 13: how many cloud-to-device messages wait, and their bytes.
//
// One row, kept by triggers, whatever ends a message or takes it away: a message that is sent is refused by them, and to count
// those that wait takes longer the more there are.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const less = "update cloud_message_totals set messages = messages - 1, bytes = bytes - old.bytes";
const statements = [
  "create table cloud_message_totals (messages integer not null, bytes integer not null) strict",
  `insert into cloud_message_totals select count(*), coalesce(sum(bytes), 0) from cloud_messages where ended_ms is null`,
  `create trigger cloud_messages_added after insert on cloud_messages when new.ended_ms is null begin
    update cloud_message_totals set messages = messages + 1, bytes = bytes + new.bytes;
  end`,
  `create trigger cloud_messages_over after update of ended_ms on cloud_messages
    when old.ended_ms is null and new.ended_ms is not null begin ${less}; end`,
  `create trigger cloud_messages_gone after delete on cloud_messages when old.ended_ms is null begin ${less}; end`,
];

export const cloudMessageTotals: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
