// Cloud-to-device messages in SQLite: a queue for each device, in the order of `number`.
//
//   D1  A queue goes with its device's row; who takes from it must be the generation that the row has.
//   D2  A message, and each step of it, is durable before it is told.

import type { Clock } from "../../lib/clock.ts";
import { checkedCloudMessage } from "../cloud-message-input.ts";
import { registryError } from "../errors.ts";
import {
  type CloudDelivery,
  type CloudMessageCalls,
  type CloudMessageTotals,
  cloudMessageBounds,
} from "../registry.ts";
import {
  type Ended,
  addEnded,
  endMessage,
  endOverdue,
  forgetOldest,
  giveBack,
  isThere,
  lastNumber,
  lockMessage,
  tellChanged,
  waitingOf,
} from "./cloud-message-queue.ts";
import { type Waiting, isFree, lockEndOf, messageOf } from "./cloud-message-row.ts";
import { sweepCloudMessages } from "./cloud-message-sweep.ts";
import type { Change, Database, Reader } from "./database.ts";
import { requireDevice } from "./device-row.ts";
import type { CloudMessageRow } from "./schema.ts";

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
        tellChanged(tell, { deviceId, generationId: generation_id }, { isDeliverable: true, enqueued: 1, ended });
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
            deliveries.push(await lockMessage(change, owner.deviceId, row.number, nowMs));
          }
        }
        tellChanged(tell, owner, { isDeliverable: false, enqueued: 0, ended });
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
            : await endMessage(change, owner.deviceId, row.number, outcome, clock.nowMs());
        tellChanged(tell, owner, { isDeliverable: outcome === "abandoned", enqueued: 0, ended });
      });
    },

    async releaseCloudMessages(owner) {
      const isHeld = (row: Waiting): boolean => row.state === "delivering";
      if (!(await waitingOf(database.reader, owner.deviceId)).some(isHeld)) return;
      await database.change(async (change, tell) => {
        if (!(await isThere(change, owner))) return;
        const ended: Ended = {};
        for (const row of (await waitingOf(change, owner.deviceId)).filter(isHeld)) {
          addEnded(ended, await giveBack(change, owner.deviceId, row, clock.nowMs()));
        }
        tellChanged(tell, owner, { isDeliverable: true, enqueued: 0, ended });
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
        for (const { number } of rows)
          addEnded(ended, await endMessage(change, deviceId, number, "purged", clock.nowMs()));
        tellChanged(tell, { deviceId, generationId: generation_id }, { isDeliverable: false, enqueued: 0, ended });
        return rows.length;
      });
    },

    async sweepCloudMessages() {
      await sweepCloudMessages(database, clock);
    },

    async cloudMessageTotals() {
      return await totalsOf(database.reader);
    },
  };
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
  if (waiting >= cloudMessageBounds.perDeviceMax) {
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

/** Kept by the database itself (migration 13): counted, they would be read through with each message that is sent. */
async function totalsOf(db: Reader): Promise<CloudMessageTotals> {
  return await db.selectFrom("cloud_message_totals").select(["messages", "bytes"]).executeTakeFirstOrThrow();
}
