// A set of message numbers as a bitmap: ten million of them take little more than a megabyte.

export class NumberSet implements Iterable<number> {
  #bits = new Uint8Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(number: number): boolean {
    return ((this.#bits[number >>> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }

  /** @returns false when it was there. */
  add(number: number): boolean {
    if (this.has(number)) return false;
    const at = number >>> 3;
    if (at >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (number & 7));
    this.#size++;
    return true;
  }

  *[Symbol.iterator](): Generator<number> {
    for (let at = 0; at < this.#bits.length; at++) {
      const byte = this.#bits[at] as number;
      if (byte === 0) continue;
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) yield at * 8 + bit;
    }
  }

  /** As one byte for eight numbers, the lowest bit first: for a file. */
  toBytes(): Uint8Array {
    return this.#bits.slice();
  }

  static fromBytes(bytes: Uint8Array): NumberSet {
    const set = new NumberSet();
    set.#bits = Uint8Array.from(bytes);
    for (const _number of set) set.#size++;
    return set;
  }
}
