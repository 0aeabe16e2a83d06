// The journal's budget: how many bytes it may hold, what may be trimmed, when devices are refused.
//
//   E4  Only segments below the release line are trimmed: beyond the retention, or when room is needed.
//   M1  Disk is bounded by `bytesMax` (and the pool beside it); over it devices are refused, nothing is dropped.
//
// Some of the disk is left free for what must go on when devices are refused: seals, floors, checkpoints. Without it a
// full disk could not close its windows, so nothing would be exported and nothing released: it would stay full.

import type { Clock } from "../../lib/clock.ts";
import { hoursText } from "../../lib/duration.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { type Window, printWindow, windowStartMs } from "../../lib/window.ts";
import type { NoticeLevel } from "../journal.ts";
import type { DiskRoom } from "../../lib/disk.ts";
import type { ClosedSegments } from "./closed-segments.ts";
import { FillForecast } from "./fill-forecast.ts";
import type { SegmentPool } from "./segment-pool.ts";

/** What the budget needs of a partition. */
export interface BudgetedPartition {
  readonly partition: number;
  readonly directory: string;
  readonly closed: ClosedSegments;
  readonly fileBytes: number;
  /** Every window below is closed and announced. */
  readonly closedBelow: Window;
  refuseAsFull(isFull: boolean): void;
}

export interface BudgetOptions {
  readonly bytesMax: number;
  /** An operator is warned when this share of it is owed, 0 to 1, */
  readonly warnShare: number;
  /** … or when it will be full so soon at the present rate, and `warnSoonShare` is owed. */
  readonly warnBeforeMs: number;
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: SegmentPool;
  readonly notice: (level: NoticeLevel, code: string, message: string) => void;
  /** Left free on the journal's disk, or a tenth of a small disk. */
  readonly freeBytesMin: number;
  /** Asks the disk. */
  readonly room: () => Promise<DiskRoom>;
}

/** While the disk is short of room, how often it is looked at. */
const pollMs = 1000;
/** Below this share a short stop of an export under a heavy load would warn, too. */
const warnSoonShare = 0.1;
/** A warning may be given again when this share less is owed. */
const warnAgainShare = 0.1;

export class Budget {
  readonly #options: BudgetOptions;
  readonly #partitions: readonly BudgetedPartition[];
  readonly #released = new Map<number, Window>();
  readonly #forecast = new FillForecast();
  /** Of closed segments that no export owes: kept only while there is room. */
  #releasedBytes = 0;
  #foreignBytes = 0;
  /** Of which danger an operator was told last, and what was owed then. */
  #warned: "none" | "soon" | "share" = "none";
  #warnedBytes = 0;
  #isFull = false;
  /** What the disk had free when it was last asked, what we held then, and whether that was too little. */
  #free = { bytes: Infinity, heldBytes: 0, bytesMin: 0 };
  #cancelPoll: () => void = () => {};
  #isClosed = false;
  #isAsked = false;
  #balancing: Promise<void> | null = null;

  /** @param partitions  may still grow. */
  constructor(options: BudgetOptions, partitions: readonly BudgetedPartition[]) {
    this.#options = options;
    this.#partitions = partitions;
  }

  get bytes(): number {
    let bytes = this.#foreignBytes;
    for (const partition of this.#partitions) bytes += partition.fileBytes;
    return bytes;
  }

  /** Of what exports owe, staged snapshots included: what only they can make less. */
  get owedBytes(): number {
    return Math.max(0, this.bytes - this.#releasedBytes);
  }

  /** How long until devices are refused, in ms, if it goes on as in the last minutes; null when it does not fill. */
  get untilFullMs(): number | null {
    return this.#isFull ? 0 : this.#forecast.untilFullMs(this.#roomBytes);
  }

  /** A window was closed: time to look how fast it fills. */
  windowClosed(): void {
    this.#forecast.observe(this.#options.clock.monotonicMs(), this.owedBytes);
    this.#warnInTime();
  }

  /** @param windowNext  no export owes a window of the partition below it. */
  release(partition: number, windowNext: Window): void {
    this.#released.set(partition, windowNext);
    this.#countReleased();
    void this.balance();
  }

  setForeignBytes(bytes: number): void {
    this.#foreignBytes = bytes;
    if (this.needsBalance()) void this.balance();
  }

  /** Cheap: asked once a frame. Warns in time. */
  needsBalance(): boolean {
    this.#warnInTime();
    return this.#isFull || this.bytes > this.#options.bytesMax || this.#isShort;
  }

  /** Trims what may go, then refuses or takes again by what is left. Never rejects. */
  balance(): Promise<void> {
    this.#isAsked = true; // also while one is under way: it may have passed what is new
    this.#balancing ??= this.#balanceAll().finally(() => {
      this.#balancing = null;
    });
    return this.#balancing;
  }

