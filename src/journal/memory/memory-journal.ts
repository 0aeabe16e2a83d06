// The memory journal: the same port with nothing behind it. For tests of other rooms; it forgets everything.

import type { Clock } from "../../lib/clock.ts";
import { type Window, windowOf, windowStartMs } from "../../lib/window.ts";
import { trimmed } from "../errors.ts";
import { FrameQueue } from "../frame-queue.ts";
import type { Journal, JournalStatus, PartitionStatus, RecordBatch, Segment } from "../journal.ts";
import { ClockGuard, PartitionClock } from "../partition-clock.ts";

export interface MemoryJournalOptions {
  readonly partitions?: number;
  readonly bytesMax?: number;
  readonly frameBytesMax?: number;
  readonly clockJumpMaxMs?: number;
  readonly clock: Clock;
}

interface MemorySegment extends Segment {
  readonly batches: RecordBatch[];
}

class MemoryPartition extends FrameQueue {
  readonly #clock: Clock;
  readonly #closed: () => void;
  readonly #changed: () => void;
  segments: MemorySegment[] = [];
  batches: RecordBatch[] = [];
  offsetNext = 0;
  windowNext: Window;
  offsetFirst = 0;
  #cancel: () => void = () => {};
  isClosed = false;

  constructor(
    number: number,
    clock: Clock,
    partitionClock: PartitionClock,
    frameBytesMax: number,
    on: { closed: () => void; changed: () => void },
  ) {
    super(number, partitionClock, frameBytesMax);
    this.#clock = clock;
    this.#closed = on.closed;
    this.#changed = on.changed;
    this.windowNext = windowOf(clock.nowMs());
    this.#tick();
  }

  get bytes(): number {
    const sum = (batches: readonly RecordBatch[]): number =>
      batches.reduce((total, batch) => total + batch.bytes.length, 0);
    return sum(this.batches) + this.segments.reduce((total, segment) => total + sum(segment.batches), 0);
  }

  setFull(isFull: boolean): void {
    if (this.refusedWith === null || this.refusedWith === "full") this.refuse(isFull ? "full" : null);
  }

  async close(): Promise<void> {
    this.refuse("draining");
    await this.flush();
    this.isClosed = true;
    this.#cancel();
  }

  partitionStatus(): PartitionStatus {
    return {
      partition: this.partition,
      windowNext: this.windowNext,
      offsetNext: this.offsetNext,
      refusal: this.refusal,
      segments: this.segments.length,
      segmentBytes: this.bytes,
      aheadMs: this.clock.aheadMs(),
    };
  }

  protected override frameBegan(): void {
    setImmediate(() => this.#write());
  }

  protected override clockRefused(): void {
    this.#tick();
  }

  #write(): void {
    for (let frame = this.takeFrame(); frame !== null; frame = this.takeFrame()) {
      this.#closeBelow(frame.window);
      this.batches.push({
        offsetFirst: this.offsetNext,
        timeMs: frame.timeMs,
        bytes: Buffer.from(frame.payload),
        lengths: frame.recordLengths.slice(),
      });
      this.offsetNext += frame.records;
      this.frameDurable(this.offsetNext - frame.records);
    }
    this.#changed();
  }

  #closeBelow(window: Window): void {
    if (window <= this.windowNext) return;
    if (this.batches.length > 0) {
      const { partition, offsetFirst, offsetNext, batches } = this;
      const recordBytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
      this.segments.push({ partition, window: this.windowNext, offsetFirst, offsetNext, recordBytes, batches });
      this.batches = [];
      this.offsetFirst = offsetNext;
    }
    this.windowNext = window;
    this.#closed();
  }

  #tick(): void {
    if (this.isClosed) return;
    const timeMs = this.freshTime();
    if (timeMs !== null && !this.hasFrames) this.#closeBelow(windowOf(timeMs));
    const untilMs = timeMs === null ? 1000 : this.clock.untilMs(windowStartMs(this.windowNext + 1));
    this.#cancel();
    this.#cancel = this.#clock.timer(Math.max(10, untilMs), () => this.#tick());
  }
}

export class MemoryJournal implements Journal {
  readonly partitions: readonly MemoryPartition[];
  readonly #bytesMax: number;
  readonly #listeners = new Set<() => void>();
  readonly #released = new Map<number, Window>();
  #foreignBytes = 0;

