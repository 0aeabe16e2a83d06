// What a stream still owes: the port between a stream, which writes files, and where the owed windows come from
// (measurements-backlog.ts, snapshots-backlog.ts).

import type { Window } from "../lib/window.ts";
import type { ExportDefinition, ExportRun, ExportType } from "../registry/registry.ts";
import type { FileSource, PartEnd } from "./file-source.ts";

/** One owed window of a stream: becomes one file, or several parts. */
export interface OwedWindow {
  readonly type: ExportType;
  readonly partition: number;
  readonly window: Window;
  /** In force at the window. */
  readonly definition: ExportDefinition;
  readonly source: FileSource;
  /** Where a part starts and ends, in offsets or revisions, for its identity. */
  firstOf(recordFirst: number): number;
  nextOf(end: PartEnd): number;
  /** What is known of it when its source is gone (`snapshot-lost`); null when its source is the journal. */
  readonly whenLost: LostSource | null;
  /** Records that it is all in the destination (E3). False when another was faster: nothing was changed. */
  commit(runs: readonly ExportRun[]): Promise<boolean>;
}

/** A source that is not kept with the journal's care. */
export interface LostSource {
  /** In all parts of the window. */
  readonly records: number;
  /**
   * Lets the window go with a gap on record, when it was lost in a restore: a full snapshot follows. False when it was lost
   * otherwise: an operator must look.
   */
  letGo(): Promise<boolean>;
}

/** How much is owed, as far as is known without asking anyone. */
export interface BacklogSize {
  readonly files: number;
  readonly bytes: number;
  readonly oldestWindow: Window | null;
}

export interface Backlog {
  readonly type: ExportType;
  readonly partition: number;
  /** The oldest owed window, or null when nothing is owed now. */
  next(): Promise<OwedWindow | null>;
  size(): BacklogSize;
  /** Owed windows with their bytes, oldest first, as far as is known. */
  owed(): readonly { readonly window: Window; readonly bytes: number }[];
  /**
   * Lets owed windows up to `windowLast` go, and records the gap. Only while the stream stands still.
   *
   * @returns how many windows were let go.
   */
  discard(windowLast: Window, reason: string): Promise<number>;
}
