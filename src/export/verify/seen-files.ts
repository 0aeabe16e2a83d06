// How many files of each window were seen under their names.
//
//   M1  Two bytes for each window of a day of which one was.

import type { CutRecord } from "../../registry/registry.ts";
import { streamName } from "../audit/read-cuts.ts";

const dayWindows = 24 * 60;

export class SeenFiles {
  readonly #days = new Map<string, Uint16Array>();

  add(cut: CutRecord): void {
    const counts = this.#dayOf(cut);
    const at = cut.window % dayWindows;
    counts[at] = (counts[at] ?? 0) + 1;
  }

  count(cut: CutRecord): number {
    return this.#dayOf(cut)[cut.window % dayWindows] ?? 0;
  }

  #dayOf(cut: CutRecord): Uint16Array {
    const key = `${streamName(cut)}/${Math.floor(cut.window / dayWindows)}`;
    const known = this.#days.get(key) ?? new Uint16Array(dayWindows);
    this.#days.set(key, known);
    return known;
  }
}
