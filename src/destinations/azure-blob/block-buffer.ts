// Blocks: a stream of chunks cut into the pieces that Put Block takes, with the memory of one block.
//
// Limits of a block blob (https://learn.microsoft.com/rest/api/storageservices/put-block): 50,000 blocks, ids of equal
// length within a blob, committed or not. So ids have one length for ever, and blocks double in size every 10,000: with
// the default of 8 MiB an object may have 2.4 TiB.

import { assert } from "../../lib/assert.ts";

const blocksMax = 50_000;
const blocksOfOneSize = 10_000;
const firstCapacityBytes = 64 * 1024;

/** Bytes of the block number `index`, from 0; null when there may be no such block. */
export function blockBytesAt(index: number, blockBytes: number): number | null {
  return index < blocksMax ? blockBytes * 2 ** Math.floor(index / blocksOfOneSize) : null;
}

/** The id of block `index` of the attempt `attemptId` (16 hexadecimal digits). Always 32 characters of base64. */
export function blockId(attemptId: string, index: number): string {
  assert(/^[0-9a-f]{16}$/.test(attemptId) && index < 1_000_000, "block ids have one length for ever");
  return Buffer.from(`${attemptId}-${String(index).padStart(7, "0")}`).toString("base64");
}

/** Gathers chunks until a block is full. Its memory is used again for the next block. */
export class BlockBuffer {
  #bytes = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies what fits of `chunk` below `limitBytes`; returns the rest. */
  take(chunk: Uint8Array, limitBytes: number): Uint8Array {
    const taken = Math.min(chunk.byteLength, limitBytes - this.#length);
    this.#reserve(this.#length + taken, limitBytes);
    this.#bytes.set(chunk.subarray(0, taken), this.#length);
    this.#length += taken;
    return chunk.subarray(taken);
  }

  /** What was gathered; valid until the next `take` after `clear`. */
  contents(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Grows by doubling: most windows are far smaller than a block. */
  #reserve(bytes: number, limitBytes: number): void {
    if (bytes <= this.#bytes.byteLength) return;
    const capacity = Math.min(limitBytes, Math.max(bytes, 2 * this.#bytes.byteLength, firstCapacityBytes));
    const grown = Buffer.allocUnsafeSlow(capacity);
    grown.set(this.contents());
    this.#bytes = grown;
  }
}
