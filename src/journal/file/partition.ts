// One partition of the file journal: its writer, its open segment, its closed segments.
//
// Frames are written one after the other by a single loop (`#run`), which also closes windows: last frame synced, then
// the seal synced, then the floor, and only then is the window announced as closed (J4). A window's first frame is
// written only after the window before it was sealed, so at most one segment is ever open.

import { join } from "node:path";
import { type Clock, sleep } from "../../lib/clock.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { type Window, printWindow, windowMs, windowOf, windowStartMs } from "../../lib/window.ts";
import { trimmed } from "../errors.ts";
import { FrameQueue } from "../frame-queue.ts";
import type { OpenFrame } from "../frame.ts";
import type { PartitionStatus, Segment } from "../journal.ts";
import type { PartitionClock } from "../partition-clock.ts";
import type { Disk } from "./disk.ts";
import { writeFloor } from "./floor.ts";
import { OpenSegment, SyncFailedError } from "./open-segment.ts";
import type { SegmentPool } from "./segment-pool.ts";

/** A closed segment and its file. */
export interface ClosedSegment extends Segment {
  readonly fileBytes: number;
  /** Found damaged when it was opened or read: what, for the operator (J3). */
  readonly damage: string | null;
}

export interface PartitionState {
  readonly closed: ClosedSegment[];
  readonly open: OpenSegment | null;
  readonly windowNext: Window;
  readonly offsetNext: number;
}

/** What a partition needs of the journal around it. */
export interface PartitionOwner {
  readonly hub: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly pool: SegmentPool;
  notice(level: "info" | "warn" | "error", code: string, message: string): void;
  /** More bytes than the budget allows? Cheap: asked once a frame. */
  isOverBudget(): boolean;
  /** Trims what may go; refuses or takes again by what is left. */
  balance(): Promise<void>;
  windowClosed(): void;
  /** The disk has no room: make some. True when something was freed. */
  makeRoom(): Promise<boolean>;
  /** Stable storage failed: the process must restart. */
  failed(error: unknown): void;
}

/** How long a frame stays without a successor before a witness is written behind it. */
const witnessAfterMs = 1000;
const retryAfterMs = 1000;
/** While the clock is not believed, how often it is looked at. */
const clockPollMs = 1000;

export class FilePartition extends FrameQueue {
  readonly directory: string;
  readonly closed: ClosedSegment[];
  readonly #owner: PartitionOwner;
  #segment: OpenSegment | null;
  #windowNext: Window;
  #offsetNext: number;
  #running: Promise<void> | null = null;
  #wakeScheduled = false;
  #cancelTimer: () => void = () => {};
  #cancelWitness: () => void = () => {};
  #closing = false;
  readonly #stop = new AbortController();
  /** What the last closed window needed: the best guess for the next file. */
  #bytesWanted = 0;
  /** Sum over `closed`. */
  #closedBytes: number;
  readonly #pins = new Map<Window, number>();
  frames = 0;
  frameMs = 0;
  appendedRecords = 0;
  appendedBytes = 0;

  constructor(
    owner: PartitionOwner,
    partition: number,
    directory: string,
    clock: PartitionClock,
    frameBytesMax: number,
    state: PartitionState,
  ) {
    super(partition, clock, frameBytesMax);
    this.#owner = owner;
    this.directory = directory;
    this.closed = state.closed;
    this.#closedBytes = state.closed.reduce((sum, segment) => sum + segment.fileBytes, 0);
    this.#segment = state.open;
    this.#windowNext = state.windowNext;
    this.#offsetNext = state.offsetNext;
  }

  /** Closes what is due and keeps closing windows as time passes. */
  async start(): Promise<void> {
    await this.#wake();
    this.#armTimer();
  }

  get windowNext(): Window {
    return this.#windowNext;
  }

  get offsetNext(): number {
    return this.#offsetNext;
  }

  get fileBytes(): number {
    return this.#closedBytes + (this.#segment?.fileBytes ?? 0);
  }

