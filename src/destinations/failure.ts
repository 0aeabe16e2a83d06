// Failures as values: built here, so that each has its four parts.

import { DestinationError, type Failure } from "./destination.ts";

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
