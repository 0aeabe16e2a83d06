// What a connection has read from its socket and not used yet: part of a packet, or whole ones that wait.
//
// M1: the bytes of all connections together are counted; read-gate.ts stops reading when they are too many.

const noBytes = Buffer.alloc(0);

/** Of all connections together. */
export interface UnreadTotal {
  /** So many more, or less. */
  count(bytes: number): void;
}

export class Unread {
  readonly #total: UnreadTotal;
  /** Memory of its own, used up to `bytes`. */
  #buffer: Buffer = noBytes;
  #bytes = 0;
  /** A packet that is not whole needs so many; 0 when that is not known. */
  #bytesWanted = 0;

  constructor(total: UnreadTotal) {
    this.#total = total;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is only a part of a packet, so that nothing can be done but to wait for the rest of it. */
  get isPart(): boolean {
    return this.#bytes < this.#bytesWanted;
  }

  add(chunk: Buffer): void {
    const bytes = this.#bytes + chunk.length;
    if (bytes > this.#buffer.length) {
      // Doubled, so that a large packet is not copied with each of its chunks; not made larger than what came and once more.
      const room = Math.max(bytes, Math.min(2 * bytes, this.#bytesWanted));
      const grown = Buffer.allocUnsafeSlow(room);
      grown.set(this.#buffer.subarray(0, this.#bytes));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#bytes);
    this.#count(bytes);
  }

  /** All of it, to be used at once; what is not used is given to `keep` again. */
  take(): Buffer {
    const all = this.#buffer.subarray(0, this.#bytes);
    this.#bytesWanted = 0;
    this.#count(0);
    return all;
  }

  /**
   * What is left of `chunk` from `at` on waits.
   *
   * @param bytesWanted  how many there must be before it can go on, if that is known.
   */
  keep(chunk: Buffer, at: number, bytesWanted: number): void {
    this.#bytesWanted = bytesWanted;
    const bytes = chunk.length - at;
    if (bytes === 0) this.#buffer = noBytes;
    else if (at > 0 || chunk.buffer !== this.#buffer.buffer) {
      const rest = chunk.subarray(at);
      // A few bytes must not keep a whole chunk alive while the connection idles.
      this.#buffer = 2 * bytes >= chunk.buffer.byteLength ? rest : copyOf(rest);
    }
    this.#count(bytes);
  }

  drop(): void {
    this.#buffer = noBytes;
    this.#bytesWanted = 0;
    this.#count(0);
  }

  #count(bytes: number): void {
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    this.#total.count(more);
  }
}

/** In memory of its own, not of Node's pool. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
