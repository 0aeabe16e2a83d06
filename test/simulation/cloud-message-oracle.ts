// What becomes of messages for devices. The queues are read from the registry's tables after each change, by a statement of its
// own; senders and devices tell what they were told.
//
//   - what a sender was answered for is in its queue until it ended, and then until it may be forgotten (D2);
//   - a device hears a message as often as the queue says at most, and its count never falls: so one that ended, or was never
//     counted, is not delivered again over whatever crash;
//   - it ends once, and for a reason that somebody gave;
//   - what was sent to one generation of a device reaches no other (D1), in the order in which it was sent.

import type { RegistryTruth } from "./registry-truth.ts";
import type { World } from "./world.ts";

/** From docs/formats.md. */
const perDeviceMax = 50;
const deliveriesMax = 10;
const endedKeptMax = 50;

interface Row {
  readonly number: number;
  readonly state: string;
  readonly deliveries: number;
  readonly enqueuedMs: number;
  readonly expiresMs: number;
  readonly endedMs: number | null;
}

export interface SentMessage {
  readonly id: string;
  readonly deviceId: string;
  readonly ttlMs: number;
  readonly isPoison: boolean;
  /** Of all that were sent. */
  readonly order: number;
  /** Of the device when it was sent. */
  readonly generationBefore: string | undefined;
  /** In whose queue it was found. */
  generation: string | null;
  /** As it was last found. */
  row: Row | null;
  /** It may be forgotten, or went with its device. */
  isGone: boolean;
  isPurged: boolean;
  heard: number;
  /** Words of the device about it that came whole to the hub. */
  readonly said: Set<"completed" | "rejected">;
}

export class CloudMessageOracle {
  readonly #world: World;
  readonly #registry: RegistryTruth;
  readonly #sent = new Map<string, SentMessage>();
  #version: number | null = -1;
  readonly #unasked = new Set<string>();
  /** The last one that a device heard for the first time over MQTT, by generation. */
  readonly #newest = new Map<string, number>();

  constructor(world: World, registry: RegistryTruth) {
    this.#world = world;
    this.#registry = registry;
  }

  // ---- its sender ----

  /** @param isPoison  devices break down over it. */
  sending(id: string, deviceId: string, ttlMs: number, isPoison: boolean): SentMessage {
    this.look();
    const sent: SentMessage = {
      id,
      deviceId,
      ttlMs,
      isPoison,
      order: this.#sent.size,
      generationBefore: this.#registry.generations.get(deviceId),
      generation: null,
      row: null,
      isGone: false,
      isPurged: false,
      heard: 0,
      said: new Set(),
    };
    this.#sent.set(id, sent);
    return sent;
  }

