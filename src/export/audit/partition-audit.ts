// The audit of one partition's measurements: its tallies, from their ends, against what the journal holds. Pure.
//
//   E1  A tally is what was settled without a break, so only what lies between tallies, and behind the last, is looked at:
//       it was let go on record, was not owed, was accepted, or is lost.

import { type Segment, unusedOffsetsMin } from "../../journal/journal.ts";
import type { Window } from "../../lib/window.ts";
import type {
  AcceptedViolation,
  AuditFacts,
  Export,
  ExportGap,
  ExportTally,
  StreamKey,
} from "../../registry/registry.ts";
import { hasWindowNotOwed, isOwed, tenureAt } from "../../registry/tenure.ts";
import { type Balance, type Sums, noSums, sumKeys } from "./balance.ts";
import { type Violation, type ViolationKind, unbalancedOf, violation } from "./violation.ts";

/** What the journal holds of one partition now. */
export interface PartitionView {
  readonly partition: number;
  /** Closed segments, ascending. */
  readonly segments: readonly Segment[];
  /** The open window, and the offset behind its newest record; null for a partition that is only read. */
  readonly open: { readonly window: Window; readonly offsetNext: number } | null;
}

const measurements = "measurements";

export class PartitionAudit {
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

  audit(): { readonly balances: readonly Balance[]; readonly violations: readonly Violation[] } {
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

interface Range {
  readonly first: number;
  readonly next: number;
}

function isWithin(range: Range | null, outer: Range | null): boolean {
  return range !== null && outer !== null && range.first >= outer.first && range.next <= outer.next;
}

/** 0 where offsets were left unused in between. */
function recordsOf(offsetFirst: number, offsetNext: number): number {
  const records = offsetNext - offsetFirst;
  return records < 0 || records >= unusedOffsetsMin ? 0 : records;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
