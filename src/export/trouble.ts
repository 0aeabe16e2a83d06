// What stands between a stream and its next file: temporary (tried again soon, jittered, forever) or stopped (an
// operator must act; probed every few minutes, so that it heals by itself, unless the cause is a foreign object).

import type { Failure } from "../destinations/destination.ts";
import { type BackOffOptions, backOffMs } from "../lib/back-off.ts";
import type { ExportTrouble } from "./export.ts";

export interface RetryOptions extends BackOffOptions {
  /** Between probes of a stopped stream. */
  readonly probeMs: number;
}

export const defaultRetry: RetryOptions = { firstMs: 1000, maxMs: 60_000, probeMs: 300_000 };

export interface Blocked {
  readonly kind: "temporary" | "permanent" | "foreign";
  readonly trouble: ExportTrouble;
  /** When to try again, null: when told to. */
  readonly delayMs: number | null;
}

/**
 * The next state after a failed attempt.
 *
 * @param before  the trouble so far, when this is not the first failure in a row.
 */
export function blockedBy(
  failure:
    | Failure
    | { readonly kind: "foreign"; readonly code: string; readonly message: string; readonly hint: string },
  before: ExportTrouble | null,
  of: { readonly path: string | null; readonly nowMs: number; readonly random: number; readonly retry: RetryOptions },
): Blocked {
  const attempts = (before?.attempts ?? 0) + 1;
  const delayMs =
    failure.kind === "foreign"
      ? null
      : failure.kind === "permanent"
        ? of.retry.probeMs
        : backOffMs(of.retry, attempts, of.random);
  return {
    kind: failure.kind,
    delayMs,
    trouble: {
      code: failure.code,
      message: failure.message,
      hint: failure.hint,
      since: before?.since ?? new Date(of.nowMs).toISOString(),
      nextAttempt: delayMs === null ? null : new Date(of.nowMs + delayMs).toISOString(),
      attempts,
      path: of.path,
    },
  };
}
