// The closed segments of a partition: what can be read, and what can be trimmed.
//
// A segment that is being read is pinned, and stays. Trimming takes the oldest first, so that what is missing at the
// front was trimmed and what is missing anywhere else was lost (survey.ts).

import { type Window, printWindow } from "../../lib/window.ts";
import { trimmed } from "../errors.ts";
import type { Segment } from "../journal.ts";

/** A closed segment and its file. */
export interface ClosedSegment extends Segment {
  readonly path: string;
  readonly fileBytes: number;
  /** Found damaged when the journal was opened: what, for the operator (J3). */
  readonly damage: string | null;
}

export class ClosedSegments {
  readonly #list: ClosedSegment[];
  readonly #pins = new Map<Window, number>();
  #fileBytes: number;
  #isTrimming = false;

  /** @param list  ascending. */
  constructor(list: readonly ClosedSegment[]) {
    this.#list = [...list];
    this.#fileBytes = list.reduce((sum, segment) => sum + segment.fileBytes, 0);
  }

  get list(): readonly ClosedSegment[] {
    return this.#list;
  }
  get oldest(): ClosedSegment | null {
    return this.#list[0] ?? null;
  }
  get newest(): ClosedSegment | null {
    return this.#list.at(-1) ?? null;
  }
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Those of windows in `[windowFirst, windowNext)`. Asked often, also while tens of thousands wait for an export. */
  between(windowFirst: Window, windowNext: Window): readonly ClosedSegment[] {
    return this.#list.slice(this.#indexOf(windowFirst), this.#indexOf(windowNext));
  }

  /** Of the first segment at or above a window. */
  #indexOf(window: Window): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#list[middle] as ClosedSegment).window < window) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  add(segment: ClosedSegment): void {
    this.#list.push(segment);
    this.#fileBytes += segment.fileBytes;
  }

  /** The segment of a window, kept from being trimmed until `unpin`. */
  pin(partition: number, window: Window): ClosedSegment {
    const found = this.#list[this.#indexOf(window)];
    if (found?.window !== window) throw trimmed(`window ${printWindow(window)} of partition ${partition}`);
    this.#pins.set(window, (this.#pins.get(window) ?? 0) + 1);
    return found;
  }

  unpin(window: Window): void {
    const pins = (this.#pins.get(window) ?? 1) - 1;
    if (pins === 0) this.#pins.delete(window);
    else this.#pins.set(window, pins);
  }

  /** Gives the oldest segment's file away, if it may go: false when it is being read, or there is none. */
  async trimOldest(give: (segment: ClosedSegment) => Promise<void>): Promise<boolean> {
    const oldest = this.#list[0];
    if (oldest === undefined || this.#pins.has(oldest.window) || this.#isTrimming) return false;
    this.#isTrimming = true;
    this.#list.shift(); // from here on nobody can pin it
    this.#fileBytes -= oldest.fileBytes;
    try {
      await give(oldest);
      return true;
    } catch (error) {
      this.#list.unshift(oldest);
      this.#fileBytes += oldest.fileBytes;
      throw error;
    } finally {
      this.#isTrimming = false;
    }
  }
}