  constructor(options: MemoryJournalOptions) {
    this.#bytesMax = options.bytesMax ?? Number.MAX_SAFE_INTEGER;
    const guard = new ClockGuard(options.clock, options.clockJumpMaxMs ?? 300_000, () => {});
    const on = {
      closed: (): void => {
        for (const listener of this.#listeners) listener();
      },
      changed: (): void => this.#balance(),
    };
    this.partitions = Array.from({ length: options.partitions ?? 1 }, (_, number) => {
      const clock = new PartitionClock(options.clock, guard, 0);
      return new MemoryPartition(number, options.clock, clock, options.frameBytesMax ?? 8 * 1024 * 1024, on);
    });
  }

  partitionNumbers(): readonly number[] {
    return this.partitions.map((partition) => partition.partition);
  }

  windowNewest(): Window {
    return Math.max(...this.partitions.map((partition) => partition.windowNext));
  }

  windowNext(): Window {
    return Math.min(...this.partitions.map((partition) => partition.windowNext));
  }

  closedBelow(partition: number): Window {
    return this.#partition(partition).windowNext;
  }

  segments(partition: number, windowFirst: Window): readonly Segment[] {
    return this.#partition(partition).segments.filter((segment) => segment.window >= windowFirst);
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous
  async *read(segment: Segment): AsyncGenerator<RecordBatch, void, void> {
    const found = this.#partition(segment.partition).segments.find((one) => one.window === segment.window);
    if (found === undefined) throw trimmed(`window ${segment.window} of partition ${segment.partition}`);
    yield* found.batches;
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous
  async *recovered(windowFirst: Window, windowLast: Window): AsyncGenerator<RecordBatch, void, void> {
    const parts = this.partitions.flatMap(({ segments, windowNext, batches }) => [
      ...segments,
      { window: windowNext, batches },
    ]);
    for (const { window, batches } of parts.toSorted((a, b) => b.window - a.window)) {
      if (window >= windowFirst && window <= windowLast) yield* batches;
    }
  }

  // oxlint-disable-next-line require-await -- the port is asynchronous
  async *readBack(partition: number, window: Window, signal: AbortSignal): AsyncGenerator<RecordBatch, void, void> {
    const { segments, windowNext, batches } = this.#partition(partition);
    const found = window === windowNext ? batches : segments.find((one) => one.window === window)?.batches;
    if (found === undefined) throw trimmed(`window ${window} of partition ${partition}`);
    for (const batch of found.toReversed()) {
      if (signal.aborted) return;
      yield batch;
    }
  }

  watch(partition: number, listener: (batch: RecordBatch) => void): () => void {
    return this.#partition(partition).watch(listener);
  }

  release(partition: number, windowNext: Window): void {
    this.#released.set(partition, windowNext);
    this.#balance();
  }

  setForeignBytes(bytes: number): void {
    this.#foreignBytes = bytes;
    this.#balance();
  }

  onClosed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): JournalStatus {
    return {
      partitions: this.partitions.map((partition) => partition.partitionStatus()),
      bytes: this.#bytes(),
      bytesMax: this.#bytesMax,
      owedBytes: this.#bytes(),
      untilFullMs: null,
      notices: [],
      appendedRecords: this.partitions.reduce((sum, partition) => sum + partition.offsetNext, 0),
      appendedBytes: this.#bytes(),
      frames: 0,
      frameMs: 0,
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.partitions.map((partition) => partition.close()));
  }

  #partition(number: number): MemoryPartition {
    const found = this.partitions[number];
    if (found === undefined) throw new RangeError(`the journal has no partition ${number}`);
    return found;
  }

  #bytes(): number {
    return this.partitions.reduce((sum, partition) => sum + partition.bytes, this.#foreignBytes);
  }

  /** Trims released segments while over the budget (E4), then refuses or takes again. */
  #balance(): void {
    for (const partition of this.partitions) {
      const released = this.#released.get(partition.partition) ?? 0;
      while (this.#bytes() > this.#bytesMax && (partition.segments[0]?.window ?? released) < released) {
        partition.segments.shift();
      }
    }
    for (const partition of this.partitions) partition.setFull(this.#bytes() > this.#bytesMax);
  }
}
