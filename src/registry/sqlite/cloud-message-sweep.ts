// The sweep of cloud-to-device messages: those that are over by their time end, those that ended long ago are forgotten.
//
// SQLite answers within the turn, so each change is of so few rows that it takes some milliseconds; the event loop turns between two.

import { sql } from "kysely";
import type { Clock } from "../../lib/clock.ts";
import { type CloudMessageEnd, type CloudMessageOwner, cloudMessageBounds } from "../registry.ts";
import { type Ended, addEnded, tellChanged } from "./cloud-message-queue.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";

/** In one change. */
const sweptRows = 200;

/** Until nothing is left to do. */
export async function sweepCloudMessages(database: Database, clock: Clock): Promise<void> {
  for (let rows = sweptRows; rows === sweptRows;) {
    const nowMs = clock.nowMs();
    if (!(await isAny(database.reader, overdue(nowMs)))) break;
    rows = await database.change((change, tell) => endSome(change, tell, nowMs));
  }
  const endedBeforeMs = clock.nowMs() - cloudMessageBounds.endedKeptMs;
  for (let rows = sweptRows; rows === sweptRows;) {
    if (!(await isAny(database.reader, forgettable(endedBeforeMs)))) break;
    rows = await database.change((change) => forgetSome(change, endedBeforeMs));
  }
}

/** Nobody holds them, and they expired. Those that were delivered too often end when they are looked at, or expire. */
const overdue = (nowMs: number) =>
  sql`ended_ms is null and expires_ms <= ${nowMs} and (lock_ends_ms is null or lock_ends_ms <= ${nowMs})`;
const forgettable = (endedBeforeMs: number) => sql`ended_ms <= ${endedBeforeMs}`;
type Condition = ReturnType<typeof overdue>;

async function isAny(db: Reader, condition: Condition): Promise<boolean> {
  const { rows } = await sql`select 1 from cloud_messages where ${condition} limit 1`.execute(db);
  return rows.length > 0;
}

const some = (condition: Condition) =>
  sql`rowid in (select rowid from cloud_messages where ${condition} limit ${sweptRows})`;

interface EndedRow {
  readonly device_id: string;
  readonly generation_id: string;
  readonly state: CloudMessageEnd;
}

async function endSome(change: Change, tell: Tell, nowMs: number): Promise<number> {
  const { rows } = await sql<EndedRow>`update cloud_messages
    set state = iif(delivery_count >= ${cloudMessageBounds.deliveriesMax}, 'dead-lettered', 'expired'),
      ended_ms = ${nowMs}, lock_token = null, lock_ends_ms = null, body = x''
    where ${some(overdue(nowMs))}
    returning device_id, state, (select generation_id from devices where id = device_id) as generation_id`.execute(
    change,
  );
  const changed = new Map<string, { readonly owner: CloudMessageOwner; readonly ended: Ended }>();
  for (const { device_id: deviceId, generation_id: generationId, state } of rows) {
    const one = changed.get(deviceId) ?? { owner: { deviceId, generationId }, ended: {} };
    addEnded(one.ended, { [state]: 1 });
    changed.set(deviceId, one);
  }
  for (const { owner, ended } of changed.values())
    tellChanged(tell, owner, { isDeliverable: false, enqueued: 0, ended });
  return rows.length;
}

async function forgetSome(change: Change, endedBeforeMs: number): Promise<number> {
  const { numAffectedRows = 0n } =
    await sql`delete from cloud_messages where ${some(forgettable(endedBeforeMs))}`.execute(change);
  return Number(numAffectedRows);
}
