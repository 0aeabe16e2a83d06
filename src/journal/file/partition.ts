// One partition of the file journal: the writer of its one open segment.
//
// Frames are written one after the other by a single loop (`#run`), which also closes windows: last frame synced, then
// the seal synced, then the floor, and only then is the window announced as closed (J4). A window's first frame is
// written only after the window before it was sealed, so at most one segment is ever open. Whatever writes to the
// segment (`#run`, the witness) is `#running`: one at a time.

import { join } from "node:path";
import { assert } from "../../lib/assert.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { type Window, windowMs, windowOf, windowStartMs } from "../../lib/window.ts";
import { FrameQueue } from "../frame-queue.ts";
import type { OpenFrame } from "../frame.ts";
import type { NoticeLevel, PartitionStatus } from "../journal.ts";
import { PartitionClock, type ClockGuard } from "../partition-clock.ts";
import { ClosedSegments } from "./closed-segments.ts";
import type { Disk } from "../../lib/disk.ts";
import { writeFloor } from "./floor.ts";
import { OpenSegment, SyncFailedError } from "./open-segment.ts";
import type { Recovered } from "./recovery.ts";
import type { SegmentPool } from "./segment-pool.ts";

/** What a partition needs of the journal around it. */
export interface PartitionOwner {
  readonly hub: string;
  readonly directory: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly guard: ClockGuard;
  readonly pool: SegmentPool;
  readonly frameBytesMax: number;
  notice(level: NoticeLevel, code: string, message: string): void;
  /** Over the budget, or refusing because of it? Cheap: asked once a frame. */
  needsBalance(): boolean;
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
  readonly closed: ClosedSegments;
  readonly isRetired: boolean;
  readonly #owner: PartitionOwner;
  #segment: OpenSegment | null;
  /** As the floor on disk has it. */
  #windowNext: Window;
  #offsetNext: number;
  #running: Promise<void> | null = null;
  #wakeScheduled = false;
  #cancelTimer: () => void = () => {};
  #cancelWitness: () => void = () => {};
  readonly #stop = new AbortController();
  /** Nothing is written any more, not even what is committed. */
  #isOver = false;
  /** `#run` gave up on what it holds: the disk is full, and the server is stopping. */
  #isStuck = false;
  #isOutOfRoom = false;
  #isBudgetFull = false;
  #toldNoRoom: () => void = () => {};
  /** What the last closed window needed: the best guess for the next file. */
  #bytesWanted = 0;
  frames = 0;
  frameMs = 0;
  appendedRecords = 0;
  appendedBytes = 0;

  constructor(owner: PartitionOwner, partition: number, isRetired: boolean, state: Recovered) {
    super(partition, new PartitionClock(owner.clock, owner.guard, state.timeMs), owner.frameBytesMax);
    this.#owner = owner;
    this.directory = join(owner.directory, String(partition));
    this.isRetired = isRetired;
    this.closed = new ClosedSegments(state.closed);
    this.#segment = state.open;
    this.#windowNext = state.windowDurable;
    this.#offsetNext = state.offsetNext;
  }

