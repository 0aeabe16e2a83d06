// The time a message reached us, as exported: `2018-06-11T00:00:08.2250000Z`, 28 characters, milliseconds padded to
// seven digits.
//
// The hot path writes it twice a record, so it is kept as an encoded Avro string and only the digits that changed are
// written again.

const timeChars = 28;
/** Length prefix (zig-zag of 28) and characters. */
export const enqueuedTimeBytes = 1 + timeChars;

export class EnqueuedTime {
  /** The Avro string for the last `set`, `enqueuedTimeBytes` long. */
  readonly bytes: Buffer = Buffer.alloc(enqueuedTimeBytes);
  #timeMs = Number.NaN;
  #second = Number.NaN;

  constructor() {
    this.bytes[0] = timeChars * 2;
  }

  /** @param timeMs  whole milliseconds since the epoch, years 0 to 9999. */
  set(timeMs: number): void {
    if (timeMs === this.#timeMs) return;
    this.#timeMs = timeMs;
    const second = Math.floor(timeMs / 1000);
    const bytes = this.bytes;
    if (second !== this.#second) {
      this.#second = second;
      bytes.write(`${new Date(second * 1000).toISOString().slice(0, 20)}0000000Z`, 1, "latin1");
    }
    const milli = timeMs - second * 1000;
    // "2018-06-11T00:00:08." is 20 characters: the digits of the fraction start at 1 + 20.
    bytes[21] = 48 + Math.floor(milli / 100);
    bytes[22] = 48 + (Math.floor(milli / 10) % 10);
    bytes[23] = 48 + (milli % 10);
  }
}

/** The same text as a string, for what is not hot. */
export function printEnqueuedTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, -1)}0000Z`;
}
