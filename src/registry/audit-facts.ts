// The facts that an audit judges: what was settled of an export, in tallies that are kept for ever, and what an
// administrator accepted. Gaps and cut records, which are facts as well: progress.ts. The judging: export/audit/.

import type { Window } from "../lib/window.ts";
import type { Export } from "./export.ts";
import type { CutRecord, ExportGap, StreamKey } from "./progress.ts";
import type { OwedSnapshot } from "./snapshot.ts";

/**
 * What was settled of a stream without a break, in a few numbers that are kept for ever: a sum of cut records and gaps.
 *
 * Measurements: a tally goes on while each window starts at the offset where the last one ended, within a span. Where it
 * does not, another is opened, and whoever audits asks why. Snapshots have one tally a type.
 */
export interface ExportTally extends StreamKey {
  /** Grows: the order in which they were opened. */
  readonly number: number;
  /** Null until something is settled, and for snapshots, whose tally goes over all tenures. */
  readonly tenure: number | null;
  /** Every owed window from here on is in this tally or a later one. */
  readonly windowFirst: Window;
  /** The first and the last settled window; null before the first. */
  readonly settled: { readonly first: Window; readonly last: Window } | null;
  /** Offsets `[first, next)` of all that was settled; null before the first, and for snapshots. */
  readonly offsets: { readonly first: number; readonly next: number } | null;
  readonly windows: number;
  readonly files: number;
  /** Snapshots: records in all cuts that the export was ever given to write. Null for measurements: offsets tell. */
  readonly given: number | null;
  readonly exported: number;
  readonly discarded: number;
}

/**
 * A violation that the audit found and an administrator accepted: it alarms no more. Never changed or removed; sums,
 * checkpoints and gaps stay as they are.
 */
export interface AcceptedViolation extends StreamKey {
  readonly exportId: string;
  /** The audit's word for it. */
  readonly kind: string;
  readonly windowFirst: Window;
  readonly windowLast: Window;
  readonly offsets: { readonly first: number; readonly next: number } | null;
  /** By how many records; below 0 when there are too many. */
  readonly records: number;
  readonly reason: string;
  readonly at: string;
}

/** All that an audit of one export needs of the registry, of one moment. */
export interface AuditFacts {
  readonly export: Export;
  /** In the order in which they were opened. */
  readonly tallies: readonly ExportTally[];
  readonly gaps: readonly ExportGap[];
  /** In the order in which they were accepted. */
  readonly accepted: readonly AcceptedViolation[];
  readonly checkpoints: readonly (StreamKey & { readonly windowNext: Window })[];
  /** Snapshots that are owed. */
  readonly owed: readonly OwedSnapshot[];
}

/** What an audit reads, and what is put on record beside the checkpoints. */
export interface AuditCalls {
  /** Cut records of a stream, ascending by window; `limit` 1..1000. */
  cuts(query: {
    readonly exportId: string;
    readonly stream: StreamKey;
    readonly windowFirst: Window;
    readonly windowLast?: Window | undefined;
    readonly limit: number;
  }): Promise<readonly CutRecord[]>;
  /**
   * Removes cut records of windows below `windowBefore`: at most some thousands a call, so that nothing else waits long.
   * Tallies and gaps stay.
   *
   * @returns how many went; 0 when there are no more.
   */
  pruneCuts(windowBefore: Window): Promise<number>;
  auditFacts(exportId: string): Promise<AuditFacts>;

  /**
   * Puts a gap on record beside the checkpoints, which do not move: records that are known to be lost (`offsets` of the
   * hole), or windows of which nobody knows what they held (`offsets` null: the journal was lost and replaced). After the
   * latter, offsets may start anywhere. False when the export is gone.
   */
  recordGap(gap: ExportGap): Promise<boolean>;
  /** All of them, of one export, in one transaction. False when the export is gone. */
  acceptViolations(accepted: readonly AcceptedViolation[]): Promise<boolean>;
}
