// Delays between attempts: exponential, jittered, capped.

export interface BackOffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The delay before attempt `attempt` + 1.
 *
 * @param attempt  failed attempts so far, from 1.
 * @param random   0 ≤ value < 1; spreads retries over the upper half of the delay so that many clients do not march
 *                 in step.
 */
export function backOffMs(options: BackOffOptions, attempt: number, random: number): number {
  const fullMs = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(fullMs / 2 + (fullMs / 2) * random);
}
