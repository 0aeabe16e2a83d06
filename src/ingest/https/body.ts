// The body of a request, read whole and within bounds.

import type { IncomingMessage } from "node:http";

/** Bytes of bodies in memory, of all requests together (M1). */
export class BodyBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** `gone`: the client left before its last byte. */
export type BodyOutcome = Buffer | "too-large" | "overloaded" | "gone";

/**
 * Reads the body. What comes after a refusal is read and dropped, so that the client can read its answer.
 *
 * @param taken  called with the bytes taken from the budget, which the caller gives back when it is done with them.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  budget: BodyBudget,
  taken: (bytes: number) => void,
): Promise<BodyOutcome> {
  // A declared length that is too large is not waited for.
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return Promise.resolve("too-large");
  if (request.destroyed) return Promise.resolve("gone");
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (outcome: BodyOutcome): void => {
      request.off("data", read).off("end", end).off("close", gone);
      request.resume();
      resolve(outcome);
    };
    const read = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) return finish("too-large");
      if (!budget.take(chunk.length)) return finish("overloaded");
      taken(chunk.length);
      chunks.push(chunk);
    };
    const end = (): void => finish(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    const gone = (): void => finish("gone");
    request.on("data", read).on("end", end).on("close", gone);
  });
}
