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

/**
 *   gone        the client left before its last byte
 *   fragmented  it comes in pieces so small that reading them is all the server would do
 */
export type BodyOutcome = Buffer | "too-large" | "overloaded" | "gone" | "fragmented";

/** Pieces that a body may come in, whatever their size; beyond it they have `pieceBytesMin` on the average. */
const piecesMin = 1024;
export const pieceBytesMin = 16;

/** Room for a body whose first bytes have come; it doubles as more come. */
const roomBytesMin = 4096;

/**
 * Reads the body. What comes after a refusal is read and dropped, so that the client can read its answer; after `fragmented`
 * nothing more is read: the connection is to be closed.
 *
 * M1: it is copied together as it comes. Kept as it came, each chunk would be an object many times its size when a client
 * sends a byte at a time, which no budget of bytes sees.
 *
 * @param taken  called with the bytes taken from the budget, which the caller gives back when it is done with them: room
 *               for the body, less than twice its size.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  budget: BodyBudget,
  taken: (bytes: number) => void,
): Promise<BodyOutcome> {
  // A declared length that is too large is not waited for.
  const declaredBytes = Number(request.headers["content-length"] ?? 0);
  if (declaredBytes > bytesMax) return Promise.resolve("too-large");
  if (request.destroyed) return Promise.resolve("gone");
  return new Promise((resolve) => {
    let body = Buffer.alloc(0);
    let bytes = 0;
    let pieces = 0;
    const finish = (outcome: BodyOutcome): void => {
      request.off("data", read).off("end", end).off("close", gone);
      // A chunk of HTTP costs a microsecond or two, be it one byte: a few megabytes of them would hold the event loop.
      if (outcome === "fragmented") request.socket.pause();
      else request.resume();
      resolve(outcome);
    };
    const grow = (bytesNeeded: number): boolean => {
      // What is declared is not believed before half of it has come.
      const wanted = Math.max(roomBytesMin, 2 * bytesNeeded);
      const room = declaredBytes >= bytesNeeded ? Math.min(declaredBytes, wanted) : Math.min(bytesMax, wanted);
      const more = room - body.length;
      if (!budget.take(more)) return false;
      taken(more);
      const grown = Buffer.allocUnsafeSlow(room);
      grown.set(body.subarray(0, bytes));
      body = grown;
      return true;
    };
    const read = (chunk: Buffer): void => {
      const bytesNeeded = bytes + chunk.length;
      pieces++;
      if (pieces > piecesMin && pieces * pieceBytesMin > bytesNeeded) return finish("fragmented");
      if (bytesNeeded > bytesMax) return finish("too-large");
      if (bytesNeeded > body.length && !grow(bytesNeeded)) return finish("overloaded");
      body.set(chunk, bytes);
      bytes = bytesNeeded;
    };
    const end = (): void => finish(body.subarray(0, bytes));
    const gone = (): void => finish("gone");
    request.on("data", read).on("end", end).on("close", gone);
  });
}
