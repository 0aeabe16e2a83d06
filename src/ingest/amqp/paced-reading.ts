// Reading from a stream at the hub's pace: chunks are used in their turn, and while nothing stands in the way.
//
//   M1  What is read and not used counts at the gate, which stops reading when all connections hold too much.

import type { DeviceStream } from "../device-stream.ts";
import type { GatedReader, ReadGate } from "../read-gate.ts";
import { Unread } from "../unread.ts";
import type { TurnTaker, Turns } from "../turns.ts";

/** Why reading is stopped. */
export type Pause = "authenticating" | "journal" | "unsent" | "in-flight" | "turn" | "rate";
/** A chunk above this waits for its turn. */
const heavyBytes = 4096;

export interface PacedReadingOptions {
  readonly stream: DeviceStream;
  readonly gate: ReadGate;
  readonly turns: Turns;
  /**
   * Uses whole frames from the front of `bytes` until reading is paused.
   *
   * @returns how many bytes were used, and how many the next frame needs, 0 when that is not known.
   */
  readonly use: (bytes: Buffer) => { readonly used: number; readonly wanted: number };
  /** Parts of messages, out of frames that were used. */
  readonly partBytes: () => number;
  /** Whether a device has signed in. */
  readonly isOpen: () => boolean;
  readonly tooSlow: () => void;
}

export class PacedReading implements TurnTaker, GatedReader {
  readonly #options: PacedReadingOptions;
  readonly #unread: Unread;
  #paused: Pause | null = null;
  #isTurnDue = false;
  #isHeld = false;
  #isOver = false;

  constructor(options: PacedReadingOptions) {
    this.#options = options;
    this.#unread = new Unread(options.gate);
    options.stream.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  get isPaused(): boolean {
    return this.#paused !== null;
  }

  /** For reasons of ours, so that the device's silence says nothing. */
  get isWaiting(): boolean {
    return (this.#paused !== null && this.#paused !== "unsent") || this.#isHeld;
  }

  get isPart(): boolean {
    return this.#paused === null && (this.#unread.isPart || this.#options.partBytes() > 0);
  }

  pause(why: Pause): void {
    if (this.#isOver) return;
    // What follows must not be read before it is known who it is from; the other reasons show themselves again.
    if (this.#paused !== null && why !== "authenticating") return;
    this.#paused = why;
    this.#options.stream.pause();
  }

  resume(why: Exclude<Pause, "turn">): void {
    if (this.#paused !== why || this.#isOver) return;
    this.#paused = null;
    if (this.#isTurnDue) return; // reading goes on behind it
    if (this.#unread.bytes > 0 && !this.#unread.isPart) {
      const bytes = this.#unread.take();
      // Room must be used when it is offered.
      if (why === "journal") this.#process(bytes);
      else this.#take(bytes);
    }
    this.#goOn();
  }

  turn(): void {
    this.#isTurnDue = false;
    if (this.#paused === "turn") this.#paused = null;
    if (this.#isOver || this.#paused !== null) return;
    this.#process(this.#unread.take());
    this.#goOn();
  }

  hold(): void {
    // A device that comes may say who it is.
    if (!this.#options.isOpen() && this.#unread.bytes <= heavyBytes) return;
    this.#isHeld = true;
    this.#options.stream.pause();
  }

  letGo(): void {
    if (!this.#isHeld || this.#isOver) return;
    this.#isHeld = false;
    this.#goOn();
  }

  tooSlow(): void {
    this.#options.tooSlow();
  }

  end(): void {
    const { gate, turns } = this.#options;
    this.#isOver = true;
    this.#unread.drop();
    gate.finished(this);
    turns.leave(this);
  }

  #goOn(): void {
    if (this.#paused === null && !this.#isTurnDue && !this.#isHeld && !this.#isOver) this.#options.stream.resume();
  }

  #read(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#options.gate.isClosedTo(this)) this.hold();
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
    const { used, wanted } = use(bytes);
    if (this.#isOver) return;
    this.#unread.keep(bytes, used, wanted);
    if (!this.isPart) gate.finished(this);
    if (gate.isClosedTo(this)) this.hold();
  }
}
