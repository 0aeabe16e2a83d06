// Migration 11: MQTT sessions that devices keep between connections.
//
// `generation_id` is that of the device or, with a module id, of the module: a session of another generation is none (D1).
// `subscriptions` is JSON of topic filter and granted QoS. `told` is the content of the desired section, in version
// `told_version`, that the device is known to have; both null while it does not follow desired. Goes with its device.

import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const statements = [
  `create table mqtt_sessions (
    device_id text not null references devices (id) on delete cascade,
    module_id text not null default '',
    generation_id text not null,
    subscriptions text not null,
    told_version integer,
    told text,
    used_ms integer not null,
    primary key (device_id, module_id)
  ) strict, without rowid`,
  `create index mqtt_sessions_by_use on mqtt_sessions (used_ms)`,
];

export const mqttSessions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
