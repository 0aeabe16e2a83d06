// The file journal: segment files on one machine, the embedded default.
//
// Owns:      the partitions, the budget and what may be trimmed, notices for operators.
// Does not:  know what records mean, or which export owes what (`release` says).
//
//   E4  Only segments below the release line are trimmed: beyond the retention, or when the budget needs the room.
//   M1  Disk is bounded by `bytesMax` (and `recycleBytesMax` beside it); over it devices are refused, nothing is dropped.
//
// Format: docs/formats.md "Journal". Decision: docs/decisions/0002-journal-frames.md.

import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { type Window, printWindow, windowOf, windowStartMs } from "../../lib/window.ts";
import { corrupt } from "../errors.ts";
import type { Journal, JournalNotice, JournalStatus, PartitionWriter, RecordBatch, Segment } from "../journal.ts";
import { ClockGuard, PartitionClock } from "../partition-clock.ts";
import { type Disk, nodeDisk } from "./disk.ts";
import { FilePartition, type PartitionOwner } from "./partition.ts";
import { openPartitionTable } from "./partition-table.ts";
import { recoverPartition } from "./recovery.ts";
import { headerBytes, identityCrc } from "./segment-format.ts";
import { SegmentPool } from "./segment-pool.ts";
import { FrameReader, readSeal } from "./segment-scan.ts";

export interface FileJournalOptions {
  readonly directory: string;
  /** At most 128 bytes; part of every segment's identity. */
  readonly hub: string;
  /** Active partitions: 1..64. */
  readonly partitions: number;
  readonly bytesMax: number;
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
/** From this share of the budget on an operator is warned. */
const warnShare = 0.8;

export class FileJournal implements Journal {
  readonly partitions: readonly PartitionWriter[];
  readonly #options: FileJournalOptions;
  readonly #disk: Disk;
  readonly #pool: SegmentPool;
  readonly #active: FilePartition[] = [];
  readonly #all: FilePartition[] = [];
  readonly #released = new Map<number, Window>();
  readonly #closedListeners = new Set<() => void>();
  readonly #notices: JournalNotice[] = [];
  #foreignBytes = 0;
  #isWarned = false;
  #balancing: Promise<void> | null = null;

  private constructor(options: FileJournalOptions, disk: Disk, pool: SegmentPool) {
    this.#options = options;
    this.#disk = disk;
    this.#pool = pool;
    this.partitions = this.#active;
  }

  /** Recovers what is there and starts to take records. Throws ColdpathError of kind `fatal` when it must not. */
  static async open(options: FileJournalOptions): Promise<FileJournal> {
    const disk = options.disk ?? nodeDisk;
    await disk.makeDirectory(options.directory);
    const table = await openPartitionTable(disk, options.directory, options.partitions);
    const pool = await SegmentPool.open(disk, join(options.directory, "free"), options.recycleBytesMax);
    const journal = new FileJournal(options, disk, pool);
    const guard = new ClockGuard(options.clock, options.clockJumpMaxMs, (byMs, believed) => {
      const seconds = Math.round(byMs / 1000);
      if (believed)
        journal.#notice("warn", "clock-jump", `The clock jumped by ${seconds} s and stayed there: believed.`);
      else
        journal.#notice(
          "error",
          "clock-jump",
          `The clock jumped by ${seconds} s: devices are refused until it has stayed there for a minute.`,
        );
    });
    for (const number of [...table.retired, ...table.active]) {
      const directory = join(options.directory, String(number));
      const of = { hub: options.hub, partition: number, nowWindow: windowOf(options.clock.nowMs()) };
      const state = await recoverPartition(disk, directory, of, (...notice) => journal.#notice(...notice));
      const clock = new PartitionClock(options.clock, guard, state.floorMs);
      const partition = new FilePartition(journal.#owner(), number, directory, clock, options.frameBytesMax, state);
      journal.#all.push(partition);
      if (table.active.includes(number)) journal.#active.push(partition);
    }
    for (const partition of journal.#active) {
      await partition.start();
      const aheadMs = partition.status().aheadMs;
      if (aheadMs > options.clockJumpMaxMs) {
        journal.#notice(
          "error",
          "clock-behind",
          `The clock is ${Math.round(aheadMs / 1000)} s behind partition ${partition.partition}, whose time creeps on meanwhile. If an earlier clock was wrong by far, stop the server and run \`coldpath journal reset-clock\`.`,
        );
      }
    }
    await journal.#balance();
    return journal;
  }

  partitionNumbers(): readonly number[] {
    return this.#all.map((partition) => partition.partition);
  }

