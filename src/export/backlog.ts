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
  /** Records that it is all in the destination (E3). False when another was faster: nothing was changed. */
  commit(runs: readonly ExportRun[]): Promise<boolean>;
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
