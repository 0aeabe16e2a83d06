// A task group: work that runs beside other work, some at once. The first failure ends all of it.

import { messageOf } from "../../lib/errors.ts";

export class TaskGroup {
  readonly #tasksMax: number;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #failure: Error | null = null;
  /** Aborts when `outer` does, when a task failed, and at `end`. */
  readonly signal: AbortSignal;

  constructor(tasksMax: number, outer?: AbortSignal) {
    this.#tasksMax = tasksMax;
    this.signal = outer === undefined ? this.#stop.signal : AbortSignal.any([outer, this.#stop.signal]);
  }

  /** What ended it. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Resolves when the task has begun, as soon as few enough run. Throws what ended the group. */
  async run(task: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#tasksMax) await Promise.race(this.#running);
    if (this.#failure !== null) throw this.#failure;
    const running = task()
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(messageOf(error));
        this.#stop.abort();
      })
      .finally(() => {
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  /** Waits for what runs. Throws what ended the group. */
  async rest(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== null) throw this.#failure;
  }

  /** Stops what runs, and waits for it. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }
}
