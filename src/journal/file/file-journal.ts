// The file journal: segment files on one machine, the embedded default.
//
// Owns:      the partitions, what a reader sees of them, notices for operators.
// Does not:  know what records mean, or which export owes what (`release` says).
//
// Format: docs/formats.md "Journal". Decision: docs/decisions/0002-journal-frames.md.

import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { hoursText } from "../../lib/duration.ts";
import type { Log } from "../../lib/log.ts";
import { type Window, printWindow, windowOf } from "../../lib/window.ts";
import { corrupt, trimmed } from "../errors.ts";
import type {
  Journal,
  JournalNotice,
  JournalStatus,
  NoticeLevel,
  PartitionWriter,
  RecordBatch,
  Segment,
} from "../journal.ts";
import { ClockGuard } from "../partition-clock.ts";
import { Budget } from "./budget.ts";
import { type Disk, type DiskRoom, nodeDisk } from "../../lib/disk.ts";
import { FilePartition, type PartitionOwner } from "./partition.ts";
import { openPartitionTable } from "./partition-table.ts";
import { recoverPartition } from "./recovery.ts";
import { SegmentPool } from "./segment-pool.ts";
import { readClosedBack, readOpenBack } from "./segment-back.ts";
import { readOpenSegment, readSegment } from "./segment-read.ts";

export interface FileJournalOptions {
  readonly directory: string;
  /** At most 128 bytes; part of every segment's identity. */
  readonly hub: string;
  /** Active partitions: 1..64. */
  readonly partitions: number;
  readonly bytesMax: number;
  /** An operator is warned when this share of it is owed to exports, or when it is full so soon at the present rate. */
  readonly warnShare: number;
  readonly warnBeforeMs: number;
  /** Left free on the disk for seals, floors and checkpoints, or a tenth of a small disk; below it devices are refused. */
  readonly freeBytesMin: number;
  readonly retentionMs: number;
  readonly recycleBytesMax: number;
  /** Memory is up to three frames a partition. */
  readonly frameBytesMax: number;
  readonly clockJumpMaxMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Stable storage failed; nothing can be acknowledged any more. The process should exit with an error. */
  readonly onFailed: (error: unknown) => void;
  readonly disk?: Disk | undefined;
}

const noticesMax = 100;

export class FileJournal implements Journal {
  readonly partitions: readonly PartitionWriter[];
  readonly #options: FileJournalOptions;
  readonly #disk: Disk;
  readonly #pool: SegmentPool;
  readonly #budget: Budget;
  readonly #active: FilePartition[] = [];
  readonly #all: FilePartition[] = [];
  readonly #closedListeners = new Set<() => void>();
  readonly #notices: JournalNotice[] = [];
  /** Damaged segments that an operator was told of, by path. */
  readonly #toldDamage = new Set<string>();

