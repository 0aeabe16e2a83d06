// Cloud-to-device messages in SQLite: a queue for each device, in the order of `number`.
//
//   D1  A queue goes with its device's row; who takes from it must be the generation that the row has.
//   D2  A message, and each step of it, is durable before it is told.

import { randomUUID } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { type CloudMessageProperties, checkedCloudMessage } from "../cloud-message-input.ts";
import { registryError } from "../errors.ts";
import {
  type CloudDelivery,
  type CloudMessage,
  type CloudMessageCalls,
  type CloudMessageChange,
  type CloudMessageEnd,
  type CloudMessageHead,
  type CloudMessageOwner,
  type CloudMessageTotals,
  cloudMessageBounds,
  cloudMessageEnds,
} from "../registry.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { requireDevice } from "./device-row.ts";
import type { CloudMessageRow } from "./schema.ts";

const { perDeviceMax, deliveriesMax, lockMs, endedKeptMs, endedKeptMax } = cloudMessageBounds;
/** In one transaction of a sweep. */
const sweptDevices = 100;
const sweptRows = 500;

type Waiting = Pick<CloudMessageRow, "number" | "state" | "delivery_count" | "lock_ends_ms" | "expires_ms">;
type Ended = Partial<Record<CloudMessageEnd, number>>;

