// Failures as values: built here, so that each has its four parts.

import { DestinationError, type Failure, type ProbeStep } from "./destination.ts";

/** It may work later without anybody's doing: the exporter tries again, for ever, with back-off. */
export function temporary(code: string, message: string, hint: string): Failure {
  return { kind: "temporary", code, message, hint };
}

/** It needs an operator: the export stops, and is probed every few minutes. */
export function permanent(code: string, message: string, hint: string): Failure {
  return { kind: "permanent", code, message, hint };
}

/** The caller gave up. Temporary: what was asked for is still to be done. */
export function aborted(operation: string): Failure {
  return temporary("aborted", `${operation} was given up`, "Nothing to do: it is tried again when the export runs.");
}

/** Throws the aborted failure when `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, operation: string): void {
  if (signal?.aborted === true) throw new DestinationError(aborted(operation));
}

/** What was aborted and still runs may end by itself for so long, before it is left to itself: on a disk that is well it does. */
const abortGraceMs = 1_000;

/**
 * What `work` gives. Soon after `signal` fired the aborted failure, thrown: `work` may hang where nothing can end it. It
 * heeds the signal too, and does nothing more that can be seen.
 */
export async function orAborted<T>(signal: AbortSignal | undefined, operation: string, work: Promise<T>): Promise<T> {
  if (signal === undefined) return await work;
  let timer: NodeJS.Timeout | undefined;
  let hear = (): void => {};
  const isAborted = new Promise<never>((_resolve, reject) => {
    hear = () => {
      timer = setTimeout(() => reject(new DestinationError(aborted(operation))), abortGraceMs);
    };
    if (signal.aborted) hear();
    else signal.addEventListener("abort", hear, { once: true });
  });
  try {
    return await Promise.race([work, isAborted]);
  } finally {
    signal.removeEventListener("abort", hear);
    clearTimeout(timer);
  }
}

/** The first step of a probe that failed, with its failure; null when all worked. */
export function probeFailure(steps: readonly ProbeStep[]): (Failure & { readonly step: string }) | null {
  for (const { step, failure } of steps) if (failure !== null) return { ...failure, step };
  return null;
}

/** Steps of a probe as values. */
export const probeStep = {
  ok: (step: string): ProbeStep => ({ step, outcome: "ok", failure: null, permission: null }),
  failed: (step: string, failure: Failure, permission: string | null = null): ProbeStep => ({
    step,
    outcome: "failed",
    failure,
    permission,
  }),
  notTried: (step: string): ProbeStep => ({ step, outcome: "not-tried", failure: null, permission: null }),
};
