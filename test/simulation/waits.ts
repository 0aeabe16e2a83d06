// Waiting in a story: time passes until something is so, and whoever waits too long has found a broken promise.

import type { JournalTruth } from "./journal-truth.ts";
import type { World } from "./world.ts";

export class Waits {
  readonly #world: World;
  readonly #journal: JournalTruth;

  constructor(world: World, journal: JournalTruth) {
    this.#world = world;
    this.#journal = journal;
  }

  /** Lets time pass until it is so. */
  async until(isSo: () => boolean, withinMs: number, what: string): Promise<void> {
    const world = this.#world;
    const endMs = world.flowMs + withinMs;
    while (!isSo()) {
      if (world.violation !== null) return;
      if (world.flowMs > endMs) return world.violate("liveness", `it did not happen within ${withinMs} ms: ${what}`);
      await world.pass(500);
      this.#journal.look();
    }
  }

  /** Lets time pass until a promise of the outside world is settled. */
  async done(promise: Promise<unknown>): Promise<void> {
    let isDone = false;
    const settled = promise.then(
      () => {
        isDone = true;
      },
      (error: unknown) => {
        isDone = true;
        throw error;
      },
    );
    settled.catch(() => {});
    await this.until(() => isDone, 120_000, "a call is answered");
    if (isDone) await settled;
  }
}
