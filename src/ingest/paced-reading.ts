// Reading from a device's stream at the hub's pace: chunks are used in their turn, and while nothing stands in the way.
//
// Owns:      what was read and not used; why reading is stopped, and when it goes on; how long the device has been silent.
// Does not:  know a packet, or decide that reading has to stop.
//
//   M1  What is read and not used counts at the gate, which stops reading when all connections hold too much.

import type { PartitionWriter } from "../journal/journal.ts";
import type { Clock } from "../lib/clock.ts";
import type { DeviceStream } from "./device-stream.ts";
import type { GatedReader, ReadGate } from "./read-gate.ts";
import { Unread } from "./unread.ts";
import type { TurnTaker, Turns } from "./turns.ts";

/** Why reading is stopped. */
export type Pause = "authenticating" | "take-over" | "session" | "journal" | "unsent" | "in-flight" | "turn" | "rate";
/** What comes behind relies on the outcome, so these are first. The other reasons show themselves again. */
const outcomesAwaited: ReadonlySet<Pause> = new Set(["authenticating", "take-over", "session"]);
/** Those in which the device may have sent its pings in time: we cannot see them. */
const pausesOfOurs: ReadonlySet<Pause> = new Set(["take-over", "session", "journal", "in-flight", "turn", "rate"]);
/** A chunk above this waits for its turn: a device that sends a message now and then never does. */
const heavyBytes = 4096;

/** What became of a chunk. */
export interface UsedBytes {
  /** So many from its front. */
  readonly used: number;
  /** What is left of it needs so many to be a packet; 0 when that is not known. */
  readonly wanted: number;
}

export interface PacedReadingOptions {
  readonly stream: DeviceStream;
  readonly gate: ReadGate;
  readonly turns: Turns;
  /** Monotonic time in ms, about a second old at most. */
  readonly coarseMs: () => number;
  /** Uses whole packets from the front of `bytes` until reading is paused, or is over. */
  readonly use: (bytes: Buffer) => UsedBytes;
  /** Whether a device was let in. */
  readonly isOpen: () => boolean;
  /** It was read alone and did not send the rest of its packet: the connection ends. */
  readonly tooSlow: () => void;
}

export class PacedReading implements TurnTaker, GatedReader {
  readonly #options: PacedReadingOptions;
  readonly #unread: Unread;
  /** Why reading is stopped; null while it is not. */
  #paused: Pause | null = null;
  /** What was read waits for its turn. */
  #isTurnDue = false;
  /** All connections together have read enough. */
  #isHeld = false;
  #isOver = false;
  #partBytes = 0;
  /** While a chunk is used: a message of several packets became whole, or was given up. */
  #isPartFinished = false;
  #sinceMs: number;
  #heardMs = 0;
  #leaveRoom: () => void = () => {};
  #cancelRate: () => void = () => {};

