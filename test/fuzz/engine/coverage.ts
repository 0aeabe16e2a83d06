// What executions reached: AFL's map, an edge in eight classes of how often it was passed.

/** Class of a count, as one bit: 1, 2, 3, 4–7, 8–15, 16–31, 32–127, 128 and more. */
const classOf = new Uint8Array(256);
for (let count = 1; count < 256; count++) {
  const bounds = [1, 2, 3, 4, 8, 16, 32, 128];
  classOf[count] = 1 << bounds.findLastIndex((bound) => count >= bound);
}

export class Coverage {
  readonly #counters: Uint8ClampedArray;
  readonly #words: Uint32Array;
  /** Classes seen, by edge. */
  readonly #seen: Uint8Array;
  /** Edges that were passed at all. */
  edges = 0;

  constructor(counters: Uint8ClampedArray) {
    this.#counters = counters;
    this.#words = new Uint32Array(counters.buffer);
    this.#seen = new Uint8Array(counters.length);
  }

  /** Before an execution. @param edges  how many counters are in use. */
  clear(edges: number): void {
    this.#words.fill(0, 0, (edges >> 2) + 1);
  }

  /** After an execution: whether it reached what none before did, which is then known. */
  learn(edges: number): boolean {
    let isNew = false;
    this.#each(edges, (edge, bit) => {
      const seen = this.#seen[edge] as number;
      if ((seen & bit) !== 0) return;
      if (seen === 0) this.edges++;
      this.#seen[edge] = seen | bit;
      isNew = true;
    });
    return isNew;
  }

  /** What the last execution reached, as numbers `8 × edge + class`. */
  reached(edges: number): number[] {
    const reached: number[] = [];
    this.#each(edges, (edge, bit) => reached.push(edge * 8 + Math.log2(bit)));
    return reached;
  }

  /** A fingerprint of the same. */
  hash(edges: number): number {
    let hash = 0x811c9dc5;
    this.#each(edges, (edge, bit) => {
      hash = Math.imul(hash ^ (edge * 256 + bit), 0x01000193);
    });
    return hash >>> 0;
  }

  #each(edges: number, call: (edge: number, bit: number) => void): void {
    const words = this.#words;
    const last = edges >> 2;
    for (let word = 0; word <= last; word++) {
      if (words[word] === 0) continue;
      for (let edge = word * 4; edge < word * 4 + 4; edge++) {
        const count = this.#counters[edge] as number;
        if (count !== 0) call(edge, classOf[count] as number);
      }
    }
  }
}
