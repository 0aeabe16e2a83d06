// Places for work that holds much memory or a connection: so many at once, the others wait or are refused (M1).

import { ColdpathError } from "../lib/errors.ts";

export class Places {
  readonly #count: number;
  readonly #what: string;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #held = 0;

  /** @param what  in the plural, for the refusal: "previews". */
  constructor(what: string, count: number, waitingMax: number) {
    this.#what = what;
    this.#count = count;
    this.#waitingMax = waitingMax;
  }

  /**
   * Waits for a place. @returns the function that gives it back; calling it twice does no harm.
   *
   * @throws ColdpathError `too-busy` when too many wait.
   */
  async take(): Promise<() => void> {
    if (this.#held < this.#count) this.#held++;
    else if (this.#waiting.length >= this.#waitingMax) {
      const message = `${this.#held} ${this.#what} are under way already.`;
      throw new ColdpathError("unavailable", "too-busy", message, { hint: "Try again when one of them has ended." });
    } else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#held--;
      else next(); // the place goes on to it
    };
  }
}
