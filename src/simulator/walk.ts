// A value that wanders between two bounds and never leaves them. Pure.

import type { Random } from "./random.ts";

/** The longest step, as a part of the whole range. */
const stepMax = 0.04;
/** The range of a number whose template gives no bounds, or one only. */
const usualRange = 100;

export class Walk {
  readonly #min: number;
  readonly #max: number;
  readonly #random: Random;
  /** Where between the bounds, 0 to 1. */
  #at: number;

  constructor(min: number, max: number, random: Random) {
    this.#min = min;
    this.#max = max;
    this.#random = random;
    this.#at = random();
  }

  next(): number {
    const moved = this.#at + (this.#random() * 2 - 1) * stepMax;
    // Reflected at the bounds: it comes back instead of clinging to them.
    this.#at = moved < 0 ? -moved : moved > 1 ? 2 - moved : moved;
    // Not min + at * (max - min): that difference may overflow.
    const value = this.#min * (1 - this.#at) + this.#max * this.#at;
    return Math.min(this.#max, Math.max(this.#min, value));
  }
}

/** Sensible bounds where a definition has none. */
export function boundsOf(definition: {
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
}): readonly [min: number, max: number] {
  const { minValue, maxValue } = definition;
  if (minValue !== undefined) return [minValue, maxValue ?? Math.min(minValue + usualRange, Number.MAX_VALUE)];
  if (maxValue !== undefined) return [Math.max(maxValue - usualRange, -Number.MAX_VALUE), maxValue];
  return [0, usualRange];
}