  /** Ends when nothing is being trimmed; nothing will be any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#balancing;
    this.#cancelPoll();
  }

  /** Cheap: asked once a frame. Before the first release nothing is known about what is owed. */
  #warnInTime(): void {
    if (this.#released.size === 0) return;
    const { bytesMax, warnShare, warnBeforeMs, notice } = this.#options;
    const { owedBytes } = this;
    // A disk that is smaller than the budget is full sooner.
    const fullBytes = owedBytes + Math.max(0, this.#roomBytes);
    if (this.#warned !== "none" && owedBytes < this.#warnedBytes - fullBytes * warnAgainShare) this.#warned = "none";
    const isMuch = owedBytes > fullBytes * warnShare;
    if (this.#warned === "share" || !(isMuch || (this.#warned === "none" && owedBytes > fullBytes * warnSoonShare))) {
      return;
    }
    const { untilFullMs } = this;
    if (isMuch || (untilFullMs !== null && untilFullMs < warnBeforeMs)) {
      this.#warned = isMuch ? "share" : "soon";
      this.#warnedBytes = owedBytes;
      const rate = untilFullMs === null ? "" : ` At the present rate it is full in ${hoursText(untilFullMs)}.`;
      notice(
        "warn",
        "journal-filling",
        `${owedBytes} of at most ${Math.round(fullBytes)} bytes of the journal are owed to exports.${rate} When it is full, devices are refused: see which export is behind, or ${fullBytes < bytesMax ? "make room on the journal's disk" : "raise --journal-bytes-max"}.`,
      );
    }
  }

  #countReleased(): void {
    let bytes = 0;
    for (const { partition, closed, closedBelow } of this.#partitions) {
      const line = Math.min(this.#released.get(partition) ?? 0, closedBelow);
      for (const { window, fileBytes } of closed.list) {
        if (window >= line) break;
        bytes += fileBytes;
      }
    }
    this.#releasedBytes = bytes;
  }

  /** What may still come before devices are refused. */
  get #roomBytes(): number {
    const { bytes, heldBytes, bytesMin } = this.#free;
    const onDisk = bytes - (this.bytes - heldBytes) - bytesMin + this.#releasedBytes;
    return Math.min(this.#options.bytesMax - this.owedBytes, onDisk);
  }

  /** Whether the disk has too little left, as far as is known without asking it again. */
  get #isShort(): boolean {
    const { bytes, heldBytes, bytesMin } = this.#free;
    return bytes - (this.bytes - heldBytes) < bytesMin;
  }

  async #askDisk(): Promise<void> {
    const { freeBytes, totalBytes } = await this.#options.room();
    const bytesMin = Math.min(this.#options.freeBytesMin, totalBytes / 10);
    this.#free = { bytes: freeBytes, heldBytes: this.bytes, bytesMin };
  }

  /** The disk has no room: makes some, from recycled files, else from the oldest released segments. True when it did. */
  async makeRoom(): Promise<boolean> {
    try {
      if ((await this.#options.pool.shrink()) > 0) return true;
      for (const partition of this.#partitions) if (await this.#trimOldest(partition, true)) return true;
    } catch (error) {
      this.#tellTrimFailed(error);
    }
    return false;
  }

  async #balanceAll(): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false;
      try {
        for (const partition of this.#partitions) while (await this.#trimOldest(partition, false));
        await this.#askDisk();
        while (this.#isShort && (await this.makeRoom())) await this.#askDisk();
      } catch (error) {
        this.#tellTrimFailed(error);
      }
      this.#countReleased();
      const { bytes } = this;
      const { bytesMax, notice } = this.#options;
      const wasFull = this.#isFull;
      const isShort = this.#isShort;
      this.#isFull = bytes > bytesMax || isShort;
      if (this.#isFull && !wasFull) {
        notice(
          "error",
          isShort ? "disk-short" : "journal-full",
          isShort
            ? `The journal's disk has ${Math.max(0, this.#free.bytes)} bytes left, fewer than the ${Math.round(this.#free.bytesMin)} it needs to go on. Devices are refused until there is room.`
            : `The journal is full: ${bytes} of at most ${bytesMax} bytes are still owed to exports. Devices are refused until an export moves on.`,
        );
      }
      // Room may come from outside: an operator deletes something.
      this.#cancelPoll();
      if (isShort && !this.#isClosed) this.#cancelPoll = this.#options.clock.timer(pollMs, () => void this.balance());
      for (const partition of this.#partitions) partition.refuseAsFull(this.#isFull);
    }
  }

  /** Trims one segment, if one may go (E4). @param forRoom  also one that is merely released. */
  async #trimOldest(partition: BudgetedPartition, forRoom: boolean): Promise<boolean> {
    const { oldest } = partition.closed;
    const released = Math.min(this.#released.get(partition.partition) ?? 0, partition.closedBelow);
    if (oldest === null || oldest.window >= released) return false;
    const { bytesMax, clock, retentionMs, log, pool } = this.#options;
    const isOld = windowStartMs(oldest.window + 1) < clock.nowMs() - retentionMs;
    if (!isOld && !forRoom && this.bytes <= bytesMax) return false;
    const didTrim = await partition.closed.trimOldest((one) => pool.give(one.path, partition.directory, one.fileBytes));
    if (didTrim)
      log.debug({ partition: partition.partition, window: printWindow(oldest.window) }, "Trimmed a segment.");
    return didTrim;
  }

  #tellTrimFailed(error: unknown): void {
    this.#options.notice("error", "trim-failed", `Old segments could not be removed (${messageOf(error)}).`);
  }
}
