// The journal: where a message becomes durable, in order, before it is acknowledged.
//
// It stores opaque record bytes in partitions; it knows no Avro. One writer a partition. A partition is an endless
// sequence of records with consecutive offsets, cut into windows (UTC minutes). A window is closed once, by the writer,
// and never gains a record afterwards; readers see closed windows only, as segments.
//
// Invariants (tests cite the numbers):
//   J1  A waiter is told only after every record before its registration is on stable storage.
//   J2  Records never change; offsets increase and are never reused; within a partition they are consecutive.
//   J3  Recovery yields a prefix of what was appended that contains everything acknowledged; damage to the medium is
//       always detected and never silently cut.
//   J4  Time never goes back within a partition, also across restarts; a closed window never gains a record.
//   E4  Nothing above the release line is trimmed.
//   M1  Memory is bounded: two or three frames a partition.
//
// Adapters: file/ (segment files, the embedded default), memory/ (tests). Contract: journal.contract.ts.

import type { Window } from "../lib/window.ts";

/** Told, once, when the records that preceded its registration are durable. Must not throw. */
export interface DurableWaiter {
  durable(): void;
}

/**
 * Why nothing can be appended now:
 *   wait      the open frames are full: register with `onRoom` and go on when it calls
 *   full      the journal's budget or the disk is full of records still owed
 *   clock     the wall clock jumped and is not believed yet
 *   starting  recovery is under way
 *   draining  the server is stopping
 *   failed    stable storage failed: the process must restart and recover
 */
export type Refusal = "wait" | "full" | "clock" | "starting" | "draining" | "failed";

/**
 * The writing end of a partition, shaped for a hot path with no object per record:
 *
 *     if (writer.reserve(bytesMax) !== null) …refuse…
 *     const end = encode(writer.buffer, writer.position, writer.timeMs);
 *     writer.commit(end);                       // one record; more may follow
 *     writer.onDurable(waiter);                 // after the last record of a chunk
 *
 * All of it is synchronous: between `reserve` and the last `commit` nothing else runs, so records committed in one turn
 * without another `reserve` in between share a frame, and become durable together or not at all.
 */
export interface PartitionWriter {
  readonly partition: number;
  /** Null when appending is possible now; for front ends that must answer before they have a record. */
  readonly refusal: Refusal | null;
  /** The largest reservation that can ever succeed. */
  readonly reserveBytesMax: number;
  /**
   * Makes room for `bytesMax` bytes (of one or more records) in the open frame and stamps its time.
   *
   * @param records  how many records, 1 when left out.
   * @returns null when `buffer`, `position` and `timeMs` may be used; else why not.
   */
  reserve(bytesMax: number, records?: number): Refusal | null;
  /** Valid until the next `reserve` or the end of the turn. */
  readonly buffer: Buffer;
  /** Where the next record starts. */
  readonly position: number;
  /** The time to stamp: whole milliseconds, never less than any before in this partition (J4). */
  readonly timeMs: number;
  /** The record is `buffer[position, end)`. */
  commit(end: number): void;
  /** Registers for the durability of everything committed so far (J1). */
  onDurable(waiter: DurableWaiter): void;
  /**
   * Calls once when a refusal may have ended: one caller after the other while there is room, the oldest first, those that
   * want little before those that want much. The caller reserves within the call. Until then nobody else gets room:
   * whoever comes later waits, too (`wait`).
   *
   * @param bytes  about what the caller wants.
   * @returns a function that gives the place up.
   */
  onRoom(call: () => void, bytes: number): () => void;
  /** Forces frames out; resolves when all committed so far is durable. */
  flush(): Promise<void>;
}

/** A closed window with at least one record. */
export interface Segment {
  readonly partition: number;
  readonly window: Window;
  readonly offsetFirst: number;
  /** The segment holds `[offsetFirst, offsetNext)`. */
  readonly offsetNext: number;
  /** Sum of the records' bytes. */
  readonly recordBytes: number;
}

/**
 * Where offsets jump by at least this much, none of them was ever given out: they were left unused behind damage whose
 * extent nobody knows, or by a restored journal. More than any minute can hold, so a lesser jump is a loss.
 */
export const unusedOffsetsMin = 2 ** 32;

