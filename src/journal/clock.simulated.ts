// A clock that stands still until a story moves it. Test support, for every adapter.

import type { Clock } from "../lib/clock.ts";

export class SimulatedClock implements Clock {
  wallMs: number;
  flowMs = 0;
  readonly #rest: () => Promise<void>;
  #timers: { atMs: number; fire: () => void }[] = [];

  /** @param atRest  resolves when what a timer started has come to rest. */
  constructor(wallMs: number, atRest: () => Promise<void>) {
    this.wallMs = wallMs;
    this.#rest = atRest;
  }
  nowMs(): number {
    return this.wallMs;
  }
  monotonicMs(): number {
    return this.flowMs;
  }
  timer(delayMs: number, fire: () => void): () => void {
    const entry = { atMs: this.flowMs + delayMs, fire };
    this.#timers.push(entry);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== entry);
    };
  }
  /** Lets time flow, firing timers in order and letting what they start come to rest. */
  async pass(ms: number): Promise<void> {
    const endMs = this.flowMs + ms;
    for (;;) {
      const next = this.#timers.filter((one) => one.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      const stepMs = Math.max(0, next.atMs - this.flowMs);
      this.flowMs += stepMs;
      this.wallMs += stepMs;
      next.fire();
      await this.#rest();
    }
    this.wallMs += endMs - this.flowMs;
    this.flowMs = endMs;
    await this.#rest();
  }
}