  private constructor(options: FileJournalOptions, disk: Disk, pool: SegmentPool) {
    const { bytesMax, warnShare, warnBeforeMs, freeBytesMin, retentionMs, clock, log, directory } = options;
    const room = (): Promise<DiskRoom> => disk.room(directory);
    const notice = this.#notice.bind(this);
    this.#options = options;
    this.#disk = disk;
    this.#pool = pool;
    this.#budget = new Budget(
      { bytesMax, warnShare, warnBeforeMs, freeBytesMin, room, retentionMs, clock, log, pool, notice },
      this.#all,
    );
    this.partitions = this.#active;
  }

  /**
   * Recovers what is there and starts to take records. On a full disk it starts all the same, and refuses devices.
   *
   * @throws ColdpathError of kind `fatal` when it must not start.
   */
  static async open(options: FileJournalOptions): Promise<FileJournal> {
    const disk = options.disk ?? nodeDisk;
    const { directory } = options;
    await disk.makeDirectory(directory);
    const nowWindow = windowOf(options.clock.nowMs());
    const table = await openPartitionTable(disk, directory, options.partitions, nowWindow);
    const pool = await SegmentPool.open(disk, join(directory, "free"), options.recycleBytesMax);
    const journal = new FileJournal(options, disk, pool);
    try {
      await journal.#recover(table, nowWindow);
      for (const partition of journal.#all) await partition.start();
    } catch (error) {
      await Promise.allSettled(journal.#all.map((partition) => partition.close()));
      throw error;
    }
    journal.#warnOfClock();
    await journal.#budget.balance();
    return journal;
  }

  partitionNumbers(): readonly number[] {
    return this.#all.map((partition) => partition.partition);
  }

  windowNext(): Window {
    return Math.min(...this.#active.map((partition) => partition.closedBelow));
  }

  windowNewest(): Window {
    return Math.max(...this.#active.map((partition) => partition.closedBelow));
  }

  closedBelow(partition: number): Window {
    return this.#partition(partition).closedBelow;
  }

  segments(partition: number, windowFirst: Window): readonly Segment[] {
    const { closed, closedBelow } = this.#partition(partition);
    return closed.between(windowFirst, closedBelow);
  }

  async *read(segment: Segment): AsyncGenerator<RecordBatch, void, void> {
    const { closed, partition } = this.#partition(segment.partition);
    const { path, damage } = closed.pin(partition, segment.window);
    try {
      if (damage !== null) throw corrupt(damage);
      yield* readSegment(this.#disk, path, segment);
    } catch (error) {
      this.#tellDamage(path, damage, error);
      throw error;
    } finally {
      closed.unpin(segment.window);
      // It may have been released while it was read.
      void this.#budget.balance();
    }
  }

  async *recovered(windowFirst: Window, windowLast: Window): AsyncGenerator<RecordBatch, void, void> {
    const isWanted = ({ window }: { readonly window: Window }): boolean =>
      window >= windowFirst && window <= windowLast;
    const parts: { window: Window; read: () => AsyncIterable<RecordBatch> }[] = [];
    for (const { closed, openSegment } of this.#all) {
      for (const segment of closed.list.filter(isWanted)) {
        parts.push({ window: segment.window, read: () => this.read(segment) });
      }
      if (openSegment === null || !isWanted(openSegment)) continue;
      const { path, identity, window, end } = openSegment;
      parts.push({ window, read: () => readOpenSegment(this.#disk, { path, identity, end }) });
    }
    for (const { read } of parts.toSorted((a, b) => b.window - a.window)) {
      try {
        yield* read();
      } catch (error) {
        const code = codeOf(error);
        if (code !== "journal-corrupt" && code !== "journal-trimmed") throw error;
      }
    }
  }

  async *readBack(number: number, window: Window, signal: AbortSignal): AsyncGenerator<RecordBatch, void, void> {
    const { closed, openSegment, closedBelow, partition } = this.#partition(number);
    if (openSegment?.window === window) {
      const { path, identity, end } = openSegment;
      try {
        yield* readOpenBack(this.#disk, { path, identity, end }, signal);
      } catch (error) {
        // It may have been closed, trimmed and used again meanwhile: then it is not damaged.
        const isKept = this.#partition(number).closedBelow === window || this.#holdsClosed(number, window);
        if (!isKept) throw trimmed(`window ${printWindow(window)} of partition ${number}`);
        this.#tellDamage(path, null, error);
        throw error;
      }
      return;
    }
    // While a window is being closed its segment is listed already.
    if (window === closedBelow && !this.#holdsClosed(number, window)) return; // nothing came yet
    const { path, damage } = closed.pin(partition, window);
    try {
      if (damage !== null) throw corrupt(damage);
      yield* readClosedBack(this.#disk, path, signal);
    } catch (error) {
      this.#tellDamage(path, damage, error);
      throw error;
    } finally {
      closed.unpin(window);
      // It may have been released while it was read.
      void this.#budget.balance();
    }
  }

  watch(partition: number, listener: (batch: RecordBatch) => void): () => void {
    return this.#partition(partition).watch(listener);
  }

  release(partition: number, windowNext: Window): void {
    this.#budget.release(partition, windowNext);
  }

  setForeignBytes(bytes: number): void {
    this.#budget.setForeignBytes(bytes);
  }

  onClosed(listener: () => void): () => void {
    this.#closedListeners.add(listener);
    return () => this.#closedListeners.delete(listener);
  }

  status(): JournalStatus {
    const sum = (pick: (partition: FilePartition) => number): number =>
      this.#all.reduce((total, partition) => total + pick(partition), 0);
    return {
      partitions: this.#active.map((partition) => partition.status()),
      bytes: this.#budget.bytes,
      owedBytes: this.#budget.owedBytes,
      untilFullMs: this.#budget.untilFullMs,
      bytesMax: this.#options.bytesMax,
      notices: this.#notices,
      appendedRecords: sum((partition) => partition.appendedRecords),
      appendedBytes: sum((partition) => partition.appendedBytes),
      frames: sum((partition) => partition.frames),
      frameMs: sum((partition) => partition.frameMs),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((partition) => partition.close()));
    await this.#budget.close();
  }

  async #recover(table: { active: readonly number[]; retired: readonly number[] }, nowWindow: Window): Promise<void> {
    const { hub, directory, clock, clockJumpMaxMs, frameBytesMax } = this.#options;
    const notice = this.#notice.bind(this);
    const owner: PartitionOwner = {
      hub,
      directory,
      clock,
      frameBytesMax,
      notice,
      disk: this.#disk,
      pool: this.#pool,
      guard: new ClockGuard(clock, clockJumpMaxMs, (byMs, isBelieved) => this.#clockJumped(byMs, isBelieved)),
      needsBalance: () => this.#budget.needsBalance(),
      balance: () => this.#budget.balance(),
      makeRoom: () => this.#budget.makeRoom(),
      windowClosed: () => {
        this.#budget.windowClosed();
        for (const listener of this.#closedListeners) listener();
      },
      failed: (error) => this.#failed(error),
    };
    for (const number of [...table.retired, ...table.active]) {
      const isRetired = table.retired.includes(number);
      const of = { hub, partition: number, nowWindow, isRetired };
      const state = await recoverPartition(this.#disk, join(directory, String(number)), of, notice);
      const partition = new FilePartition(owner, number, isRetired, state);
      this.#all.push(partition);
      if (!isRetired) this.#active.push(partition);
    }
  }

  #partition(number: number): FilePartition {
    const found = this.#all.find((partition) => partition.partition === number);
    if (found === undefined) throw new RangeError(`the journal has no partition ${number}`);
    return found;
  }

  #clockJumped(byMs: number, isBelieved: boolean): void {
    const what = `The clock jumped by ${Math.round(byMs / 1000)} s`;
    if (isBelieved) this.#notice("warn", "clock-jump", `${what} and stayed there: believed.`);
    else this.#notice("error", "clock-jump", `${what}: devices are refused until it has stayed there for a minute.`);
  }

  #warnOfClock(): void {
    for (const { partition, clock } of this.#active.map((one) => ({ partition: one.partition, clock: one.status() }))) {
      if (clock.aheadMs <= this.#options.clockJumpMaxMs) continue;
      this.#notice(
        "error",
        "clock-behind",
        `The clock is ${hoursText(clock.aheadMs)} behind partition ${partition}, whose time creeps on meanwhile. If an earlier clock was wrong by far, stop the server and run \`coldpath journal reset-clock\`.`,
      );
    }
  }

  #holdsClosed(number: number, window: Window): boolean {
    return this.#partition(number).closed.between(window, window + 1).length > 0;
  }

  /** Of what was found damaged when the journal was opened, an operator was told then. */
  #tellDamage(path: string, damage: string | null, error: unknown): void {
    if (damage !== null || codeOf(error) !== "journal-corrupt" || this.#toldDamage.has(path)) return;
    this.#toldDamage.add(path);
    this.#notice("error", "corruption", messageOf(error));
  }

  #failed(error: unknown): void {
    this.#notice(
      "error",
      "disk-failed",
      `The disk failed (${messageOf(error)}): nothing more can be acknowledged. The server stops; start it again to recover from what is on disk.`,
    );
    this.#options.onFailed(error);
  }

  #notice(level: NoticeLevel, code: string, message: string): void {
    this.#notices.push({ level, code, message, atMs: this.#options.clock.nowMs() });
    if (this.#notices.length > noticesMax) this.#notices.shift();
    this.#options.log[level]({ code }, message);
  }
}