/** Consecutive records: `bytes` holds them back to back, `lengths` says where each ends. */
export interface RecordBatch {
  readonly offsetFirst: number;
  readonly timeMs: number;
  readonly bytes: Buffer;
  readonly lengths: Uint32Array;
}

export type NoticeLevel = "info" | "warn" | "error";

/** Something an operator must know: damage found, a torn tail cut, the clock. Kept for `status`. */
export interface JournalNotice {
  readonly level: NoticeLevel;
  /** Kebab-case: `torn-tail`, `corruption`, `clock-jump`, `disk-full`, … */
  readonly code: string;
  readonly message: string;
  readonly atMs: number;
}

export interface PartitionStatus {
  readonly partition: number;
  /** The open window: every window below is closed. */
  readonly windowNext: Window;
  readonly offsetNext: number;
  readonly refusal: Refusal | null;
  readonly segments: number;
  readonly segmentBytes: number;
  /** Partition time minus wall time: above 0 while the wall clock is behind the floor. */
  readonly aheadMs: number;
}

export interface JournalStatus {
  readonly partitions: readonly PartitionStatus[];
  /** Bytes the journal answers for, staged snapshots included. */
  readonly bytes: number;
  readonly bytesMax: number;
  /** Of `bytes`, what exports owe: what else is held goes when room is needed. */
  readonly owedBytes: number;
  /** At the rate of the last minutes, until devices are refused; null when the journal does not fill. */
  readonly untilFullMs: number | null;
  readonly notices: readonly JournalNotice[];
  readonly appendedRecords: number;
  readonly appendedBytes: number;
  readonly frames: number;
  /** Sum over frames of the time from write to durable, ms. */
  readonly frameMs: number;
}

export interface Journal {
  readonly partitions: readonly PartitionWriter[];
  /** The oldest open window of all partitions: below it all is closed. */
  windowNext(): Window;
  /** The newest open window of all partitions: above it nothing was taken yet. */
  windowNewest(): Window;
  /** Numbers of all partitions that hold records: those written to, and retired ones that are only read. */
  partitionNumbers(): readonly number[];
  /** All windows of this partition below it are closed. */
  closedBelow(partition: number): Window;
  /** Closed segments of a partition with `window ≥ windowFirst`, ascending. */
  segments(partition: number, windowFirst: Window): readonly Segment[];
  /**
   * Reads a closed segment in order, verifying every byte.
   * Throws ColdpathError `journal-corrupt` (J3) or, when it was trimmed meanwhile, `journal-trimmed`.
   */
  read(segment: Segment): AsyncIterable<RecordBatch>;
  /**
   * What the journal held when it was opened, before anything is appended: the records of windows from `windowFirst` to
   * `windowLast`, of all partitions, the open windows included. The newest window comes first; within a window of a
   * partition the order is that of the records. What is damaged, or trimmed meanwhile, is left out.
   */
  recovered(windowFirst: Window, windowLast: Window): AsyncIterable<RecordBatch>;
  /**
   * The batches of a window that are durable when it is asked, the newest first; within a batch the records are in order.
   * The window may be the open one (`closedBelow`). Ends early when `signal` aborts. Where a part of the window is damaged,
   * the rest of it comes first, and then it throws ColdpathError `journal-corrupt` (J3), or `journal-trimmed` as `read`.
   */
  readBack(partition: number, window: Window, signal: AbortSignal): AsyncIterable<RecordBatch>;
  /**
   * Calls with every batch of a partition as it becomes durable (J1), in order, after those that wait for it. The bytes are
   * valid within the call only. The listener must not throw. While nobody listens, it costs nothing.
   *
   * @returns a function that ends it.
   */
  watch(partition: number, listener: (batch: RecordBatch) => void): () => void;
  /**
   * Says that no export owes windows of `partition` below `windowNext`. The journal trims what is below that line
   * and also older than its retention, or in the way of its budget (E4). Blocks nothing.
   */
  release(partition: number, windowNext: Window): void;
  /** Bytes that others keep on the journal's account (staged snapshots). */
  setForeignBytes(bytes: number): void;
  /** Called whenever a window closed. Returns a function that ends it. */
  onClosed(listener: () => void): () => void;
  status(): JournalStatus;
  /** Refuses from now on, makes what was committed durable and closes; the open window stays open on disk. */
  close(): Promise<void>;
}
