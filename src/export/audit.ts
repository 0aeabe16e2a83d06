// The conservation audit of one export: journaled = exported + waiting + discarded + accepted, and every window joins the
// next. Pure.
//
//   E1  What it proves is that no owed record was passed over and none was exported twice, by offsets, which the journal
//       gives out, against counts, which the file writer counted. docs/guarantees.md says what it does not prove.
//
// A stream's tallies (registry) are what was settled without a break, so only their ends need be looked at: the cost
// follows the number of tallies and of segments in the journal, not the history.
//
// What an administrator accepted is taken out by the numbers on record, lost records by their offsets, so that whatever is
// more, or lies beside, alarms again. It never counts as exported.

import { type Segment, unusedOffsetsMin } from "../journal/journal.ts";
import { type Window, printWindow } from "../lib/window.ts";
import type {
  AcceptedViolation,
  AuditFacts,
  CutRecord,
  Export,
  ExportGap,
  ExportTally,
  StreamKey,
} from "../registry/registry.ts";
import { snapshotTypes } from "../registry/registry.ts";
import { hasWindowNotOwed, isOwed, tenureAt } from "../registry/tenure.ts";

/** What the journal holds of one partition now. */
export interface PartitionView {
  readonly partition: number;
  /** Closed segments, ascending. */
  readonly segments: readonly Segment[];
  /** The open window, and the offset behind its newest record; null for a partition that is only read. */
  readonly open: { readonly window: Window; readonly offsetNext: number } | null;
}

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

export interface ExportAudit {
  readonly balances: readonly Balance[];
  readonly violations: readonly Violation[];
}

/** All streams and tenures together. */
export function sumOf(balances: readonly Balance[]): Sums {
  const sum = { ...noSums };
  for (const balance of balances) for (const key of sumKeys) sum[key] += balance[key];
  return sum;
}

/** What a violation says again and again is the same: told once. */
export function violationKey({ kind, type, partition, windowFirst, offsets }: Violation): string {
  // A replaced journal grows until something is exported from it.
  const start = kind === "replaced" ? null : (offsets?.first ?? null);
  return `${kind}/${type}/${partition}/${start ?? printWindow(windowFirst)}`;
}

export function auditExport(facts: AuditFacts, partitions: readonly PartitionView[]): ExportAudit {
  const isMeasured = ({ type }: StreamKey): boolean => type === "measurements";
  const numbers = new Set([
    ...partitions.map(({ partition }) => partition),
    ...facts.tallies.filter(isMeasured).map(({ partition }) => partition),
  ]);
  const audits = [
    ...[...numbers]
      .toSorted((one, other) => one - other)
      .map((partition) => new PartitionAudit(facts, partition, partitions).audit()),
    ...snapshotTypes.map((type) => auditSnapshots(facts, type)),
  ];
  return {
    balances: audits.flatMap(({ balances }) => balances),
    violations: audits.flatMap(({ violations }) => violations),
  };
}

const measurements = "measurements";

/** The measurements of one partition. */
class PartitionAudit {
  readonly #export: Export;
  readonly #stream: StreamKey;
  readonly #tallies: readonly ExportTally[];
  readonly #gaps: readonly ExportGap[];
  readonly #accepted: readonly AcceptedViolation[];
  readonly #windowNext: Window | null;
  readonly #segments: readonly Segment[];
  readonly #open: PartitionView["open"];
  readonly #violations: Violation[] = [];
  readonly #balances = new Map<number | null, Mutable<Balance>>();

  constructor(facts: AuditFacts, partition: number, partitions: readonly PartitionView[]) {
    const isOurs = (of: StreamKey): boolean => of.type === measurements && of.partition === partition;
    const view = partitions.find((one) => one.partition === partition);
    this.#export = facts.export;
    this.#stream = { type: measurements, partition };
    this.#tallies = facts.tallies.filter(isOurs);
    this.#gaps = facts.gaps.filter(isOurs);
    this.#accepted = facts.accepted.filter(isOurs);
    this.#windowNext = facts.checkpoints.find(isOurs)?.windowNext ?? null;
    this.#segments = view?.segments ?? [];
    this.#open = view?.open ?? null;
  }

