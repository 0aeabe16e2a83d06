// The gate: all connections of a front end together hold no more unread bytes than allowed.
//
// While there is room it does nothing. Above the bound it is closed: no connection is read, whatever waits for the journal
// drains, and of those that hold a part of a packet a few at a time are read on, since nothing but the rest of it can free
// what they hold. So there is always somebody who can finish; and it goes round, so that each comes to it, however soon the
// others hold a part of their next. It opens at half of the bound.
//
//   M1  At most the bound, the packets of those few, and one read of those that came meanwhile.

/** A connection, as the gate sees it. */
export interface GatedReader {
  /** It holds a part of a packet, and nothing but the gate keeps it from being read. */
  readonly isPart: boolean;
  /** It is not read any more, until `letGo`. */
  hold(): void;
  letGo(): void;
  /** It was let go alone and did not send the rest of its packet: it ends, so that others can be read. */
  tooSlow(): void;
}

/** Read on at a time while the gate is closed. */
export const letThroughMax = 8;
/** How long one of them may take for the rest of its packet. */
const finishMs = 30_000;

export class ReadGate {
  readonly #bytesMax: number;
  readonly #readers: () => Iterable<GatedReader>;
  readonly #nowMs: () => number;
  /** Those that are read on, and since when. */
  readonly #letThrough = new Map<GatedReader, number>();
  /** The one that was let through last: those behind it are next. */
  #lastLetThrough: GatedReader | null = null;
  #bytes = 0;
  #isClosed = false;

  /**
   * @param readers  all there are, the oldest first.
   * @param nowMs    time that only grows.
   */
  constructor(bytesMax: number, readers: () => Iterable<GatedReader>, nowMs: () => number) {
    this.#bytesMax = bytesMax;
    this.#readers = readers;
    this.#nowMs = nowMs;
  }

  /** Unread, of all connections. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether `reader` must not be read now. */
  isClosedTo(reader: GatedReader): boolean {
    return this.#isClosed && !this.#letThrough.has(reader);
  }

  /** A connection holds so many bytes more, or less. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#isClosed && this.#bytes > this.#bytesMax) this.#close();
    else if (this.#isClosed && this.#bytes <= this.#bytesMax / 2) this.#open();
  }

  /** The reader's packet is whole, or the reader is gone: another one is read on. */
  finished(reader: GatedReader): void {
    if (this.#letThrough.delete(reader)) this.#letNextThrough();
  }

  /** Called about once a second. */
  sweep(): void {
    if (!this.#isClosed) return;
    const nowMs = this.#nowMs();
    for (const [reader, sinceMs] of this.#letThrough) if (nowMs - sinceMs > finishMs) reader.tooSlow();
    this.#letNextThrough();
  }

  #close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers()) reader.hold();
    this.#letNextThrough();
  }

  #open(): void {
    this.#isClosed = false;
    this.#letThrough.clear();
    for (const reader of this.#readers()) reader.letGo();
  }

  #letNextThrough(): void {
    if (!this.#isClosed || this.#letThrough.size >= letThroughMax) return;
    for (const reader of this.#inTurn()) {
      if (!reader.isPart || this.#letThrough.has(reader)) continue;
      this.#letThrough.set(reader, this.#nowMs());
      this.#lastLetThrough = reader;
      reader.letGo();
      if (this.#letThrough.size >= letThroughMax) return;
    }
  }

  /** All readers, from the one behind the last on. */
  *#inTurn(): Generator<GatedReader, void, void> {
    const last = this.#lastLetThrough;
    let isBehind = false;
    for (const reader of this.#readers()) {
      if (isBehind) yield reader;
      isBehind ||= reader === last;
    }
    for (const reader of this.#readers()) {
      yield reader;
      if (reader === last) return;
    }
  }
}
