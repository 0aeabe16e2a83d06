// What is fuzzed: bytes go in, and nothing may go wrong.

import type { Arbitrary } from "fast-check";

export interface Target {
  /** The longest input. */
  readonly bytesMax: number;
  /** Valid inputs to start from. */
  seeds(): readonly Uint8Array[];
  /** Inputs that mutations would hardly find. */
  readonly grammar?: Arbitrary<Uint8Array>;
  /** Tokens beside the literals of the modules. */
  readonly dictionary?: readonly (string | Uint8Array)[];
  /** Before the first execution. */
  open?(): Promise<void>;
  /** Throws when an invariant does not hold. Whatever it throws is a finding. */
  run(input: Buffer): void | Promise<void>;
  close?(): Promise<void>;
}

/** Numbers, choices and pieces out of an input, from its front; zeros when it is used up. */
export class InputReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** 0 to 65,535. */
  short(): number {
    return (this.byte() << 8) | this.byte();
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.byte() % choices.length] as T;
  }

  /** Up to `count` bytes. */
  take(count: number): Buffer {
    const piece = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += piece.length;
    return piece;
  }

  rest(): Buffer {
    return this.take(Math.max(0, this.left));
  }
}

/** A claim about the module under test. */
export function claim(isSo: boolean, what: string | (() => string)): asserts isSo {
  if (!isSo) throw new Error(typeof what === "string" ? what : what());
}