  windowNext(): Window {
    return Math.min(...this.#active.map((partition) => partition.windowNext));
  }

  closedBelow(partition: number): Window {
    const found = this.#partition(partition);
    // A retired partition gains nothing more: all of it is closed.
    return this.#active.includes(found) ? found.windowNext : Number.MAX_SAFE_INTEGER;
  }

  segments(partition: number, windowFirst: Window): readonly Segment[] {
    const found = this.#partition(partition);
    const below = this.closedBelow(partition);
    return found.closed.filter((segment) => segment.window >= windowFirst && segment.window < below);
  }

  async *read(segment: Segment): AsyncGenerator<RecordBatch, void, void> {
    const partition = this.#partition(segment.partition);
    const path = partition.pin(segment.window);
    const file = await this.#disk.open(path, "read");
    try {
      const damage = partition.closed.find((closed) => closed.window === segment.window)?.damage ?? null;
      const sealed = damage === null ? await readSeal(file) : null;
      if (sealed === null) throw corrupt(damage ?? `segment ${path} is not closed`);
      const reader = new FrameReader(file, identityCrc(sealed.identity), headerBytes);
      let offset = segment.offsetFirst;
      for (;;) {
        const outcome = await reader.next();
        if (outcome.kind !== "frame" || outcome.frame.head.offsetFirst !== offset) {
          throw corrupt(`segment ${path} is not whole at byte ${reader.position}, from offset ${offset} on`);
        }
        const { head, lengths, payload } = outcome.frame;
        if (head.kind === "seal") break;
        if (head.kind === "witness") continue;
        offset += head.records;
        yield { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes: payload, lengths };
      }
      if (offset !== segment.offsetNext)
        throw corrupt(`segment ${path} ends at offset ${offset}, not ${segment.offsetNext}`);
    } finally {
      await file.close();
      partition.unpin(segment.window);
    }
  }

  release(partition: number, windowNext: Window): void {
    this.#released.set(partition, windowNext);
    void this.#balance();
  }

  setForeignBytes(bytes: number): void {
    this.#foreignBytes = bytes;
    if (this.#isOverBudget()) void this.#balance();
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
      bytes: this.#bytes(),
      bytesMax: this.#options.bytesMax,
      notices: this.#notices,
      appendedRecords: sum((partition) => partition.appendedRecords),
      appendedBytes: sum((partition) => partition.appendedBytes),
      frames: sum((partition) => partition.frames),
      frameMs: sum((partition) => partition.frameMs),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#active.map((partition) => partition.close()));
    await this.#balancing;
  }

  #partition(number: number): FilePartition {
    const found = this.#all.find((partition) => partition.partition === number);
    if (found === undefined) throw new RangeError(`the journal has no partition ${number}`);
    return found;
  }

  #owner(): PartitionOwner {
    return {
      hub: this.#options.hub,
      disk: this.#disk,
      clock: this.#options.clock,
      pool: this.#pool,
      notice: (level, code, message) => this.#notice(level, code, message),
      isOverBudget: () => this.#isOverBudget(),
      balance: () => this.#balance(),
      windowClosed: () => {
        for (const listener of this.#closedListeners) listener();
      },
      makeRoom: async () => (await this.#trim(true)) || (await this.#pool.shrink()) > 0,
      failed: (error) => {
        this.#notice(
          "error",
          "disk-failed",
          `The disk failed (${messageOf(error)}): nothing more can be acknowledged. The server stops; start it again to recover from what is on disk.`,
        );
        this.#options.onFailed(error);
      },
    };
  }

  #bytes(): number {
    return this.#all.reduce((sum, partition) => sum + partition.fileBytes, this.#foreignBytes);
  }

  #isOverBudget(): boolean {
    const bytes = this.#bytes();
    const { bytesMax } = this.#options;
    if (!this.#isWarned && bytes > bytesMax * warnShare) {
      this.#isWarned = true;
      this.#notice(
        "warn",
        "journal-filling",
        `The journal holds ${bytes} of at most ${bytesMax} bytes. When it is full, devices are refused: see which export is behind, or raise --journal-bytes-max.`,
      );
    } else if (this.#isWarned && bytes < bytesMax * (warnShare - 0.1)) this.#isWarned = false;
    return bytes > bytesMax || this.#active.some((partition) => partition.status().refusal === "full");
  }

  /** Trims what may go, then refuses or takes again by what is left. */
  #balance(): Promise<void> {
    this.#balancing ??= (async () => {
      try {
        await this.#trim(false);
        const isFull = this.#bytes() > this.#options.bytesMax;
        for (const partition of this.#active) {
          const wasFull = partition.refusal === "full";
          if (isFull && !wasFull)
            this.#notice(
              "error",
              "journal-full",
              `The journal is full: ${this.#bytes()} of at most ${this.#options.bytesMax} bytes are still owed to exports. Devices are refused until an export moves on.`,
            );
          if (isFull !== wasFull) partition.setRefusal(isFull ? "full" : null);
        }
      } catch (error) {
        this.#notice("error", "trim-failed", `Old segments could not be removed (${messageOf(error)}).`);
      } finally {
        this.#balancing = null;
      }
    })();
    return this.#balancing;
  }

  /** Removes released segments that are too old or in the way (E4). @param forRoom  also those that are merely released. */
  async #trim(forRoom: boolean): Promise<boolean> {
    let didTrim = false;
    const oldestMs = this.#options.clock.nowMs() - this.#options.retentionMs;
    for (const partition of this.#all) {
      const released = Math.min(this.#released.get(partition.partition) ?? 0, this.closedBelow(partition.partition));
      for (let oldest = partition.closed[0]; oldest !== undefined; oldest = partition.closed[0]) {
        const isOld = windowStartMs(oldest.window + 1) < oldestMs;
        const isInTheWay = forRoom || this.#bytes() > this.#options.bytesMax;
        if (oldest.window >= released || !(isOld || isInTheWay)) break;
        if (!(await partition.trimOldest())) break;
        didTrim = true;
        this.#options.log.debug(
          { partition: partition.partition, window: printWindow(oldest.window) },
          "Trimmed a segment.",
        );
      }
    }
    return didTrim;
  }

  #notice(level: "info" | "warn" | "error", code: string, message: string): void {
    this.#notices.push({ level, code, message, atMs: this.#options.clock.nowMs() });
    if (this.#notices.length > noticesMax) this.#notices.shift();
    this.#options.log[level]({ code }, message);
  }
}