  audit(): ExportAudit {
    let before: ExportTally | null = null;
    for (const tally of this.#tallies) {
      this.#addTally(tally);
      if (tally.offsets === null) continue;
      this.#checkStart(before, tally, tally.offsets.first);
      before = tally;
    }
    this.#checkEnd(before);
    const balances = [...this.#balances.values()];
    this.#checkGaps(balances);
    return { balances, violations: this.#violations };
  }

  #addTally(tally: ExportTally): void {
    if (tally.offsets === null || tally.settled === null) return;
    const { first, next } = tally.offsets;
    this.#add(tally.tenure, {
      journaled: next - first,
      exported: tally.exported,
      discarded: tally.discarded,
    });
    const { settled } = tally;
    const accepted = this.#accepted
      .filter(({ kind, offsets }) => kind === "miscounted" && isWithin(offsets, { first, next }))
      .filter(({ windowFirst, windowLast }) => windowFirst >= settled.first && windowLast <= settled.last)
      .reduce((sum, { records }) => sum + records, 0);
    this.#add(tally.tenure, { accepted });
    const missing = next - first - tally.exported - tally.discarded - accepted;
    if (missing === 0) return;
    this.#violate("miscounted", settled.first, settled.last, tally.offsets, missing);
  }

  /** Whether all that was owed since the tally before, or since the books were opened, is in this one. */
  #checkStart(before: ExportTally | null, tally: ExportTally, first: number): void {
    const next = before?.offsets?.next ?? null;
    const settledLast = before?.settled?.last ?? null;
    const settled = tally.settled ?? { first: tally.windowFirst, last: tally.windowFirst };
    if (next === null || settledLast === null || this.#isUnknown(settledLast, settled.last)) {
      const segments = this.#segments.filter(
        ({ window, offsetNext }) => window >= tally.windowFirst && offsetNext <= first,
      );
      this.#lose(segments, tally.tenure);
      return;
    }
    if (first < next) {
      // The same journal still has what was exported at these offsets the first time.
      const isSameJournal = this.#segments.some((one) => one.window <= settledLast && one.offsetNext > first);
      const offsets = { first, next };
      if (isSameJournal) this.#violate("doubled", settled.first, settled.first, offsets, first - next);
      else this.#violate("replaced", settledLast + 1, Math.max(settledLast + 1, settled.first), offsets, first - next);
      return;
    }
    this.#checkHole(next, first, settledLast, settled.first, tally.tenure);
  }

  /** Records `[from, to)` are in no tally: let go on record, not owed, or lost. */
  #checkHole(from: number, to: number, settledLast: Window, windowNext: Window, tenure: number | null): void {
    for (const { first, next } of this.#without(from, to, { first: settledLast, last: windowNext }, tenure)) {
      const held = this.#segments.filter(({ offsetFirst, offsetNext }) => offsetFirst >= first && offsetNext <= next);
      this.#lose(held, tenure);
      // What the journal has trimmed: were all these windows owed, it was, too.
      const heldFirst = held[0]?.offsetFirst ?? next;
      const isTrimmed = recordsOf(first, heldFirst) > 0;
      const windowLast = (held[0]?.window ?? windowNext) - 1;
      if (!isTrimmed || hasWindowNotOwed(this.#export, settledLast + 1, windowLast, measurements)) continue;
      const windows = windowLast > settledLast ? [settledLast + 1, windowLast] : [windowNext, windowNext];
      const [windowFirst = windowNext, last = windowNext] = windows;
      this.#add(tenure, { journaled: heldFirst - first });
      this.#violate("lost", windowFirst, last, { first, next: heldFirst }, heldFirst - first);
    }
  }

  /** What came after the last tally: it waits, or is not owed, or was passed over. */
  #checkEnd(last: ExportTally | null): void {
    const end = last?.offsets?.next ?? null;
    const newest = this.#tallies.at(-1);
    const isBegun = newest === undefined || newest.offsets !== null;
    const from = isBegun ? end : null;
    const after = this.#segments.filter(({ window, offsetFirst }) =>
      from === null ? window >= (newest?.windowFirst ?? 0) : offsetFirst >= from,
    );
    const offsetEnd = this.#open?.offsetNext ?? this.#segments.at(-1)?.offsetNext ?? null;
    if (from !== null && offsetEnd !== null && offsetEnd < from) {
      const window = (last?.settled?.last ?? 0) + 1;
      this.#violate(
        "replaced",
        window,
        Math.max(window, this.#open?.window ?? window),
        { first: offsetEnd, next: from },
        0,
      );
    }
    const first = after[0];
    if (from !== null && last?.settled && first !== undefined && first.offsetFirst > from) {
      this.#checkHole(from, first.offsetFirst, last.settled.last, first.window, last.tenure);
    }
    const windowNext = this.#windowNext ?? -Infinity;
    this.#lose(after.filter(({ window }) => window < windowNext));
    for (const segment of this.#segments) {
      if (segment.window < windowNext || !isOwed(this.#export, segment.window, measurements)) continue;
      const records = recordsOf(segment.offsetFirst, segment.offsetNext);
      this.#add(this.#tenureOf(segment.window), { waiting: records, journaled: records });
    }
    this.#addOpen(from);
  }

  #addOpen(from: number | null): void {
    const open = this.#open;
    if (open === null || !isOwed(this.#export, open.window, measurements)) return;
    const closedNext = this.#segments.at(-1)?.offsetNext ?? null;
    if (closedNext === null && from === null) return; // where the window starts is not known
    const records = recordsOf(Math.max(closedNext ?? 0, from ?? 0), open.offsetNext);
    this.#add(this.#tenureOf(open.window), { waiting: records, journaled: records });
  }

  /** The sums of the gaps on record are those of the tallies and holes. */
  #checkGaps(balances: readonly Balance[]): void {
    const first = this.#tallies[0];
    if (first === undefined) return;
    const discarded = balances.reduce((sum, balance) => sum + balance.discarded, 0);
    const recorded = this.#gaps
      .filter(({ windowLast }) => windowLast >= first.windowFirst)
      .reduce((sum, { records }) => sum + (records ?? 0), 0);
    const missing = discarded - recorded - unbalancedOf(this.#accepted);
    if (missing === 0) return;
    const windowLast = this.#tallies.at(-1)?.settled?.last ?? first.windowFirst;
    this.#violate("unbalanced", first.windowFirst, windowLast, null, missing);
  }

  /** Segments that were passed over: not owed, let go on record, or lost. */
  #lose(segments: readonly Segment[], tenure?: number | null): void {
    for (const { window, offsetFirst, offsetNext } of segments) {
      if (!isOwed(this.#export, window, measurements)) continue;
      const of = tenure ?? this.#tenureOf(window);
      const records = recordsOf(offsetFirst, offsetNext);
      const gap = this.#gaps.find(({ windowFirst, windowLast }) => windowFirst <= window && window <= windowLast);
      const offsets = { first: offsetFirst, next: offsetNext };
      if (this.#lostAccepted(window, window).some((one) => isWithin(offsets, one.offsets))) {
        this.#add(of, { journaled: records, accepted: records });
      } else if (gap === undefined) {
        this.#add(of, { journaled: records });
        this.#violate("lost", window, window, offsets, records);
      } else if (gap.records !== null) this.#add(of, { journaled: records, discarded: records });
    }
  }

  /** Whether windows of which nobody knows what they held lie between two tallies. */
  #isUnknown(after: Window, until: Window): boolean {
    return this.#gaps.some((gap) => gap.records === null && gap.windowLast > after && gap.windowFirst <= until);
  }

  /** What was accepted as lost in these windows, both included. */
  #lostAccepted(windowFirst: Window, windowLast: Window): readonly AcceptedViolation[] {
    return this.#accepted
      .filter(({ kind }) => kind === "lost")
      .filter((one) => one.windowFirst <= windowLast && one.windowLast >= windowFirst);
  }

  /** What of `[from, to)` no gap accounts for, nor what was accepted. */
  #without(
    from: number,
    to: number,
    windows: { readonly first: Window; readonly last: Window },
    tenure: number | null,
  ): readonly { first: number; next: number }[] {
    const left: { first: number; next: number }[] = [];
    let at = from;
    const inside = [
      ...this.#gaps.map(({ offsets }) => ({ offsets, as: "discarded" as const })),
      ...this.#lostAccepted(windows.first, windows.last).map(({ offsets }) => ({ offsets, as: "accepted" as const })),
    ]
      .flatMap(({ offsets, as }) => (offsets === null ? [] : [{ ...offsets, as }]))
      .filter(({ first, next }) => first < to && next > from)
      .toSorted((one, other) => one.first - other.first);
    for (const { first, next, as } of inside) {
      if (first > at) left.push({ first: at, next: first });
      const covered = Math.min(next, to) - Math.max(first, at);
      if (covered > 0) this.#add(tenure, { journaled: covered, [as]: covered });
      at = Math.max(at, next);
    }
    if (at < to) left.push({ first: at, next: to });
    return left;
  }

  #tenureOf(window: Window): number | null {
    return tenureAt(this.#export, window)?.number ?? null;
  }

  #add(tenure: number | null, more: Partial<Sums>): void {
    const balance = this.#balances.get(tenure) ?? { ...this.#stream, tenure, ...noSums };
    for (const key of sumKeys) balance[key] += more[key] ?? 0;
    this.#balances.set(tenure, balance);
  }

  #violate(
    kind: ViolationKind,
    windowFirst: Window,
    windowLast: Window,
    offsets: Violation["offsets"],
    records: number,
  ): void {
    const of = { ...this.#stream, kind, windowFirst, windowLast, offsets, records };
    this.#violations.push(violation(this.#export, of));
  }
}

