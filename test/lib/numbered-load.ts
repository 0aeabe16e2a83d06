// What a publisher sends: messages that each carry a number of their own and say whose they are; and what came of them. Nothing is
// ever sent twice.

import type { Ledger } from "./ledger.ts";

export interface LoadOptions {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly ledger: Ledger;
  /** How acknowledgements are told apart; see Ledger. */
  readonly way?: string | undefined;
  /** At most so many messages a second; as fast as acknowledgements come when left out. */
  readonly perSecond?: number | undefined;
  /** Bodies are padded by less than so many bytes, each by another number. Default 200. */
  readonly padBytesMax?: number | undefined;
  /** By how many bytes the body of a number is padded, in place of `padBytesMax`. */
  readonly padBytesOf?: ((number: number) => number) | undefined;
  /** Told how long each acknowledgement took. */
  readonly took?: ((ms: number) => void) | undefined;
}

export interface NumberedMessage {
  readonly number: number;
  readonly body: Buffer;
  readonly sentMs: number;
}

/** Sends until it is stopped or cut off. */
export interface Publisher {
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  /** Sends no more; what is in flight may still be acknowledged. Ends a moment later. */
  stop(): Promise<void>;
  /** Ends the connection here and now. */
  cut(): void;
}

export class NumberedLoad {
  readonly #options: LoadOptions;
  readonly #startMs = performance.now();
  #sent = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** The next message; null when it is too early for it. */
  next(): NumberedMessage | null {
    const { ledger, deviceId, moduleId, perSecond = Infinity, padBytesMax = 200, padBytesOf } = this.#options;
    const sentMs = performance.now();
    if (this.#sent >= ((sentMs - this.#startMs) / 1000) * perSecond) return null;
    this.#sent++;
    const number = ledger.next++;
    const sender = moduleId === undefined ? { device: deviceId } : { device: deviceId, module: moduleId };
    const pad = "x".repeat(padBytesOf?.(number) ?? number % padBytesMax);
    const body = Buffer.from(JSON.stringify({ number, ...sender, pad }));
    return { number, body, sentMs };
  }

  acknowledged({ number, sentMs }: NumberedMessage): void {
    const { ledger, way, took } = this.#options;
    ledger.acknowledge(number, way);
    took?.(performance.now() - sentMs);
  }
}
