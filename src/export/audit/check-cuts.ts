// What cut records say by themselves, read in order: whether a window's files hold what the journal did, and whether it joins
// the one before. The tallies say the same in sums (partition-audit.ts); a record names the window. Pure.

import { unusedOffsetsMin } from "../../journal/journal.ts";
import type { AuditFacts, CutRecord } from "../../registry/registry.ts";
import { hasWindowNotOwed } from "../../registry/tenure.ts";
import { type Violation, violation } from "./violation.ts";

/** A committed window whose files hold another number of records than the journal did; null when all is well. */
export function checkCut(facts: Pick<AuditFacts, "export">, cut: CutRecord): Violation | null {
  if (cut.type !== "measurements") return null;
  const { type, partition, window, first, next } = cut;
  const records = next - first - cut.parts.reduce((sum, part) => sum + part.records, 0);
  if (records === 0) return null;
  const of = { type, partition, windowFirst: window, windowLast: window, offsets: { first, next }, records } as const;
  return violation(facts.export, { ...of, kind: "miscounted" });
}

/**
 * Whether a cut record joins the one before it in its stream; null when it does, or something is on record or not owed
 * in between. What the tallies say by their ends, said from the records themselves.
 */
export function checkJoin(
  facts: Pick<AuditFacts, "export" | "gaps" | "accepted">,
  before: CutRecord,
  cut: CutRecord,
): Violation | null {
  const { type, partition, window } = cut;
  const from = before.next;
  if (type !== "measurements" || cut.first === from) return null;
  const gaps = facts.gaps.filter((gap) => gap.type === type && gap.partition === partition);
  if (gaps.some((gap) => gap.records === null && gap.windowLast > before.window && gap.windowFirst <= window))
    return null;
  if (cut.first < from) {
    const of = { windowFirst: window, windowLast: window, offsets: { first: cut.first, next: from } };
    return violation(facts.export, { kind: "doubled", type, partition, ...of, records: cut.first - from });
  }
  if (hasWindowNotOwed(facts.export, before.window + 1, window - 1, type)) return null;
  const accepted = facts.accepted
    .filter((one) => one.kind === "lost" && one.type === type && one.partition === partition)
    .filter((one) => one.windowLast > before.window && one.windowFirst <= window);
  const covers = [...gaps, ...accepted]
    .filter(({ offsets }) => offsets !== null && offsets.first < cut.first && offsets.next > from)
    .toSorted((one, other) => (one.offsets?.first ?? 0) - (other.offsets?.first ?? 0));
  const covered = covers.reduce((sum, { records }) => sum + (records ?? 0), 0);
  const records = cut.first - from - covered;
  if (records === 0 || records >= unusedOffsetsMin) return null;
  const windows = window - before.window > 1 ? [before.window + 1, window - 1] : [window, window];
  const [windowFirst = window, windowLast = window] = windows;
  let first = from;
  for (const { offsets } of covers) if (offsets !== null && offsets.first <= first) first = offsets.next;
  const offsets = { first, next: cut.first };
  return violation(facts.export, { kind: "lost", type, partition, windowFirst, windowLast, offsets, records });
}
