// How much a device may send a second, in messages and in bytes: a bucket for each device that sends, which fills with time.
//
// A bucket belongs to the device id, so more connections or new ones give a device no more. A device may send as long as
// there is something in its bucket, so a message larger than the bucket passes too; what it took too much is waited for.
//
//   M1  The number of buckets has a bound. One that is full again says nothing and is dropped.

import type { Clock } from "../lib/clock.ts";

/** Seconds of the rate that a device may send at once after it was silent. */
const burstSeconds = 10;
/** What waits goes on when there is room for so long again: not one message at a time. */
const goOnSeconds = 0.1;
/** At about 150 bytes each. */
const devicesMaxUsual = 100_000;

export interface DeviceRatesOptions {
  /** 0: any number. */
  readonly messagesPerSecondMax: number;
  /** 0: any number. */
  readonly bytesPerSecondMax: number;
  readonly clock: Clock;
  /** Buckets at most; beyond it the oldest is forgotten, and its device may send at once again. */
  readonly devicesMax?: number | undefined;
}

/** What a device may send now. Good for one turn of the event loop. */
export class Bucket {
  readonly #rates: DeviceRates;
  messages: number;
  bytes: number;
  /** To which the bucket is filled. */
  atMs: number;

  constructor(rates: DeviceRates, atMs: number) {
    this.#rates = rates;
    this.messages = rates.messagesMax;
    this.bytes = rates.bytesMax;
    this.atMs = atMs;
  }

  /** Whether it may send one more message. */
  get hasRoom(): boolean {
    return this.messages >= 1 && this.bytes > 0;
  }

  /** It sent so much. */
  spend(messages: number, bytes: number): void {
    this.messages -= messages;
    this.bytes -= bytes;
  }

  /** Until it may go on, at least 1. */
  get waitMs(): number {
    return this.#rates.waitMs(this);
  }
}

export class DeviceRates {
  /** In a full bucket; Infinity where there is no limit. */
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly #messagesPerMs: number;
  readonly #bytesPerMs: number;
  readonly #devicesMax: number;
  readonly #buckets = new Map<string, Bucket>();
  #droppedMs: number;

  constructor({ messagesPerSecondMax, bytesPerSecondMax, clock, devicesMax = devicesMaxUsual }: DeviceRatesOptions) {
    this.messagesMax = messagesPerSecondMax === 0 ? Infinity : messagesPerSecondMax * burstSeconds;
    this.bytesMax = bytesPerSecondMax === 0 ? Infinity : bytesPerSecondMax * burstSeconds;
    this.#messagesPerMs = messagesPerSecondMax / 1000;
    this.#bytesPerMs = bytesPerSecondMax / 1000;
    this.clock = clock;
    this.#devicesMax = devicesMax;
    this.#droppedMs = clock.monotonicMs();
  }

  /** Devices that have a bucket. */
  get devices(): number {
    return this.#buckets.size;
  }

  /** The device's bucket as it is now. */
  bucketOf(deviceId: string): Bucket {
    const nowMs = this.clock.monotonicMs();
    const present = this.#buckets.get(deviceId);
    if (present !== undefined) {
      this.#fill(present, nowMs);
      return present;
    }
    this.#dropFull(nowMs);
    const bucket = new Bucket(this, nowMs);
    this.#buckets.set(deviceId, bucket);
    return bucket;
  }

  waitMs({ messages, bytes }: Bucket): number {
    const messagesWanted = Math.max(1, this.#messagesPerMs * 1000 * goOnSeconds);
    const bytesWanted = Math.max(1, this.#bytesPerMs * 1000 * goOnSeconds);
    const messagesMs = messages >= messagesWanted ? 0 : (messagesWanted - messages) / this.#messagesPerMs;
    const bytesMs = bytes >= bytesWanted ? 0 : (bytesWanted - bytes) / this.#bytesPerMs;
    return Math.ceil(Math.max(messagesMs, bytesMs)) + 1;
  }

  #fill(bucket: Bucket, nowMs: number): void {
    const ms = nowMs - bucket.atMs;
    bucket.atMs = nowMs;
    bucket.messages = Math.min(this.messagesMax, bucket.messages + ms * this.#messagesPerMs);
    bucket.bytes = Math.min(this.bytesMax, bucket.bytes + ms * this.#bytesPerMs);
  }

  /** Makes room for a bucket: every few seconds those that are full go, and when there are too many the oldest. */
  #dropFull(nowMs: number): void {
    if (nowMs - this.#droppedMs >= burstSeconds * 1000) {
      this.#droppedMs = nowMs;
      for (const [deviceId, bucket] of this.#buckets) {
        this.#fill(bucket, nowMs);
        const isFull = bucket.messages === this.messagesMax && bucket.bytes === this.bytesMax;
        if (isFull) this.#buckets.delete(deviceId);
      }
    }
    if (this.#buckets.size < this.#devicesMax) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
