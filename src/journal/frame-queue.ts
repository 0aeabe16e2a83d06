// The frames of a partition in memory: the hot half of a PartitionWriter, shared by the adapters.
//
// One frame is open while another is written; when a window ends, one more waits between them. So memory is three frames
// at most (M1), and frames reach the adapter in order. A frame never spans windows.
//
// Those that find no room wait in a queue, and room goes to them first, some to each in turn: whoever was acknowledged
// just now and sends again stands behind them. So whoever wants little waits for one round, however much others want.

import { assert, must } from "../lib/assert.ts";
import { FrameSize } from "./frame-size.ts";
import { OpenFrame } from "./frame.ts";
import type { DurableWaiter, PartitionWriter, RecordBatch, Refusal } from "./journal.ts";
import type { PartitionClock } from "./partition-clock.ts";
import { RoomQueue, littleBytesMax } from "./room-queue.ts";

/** Frames that may wait behind the one being written, each the end of its window. */
const pendingMax = 1;
/** For so long at a time those that wait are called: sockets are looked at in between. */
const callMs = 4;

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
  readonly #size: FrameSize;
  #writingSinceMs = 0;
  /** Those that wait for room. */
  readonly #waiting = new RoomQueue();
  /** Somebody waits: who comes now is behind. Not so for the one that is called. */
  #mustQueue = false;
  #isCalling = false;
  /** Of the call under way: how much room it got, and whether there was no more. */
  #gotBytes = 0;
  #wasRefused = false;
  #isCallDue = false;
  /** Why everything is refused, set by the adapter; the clock's refusal is kept apart because it comes and goes. */
  #refusal: Refusal | null = null;
  #isClockRefused = false;
  #isTimeFresh = false;
  /** Null while nobody watches. */
  #watchers: Set<(batch: RecordBatch) => void> | null = null;
  /** The time goes stale at the end of this turn of the event loop, whoever forgets `onDurable` (QoS 0). */
  #isStaleSoon = false;

  constructor(partition: number, clock: PartitionClock, frameBytesMax: number) {
    this.partition = partition;
    this.clock = clock;
    this.#frameBytesMax = frameBytesMax;
    this.#size = new FrameSize(frameBytesMax);
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
    if (this.#mustQueue) return this.refusal ?? "wait";
    if (!this.#isCalling) return this.#refusal ?? this.#makeRoom(bytesMax, records);
    // It had its share: the next one's turn.
    if (this.#gotBytes > 0 && this.#gotBytes + bytesMax > littleBytesMax) return "wait";
    const refusal = this.#refusal ?? this.#makeRoom(bytesMax, records);
    if (refusal !== null && isPassing(refusal)) this.#wasRefused = true;
    return refusal;
  }

  #makeRoom(bytesMax: number, records: number): Refusal | null {
    let open = this.#open;
    // One look at the clock a chunk, not a record: `onDurable` ends the chunk. The first record of a frame always looks:
    // what was reserved and never committed ends nothing.
    if (!this.#isTimeFresh || open.records === 0) this.#refreshTime();
    if (this.#isClockRefused) return "clock";
    if (open.records > 0 && this.timeMs >= open.windowEndMs) {
      if (!this.#rotate()) return "wait";
      open = this.#open;
    }
    const endMax = open.end + bytesMax;
    if (endMax > open.buffer.length || endMax > this.#size.bytesMax || open.records + records > open.lengths.length) {
      if (!open.makeRoom(bytesMax, records, open.records === 0 ? this.#frameBytesMax : this.#size.bytesMax)) {
        // While nothing is written, this frame is next: another one may gather behind it.
        if (open.records === 0 || this.#writing !== null || !this.#rotate()) return "wait";
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
    if (this.#isCalling) this.#gotBytes += end - open.end;
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

  onRoom(call: () => void, bytes: number): () => void {
    const place = this.#waiting.add(call, bytes, this.#isCalling && this.#gotBytes === 0);
    this.#mustQueue = !this.#isCalling;
    return () => {
      this.#waiting.leave(place);
      if (!this.#isCalling) this.#mustQueue = !this.#waiting.isEmpty;
    };
  }

  /** See `Journal.watch`. */
  watch(listener: (batch: RecordBatch) => void): () => void {
    // A wrapper, so that one function given twice ends twice.
    const watcher = (batch: RecordBatch): void => listener(batch);
    this.#watchers ??= new Set();
    this.#watchers.add(watcher);
    return () => {
      this.#watchers?.delete(watcher);
      if (this.#watchers?.size === 0) this.#watchers = null;
    };
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
    const windowEnded = this.#open.records > 0 && this.timeMs >= this.#open.windowEndMs;
    if (frame === null && this.#open.records > 0) {
      frame = this.#open;
      this.#open = this.#spare.pop() ?? new OpenFrame(this.#frameBytesMax);
      this.buffer = this.#open.buffer;
      this.#callRoomSoon(); // the write is begun first
    } else if (windowEnded) this.#callRoomSoon();
    this.#writing = frame;
    this.#writingSinceMs = performance.now();
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

  /** The frame taken last is on stable storage: tells its waiters (J1), and whoever watches. */
  protected frameDurable(offsetFirst: number): void {
    const frame = must(this.#writing, "a frame was taken");
    this.#writing = null;
    const { waiters } = frame;
    this.#size.written(frame.end, performance.now() - this.#writingSinceMs);
    frame.waiters = [];
    const watchers = this.#watchers;
    if (watchers === null) this.#giveBack(frame);
    for (const waiter of waiters) waiter.durable();
    if (watchers === null) return;
    const { timeMs, payload: bytes, recordLengths: lengths } = frame;
    for (const watcher of watchers) watcher({ offsetFirst, timeMs, bytes, lengths });
    this.#giveBack(frame);
  }

  #giveBack(frame: OpenFrame): void {
    frame.end = 0;
    frame.records = 0;
    if (this.#spare.length < 2) this.#spare.push(frame);
  }

  /** Refuses (or, with null, takes again) from now on. */
  protected refuse(refusal: Refusal | null): void {
    this.#refusal = refusal;
    if (refusal === null) this.#callRoom();
    else if (!isPassing(refusal)) this.#callRoomSoon();
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
    if (wasRefused) this.#callRoomSoon(); // not within a `reserve`
  }

  #callRoomSoon(): void {
    if (this.#isCallDue || this.#waiting.isEmpty) return;
    this.#isCallDue = true;
    setImmediate(() => {
      this.#isCallDue = false;
      this.#callRoom();
    });
  }

  /** Calls those who wait, the oldest first, until there is no room; each may stand behind the others again. */
  #callRoom(): void {
    const { refusal } = this;
    if (this.#isCalling || (refusal !== null && isPassing(refusal))) return;
    this.#isCalling = true;
    this.#mustQueue = false;
    this.#wasRefused = false;
    const endMs = performance.now() + callMs;
    let isInTime = true;
    while (isInTime && !this.#wasRefused) {
      const place = this.#waiting.next();
      if (place === null) break;
      this.#gotBytes = 0;
      place.call();
      this.#waiting.got(place, this.#gotBytes);
      isInTime = performance.now() < endMs;
    }
    this.#isCalling = false;
    this.#mustQueue = !this.#waiting.isEmpty;
    // Else room comes with the next frame.
    if (!this.#wasRefused || !this.hasFrames) this.#callRoomSoon();
  }
}

/** Worth waiting for; with the others nobody waits any longer. */
function isPassing(refusal: Refusal): boolean {
  return refusal === "wait" || refusal === "full" || refusal === "clock";
}
