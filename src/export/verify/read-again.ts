// Reads of a store that fail for a moment are tried again, some times: whoever reads a whole destination back does not
// start anew because of one lost connection. What is permanent is thrown at once.

import { type Destination, DestinationError, type ListedObject } from "../../destinations/destination.ts";
import { backOffMs } from "../../lib/back-off.ts";
import { type Clock, sleep } from "../../lib/clock.ts";

export interface ReadAgainOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onRetry: (failure: DestinationError["failure"], delayMs: number) => void;
}

/** 1, 2, 4 and 8 s between them. */
const attemptsMax = 5;
const delays = { firstMs: 1000, maxMs: 30_000 };

/** @param read  is run from its beginning each time. Throws what it threw last. */
export async function readAgain<T>(options: ReadAgainOptions, read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      await waitAfter(options, error, attempt);
    }
  }
}

/** A listing that goes on where it failed: objects come in path order. Progress starts the count of attempts anew. */
export async function* listAgain(
  options: ReadAgainOptions,
  destination: Destination,
  prefix: string,
): AsyncGenerator<ListedObject, void, void> {
  let last: string | null = null;
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const object of destination.list(prefix, options.signal)) {
        if (last !== null && object.path <= last) continue;
        last = object.path;
        attempt = 1;
        yield object;
      }
      return;
    } catch (error) {
      await waitAfter(options, error, attempt);
    }
  }
}

async function waitAfter({ clock, signal, onRetry }: ReadAgainOptions, error: unknown, attempt: number): Promise<void> {
  const isWorthIt = error instanceof DestinationError && error.failure.kind === "temporary" && attempt < attemptsMax;
  if (!isWorthIt || signal.aborted) throw error;
  const delayMs = backOffMs(delays, attempt, 1);
  onRetry(error.failure, delayMs);
  await sleep(clock, delayMs, signal);
  if (signal.aborted) throw error;
}
