// Turns: how much of a turn of the event loop those that send much may take.
//
// A device that sends one message is served as its bytes arrive. Heavy work (a large chunk, a batch) is done for a few
// milliseconds a turn; what is left waits, in the order it came, for the next. So however much a few devices send, the
// frames of all are written, and everybody's acknowledgements go out, between two of their pieces.

/** Something heavy that waits for its turn. */
export interface TurnTaker {
  turn(): void;
}

/** Heavy work a turn: a few hundred small messages, or one large batch. */
const turnMs = 4;

export class Turns {
  readonly #nowMs: () => number;
  readonly #waiting = new Set<TurnTaker>();
  /** When heavy work began in this turn; null while none was done. */
  #beganMs: number | null = null;
  #isArmed = false;

  /** @param nowMs  time that only grows. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Takers that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** True: do it now. False: `taker.turn` is called in a later turn, once, and then does it without asking. */
  take(taker: TurnTaker): boolean {
    // While somebody waits there is no time left: those that wait are first in each turn.
    if (this.#hasTime()) return true;
    this.#waiting.add(taker);
    this.#arm();
    return false;
  }

  /** The taker is gone. */
  leave(taker: TurnTaker): void {
    this.#waiting.delete(taker);
  }

  #hasTime(): boolean {
    const nowMs = this.#nowMs();
    this.#beganMs ??= nowMs;
    this.#arm();
    return nowMs - this.#beganMs < turnMs;
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      this.#next();
    });
  }

  /** A new turn: those that wait are first, one at least. */
  #next(): void {
    this.#beganMs = null;
    for (const taker of this.#waiting) {
      if (!this.#hasTime()) break;
      this.#waiting.delete(taker);
      taker.turn();
    }
    if (this.#waiting.size > 0) this.#arm();
  }
}

/** Does heavy work in its turn. @returns what it returns. */
export function inTurn<T>(turns: Turns, work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    };
    if (turns.take({ turn })) turn();
  });
}