  /** Closes what is due and keeps closing windows as time passes. On a full disk it resolves before that is done. */
  async start(): Promise<void> {
    if (this.isRetired) {
      this.refuse("draining");
      if (this.#segment !== null) await this.#closeBelow(this.#segment.window + 1);
      return;
    }
    const noRoom = new Promise<void>((resolve) => (this.#toldNoRoom = resolve));
    await Promise.race([this.#wake(), noRoom]);
    this.#armTimer();
  }

  /** A retired partition gains nothing more: all of it is closed. */
  get closedBelow(): Window {
    return this.isRetired ? Number.MAX_SAFE_INTEGER : this.#windowNext;
  }

  /** The segment being written, as a file to read up to `end`; null when there is none. */
  get openSegment(): Pick<OpenSegment, "path" | "identity" | "window" | "end"> | null {
    return this.#segment;
  }

  get fileBytes(): number {
    return this.closed.fileBytes + (this.#segment?.fileBytes ?? 0);
  }

  /** Over the budget or not; a full disk is another matter, kept apart. */
  refuseAsFull(isFull: boolean): void {
    this.#isBudgetFull = isFull;
    this.#refuseWhileFull();
  }

  status(): PartitionStatus {
    return {
      partition: this.partition,
      windowNext: this.#windowNext,
      offsetNext: this.#offsetNext,
      refusal: this.refusal,
      segments: this.closed.list.length + (this.#segment === null ? 0 : 1),
      segmentBytes: this.fileBytes,
      aheadMs: this.clock.aheadMs(),
    };
  }

  /** Makes what was committed durable, proves it, and closes the file. The window stays open on disk. */
  async close(): Promise<void> {
    if (this.refusedWith !== "failed") this.refuse("draining");
    this.#stop.abort(); // whoever waits for room tries once more
    do {
      this.#isStuck = false;
      await this.#wake(); // may join something that was at its end already
    } while (this.hasFrames && this.refusedWith === "draining" && !this.#isStuck);
    this.#isOver = true;
    this.#cancelTimer();
    this.#cancelWitness();
    if (this.refusedWith !== "failed") await this.#witness().catch((error: unknown) => this.#fail(error));
    const segment = this.#segment;
    this.#segment = null;
    await segment?.close();
  }

  protected override frameBegan(): void {
    if (this.#running !== null || this.#wakeScheduled || this.#isOver) return;
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

  /** Runs the loop until there is nothing to do; joins what is under way. Never rejects. */
  #wake(): Promise<void> {
    return this.#exclusively(() => this.#run());
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    // J1: after a failure nothing is written, and so nothing acknowledged, by whatever timer still comes.
    if (this.#isOver || this.refusedWith === "failed") return Promise.resolve();
    this.#running ??= work()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#running = null;
        if (this.hasFrames && !this.#isStuck) this.frameBegan();
      });
    return this.#running;
  }

  #fail(error: unknown): void {
    this.refuse("failed");
    this.#owner.failed(error);
  }

  async #run(): Promise<void> {
    this.#cancelWitness();
    for (;;) {
      const frame = this.takeFrame();
      const window = frame?.window ?? this.#windowDue();
      if (window === null) break;
      try {
        await this.#closeBelow(window);
        if (frame !== null) await this.#append(frame);
      } catch (error) {
        if (error instanceof SyncFailedError || !(isNoRoom(error) || isNoHandle(error))) throw error;
        if (await this.#waitForRoom(error)) continue; // the same frame again
        this.#isStuck = true;
        break;
      }
      this.#isOutOfRoom = false;
      this.#refuseWhileFull();
      if (this.#owner.needsBalance()) await this.#owner.balance();
      if (frame === null) continue;
      this.frameDurable(this.#offsetNext - frame.records);
      await new Promise(setImmediate);
    }
    this.#armWitness();
  }

  /** The open window, when others before it are still to be closed and nothing waits to be written. */
  #windowDue(): Window | null {
    const timeMs = this.freshTime();
    if (timeMs === null || this.hasFrames) return null;
    return windowOf(timeMs) > this.#windowNext ? windowOf(timeMs) : null;
  }

  async #append(frame: OpenFrame): Promise<void> {
    assert(frame.window === this.#windowNext, "J4: a frame belongs to the open window");
    assert((this.closed.newest?.window ?? -1) < frame.window, "J4: a window is opened once");
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
    this.frames++;
    this.#offsetNext += frame.records;
    this.appendedRecords += frame.records;
    this.appendedBytes += frame.end;
  }

  /** Closes every window below `window`: seal, floor, announcement. May be tried again when the disk was full. */
  async #closeBelow(window: Window): Promise<void> {
    if (window <= this.#windowNext) return;
    const segment = this.#segment;
    if (segment !== null && segment.window < window) {
      const { identity, path } = segment;
      if (segment.hasRecords) {
        const { offsetNext, recordBytes } = await segment.seal();
        const { fileBytes } = segment;
        this.#bytesWanted = fileBytes;
        const { offsetFirst } = identity;
        const { partition } = this;
        this.closed.add({
          partition,
          window: segment.window,
          path,
          offsetFirst,
          offsetNext,
          recordBytes,
          fileBytes,
          damage: null,
        });
      }
      this.#segment = null;
      await segment.close();
      if (!segment.hasRecords) await this.#owner.pool.give(path, this.directory, segment.fileBytes);
    }
    await writeFloor(this.#owner.disk, this.directory, { windowNext: window, offsetNext: this.#offsetNext });
    this.#windowNext = window;
    this.#owner.windowClosed();
  }

  /** Refuses devices until there may be room again. False when the server is stopping: nothing more can be done. */
  async #waitForRoom(error: unknown): Promise<boolean> {
    if (!this.#isOutOfRoom) {
      const [code, what] = isNoHandle(error)
        ? [
            "files-exhausted",
            `The server may open no more files (${messageOf(error)}); devices are refused until it may.`,
          ]
        : [
            "disk-full",
            `The disk has no room for the journal (${messageOf(error)}); devices are refused until it has.`,
          ];
      this.#owner.notice("error", code, what);
    }
    this.#isOutOfRoom = true;
    this.#refuseWhileFull();
    this.#toldNoRoom();
    if (isNoRoom(error) && (await this.#owner.makeRoom())) return true;
    if (this.#stop.signal.aborted) return false;
    await sleep(this.#owner.clock, retryAfterMs, this.#stop.signal);
    return true;
  }

  #refuseWhileFull(): void {
    if (this.refusedWith !== null && this.refusedWith !== "full") return;
    const refusal = this.#isOutOfRoom || this.#isBudgetFull ? "full" : null;
    if (refusal !== this.refusedWith) this.refuse(refusal);
  }

  #armTimer(): void {
    if (this.#isOver || this.refusedWith === "failed") return;
    const untilMs = this.refusal === "clock" ? clockPollMs : this.clock.untilMs(windowStartMs(this.#windowNext + 1));
    this.#cancelTimer();
    this.#cancelTimer = this.#owner.clock.timer(Math.min(Math.max(untilMs, 10), windowMs), () => {
      void this.#wake().then(() => this.#armTimer());
    });
  }

  #armWitness(): void {
    this.#cancelWitness();
    if (this.#segment === null || this.#isOver) return;
    this.#cancelWitness = this.#owner.clock.timer(witnessAfterMs, () => {
      // Whatever is under way instead arms it again.
      if (this.#running === null) void this.#exclusively(() => this.#witness());
    });
  }

  async #witness(): Promise<void> {
    try {
      await this.#segment?.witness();
    } catch (error) {
      if (error instanceof SyncFailedError || !isNoRoom(error)) throw error; // else the next frame will find out
    }
  }
}

function isNoRoom(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

/** The limit of open files (RLIMIT_NOFILE), which sockets share: many of them must not look like a broken disk. */
function isNoHandle(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EMFILE" || code === "ENFILE";
}
