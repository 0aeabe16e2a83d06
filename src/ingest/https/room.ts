// Waiting for room in the journal: one registration a partition, however many requests wait.
//
// A journal that stands still for hours must not collect a callback for every request that gave up (M1).

import type { AcceptPath } from "../accept.ts";

export class Room {
  readonly #waiting = new Map<AcceptPath, Set<() => void>>();

  /** Resolves with true when there may be room, with false after `waitMs`. */
  wait(path: AcceptPath, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const calls = this.#callsOf(path);
      const call = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        calls.delete(call);
        resolve(false);
      }, waitMs);
      calls.add(call);
    });
  }

  #callsOf(path: AcceptPath): Set<() => void> {
    const present = this.#waiting.get(path);
    if (present !== undefined) return present;
    const calls = new Set<() => void>();
    this.#waiting.set(path, calls);
    path.writer.onRoom(() => {
      this.#waiting.delete(path);
      for (const call of calls) call();
    });
    return calls;
  }
}
