// A cloud-to-device message as a row: whether it is free or over, and how its sender and its device see it.

import type { CloudMessageProperties } from "../cloud-message-input.ts";
import { type CloudMessage, type CloudMessageHead, cloudMessageBounds } from "../registry.ts";
import type { CloudMessageRow } from "./schema.ts";

/** What says how a message that waits stands. */
export type Waiting = Pick<CloudMessageRow, "number" | "state" | "delivery_count" | "lock_ends_ms" | "expires_ms">;

/** Nobody holds it. */
export function isFree({ lock_ends_ms }: Pick<Waiting, "lock_ends_ms">, nowMs: number): boolean {
  return lock_ends_ms === null || lock_ends_ms <= nowMs;
}

export function lockEndOf(rows: readonly Waiting[]): number | null {
  const ends = rows.flatMap(({ lock_ends_ms }) => (lock_ends_ms === null ? [] : [lock_ends_ms]));
  return ends.length === 0 ? null : Math.min(...ends);
}

/** How one that may be delivered no more ends; null: it may, or somebody holds it. */
export function overdueOf(row: Waiting, nowMs: number): "expired" | "dead-lettered" | null {
  if (!isFree(row, nowMs)) return null;
  if (row.delivery_count >= cloudMessageBounds.deliveriesMax) return "dead-lettered";
  return row.expires_ms <= nowMs ? "expired" : null;
}

export function headOf(row: CloudMessageRow): CloudMessageHead {
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
export function messageOf(row: CloudMessageRow, nowMs: number): CloudMessage {
  const isOver = row.ended_ms === null && isFree(row, nowMs);
  return {
    ...headOf(row),
    state: isOver ? (overdueOf(row, nowMs) ?? "queued") : row.state,
    bytes: row.body_bytes,
    endedAt: row.ended_ms === null ? undefined : new Date(row.ended_ms).toISOString(),
  };
}