  setRefusal(refusal: "full" | null): void {
    if (this.refusedWith === null || this.refusedWith === "full") this.refuse(refusal);
  }

  status(): PartitionStatus {
    return {
      partition: this.partition,
      windowNext: this.#windowNext,
      offsetNext: this.#offsetNext,
      refusal: this.refusal,
      segments: this.closed.length + (this.#segment === null ? 0 : 1),
      segmentBytes: this.fileBytes,
      aheadMs: this.clock.aheadMs(),
    };
  }

  /** The file of a closed segment, kept from being trimmed until `unpin`. */
  pin(window: Window): string {
    if (!this.closed.some((segment) => segment.window === window)) {
      throw trimmed(`window ${printWindow(window)} of partition ${this.partition}`);
    }
    this.#pins.set(window, (this.#pins.get(window) ?? 0) + 1);
    return this.pathOf(window);
  }

  unpin(window: Window): void {
    const pins = (this.#pins.get(window) ?? 1) - 1;
    if (pins === 0) this.#pins.delete(window);
    else this.#pins.set(window, pins);
  }

  pathOf(window: Window): string {
    return join(this.directory, `${printWindow(window)}.seg`);
  }

  /** Removes the oldest closed segment, if it may be. The floor stays (J2). */
  async trimOldest(): Promise<boolean> {
    const oldest = this.closed[0];
    if (oldest === undefined || this.#pins.has(oldest.window)) return false;
    this.closed.shift();
    this.#closedBytes -= oldest.fileBytes;
    await this.#owner.pool.give(this.pathOf(oldest.window), this.directory, oldest.fileBytes);
    return true;
  }

  /** Makes what was committed durable, proves it, and closes the file. The window stays open on disk. */
  async close(): Promise<void> {
    if (this.refusedWith !== "failed") this.refuse("draining");
    this.#cancelTimer();
    this.#cancelWitness();
    for (let before = -1; this.hasFrames && this.refusedWith === "draining" && before !== this.frames;) {
      before = this.frames; // on a full disk nothing moves: what is left was not acknowledged
      await this.#wake();
    }
    this.#closing = true;
    this.#stop.abort();
    await this.#running;
    if (this.refusedWith !== "failed") await this.#segment?.witness();
    await this.#segment?.close();
    this.#segment = null;
  }

  protected override frameBegan(): void {
    if (this.#running !== null || this.#wakeScheduled) return;
    this.#wakeScheduled = true;
    // After this turn of the event loop, so that the frame gathers what other sockets have to say.
    setImmediate(() => {
      this.#wakeScheduled = false;
      void this.#wake();
    });
  }

  protected override clockRefused(): void {
    this.#armTimer();
  }

  /** Runs the loop until there is nothing to do; joins the run that is under way. Never rejects. */
  #wake(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      if (this.hasFrames && this.refusedWith !== "failed") this.frameBegan();
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    this.#cancelWitness();
    try {
      for (;;) {
        const frame = this.takeFrame();
        if (frame === null) {
          if (!(await this.#closeDue())) break;
          continue;
        }
        if (!(await this.#writeFrame(frame))) {
          if (this.refusedWith === "draining") break;
          continue;
        }
        this.frameDurable();
        await new Promise(setImmediate);
      }
      this.#armWitness();
    } catch (error) {
      this.refuse("failed");
      this.#owner.failed(error);
    }
  }

  /** False when the disk had no room; then the same frame is tried again. */
  async #writeFrame(frame: OpenFrame): Promise<boolean> {
    try {
      await this.#closeBelow(frame.window);
      this.#segment ??= await OpenSegment.create(this.#owner.disk, this.#owner.pool, this.directory, {
        hub: this.#owner.hub,
        partition: this.partition,
        window: frame.window,
        offsetFirst: this.#offsetNext,
        timeMs: frame.timeMs,
        bytesWanted: this.#bytesWanted,
      });
      const lengths = frame.recordLengths;
      const startMs = performance.now();
      await this.#segment.append(
        frame.records,
        new Uint8Array(lengths.buffer, lengths.byteOffset, lengths.byteLength),
        frame.payload,
        frame.timeMs,
      );
      this.frameMs += performance.now() - startMs;
    } catch (error) {
      if (error instanceof SyncFailedError || !isNoRoom(error)) throw error;
      await this.#waitForRoom(error);
      return false;
    }
    this.frames++;
    this.#offsetNext += frame.records;
    this.appendedRecords += frame.records;
    this.appendedBytes += frame.end;
    if (this.refusedWith === "full") this.refuse(null);
    if (this.#owner.isOverBudget()) await this.#owner.balance();
    return true;
  }

  async #waitForRoom(error: unknown): Promise<void> {
    if (this.refusedWith === null) {
      this.refuse("full");
      this.#owner.notice(
        "error",
        "disk-full",
        `The disk has no room for the journal (${messageOf(error)}); devices are refused until it has.`,
      );
    }
    if (!(await this.#owner.makeRoom())) await sleep(this.#owner.clock, retryAfterMs, this.#stop.signal);
  }

  /** Closes the windows that ended. True when something was closed. */
  async #closeDue(): Promise<boolean> {
    const timeMs = this.clock.now();
    if (timeMs === null || windowOf(timeMs) <= this.#windowNext || this.hasFrames) return false;
    try {
      await this.#closeBelow(windowOf(timeMs));
    } catch (error) {
      if (error instanceof SyncFailedError || !isNoRoom(error)) throw error;
      await this.#waitForRoom(error);
      return this.refusedWith !== "draining";
    }
    return true;
  }

  /** Closes every window below `window`: seal, floor, announcement. */
  async #closeBelow(window: Window): Promise<void> {
    if (window <= this.#windowNext) return;
    const segment = this.#segment;
    if (segment !== null && segment.window < window) {
      if (segment.offsetNext > segment.identity.offsetFirst) {
        const seal = await segment.seal();
        this.#bytesWanted = segment.fileBytes;
        this.#closedBytes += segment.fileBytes;
        this.closed.push({
          partition: this.partition,
          window: segment.window,
          offsetFirst: segment.identity.offsetFirst,
          offsetNext: seal.offsetNext,
          recordBytes: seal.recordBytes,
          fileBytes: segment.fileBytes,
          damage: null,
        });
        await segment.close();
      } else {
        await segment.close();
        await this.#owner.pool.give(segment.path, this.directory, segment.fileBytes);
      }
      this.#segment = null;
    }
    await writeFloor(this.#owner.disk, this.directory, { windowNext: window, offsetNext: this.#offsetNext });
    this.#windowNext = window;
    this.#owner.windowClosed();
  }

  #armTimer(): void {
    if (this.#closing || this.refusedWith === "failed") return;
    const untilMs = this.refusal === "clock" ? clockPollMs : this.clock.untilMs(windowStartMs(this.#windowNext + 1));
    this.#cancelTimer();
    this.#cancelTimer = this.#owner.clock.timer(Math.min(Math.max(untilMs, 10), windowMs), () => {
      void this.#wake().then(() => this.#armTimer());
    });
  }

  #armWitness(): void {
    if (this.#segment === null || this.#closing) return;
    this.#cancelWitness = this.#owner.clock.timer(witnessAfterMs, () => {
      if (this.#running !== null || this.#closing) return;
      this.#running = this.#witness().finally(() => {
        this.#running = null;
        if (this.hasFrames) this.frameBegan();
      });
    });
  }

  async #witness(): Promise<void> {
    try {
      await this.#segment?.witness();
    } catch (error) {
      if (!(error instanceof SyncFailedError) && isNoRoom(error)) return; // the next frame will find out
      this.refuse("failed");
      this.#owner.failed(error);
    }
  }
}

function isNoRoom(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOSPC" || code === "EDQUOT";
}