export function cloudMessagesIn(database: Database, clock: Clock): CloudMessageCalls {
  return {
    async sendCloudMessage(deviceId, message, bytesMax) {
      const { messageId, properties, ttlMs, bytes } = checkedCloudMessage(message);
      return await database.change(async (change, tell) => {
        const { generation_id } = await requireDevice(change, deviceId);
        const nowMs = clock.nowMs();
        const { waiting, ended } = await endOverdue(change, deviceId, nowMs);
        await forgetOldest(change, deviceId);
        await refuseTwice(change, deviceId, messageId);
        refuseFull(waiting.length, deviceId, bytes + (await totalsOf(change)).bytes, bytesMax);
        const row: CloudMessageRow = {
          device_id: deviceId,
          number: (await lastNumber(change, deviceId)) + 1,
          message_id: messageId,
          properties: JSON.stringify(properties),
          body: Buffer.from(message.body),
          body_bytes: message.body.length,
          bytes,
          state: "queued",
          delivery_count: 0,
          lock_token: null,
          lock_ends_ms: null,
          enqueued_ms: nowMs,
          expires_ms: nowMs + ttlMs,
          ended_ms: null,
        };
        await change.insertInto("cloud_messages").values(row).execute();
        changed(tell, { deviceId, generationId: generation_id }, { isDeliverable: true, enqueued: 1, ended });
        return messageOf(row, nowMs);
      });
    },

    async cloudMessages(deviceId) {
      await requireDevice(database.reader, deviceId);
      const rows = await database.reader
        .selectFrom("cloud_messages")
        .selectAll()
        .where("device_id", "=", deviceId)
        .orderBy("number")
        .execute();
      const nowMs = clock.nowMs();
      const ended = rows.filter(({ ended_ms }) => ended_ms !== null);
      ended.sort((a, b) => Number(b.ended_ms) - Number(a.ended_ms) || b.number - a.number);
      return [...rows.filter(({ ended_ms }) => ended_ms === null), ...ended].map((row) => messageOf(row, nowMs));
    },

    async takeCloudMessages(owner, countMax) {
      const seen = await waitingOf(database.reader, owner.deviceId);
      // Nothing to write where nothing can be given, as at most polls and sign-ins.
      if (!seen.some((row) => isFree(row, clock.nowMs()))) return { deliveries: [], lockEndsMs: lockEndOf(seen) };
      return await database.change(async (change, tell) => {
        if (!(await isThere(change, owner))) return { deliveries: [], lockEndsMs: null };
        const nowMs = clock.nowMs();
        const { waiting, ended } = await endOverdue(change, owner.deviceId, nowMs);
        const deliveries: CloudDelivery[] = [];
        for (const row of waiting) {
          if (deliveries.length < countMax && isFree(row, nowMs)) {
            deliveries.push(await lock(change, owner.deviceId, row.number, nowMs));
          }
        }
        changed(tell, owner, { isDeliverable: false, enqueued: 0, ended });
        return { deliveries, lockEndsMs: lockEndOf(await waitingOf(change, owner.deviceId)) };
      });
    },

    async settleCloudMessage(owner, lockToken, outcome) {
      await database.change(async (change, tell) => {
        const row = await change
          .selectFrom("cloud_messages")
          .select(["number", "delivery_count"])
          .where("device_id", "=", owner.deviceId)
          .where("lock_token", "=", lockToken)
          .executeTakeFirst();
        if (row === undefined || !(await isThere(change, owner))) {
          throw registryError("lock-lost", `The device ${owner.deviceId} does not hold this message any more.`);
        }
        const ended: Ended =
          outcome === "abandoned"
            ? await giveBack(change, owner.deviceId, row, clock.nowMs())
            : await end(change, owner.deviceId, row.number, outcome, clock.nowMs());
        changed(tell, owner, { isDeliverable: outcome === "abandoned", enqueued: 0, ended });
      });
    },

    async releaseCloudMessages(owner) {
      const isHeld = (row: Waiting): boolean => row.state === "delivering";
      if (!(await waitingOf(database.reader, owner.deviceId)).some(isHeld)) return;
      await database.change(async (change, tell) => {
        if (!(await isThere(change, owner))) return;
        const ended: Ended = {};
        for (const row of (await waitingOf(change, owner.deviceId)).filter(isHeld)) {
          add(ended, await giveBack(change, owner.deviceId, row, clock.nowMs()));
        }
        changed(tell, owner, { isDeliverable: true, enqueued: 0, ended });
      });
    },

    async purgeCloudMessages(deviceId, messageId) {
      return await database.change(async (change, tell) => {
        const { generation_id } = await requireDevice(change, deviceId);
        let query = change
          .selectFrom("cloud_messages")
          .select("number")
          .where("device_id", "=", deviceId)
          .where("ended_ms", "is", null)
          .orderBy("number");
        if (messageId !== undefined) query = query.where("message_id", "=", messageId);
        const rows = await query.execute();
        if (messageId !== undefined && rows.length === 0) {
          const message = `No message ${JSON.stringify(messageId)} waits for the device ${deviceId}.`;
          throw registryError("cloud-message-not-found", message);
        }
        const ended: Ended = {};
        for (const { number } of rows) add(ended, await end(change, deviceId, number, "purged", clock.nowMs()));
        changed(tell, { deviceId, generationId: generation_id }, { isDeliverable: false, enqueued: 0, ended });
        return rows.length;
      });
    },

    async sweepCloudMessages() {
      for (let devices = sweptDevices; devices === sweptDevices;) {
        const nowMs = clock.nowMs();
        const overdue = await overdueDevices(database.reader, nowMs);
        devices = overdue.length;
        if (devices > 0) await database.change((change, tell) => endOfEach(change, tell, overdue, nowMs));
      }
      const endedBeforeMs = clock.nowMs() - endedKeptMs;
      if (!(await isForgettable(database.reader, endedBeforeMs))) return;
      for (let rows = sweptRows; rows === sweptRows;) {
        rows = await database.change((change) => forget(change, endedBeforeMs));
      }
    },

    async cloudMessageTotals() {
      return await totalsOf(database.reader);
    },
  };
}

async function waitingOf(db: Reader, deviceId: string): Promise<readonly Waiting[]> {
  return await db
    .selectFrom("cloud_messages")
    .select(["number", "state", "delivery_count", "lock_ends_ms", "expires_ms"])
    .where("device_id", "=", deviceId)
    .where("ended_ms", "is", null)
    .orderBy("number")
    .execute();
}

/** Nobody holds it. */
function isFree({ lock_ends_ms }: Pick<Waiting, "lock_ends_ms">, nowMs: number): boolean {
  return lock_ends_ms === null || lock_ends_ms <= nowMs;
}

function lockEndOf(rows: readonly Waiting[]): number | null {
  const ends = rows.flatMap(({ lock_ends_ms }) => (lock_ends_ms === null ? [] : [lock_ends_ms]));
  return ends.length === 0 ? null : Math.min(...ends);
}

