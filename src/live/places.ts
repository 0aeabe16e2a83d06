// Places for work that must not be done too often at a time: whoever finds none waits in a queue with an end.

import { ColdpathError } from "../lib/errors.ts";

export class Places {
  readonly #max: number;
  readonly #waitingMax: number;
  #used = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number, waitingMax: number) {
    this.#max = max;
    this.#waitingMax = waitingMax;
  }

  /**
   * Runs `work` when there is a place for it.
   *
   * @param signal  whoever waits and gives up leaves the queue: `signal.reason` is thrown.
   * @throws ColdpathError `readers-busy` when the queue is full, too.
   */
  async take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#used < this.#max) this.#used++;
    else await this.#wait(signal);
    try {
      return await work();
    } finally {
      // The place goes on to the next one, so that nobody comes in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#used--;
      else next();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) {
      const message = "Too many ask for messages of devices at the same time.";
      const hint = "Ask again in a moment, or raise the server's --message-scans-max.";
      throw new ColdpathError("unavailable", "readers-busy", message, { hint });
    }
    return new Promise((resolve, reject) => {
      const come = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(come), 1);
        reject(signal.reason as Error);
      };
      this.#waiting.push(come);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
