// The inputs that reached something new, and which of them to change next.
//
// For each thing reached the shortest and quickest input is the favourite; favourites are picked four times out of five,
// the newest more often than the old.

import type { Random } from "./mutate.ts";

interface Entry {
  readonly bytes: Buffer;
  /** Length times duration: less is better. */
  readonly cost: number;
  /** Things reached for which it is the best. */
  best: number;
}

export class Corpus {
  readonly entries: Entry[] = [];
  readonly #bestOf = new Map<number, Entry>();
  #favourites: Entry[] | null = null;

  /** @param reached  as `Coverage.reached` tells it. */
  add(bytes: Buffer, reached: readonly number[], durationMs: number): void {
    const entry: Entry = { bytes, cost: (bytes.length + 8) * (durationMs + 0.05), best: 0 };
    this.entries.push(entry);
    this.#favourites = null;
    for (const thing of reached) {
      const best = this.#bestOf.get(thing);
      if (best !== undefined && best.cost <= entry.cost) continue;
      if (best !== undefined) best.best--;
      entry.best++;
      this.#bestOf.set(thing, entry);
    }
  }

  pick(random: Random): Buffer {
    this.#favourites ??= this.entries.filter((entry) => entry.best > 0);
    const from = random() < 0.8 && this.#favourites.length > 0 ? this.#favourites : this.entries;
    const place = random() < 0.3 ? 1 - random() ** 3 : random();
    return from[Math.min(from.length - 1, Math.floor(place * from.length))]?.bytes ?? Buffer.alloc(0);
  }

  /** Any input. */
  any(random: Random): Buffer {
    return this.entries[Math.floor(random() * this.entries.length)]?.bytes ?? Buffer.alloc(0);
  }
}

/** The shortest inputs that together reach what all of them reach. */
export function covering(inputs: readonly { readonly bytes: Buffer; readonly reached: readonly number[] }[]): Buffer[] {
  const known = new Set<number>();
  const kept: Buffer[] = [];
  for (const { bytes, reached } of inputs.toSorted((a, b) => a.bytes.length - b.bytes.length)) {
    if (reached.every((thing) => known.has(thing))) continue;
    for (const thing of reached) known.add(thing);
    kept.push(bytes);
  }
  return kept;
}
