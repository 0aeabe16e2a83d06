// Whether the server can be reached. Calls and streams report; once lost, /healthz is asked with back-off until it answers.

import { useSyncExternalStore } from "react";

const probeMsMin = 1_000;
const probeMsMax = 10_000;

class Connection {
  #lostSinceMs: number | null = null;
  #probeMs = probeMsMin;
  readonly #listeners = new Set<() => void>();

  /** Real time since which nothing was reached, or null. */
  get lostSinceMs(): number | null {
    return this.#lostSinceMs;
  }

  lost(): void {
    if (this.#lostSinceMs !== null) return;
    this.#lostSinceMs = Date.now();
    this.#probeMs = probeMsMin;
    this.#tell();
    this.#probeLater();
  }

  reached(): void {
    if (this.#lostSinceMs === null) return;
    this.#lostSinceMs = null;
    this.#tell();
  }

  /** For a stream that ended: it does not know why. */
  async probe(): Promise<void> {
    try {
      const response = await fetch("/healthz", { cache: "no-store" });
      if (response.ok) this.reached();
      else this.lost();
    } catch {
      this.lost();
    }
  }

  /** @returns what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #probeLater(): void {
    setTimeout(() => {
      if (this.#lostSinceMs === null) return;
      this.#probeMs = Math.min(this.#probeMs * 1.6, probeMsMax);
      void this.probe().then(() => {
        if (this.#lostSinceMs !== null) this.#probeLater();
      });
    }, this.#probeMs);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const connection = new Connection();

/** Real time since which the server is not reached, or null while it is. */
export function useLostSinceMs(): number | null {
  return useSyncExternalStore(connection.subscribe, () => connection.lostSinceMs);
}