/** Snapshots: what was given to write, against what was written, let go, and is owed. */
function auditSnapshots(facts: AuditFacts, type: (typeof snapshotTypes)[number]): ExportAudit {
  const tallies = facts.tallies.filter((tally) => tally.type === type);
  const accepted = unbalancedOf(facts.accepted.filter((one) => one.type === type));
  const owed = facts.owed.filter(({ cut }) => cut.type === type);
  const first = tallies[0];
  if (first === undefined) return { balances: [], violations: [] };
  const sum = (pick: (tally: ExportTally) => number): number =>
    tallies.reduce((total, tally) => total + pick(tally), 0);
  const balance: Balance = {
    type,
    partition: 0,
    tenure: null,
    journaled: sum(({ given }) => given ?? 0),
    exported: sum(({ exported }) => exported),
    waiting: owed.reduce((total, { cut }) => total + cut.records, 0),
    discarded: sum(({ discarded }) => discarded),
    accepted,
  };
  const missing = balance.journaled - balance.exported - balance.waiting - balance.discarded - accepted;
  const windowLast = tallies.at(-1)?.settled?.last ?? first.windowFirst;
  const of = { type, partition: 0, windowFirst: first.windowFirst, windowLast, offsets: null, records: missing };
  return {
    balances: [balance],
    violations: missing === 0 ? [] : [violation(facts.export, { ...of, kind: "unbalanced" })],
  };
}

