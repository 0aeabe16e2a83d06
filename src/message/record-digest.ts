// The digest of a record: of all it says but the time it was taken at. Two records with equal digests are the same
// message of the same device, byte for byte.
//
// 128 bits of SHA-256 behind a secret key. With a million records remembered and a hundred thousand compared each second
// for a year, the chance of two different ones looking equal is below 10^-19; and who does not know the key cannot look
// for two that do.

import { hash } from "node:crypto";
import { enqueuedTimeBytes } from "./enqueued-time.ts";

export const digestWords = 4;
export const digestKeyBytes = 32;

export class RecordDigest {
  /** Of the last `read`. */
  readonly words = new Uint32Array(digestWords);
  /** The key, and behind it a record without its times. */
  #scratch: Buffer;

  /** @param key  `digestKeyBytes` that nobody else knows. */
  constructor(key: Uint8Array) {
    this.#scratch = Buffer.alloc(4096);
    this.#scratch.set(key.subarray(0, digestKeyBytes));
  }

  /** @param headBytes  the length of the head of the record `bytes[first, next)`. */
  read(bytes: Uint8Array, first: number, next: number, headBytes: number): void {
    const headFirst = first + enqueuedTimeBytes;
    const headNext = headFirst + headBytes;
    const restFirst = headNext + enqueuedTimeBytes;
    const digested = digestKeyBytes + headBytes + (next - restFirst);
    if (digested > this.#scratch.length) {
      const grown = Buffer.alloc(Math.max(digested, this.#scratch.length * 2));
      grown.set(this.#scratch.subarray(0, digestKeyBytes));
      this.#scratch = grown;
    }
    const scratch = this.#scratch;
    scratch.set(bytes.subarray(headFirst, headNext), digestKeyBytes);
    scratch.set(bytes.subarray(restFirst, next), digestKeyBytes + headBytes);
    // As a text of bytes it takes less than half the time of a buffer.
    const text = hash("sha256", scratch.subarray(0, digested), "binary");
    for (let word = 0; word < digestWords; word++) {
      const at = word * 4;
      this.words[word] =
        (text.charCodeAt(at) << 24) |
        (text.charCodeAt(at + 1) << 16) |
        (text.charCodeAt(at + 2) << 8) |
        text.charCodeAt(at + 3);
    }
  }
}
