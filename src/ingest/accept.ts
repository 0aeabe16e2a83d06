// The ONE path of a message: every front end and the simulator pass it.
//
// A message is encoded once, straight into the open frame of its device's partition, with the partition's time. What
// this returns is not an acknowledgement: register with `writer.onDurable` and answer from there (J1).

import { crc32 } from "node:zlib";
import { must } from "../lib/assert.ts";
import type { Journal, PartitionWriter, Refusal } from "../journal/journal.ts";
import { EnqueuedTime } from "../message/enqueued-time.ts";
import { type RecordHead, recordBytesMax, writeRecord } from "../message/record-encoder.ts";
import type { IngestCounters } from "./ingest.ts";

/** The path into one partition. */
export class AcceptPath {
  readonly writer: PartitionWriter;
  readonly #counters: IngestCounters;
  readonly #time = new EnqueuedTime();

  constructor(writer: PartitionWriter, counters: IngestCounters) {
    this.writer = writer;
    this.#counters = counters;
  }

  /**
   * Takes one message; its body is `source[bodyFirst, bodyNext)`.
   *
   * @returns null when it stands in the open frame; else why not, and nothing was taken: the caller stops reading or
   *          answers 503, it must not drop what it promised.
   */
  accept(head: RecordHead, source: Uint8Array, bodyFirst: number, bodyNext: number): Refusal | null {
    const { writer } = this;
    const bodyBytes = bodyNext - bodyFirst;
    const refusal = writer.reserve(recordBytesMax(head, bodyBytes));
    if (refusal !== null) return refusal;
    this.#time.set(writer.timeMs);
    writer.commit(writeRecord(writer.buffer, writer.position, this.#time, head, source, bodyFirst, bodyNext));
    this.#counters.acceptedMessages++;
    this.#counters.acceptedBytes += bodyBytes;
    return null;
  }

  /** Takes several messages into one frame, or none of them: they become durable together. */
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
      writer.commit(writeRecord(writer.buffer, writer.position, this.#time, head, body, 0, body.length));
      this.#counters.acceptedMessages++;
      this.#counters.acceptedBytes += body.length;
    }
    return null;
  }
}

/** The paths of a journal, and which of them a device takes. */
export class Accept {
  readonly counters: IngestCounters;
  #paths: readonly AcceptPath[] = [];

  /** Without a journal yet, everything is refused with `starting`, in the protocols' own words. */
  constructor(counters: IngestCounters) {
    this.counters = counters;
  }

  /** The journal was recovered: take messages from now on. */
  open(journal: Journal): void {
    this.#paths = journal.partitions.map((writer) => new AcceptPath(writer, this.counters));
  }

  /** A device's messages stay in order: one device, one partition. */
  pathOf(deviceId: string): AcceptPath {
    const index = this.#paths.length === 1 ? 0 : crc32(deviceId) % this.#paths.length;
    return must(this.#paths[index], "the index is below the number of partitions");
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