/** Ends what nobody holds and may be delivered no more. @returns what is left. */
async function endOverdue(
  change: Change,
  deviceId: string,
  nowMs: number,
): Promise<{ readonly waiting: readonly Waiting[]; readonly ended: Ended }> {
  const ended: Ended = {};
  const waiting: Waiting[] = [];
  for (const row of await waitingOf(change, deviceId)) {
    const why = overdueOf(row, nowMs);
    if (why === null) waiting.push(row);
    else add(ended, await end(change, deviceId, row.number, why, nowMs));
  }
  return { waiting, ended };
}

function overdueOf(row: Waiting, nowMs: number): "expired" | "dead-lettered" | null {
  if (!isFree(row, nowMs)) return null;
  if (row.delivery_count >= deliveriesMax) return "dead-lettered";
  return row.expires_ms <= nowMs ? "expired" : null;
}

async function isThere(db: Reader, { deviceId, generationId }: CloudMessageOwner): Promise<boolean> {
  const row = await db
    .selectFrom("devices")
    .select("id")
    .where("id", "=", deviceId)
    .where("generation_id", "=", generationId)
    .executeTakeFirst();
  return row !== undefined;
}

async function lastNumber(db: Reader, deviceId: string): Promise<number> {
  const row = await db
    .selectFrom("cloud_messages")
    .select("number")
    .where("device_id", "=", deviceId)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.number ?? 0;
}

async function lock(change: Change, deviceId: string, number: number, nowMs: number): Promise<CloudDelivery> {
  const row = await change
    .updateTable("cloud_messages")
    .set({ state: "delivering", lock_token: randomUUID(), lock_ends_ms: nowMs + lockMs })
    .set((where) => ({ delivery_count: where("delivery_count", "+", 1) }))
    .where("device_id", "=", deviceId)
    .where("number", "=", number)
    .returningAll()
    .executeTakeFirstOrThrow();
  return {
    ...headOf(row),
    number: row.number,
    body: Buffer.from(row.body),
    lockToken: must(row.lock_token, "it was just locked"),
  };
}

/** One that was delivered often enough ends instead. */
async function giveBack(
  change: Change,
  deviceId: string,
  { number, delivery_count }: Pick<Waiting, "number" | "delivery_count">,
  nowMs: number,
): Promise<Ended> {
  if (delivery_count >= deliveriesMax) return await end(change, deviceId, number, "dead-lettered", nowMs);
  await change
    .updateTable("cloud_messages")
    .set({ state: "queued", lock_token: null, lock_ends_ms: null })
    .where("device_id", "=", deviceId)
    .where("number", "=", number)
    .execute();
  return {};
}

async function end(
  change: Change,
  deviceId: string,
  number: number,
  state: CloudMessageEnd,
  nowMs: number,
): Promise<Ended> {
  await change
    .updateTable("cloud_messages")
    .set({ state, ended_ms: nowMs, lock_token: null, lock_ends_ms: null, body: Buffer.alloc(0) })
    .where("device_id", "=", deviceId)
    .where("number", "=", number)
    .execute();
  return { [state]: 1 };
}

function add(sum: Ended, more: Ended): void {
  for (const state of cloudMessageEnds) {
    if (more[state] !== undefined) sum[state] = (sum[state] ?? 0) + more[state];
  }
}

function changed(
  tell: Tell,
  { deviceId, generationId }: CloudMessageOwner,
  what: Pick<CloudMessageChange, "isDeliverable" | "enqueued" | "ended">,
): void {
  tell({ kind: "cloud-messages-changed", deviceId, generationId, ...what });
}

async function refuseTwice(change: Change, deviceId: string, messageId: string): Promise<void> {
  const row = await change
    .selectFrom("cloud_messages")
    .select("state")
    .where("device_id", "=", deviceId)
    .where("message_id", "=", messageId)
    .executeTakeFirst();
  if (row === undefined) return;
  const message = `The device ${deviceId} has a message ${JSON.stringify(messageId)} already (${row.state}).`;
  throw registryError("cloud-message-exists", message, { field: "messageId" });
}

