// Progress: how far an export got in each stream, and what was settled on the way: runs, cut records, gaps.
//
//   E3  Checkpoints move by compare-and-set and never back.

import type { Window } from "../lib/window.ts";
import type { ExportType } from "./export.ts";

/** What the exporter moves through: records of one partition, or snapshots of one type (partition 0). */
export interface StreamKey {
  readonly type: ExportType;
  readonly partition: number;
}

/** One exported file, for the run history. */
export interface ExportRun extends StreamKey {
  readonly exportId: string;
  readonly definitionVersion: number;
  readonly window: Window;
  readonly part: number;
  readonly path: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly attempts: number;
  /** ISO times, by the window clock. */
  readonly startedAt: string;
  readonly committedAt: string;
  /** `created` by this attempt, or found there and ours (`adopted`). */
  readonly outcome: "created" | "adopted";
}

/** Owed windows that an administrator or a backlog policy let go, so that the loss is on record. */
export interface ExportGap extends StreamKey {
  readonly exportId: string;
  readonly windowFirst: Window;
  readonly windowLast: Window;
  readonly reason: string;
  readonly at: string;
  /** As a cut record's `[first, next)`. Null when nobody knows: the journal was lost, or the gap is of the first format. */
  readonly offsets: { readonly first: number; readonly next: number } | null;
  /** How many records were let go; null when nobody knows. */
  readonly records: number | null;
}

/** A file of a committed window. Its path follows from the definition, its number from its place. */
export interface CutPart {
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * A window of a stream as it was committed. A function of the window and the definition (E2), so a file that is found and
 * adopted after a restore gives the same record again. Kept for a stated time.
 */
export interface CutRecord extends StreamKey {
  readonly exportId: string;
  readonly window: Window;
  readonly definitionVersion: number;
  /** Offsets `[first, next)` of measurements; revisions `(first, next]` of a snapshot. */
  readonly first: number;
  readonly next: number;
  readonly parts: readonly CutPart[];
}

/** Windows owed without a break: in one tenure, under definitions that all toggle the type. See `spanAt`. */
export interface Span {
  readonly tenure: number;
  readonly windowFirst: Window;
  readonly windowLast: Window | null;
}

/** Checkpoints, and the history of runs and gaps. */
export interface ProgressCalls {
  /** All checkpoints of an export: every owed window below `windowNext` is committed. Absent = nothing yet. */
  checkpoints(exportId: string): Promise<readonly (StreamKey & { readonly windowNext: Window })[]>;
  /**
   * Moves a measurements checkpoint by compare-and-set (E3), with the runs that made it true, the cut record, and the gap
   * if any, in one transaction. False when it was not at `from` (null = absent) or the export is gone: another exporter
   * was faster.
   */
  advanceCheckpoint(move: {
    readonly exportId: string;
    readonly stream: StreamKey;
    readonly from: Window | null;
    readonly to: Window;
    /** Where the settled windows lie. */
    readonly span: Span;
    readonly runs: readonly ExportRun[];
    readonly cut?: CutRecord | undefined;
    readonly gap?: ExportGap | undefined;
  }): Promise<boolean>;

  /** Newest first; `limit` 1..1000. */
  runs(query: {
    readonly exportId: string;
    readonly limit: number;
    readonly before?: number;
  }): Promise<readonly (ExportRun & { readonly number: number })[]>;
  /** The newest run for each of these paths, as far as the history still has one; at most 1,000 paths. */
  runsOf(exportId: string, paths: readonly string[]): Promise<readonly (ExportRun & { readonly number: number })[]>;
  gaps(exportId: string): Promise<readonly ExportGap[]>;
  /** Removes the oldest runs beyond `keep` of each export. */
  pruneRuns(keep: number): Promise<void>;
}