  constructor(options: PacedReadingOptions) {
    this.#options = options;
    this.#unread = new Unread(options.gate);
    this.#sinceMs = options.coarseMs();
    options.stream.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  get isPaused(): boolean {
    return this.#paused !== null;
  }

  /** Parts of messages, out of packets that were used. */
  get partBytes(): number {
    return this.#partBytes;
  }

  /** So many more, or less. */
  countParts(bytes: number): void {
    if (bytes === 0) return;
    if (bytes < 0) this.#isPartFinished = true;
    this.#partBytes += bytes;
    this.#options.gate.count(bytes);
  }

  /** When something was last read from a device that was let in, in coarse time. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /**
   * For how long nothing has come, as far as that is the device's doing, in ms and about a second too long at most. Until
   * the device is let in, since the stream began: what it has to say first could drip in for ever.
   */
  get silentMs(): number {
    if (this.#isDeaf) return 0;
    return this.#options.coarseMs() - this.#sinceMs;
  }

  /** While reading is stopped for our reasons we cannot see the device's pings, so they are not missed. */
  get #isDeaf(): boolean {
    if (this.#paused === null) return this.#isHeld && this.#options.isOpen();
    // A sign-in is to be over in time, too; a later one finds a device that was heard.
    return this.#paused === "authenticating" ? this.#options.isOpen() : pausesOfOurs.has(this.#paused);
  }

  pause(why: Pause): void {
    if (this.#isOver || (this.#paused !== null && !outcomesAwaited.has(why))) return;
    this.#paused = why;
    this.#options.stream.pause();
  }

  resume(why: Exclude<Pause, "turn">): void {
    if (this.#paused !== why || this.#isOver) return;
    this.#paused = null;
    this.#listenAgain();
    if (this.#isTurnDue) return; // reading goes on behind it
    if (this.#unread.bytes > 0 && !this.#unread.isPart) {
      const bytes = this.#unread.take();
      // Room must be used when it is offered.
      if (why === "journal") this.#process(bytes);
      else this.#take(bytes);
    }
    this.#goOn();
  }

  /** Stops until the journal has room. @param bytes  about what is wanted. */
  untilRoom(writer: PartitionWriter, bytes: number): void {
    this.pause("journal");
    this.#leaveRoom = writer.onRoom(() => this.resume("journal"), bytes);
  }

  /** Stops until the device may send again. */
  untilRate(clock: Clock, waitMs: number): void {
    this.pause("rate");
    this.#cancelRate = clock.timer(waitMs, () => this.resume("rate"));
  }

  /** Nothing is used any more. */
  end(): void {
    const { gate, turns } = this.#options;
    this.#isOver = true;
    this.#unread.drop();
    gate.finished(this);
    turns.leave(this);
    this.#leaveRoom();
    this.#cancelRate();
  }

  /** Fair share: what waited is used now. */
  turn(): void {
    this.#isTurnDue = false;
    if (this.#paused === "turn") {
      this.#paused = null;
      this.#listenAgain();
    }
    if (this.#isOver || this.#paused !== null) return;
    this.#process(this.#unread.take());
    this.#goOn();
  }

  get isPart(): boolean {
    return this.#paused === null && (this.#unread.isPart || this.#partBytes > 0);
  }

  hold(): void {
    // A device that comes may say who it is; a small packet is no matter.
    if (!this.#options.isOpen() && this.#unread.bytes <= heavyBytes) return;
    this.#isHeld = true;
    this.#options.stream.pause();
  }

  letGo(): void {
    if (!this.#isHeld || this.#isOver) return;
    this.#isHeld = false;
    this.#listenAgain();
    this.#goOn();
  }

  tooSlow(): void {
    this.#options.tooSlow();
  }

  #listenAgain(): void {
    if (this.#options.isOpen()) this.#sinceMs = this.#options.coarseMs();
  }

  #goOn(): void {
    const { stream, gate } = this.#options;
    if (gate.isClosedTo(this)) this.hold();
    if (this.#paused === null && !this.#isTurnDue && !this.#isHeld && !this.#isOver) stream.resume();
  }

  #read(chunk: Buffer): void {
    if (this.#isOver) return;
    const { gate, isOpen, coarseMs } = this.#options;
    if (gate.isClosedTo(this)) this.hold();
    if (isOpen()) this.#sinceMs = this.#heardMs = coarseMs();
    const unread = this.#unread;
    if (this.#isTurnDue || this.#paused !== null) {
      unread.add(chunk);
      if (this.#isTurnDue) this.pause("turn"); // more than a chunk does not wait
      return;
    }
    if (unread.bytes === 0) return this.#take(chunk);
    unread.add(chunk);
    if (!unread.isPart) this.#take(unread.take());
  }

  /** Uses what was read, now or in its turn. */
  #take(bytes: Buffer): void {
    if (bytes.length <= heavyBytes || this.#options.turns.take(this)) return this.#process(bytes);
    this.#isTurnDue = true;
    this.#unread.keep(bytes, 0, 0);
  }

  #process(bytes: Buffer): void {
    const { use, gate } = this.#options;
    this.#isPartFinished = false;
    const { used, wanted } = use(bytes);
    if (this.#isOver) return;
    this.#unread.keep(bytes, used, wanted);
    // What it was read on for is used, if only for another part to wait behind it: the others are first.
    if (this.#partBytes === 0 || this.#isPartFinished || !this.isPart) gate.finished(this);
    if (gate.isClosedTo(this)) this.hold();
  }
}
