// The violations of an export that stand: what the tallies and what the cut records say, each once, without what was
// accepted. Pure.

import type { AcceptedViolation, AuditFacts, StreamKey } from "../../registry/registry.ts";
import { type Violation, isAccepted, violation, violationStart } from "./violation.ts";

/**
 * @param tallies  what the sums say: a range of windows.
 * @param records  what the cut records say: each names its window.
 */
export function standingViolations(
  { export: one, gaps, accepted }: AuditFacts,
  tallies: readonly Violation[],
  records: readonly Violation[],
): readonly Violation[] {
  const starts = new Set(tallies.map(violationStart));
  const settled = [...gaps, ...accepted.filter(({ kind }) => kind === "lost")];
  const exact = records
    .filter((each) => !isAccepted(each, accepted))
    .filter((each) => each.kind === "miscounted" || !(starts.has(violationStart(each)) || isOnRecord(each, settled)));
  const ends = tallies
    .filter((each) => each.kind === "miscounted" || !isAccepted(each, accepted))
    .flatMap((each) => {
      if (each.kind !== "miscounted") return [each];
      const { id: _id, message: _message, hint: _hint, ...of } = each;
      const left = each.records - exact.reduce((sum, part) => sum + (isPartOf(part, each) ? part.records : 0), 0);
      return left === 0 ? [] : [violation(one, { ...of, records: left })];
    });
  return [...ends, ...exact];
}

/** Whether a miscounted window is in the range of a miscounted tally. */
function isPartOf(part: Violation, whole: Violation): boolean {
  if (part.kind !== "miscounted" || part.type !== whole.type || part.partition !== whole.partition) return false;
  if (part.windowFirst < whole.windowFirst || part.windowLast > whole.windowLast) return false;
  return (part.offsets?.first ?? 0) >= (whole.offsets?.first ?? 0);
}

/** Put on record since the cut records were read. */
function isOnRecord(
  { type, partition, windowFirst, windowLast, offsets }: Violation,
  settled: readonly (StreamKey & Pick<AcceptedViolation, "windowFirst" | "windowLast" | "offsets"> & Counted)[],
): boolean {
  return settled
    .filter((one) => one.type === type && one.partition === partition)
    .some((one) => {
      if (one.records === null) return one.windowLast >= windowFirst && one.windowFirst <= windowLast;
      const other = one.offsets;
      return other !== null && offsets !== null && other.first < offsets.next && other.next > offsets.first;
    });
}

interface Counted {
  readonly records: number | null;
}
