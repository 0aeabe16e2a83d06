// The balance of a stream: journaled = exported + waiting + discarded + accepted.

import type { StreamKey } from "../../registry/registry.ts";

/** Records of a stream in one tenure (snapshots: in all, `tenure` null). */
export interface Balance extends StreamKey {
  readonly tenure: number | null;
  readonly journaled: number;
  readonly exported: number;
  readonly waiting: number;
  readonly discarded: number;
  /** By how many records accepted violations let the sides differ; below 0 when there are too many. */
  readonly accepted: number;
}

export const sumKeys = ["journaled", "exported", "waiting", "discarded", "accepted"] as const;
export type Sums = Pick<Balance, (typeof sumKeys)[number]>;
export const noSums: Sums = { journaled: 0, exported: 0, waiting: 0, discarded: 0, accepted: 0 };

/** All streams and tenures together. */
export function sumOf(balances: readonly Balance[]): Sums {
  const sum = { ...noSums };
  for (const balance of balances) for (const key of sumKeys) sum[key] += balance[key];
  return sum;
}
