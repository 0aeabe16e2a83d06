// A violation: what an audit says does not balance, with the numbers that name it and what to do about it.
//
// Owns:      kinds, ids and words; whether one is the same as another, or was accepted.
// Does not:  find any (audit.ts, check-cuts.ts).

import { type Window, printWindow } from "../../lib/window.ts";
import type { AcceptedViolation, Export, StreamKey } from "../../registry/registry.ts";

/**
 *   lost          owed records that are neither exported, nor waiting, nor recorded as let go
 *   doubled       offsets that were exported before
 *   replaced      the journal ends below, or starts again below, what was exported from it
 *   miscounted    a window's files hold another number of records than the journal did
 *   unbalanced    the sums differ, and no window says why
 */
export const violationKinds = ["lost", "doubled", "replaced", "miscounted", "unbalanced"] as const;
export type ViolationKind = (typeof violationKinds)[number];

export interface Violation extends StreamKey {
  /** Names it, with its numbers: whoever accepts it accepts these. */
  readonly id: string;
  readonly kind: ViolationKind;
  /** The windows it lies in, both included. */
  readonly windowFirst: Window;
  readonly windowLast: Window;
  readonly offsets: { readonly first: number; readonly next: number } | null;
  /** By how many records; below 0 when there are too many. */
  readonly records: number;
  readonly message: string;
  readonly hint: string;
}

export function violation(one: Pick<Export, "name">, of: Omit<Violation, "id" | "message" | "hint">): Violation {
  const { kind, type, partition, windowFirst, windowLast, offsets, records } = of;
  const windows =
    windowFirst === windowLast
      ? `window ${printWindow(windowFirst)}`
      : `windows ${printWindow(windowFirst)} to ${printWindow(windowLast)}`;
  const place = `${windows} of ${type}${type === "measurements" ? `, partition ${partition}` : ""}`;
  const range = offsets === null ? "" : ` (offsets ${offsets.first} to ${offsets.next})`;
  const isOne = Math.abs(records) === 1;
  const count = isOne ? "1 record" : `${Math.abs(records)} records`;
  const what: Readonly<Record<ViolationKind, string>> = {
    lost: `${count} of ${place}${range} ${isOne ? "is" : "are"} neither exported, nor waiting, nor on record as let go.`,
    doubled: `${count} of ${place}${range} ${isOne ? "was" : "were"} exported before.`,
    replaced: `The journal goes back at ${place}${range}: it was replaced, or restored from an older copy.`,
    miscounted: `The files of ${place}${range} hold ${count} ${records > 0 ? "fewer" : "more"} than the journal did.`,
    unbalanced: `The sums of ${place} differ by ${count}.`,
  };
  const id = `${kind}/${type}/${partition}/${printWindow(windowFirst)}/${records}`;
  const name = /^[\w.-]+$/.test(one.name) ? one.name : `'${one.name.replaceAll("'", String.raw`'\''`)}'`;
  const hint = `${hints[kind]} When it is understood: coldpath export accept ${name} ${id} --reason TEXT.`;
  return { ...of, id, message: what[kind], hint };
}

const hints: Readonly<Record<ViolationKind, string>> = {
  lost: "Keep the journal: copy its segment of that minute aside (journal cat prints it). Then run coldpath verify, and report this.",
  doubled: "Run coldpath verify: it names the files. Unless the journal was replaced, report this.",
  replaced:
    "If a journal was lost and a new one began, what it held and had not exported is lost. If that was not meant, stop the server and restore the newest copy.",
  miscounted: "Run coldpath verify --deep for that minute, keep the file and the journal, and report this.",
  unbalanced: "Run coldpath verify, and report this.",
};

/** What a violation says again and again is the same: told once. */
export function violationKey({ kind, type, partition, windowFirst, offsets }: Violation): string {
  // A replaced journal grows until something is exported from it.
  const start = kind === "replaced" ? null : (offsets?.first ?? null);
  return `${kind}/${type}/${partition}/${start ?? printWindow(windowFirst)}`;
}

/** Where it starts: by this, what the sums say and what the cut records say is the same violation. */
export function violationStart({
  type,
  partition,
  offsets,
}: Pick<Violation, "type" | "partition" | "offsets">): string {
  return `${type}/${partition}/${offsets?.first}`;
}

/** Whether exactly this was accepted: for what the numbers on record do not take out of the sums. */
export function isAccepted(violation: Violation, accepted: readonly AcceptedViolation[]): boolean {
  const { kind, type, partition, windowFirst, windowLast, offsets } = violation;
  return accepted
    .filter((one) => one.type === type && one.partition === partition)
    .some((one) => {
      const isSameRange = one.offsets?.first === offsets?.first && one.offsets?.next === offsets?.next;
      if (kind === "miscounted") return one.kind === kind && one.windowFirst === windowFirst && isSameRange;
      // When the journal has trimmed the first copy, what was exported twice cannot be told from a replaced journal.
      if (one.kind === "doubled") {
        return (kind === "doubled" || kind === "replaced") && isSameRange && one.windowLast === windowLast;
      }
      if (one.kind !== "replaced" || kind !== "replaced") return false;
      return one.windowFirst === windowFirst && one.offsets?.next === offsets?.next;
    });
}

/** By how many records the sums may differ by what was accepted. */
export function unbalancedOf(accepted: readonly AcceptedViolation[]): number {
  return accepted.reduce((sum, { kind, records }) => sum + (kind === "unbalanced" ? records : 0), 0);
}
