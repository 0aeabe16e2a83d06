// The ONE path of a message: every front end and the simulator pass it.
//
// A message is encoded once, straight into the open frame of its device's partition, with the partition's time. What
// this returns is not an acknowledgement: register with `writer.onDurable` and answer from there (J1). That holds for a
// message that was sent again and folded, too: its first record may not be durable yet, but it stands in this partition
// before the registration, or was recovered from disk.

import { crc32 } from "node:zlib";
import { must } from "../lib/assert.ts";
import type { Journal, PartitionWriter, Refusal } from "../journal/journal.ts";
import { EnqueuedTime } from "../message/enqueued-time.ts";
import { type RecordHead, recordBytesMax, writeRecord } from "../message/record-encoder.ts";
import type { DeviceRates } from "./device-rates.ts";
import type { Folding } from "./folding.ts";
import type { IngestCounters } from "./ingest.ts";

/** The path into one partition. */
export class AcceptPath {
  readonly writer: PartitionWriter;
  readonly #counters: IngestCounters;
  readonly #folding: Folding | null;
  readonly #time = new EnqueuedTime();

  constructor(writer: PartitionWriter, counters: IngestCounters, folding: Folding | null) {
    this.writer = writer;
    this.#counters = counters;
    this.#folding = folding;
  }

  /**
   * Takes one message, unless it was taken before and is folded; its body is `source[bodyFirst, bodyNext)`.
   *
   * @returns null when it stands in the open frame, or was taken before; else why not, and nothing was taken: the caller
   *          stops reading or answers 503, it must not drop what it promised.
   */
  accept(head: RecordHead, source: Uint8Array, bodyFirst: number, bodyNext: number): Refusal | null {
    return this.#take(head, source, bodyFirst, bodyNext, head.hasMessageId ? this.#folding : null);
  }

  /** As `accept`, and always a record of its own. */
  append(head: RecordHead, source: Uint8Array, bodyFirst: number, bodyNext: number): Refusal | null {
    return this.#take(head, source, bodyFirst, bodyNext, null);
  }

  /** As `accept`, several messages into one frame, or none of them: they become durable together. */
  acceptAll(
    messages: readonly { readonly head: RecordHead; readonly body: Uint8Array }[],
  ): Refusal | "too-large" | null {
    const { writer } = this;
    let bytesMax = 0;
    for (const { head, body } of messages) bytesMax += recordBytesMax(head, body.length);
    if (bytesMax > writer.reserveBytesMax) return "too-large";
    const refusal = writer.reserve(bytesMax, messages.length);
    if (refusal !== null) return refusal;
    this.#time.set(writer.timeMs);
    for (const { head, body } of messages) {
      this.#write(head, body, 0, body.length, head.hasMessageId ? this.#folding : null);
    }
    return null;
  }

  #take(
    head: RecordHead,
    source: Uint8Array,
    bodyFirst: number,
    bodyNext: number,
    folding: Folding | null,
  ): Refusal | null {
    const { writer } = this;
    const refusal = writer.reserve(recordBytesMax(head, bodyNext - bodyFirst));
    if (refusal !== null) return refusal;
    this.#time.set(writer.timeMs);
    this.#write(head, source, bodyFirst, bodyNext, folding);
    return null;
  }

  /** Into the room that was reserved, at the time that was set. */
  #write(head: RecordHead, source: Uint8Array, bodyFirst: number, bodyNext: number, folding: Folding | null): void {
    const { writer } = this;
    const { buffer, position } = writer;
    const end = writeRecord(buffer, position, this.#time, head, source, bodyFirst, bodyNext);
    // What is known already is not committed: the next record is written over it.
    if (folding !== null && folding.isKnown(buffer, position, end, head.bytes.length, writer.timeMs)) return;
    writer.commit(end);
    this.#counters.acceptedMessages++;
    this.#counters.acceptedBytes += bodyNext - bodyFirst;
  }
}

/** A device's messages stay in order: one device, one of `count` partitions. */
export function partitionIndexOf(deviceId: string, count: number): number {
  return count === 1 ? 0 : crc32(deviceId) % count;
}

/** The paths of a journal, and which of them a device takes. */
export class Accept {
  readonly counters: IngestCounters;
  /** What a device may send a second; null: as much as it can. Who calls `accept` asks first. */
  readonly rates: DeviceRates | null;
  readonly #folding: Folding | null;
  #paths: readonly AcceptPath[] = [];

  /**
   * Without a journal yet, everything is refused with `starting`, in the protocols' own words.
   *
   * @param folding  re-sends are folded by their message id; null: they are not.
   */
  constructor(counters: IngestCounters, folding: Folding | null = null, rates: DeviceRates | null = null) {
    this.counters = counters;
    this.rates = rates;
    this.#folding = folding;
  }

  /** The journal was recovered, and folding remembers what is in it: take messages from now on. */
  open(journal: Journal): void {
    this.#paths = journal.partitions.map((writer) => new AcceptPath(writer, this.counters, this.#folding));
  }

  pathOf(deviceId: string): AcceptPath {
    return must(
      this.#paths[partitionIndexOf(deviceId, this.#paths.length)],
      "the index is below the number of partitions",
    );
  }

  /** Why nothing could be accepted now, if so: for front ends that answer before there is a message. */
  get refusal(): Refusal | null {
    if (this.#paths.length === 0) return "starting";
    for (const path of this.#paths) {
      if (path.writer.refusal !== null) return path.writer.refusal;
    }
    return null;
  }
}
