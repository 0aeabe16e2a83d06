// One device's queue of cloud-to-device messages, in a change: locked, given back, ended.

import { randomUUID } from "node:crypto";
import { must } from "../../lib/assert.ts";
import {
  type CloudDelivery,
  type CloudMessageChange,
  type CloudMessageEnd,
  type CloudMessageOwner,
  cloudMessageBounds,
  cloudMessageEnds,
} from "../registry.ts";
import { type Waiting, headOf, overdueOf } from "./cloud-message-row.ts";
import type { Change, Reader, Tell } from "./database.ts";

const { perDeviceMax, deliveriesMax, lockMs, endedKeptMax } = cloudMessageBounds;

/** How many came to which end. */
export type Ended = Partial<Record<CloudMessageEnd, number>>;

export async function waitingOf(db: Reader, deviceId: string): Promise<readonly Waiting[]> {
  return await db
    .selectFrom("cloud_messages")
    .select(["number", "state", "delivery_count", "lock_ends_ms", "expires_ms"])
    .where("device_id", "=", deviceId)
    .where("ended_ms", "is", null)
    .orderBy("number")
    .execute();
}

/** D1: whether the device is still that generation. */
export async function isThere(db: Reader, { deviceId, generationId }: CloudMessageOwner): Promise<boolean> {
  const row = await db
    .selectFrom("devices")
    .select("id")
    .where("id", "=", deviceId)
    .where("generation_id", "=", generationId)
    .executeTakeFirst();
  return row !== undefined;
}

export async function lastNumber(db: Reader, deviceId: string): Promise<number> {
  const row = await db
    .selectFrom("cloud_messages")
    .select("number")
    .where("device_id", "=", deviceId)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.number ?? 0;
}

export async function lockMessage(
  change: Change,
  deviceId: string,
  number: number,
  nowMs: number,
): Promise<CloudDelivery> {
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
export async function giveBack(
  change: Change,
  deviceId: string,
  { number, delivery_count }: Pick<Waiting, "number" | "delivery_count">,
  nowMs: number,
): Promise<Ended> {
  if (delivery_count >= deliveriesMax) return await endMessage(change, deviceId, number, "dead-lettered", nowMs);
  await change
    .updateTable("cloud_messages")
    .set({ state: "queued", lock_token: null, lock_ends_ms: null })
    .where("device_id", "=", deviceId)
    .where("number", "=", number)
    .execute();
  return {};
}

export async function endMessage(
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

/** Ends what nobody holds and may be delivered no more. @returns what is left. */
export async function endOverdue(
  change: Change,
  deviceId: string,
  nowMs: number,
): Promise<{ readonly waiting: readonly Waiting[]; readonly ended: Ended }> {
  const ended: Ended = {};
  const waiting: Waiting[] = [];
  for (const row of await waitingOf(change, deviceId)) {
    const why = overdueOf(row, nowMs);
    if (why === null) waiting.push(row);
    else addEnded(ended, await endMessage(change, deviceId, row.number, why, nowMs));
  }
  return { waiting, ended };
}

/** What is known of ended messages has its number for each device, too. */
export async function forgetOldest(change: Change, deviceId: string): Promise<void> {
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

export function addEnded(sum: Ended, more: Ended): void {
  for (const state of cloudMessageEnds) {
    if (more[state] !== undefined) sum[state] = (sum[state] ?? 0) + more[state];
  }
}

/** Tells of it. */
export function tellChanged(
  tell: Tell,
  { deviceId, generationId }: CloudMessageOwner,
  what: Pick<CloudMessageChange, "isDeliverable" | "enqueued" | "ended">,
): void {
  tell({ kind: "cloud-messages-changed", deviceId, generationId, ...what });
}
