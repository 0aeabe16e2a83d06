// The frames of a partition in memory: the hot half of a PartitionWriter, shared by the adapters.
//
// One frame is open; at most one waits behind the frame that is being written (a window ended, or the open one was
// full). So memory is three frames at most (M1), and frames reach the adapter in order. A frame never spans windows.

import { assert, must } from "../lib/assert.ts";
import { OpenFrame } from "./frame.ts";
import type { DurableWaiter, PartitionWriter, Refusal } from "./journal.ts";
import type { PartitionClock } from "./partition-clock.ts";

/** Frames that may wait behind the one being written. */
const pendingMax = 1;

export abstract class FrameQueue implements PartitionWriter {
  readonly partition: number;
  buffer: Buffer;
  position = 0;
  timeMs = 0;

  protected readonly clock: PartitionClock;
  readonly #frameBytesMax: number;
  #open: OpenFrame;
  readonly #pending: OpenFrame[] = [];
  #spare: OpenFrame[] = [];
  /** The frame that the adapter is writing. */
  #writing: OpenFrame | null = null;
  #roomCalls: (() => void)[] = [];
  /** Why everything is refused, set by the adapter; the clock's refusal is kept apart because it comes and goes. */
  #refusal: Refusal | null = null;
  #isClockRefused = false;
  #isTimeFresh = false;
  /** The time goes stale at the end of this turn of the event loop, whoever forgets `onDurable` (QoS 0). */
  #isStaleSoon = false;

  constructor(partition: number, clock: PartitionClock, frameBytesMax: number) {
    this.partition = partition;
    this.clock = clock;
    this.#frameBytesMax = frameBytesMax;
    this.#open = new OpenFrame(frameBytesMax);
    this.buffer = this.#open.buffer;
  }

  get refusal(): Refusal | null {
    if (this.#refusal !== null) return this.#refusal;
    if (this.#isClockRefused) this.#refreshTime();
    return this.#isClockRefused ? "clock" : null;
  }

  reserve(bytesMax: number, records = 1): Refusal | null {
    assert(bytesMax <= this.#frameBytesMax, "a reservation fits a frame");
    if (this.#refusal !== null) return this.#refusal;
    let open = this.#open;
    // One look at the clock a chunk, not a record: `onDurable` ends the chunk. The first record of a frame always looks:
    // what was reserved and never committed ends nothing.
    if (!this.#isTimeFresh || open.records === 0) this.#refreshTime();
    if (this.#isClockRefused) return "clock";
    if (open.records > 0 && this.timeMs >= open.windowEndMs) {
      if (!this.#rotate()) return "wait";
      open = this.#open;
    }
    if (open.end + bytesMax > open.buffer.length || open.records + records > open.lengths.length) {
      if (!open.makeRoom(bytesMax, records, this.#frameBytesMax)) {
        if (open.records === 0 || !this.#rotate()) return "wait";
        open = this.#open;
        if (!open.makeRoom(bytesMax, records, this.#frameBytesMax)) return "wait";
      }
      this.buffer = open.buffer;
    }
    if (open.records === 0) open.reset(this.timeMs);
    this.position = open.end;
    return null;
  }

  commit(end: number): void {
    const open = this.#open;
    open.commit(end);
    open.timeMs = this.timeMs;
    this.position = end;
    if (open.records === 1) this.frameBegan();
  }

  onDurable(waiter: DurableWaiter): void {
    this.#isTimeFresh = false;
    const newest = this.#open.records > 0 ? this.#open : (this.#pending.at(-1) ?? this.#writing);
    if (newest === null) waiter.durable();
    else newest.waiters.push(waiter);
  }

  onRoom(call: () => void): void {
    this.#roomCalls.push(call);
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.onDurable({ durable: resolve }));
  }

  get reserveBytesMax(): number {
    return this.#frameBytesMax;
  }

  // ---- for the adapter ----

  /** A frame has its first record: write soon. Must not write in this turn. */
  protected abstract frameBegan(): void;

  /** The clock is not believed from now on: look at `refusal` again before long, which tells those who wait. */
  protected abstract clockRefused(): void;

  protected get hasFrames(): boolean {
    return this.#writing !== null || this.#pending.length > 0 || this.#open.records > 0;
  }

  /** The oldest frame, to be written now; `frameDurable` or nothing must follow. */
  protected takeFrame(): OpenFrame | null {
    if (this.#writing !== null) return this.#writing; // a write that failed is tried again
    let frame = this.#pending.shift() ?? null;
    if (frame === null && this.#open.records > 0) {
      frame = this.#open;
      this.#open = this.#spare.pop() ?? new OpenFrame(this.#frameBytesMax);
      this.buffer = this.#open.buffer;
    }
    this.#writing = frame;
    return frame;
  }

  /**
   * Partition time now, or null while the clock is not believed. Windows are closed by this time only: no record is
   * stamped with less afterwards (J4).
   */
  protected freshTime(): number | null {
    this.#refreshTime();
    return this.#isClockRefused ? null : this.timeMs;
  }

  /** The frame taken last is on stable storage: tells its waiters (J1). */
  protected frameDurable(): void {
    const frame = must(this.#writing, "a frame was taken");
    this.#writing = null;
    const { waiters } = frame;
    frame.waiters = [];
    frame.end = 0;
    frame.records = 0;
    if (this.#spare.length < 2) this.#spare.push(frame);
    for (const waiter of waiters) waiter.durable();
    this.#callRoom();
  }

  /** Refuses (or, with null, takes again) from now on. */
  protected refuse(refusal: Refusal | null): void {
    this.#refusal = refusal;
    if (refusal === null) this.#callRoom();
  }

  protected get refusedWith(): Refusal | null {
    return this.#refusal;
  }

  #rotate(): boolean {
    if (this.#pending.length >= pendingMax) return false;
    this.#pending.push(this.#open);
    this.#open = this.#spare.pop() ?? new OpenFrame(this.#frameBytesMax);
    this.buffer = this.#open.buffer;
    return true;
  }

  #refreshTime(): void {
    const timeMs = this.clock.now();
    const wasRefused = this.#isClockRefused;
    this.#isClockRefused = timeMs === null;
    if (timeMs === null) {
      if (!wasRefused) this.clockRefused();
      return;
    }
    this.timeMs = timeMs;
    this.#isTimeFresh = true;
    if (!this.#isStaleSoon) {
      this.#isStaleSoon = true;
      setImmediate(() => {
        this.#isStaleSoon = false;
        this.#isTimeFresh = false;
      });
    }
    if (wasRefused) this.#callRoom();
  }

  #callRoom(): void {
    if (this.#roomCalls.length === 0) return;
    for (const call of this.#roomCalls.splice(0)) call();
  }
}
