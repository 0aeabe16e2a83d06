// The memory of folding: digests of records with the time each was taken at, in the order they came, the oldest
// forgotten first. No object per message: 24 bytes in a ring and 8 to 16 in an open-addressing index of it.
//
// An entry whose window is over stays until its place is needed: the partitions' times differ when the clock was set
// back, so what is over for one is not for another. Leaving earlier would save nothing, as the ring goes round.
//
// Invariant: the index leads to the newest entry of a digest. An older one of the same digest may still stand in the
// ring; nothing leads to it, and it goes in its turn.

import { assert } from "../lib/assert.ts";
import { digestWords } from "../message/record-digest.ts";

export class FoldTable {
  readonly #entriesMax: number;
  readonly #windowMs: number;
  // The system gives the memory of these as it is written to, not before.
  readonly #digests: Uint32Array;
  readonly #times: Float64Array;
  /** Of slots: an entry's place in the ring plus one, or 0. */
  readonly #index: Uint32Array;
  readonly #mask: number;
  #oldest = 0;
  #entries = 0;
  /** Entries that were forgotten before their window was over. */
  forgotten = 0;

  /** @param windowMs  how long an entry is remembered. */
  constructor(entriesMax: number, windowMs: number) {
    assert(entriesMax > 0, "a table has room for an entry");
    this.#entriesMax = entriesMax;
    this.#windowMs = windowMs;
    this.#digests = new Uint32Array(entriesMax * digestWords);
    this.#times = new Float64Array(entriesMax);
    // At most half full, so that ways stay short.
    const slots = 2 ** Math.ceil(Math.log2(entriesMax * 2));
    this.#index = new Uint32Array(slots);
    this.#mask = slots - 1;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Whether `digest` was added less than the window before `timeMs`. */
  has(digest: Uint32Array, timeMs: number): boolean {
    const place = (this.#index[this.#slotOf(digest)] as number) - 1;
    return place >= 0 && timeMs - (this.#times[place] as number) < this.#windowMs;
  }

  /** Remembers what `has` did not know, as the newest. */
  add(digest: Uint32Array, timeMs: number): void {
    if (this.#entries === this.#entriesMax) {
      if (timeMs - (this.#times[this.#oldest] as number) < this.#windowMs) this.forgotten++;
      this.#forgetOldest();
    }
    this.#write((this.#oldest + this.#entries) % this.#entriesMax, digest, timeMs);
  }

  /**
   * Remembers something older than all there is: for filling the table backwards. What is known already stays, with
   * the later of the two times.
   *
   * @returns false when the table is full.
   */
  addOlder(digest: Uint32Array, timeMs: number): boolean {
    const known = (this.#index[this.#slotOf(digest)] as number) - 1;
    if (known >= 0) {
      this.#times[known] = Math.max(this.#times[known] as number, timeMs);
      return true;
    }
    if (this.#entries === this.#entriesMax) return false;
    this.#oldest = (this.#oldest + this.#entriesMax - 1) % this.#entriesMax;
    this.#write(this.#oldest, digest, timeMs);
    return true;
  }

  #write(place: number, digest: Uint32Array, timeMs: number): void {
    this.#digests.set(digest, place * digestWords);
    this.#times[place] = timeMs;
    this.#index[this.#slotOf(digest)] = place + 1;
    this.#entries++;
  }

  #forgetOldest(): void {
    const place = this.#oldest;
    const slot = this.#slotOfPlace(place);
    if (this.#index[slot] === place + 1) this.#emptySlot(slot);
    this.#oldest = (place + 1) % this.#entriesMax;
    this.#entries--;
  }

  /** The slot that leads to `digest`, or the empty one where it belongs. */
  #slotOf(digest: Uint32Array): number {
    const digests = this.#digests;
    let slot = (digest[0] as number) & this.#mask;
    for (;;) {
      const place = (this.#index[slot] as number) - 1;
      if (place < 0) return slot;
      const at = place * digestWords;
      const isEqual =
        digests[at] === digest[0] &&
        digests[at + 1] === digest[1] &&
        digests[at + 2] === digest[2] &&
        digests[at + 3] === digest[3];
      if (isEqual) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** The slot that leads to `place`, or an empty one when none does. */
  #slotOfPlace(place: number): number {
    let slot = (this.#digests[place * digestWords] as number) & this.#mask;
    while (this.#index[slot] !== 0 && this.#index[slot] !== place + 1) slot = (slot + 1) & this.#mask;
    return slot;
  }

  /** Empties a slot and moves what stands behind it forward, so that no way is cut. */
  #emptySlot(slot: number): void {
    let hole = slot;
    for (let next = (hole + 1) & this.#mask; this.#index[next] !== 0; next = (next + 1) & this.#mask) {
      const home = (this.#digests[((this.#index[next] as number) - 1) * digestWords] as number) & this.#mask;
      // It may move only if its way from home passes the hole.
      if (((next - home) & this.#mask) < ((next - hole) & this.#mask)) continue;
      this.#index[hole] = this.#index[next] as number;
      hole = next;
    }
    this.#index[hole] = 0;
  }
}