function refuseFull(waiting: number, deviceId: string, bytes: number, bytesMax: number): void {
  if (waiting >= perDeviceMax) {
    throw registryError("cloud-messages-full", `${waiting} messages wait for the device ${deviceId} already.`);
  }
  if (bytes <= bytesMax) return;
  throw registryError(
    "cloud-messages-full",
    `Messages that wait for devices would be ${bytes} bytes; at most ${bytesMax}.`,
    {
      hint: "Try again when devices took some, purge those that nobody needs, or raise --cloud-message-bytes-max.",
    },
  );
}

async function totalsOf(db: Reader): Promise<CloudMessageTotals> {
  const row = await db
    .selectFrom("cloud_messages")
    .select((select) => [
      select.fn.countAll<number>().as("messages"),
      select.fn.sum<number | null>("bytes").as("bytes"),
    ])
    .where("ended_ms", "is", null)
    .executeTakeFirstOrThrow();
  return { messages: row.messages, bytes: row.bytes ?? 0 };
}

async function overdueDevices(db: Reader, nowMs: number): Promise<readonly CloudMessageOwner[]> {
  const rows = await db
    .selectFrom("cloud_messages")
    .innerJoin("devices", "devices.id", "cloud_messages.device_id")
    .select(["devices.id", "devices.generation_id"])
    .distinct()
    .where("ended_ms", "is", null)
    .where("expires_ms", "<=", nowMs)
    .where((where) => where.or([where("lock_ends_ms", "is", null), where("lock_ends_ms", "<=", nowMs)]))
    .limit(sweptDevices)
    .execute();
  return rows.map(({ id, generation_id }) => ({ deviceId: id, generationId: generation_id }));
}

async function endOfEach(
  change: Change,
  tell: Tell,
  owners: readonly CloudMessageOwner[],
  nowMs: number,
): Promise<void> {
  for (const owner of owners) {
    const { ended } = await endOverdue(change, owner.deviceId, nowMs);
    if (Object.keys(ended).length > 0) changed(tell, owner, { isDeliverable: false, enqueued: 0, ended });
  }
}

async function isForgettable(db: Reader, endedBeforeMs: number): Promise<boolean> {
  const row = await db
    .selectFrom("cloud_messages")
    .select("number")
    .where("ended_ms", "<=", endedBeforeMs)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** What is known of ended messages has its time, and its number for each device. */
async function forget(change: Change, endedBeforeMs: number): Promise<number> {
  const { numDeletedRows } = await change
    .deleteFrom("cloud_messages")
    .where("rowid" as never, "in", (where) =>
      where
        .selectFrom("cloud_messages")
        .select("rowid" as never)
        .where("ended_ms", "<=", endedBeforeMs)
        .limit(sweptRows),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
}

async function forgetOldest(change: Change, deviceId: string): Promise<void> {
  const rows = await change
    .selectFrom("cloud_messages")
    .select("number")
    .where("device_id", "=", deviceId)
    .where("ended_ms", "is not", null)
    .orderBy("ended_ms", "desc")
    .orderBy("number", "desc")
    .offset(endedKeptMax)
    .limit(perDeviceMax + endedKeptMax)
    .execute();
  for (const { number } of rows) {
    await change.deleteFrom("cloud_messages").where("device_id", "=", deviceId).where("number", "=", number).execute();
  }
}

function headOf(row: CloudMessageRow): CloudMessageHead {
  const { application, ...system } = JSON.parse(row.properties) as CloudMessageProperties;
  return {
    messageId: row.message_id,
    ...system,
    properties: application,
    enqueuedAt: new Date(row.enqueued_ms).toISOString(),
    expiresAt: new Date(row.expires_ms).toISOString(),
    deliveryCount: row.delivery_count,
  };
}

/** A row is brought up to date when something is done with it; what is shown is how it is. */
function messageOf(row: CloudMessageRow, nowMs: number): CloudMessage {
  const isOver = row.ended_ms === null && isFree(row, nowMs);
  return {
    ...headOf(row),
    state: isOver ? (overdueOf(row, nowMs) ?? "queued") : row.state,
    bytes: row.body_bytes,
    endedAt: row.ended_ms === null ? undefined : new Date(row.ended_ms).toISOString(),
  };
}