/** A committed window whose files hold another number of records than the journal did; null when all is well. */
export function checkCut(facts: Pick<AuditFacts, "export">, cut: CutRecord): Violation | null {
  if (cut.type !== measurements) return null;
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
  if (type !== measurements || cut.first === from) return null;
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

export function violation(one: Pick<Export, "name">, of: Omit<Violation, "id" | "message" | "hint">): Violation {
  const { kind, type, partition, windowFirst, windowLast, offsets, records } = of;
  const windows =
    windowFirst === windowLast
      ? `window ${printWindow(windowFirst)}`
      : `windows ${printWindow(windowFirst)} to ${printWindow(windowLast)}`;
  const place = `${windows} of ${type}${type === measurements ? `, partition ${partition}` : ""}`;
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

interface Range {
  readonly first: number;
  readonly next: number;
}

function isWithin(range: Range | null, outer: Range | null): boolean {
  return range !== null && outer !== null && range.first >= outer.first && range.next <= outer.next;
}

function unbalancedOf(accepted: readonly AcceptedViolation[]): number {
  return accepted.reduce((sum, { kind, records }) => sum + (kind === "unbalanced" ? records : 0), 0);
}

/** 0 where offsets were left unused in between. */
function recordsOf(offsetFirst: number, offsetNext: number): number {
  const records = offsetNext - offsetFirst;
  return records < 0 || records >= unusedOffsetsMin ? 0 : records;
}

const sumKeys = ["journaled", "exported", "waiting", "discarded", "accepted"] as const;
type Sums = Pick<Balance, (typeof sumKeys)[number]>;
const noSums: Sums = { journaled: 0, exported: 0, waiting: 0, discarded: 0, accepted: 0 };
type Mutable<T> = { -readonly [K in keyof T]: T[K] };
