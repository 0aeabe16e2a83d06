// The devices of a soak that send: each some messages a second, over a transport of its own; it connects again whenever it is cut
// off, and knows how long its acknowledgements took.

import type { Publisher } from "../lib/numbered-load.ts";

/** What all devices of a soak did. */
export class DeviceTally {
  reconnects = 0;
  #latencies: number[] = [];

  took(ms: number): void {
    this.#latencies.push(ms);
  }

  /** Since it was asked last; NaN when there was none. */
  p99Ms(): number {
    const sorted = this.#latencies.toSorted((one, other) => one - other);
    this.#latencies = [];
    return sorted[Math.floor((sorted.length - 1) * 0.99)] ?? Number.NaN;
  }
}

export class SoakDevice {
  readonly #publish: () => Publisher;
  readonly #tally: DeviceTally;
  readonly #over: Promise<void>;
  #publisher: Publisher | null = null;
  #isStopped = false;

  /** @param publish  connects and sends. */
  constructor(publish: () => Publisher, tally: DeviceTally) {
    this.#publish = publish;
    this.#tally = tally;
    this.#over = this.#run();
  }

  /** Cuts the connection; the device connects again. */
  cut(): void {
    this.#publisher?.cut();
  }

  /** Waits for what is in flight. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#publisher?.stop();
    await this.#over;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#publisher = this.#publish();
      await this.#publisher.ended;
      this.#publisher = null;
      if (this.#isStopped) return;
      this.#tally.reconnects++;
      await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 2000));
    }
  }
}