  /** Its sender was told that it is taken (D2). */
  accepted(sent: SentMessage): void {
    this.#world.count("cloud message taken");
    this.#look();
    if (sent.generation !== null || this.#registry.generations.get(sent.deviceId) !== sent.generationBefore) return;
    this.#world.violate("D2", `${sent.id} for ${sent.deviceId} was taken, and is in no queue`);
  }

  refused(sent: SentMessage, code: string): void {
    this.look();
    const isThere = this.#registry.generations.get(sent.deviceId) === sent.generationBefore;
    if (code === "device-not-found" && isThere && sent.generationBefore !== undefined) {
      this.#world.violate("D2", `${sent.id}: ${sent.deviceId} is there, and was not found`);
    }
    if (code !== "cloud-messages-full") return;
    this.#world.count("queue full");
    const waiting = this.waiting(sent.deviceId);
    if (waiting >= perDeviceMax) return;
    this.#world.violate("M1", `${sent.id}: the queue of ${sent.deviceId} is full with ${waiting}`);
  }

  /** Whatever waits for a device is about to be purged. */
  purging(deviceId: string): void {
    this.look();
    for (const sent of this.#sent.values()) if (sent.deviceId === deviceId) sent.isPurged = true;
  }

  // ---- the device ----

  /**
   * It reached its device.
   *
   * @param generation  that its connection is of; undefined when it cannot be known.
   * @param isFirst     the hub says that it was never delivered before.
   */
  heard(id: string, deviceId: string, generation: string | undefined, isFirst: boolean): void {
    this.look();
    const sent = this.#sent.get(id);
    if (sent?.deviceId !== deviceId)
      return this.#world.violate("D1", `${deviceId} got ${id}, which was not sent to it`);
    this.#world.count("cloud message delivered");
    if (sent.generation === null) return this.#world.violate("D2", `${deviceId} got ${id}, which is in no queue`);
    if (generation !== undefined && sent.generation !== generation) {
      this.#world.violate("D1", `${deviceId} of generation ${generation} got ${id}, sent to ${sent.generation}`);
    }
    sent.heard++;
    this.#checkHeard(sent);
    if (!isFirst || generation === undefined) return;
    if (sent.order <= (this.#newest.get(generation) ?? -1)) {
      this.#world.violate("D2", `${deviceId} got ${id} behind one that was sent later`);
    }
    this.#newest.set(generation, sent.order);
  }

  /** The device's word about it came whole to the hub. */
  settling(id: string, outcome: "completed" | "rejected"): void {
    this.#sent.get(id)?.said.add(outcome);
  }

  /** The device subscribed with QoS 0: what is written to it is done with. */
  takesUnasked(deviceId: string): void {
    this.#unasked.add(deviceId);
  }

  /** The hub says that it took that word (D2). */
  settled(id: string, outcome: "completed" | "rejected"): void {
    this.look();
    const sent = this.#sent.get(id);
    if (sent === undefined || sent.isGone || sent.row?.state === outcome) return;
    this.#world.violate("D2", `${id} is said to be ${outcome}, and is ${sent.row?.state}`);
  }

  // ---- what is in the queues ----

  waiting(deviceId: string): number {
    return this.#present(deviceId).filter(({ row }) => row?.endedMs === null).length;
  }

  #present(deviceId: string): readonly SentMessage[] {
    return [...this.#sent.values()].filter((sent) => sent.deviceId === deviceId && !sent.isGone);
  }

  /** After every change. */
  look(): void {
    if (this.#sent.size > 0) this.#look();
  }

  #look(): void {
    this.#registry.lookAtThings();
    const version = this.#registry.version();
    if (version === null || version === this.#version) return;
    this.#version = version;
    const rows = this.#registry.find(
      `select device_id, number, message_id, state, delivery_count, enqueued_ms, expires_ms, ended_ms
       from cloud_messages order by device_id, number`,
    );
    const found = new Map<SentMessage, Row>();
    const ended = new Map<string, number>();
    let before: SentMessage | null = null;
    for (const columns of rows ?? []) {
      const id = String(columns["message_id"]);
      const deviceId = String(columns["device_id"]);
      const sent = this.#sent.get(id);
      if (sent?.deviceId !== deviceId)
        return this.#world.violate("D2", `${id} in the queue of ${deviceId} was not sent`);
      const row = rowOf(columns);
      found.set(sent, row);
      if (row.endedMs !== null) ended.set(deviceId, (ended.get(deviceId) ?? 0) + 1);
      if (before !== null && before.deviceId === deviceId && before.order >= sent.order) {
        this.#world.violate("D2", `${id} stands behind ${before.id}, which was sent later`);
      }
      before = sent;
    }
    for (const [sent, row] of found) this.#found(sent, row);
    for (const sent of this.#sent.values()) {
      if (sent.generation === null || sent.isGone || found.has(sent)) continue;
      const isSame = this.#registry.generations.get(sent.deviceId) === sent.generation;
      const isForgotten = sent.row?.endedMs !== null || (ended.get(sent.deviceId) ?? 0) >= endedKeptMax;
      if (isSame && !isForgotten) this.#world.violate("D2", `${sent.id} for ${sent.deviceId} vanished`);
      sent.isGone = true;
    }
  }

  #found(sent: SentMessage, row: Row): void {
    const { id, deviceId, row: was } = sent;
    const generation = this.#registry.generations.get(deviceId) ?? "none";
    sent.generation ??= generation;
    if (sent.isGone || sent.generation !== generation) {
      this.#world.violate(
        "D1",
        `${id} was sent to generation ${sent.generation} of ${deviceId}, and ${generation} has it`,
      );
    }
    if (row.expiresMs !== row.enqueuedMs + sent.ttlMs) this.#world.violate("D2", `${id} has another time to live`);
    if (row.deliveries < (was?.deliveries ?? 0)) {
      this.#world.violate("D2", `${id} was delivered ${was?.deliveries} times, and now ${row.deliveries}`);
    }
    if (row.deliveries > deliveriesMax) this.#world.violate("D2", `${id} was delivered ${row.deliveries} times`);
    if (was !== null && was.endedMs !== null && (row.state !== was.state || row.deliveries !== was.deliveries)) {
      this.#world.violate("D2", `${id} was ${was.state}, and is ${row.state} after ${row.deliveries} deliveries`);
    }
    sent.row = row;
    this.#checkHeard(sent);
    if (row.endedMs === null || (was !== null && was.endedMs !== null)) return;
    this.#world.count(`cloud message ${row.state}`);
    if (row.state === "completed" && this.#unasked.has(deviceId)) return;
    if (!isEndFair(sent, row)) this.#world.violate("D2", `${id} is ${row.state}: ${JSON.stringify({ ...sent, row })}`);
  }

  #checkHeard({ id, deviceId, heard, row, isGone }: Readonly<SentMessage>): void {
    if (row === null || isGone || heard <= row.deliveries) return;
    this.#world.violate("D2", `${deviceId} got ${id} ${heard} times; ${row.state}, delivered ${row.deliveries} times`);
  }
}

function rowOf(columns: Readonly<Record<string, string | number | null>>): Row {
  return {
    number: Number(columns["number"]),
    state: String(columns["state"]),
    deliveries: Number(columns["delivery_count"]),
    enqueuedMs: Number(columns["enqueued_ms"]),
    expiresMs: Number(columns["expires_ms"]),
    endedMs: columns["ended_ms"] === null ? null : Number(columns["ended_ms"]),
  };
}

/** Whether somebody, or time, gave a reason for it. */
function isEndFair(sent: SentMessage, row: Row): boolean {
  switch (row.state) {
    case "completed":
    case "rejected":
      return sent.said.has(row.state);
    case "expired":
      return Number(row.endedMs) >= row.expiresMs;
    case "dead-lettered":
      return row.deliveries >= deliveriesMax;
    case "purged":
      return sent.isPurged;
    default:
      return false;
  }
}
