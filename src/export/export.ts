// The export room: from closed windows and staged snapshots to files in destinations, exactly once.
//
// Owns:      paths, the identity of a file, retries, what an export's state is; when snapshots are cut; the journal's
//            release line; the audit that nothing was lost or doubled.
// Does not:  decide what is owed (registry/tenure.ts), encode measurements (they are copied as they were journaled), or
//            speak a store's protocol (destinations).
//
// Invariants (tests cite the numbers):
//   E1  Every record whose window lies in a tenure is in exactly one file of that export.
//   E2  A file's name and bytes are a function of the sealed segment (or staged snapshot) and the definition version.
//   E3  A checkpoint moves only after the destination confirmed, and never back.
//   E4  Nothing is released that an export, on or draining, has not committed.
//   E5  No partial or empty object is ever visible under a final name; nothing foreign is overwritten.
//
// Words: a *stream* is what an exporter moves through in order: the measurements of one partition, or the snapshots.

import type { Window } from "../lib/window.ts";
import type { AuditStatus } from "./audit/auditor.ts";

/**
 *   starting   nothing was tried yet since the server started
 *   healthy    the last file was confirmed, or nothing is owed
 *   retrying   a temporary failure; it goes on by itself
 *   stopped    a permanent failure: an operator must act; all but a foreign file is tried again every five minutes
 *   draining   turned off, and still writing what it owes
 *   off        turned off and owes nothing
 */
export const exportStates = ["starting", "healthy", "retrying", "stopped", "draining", "off"] as const;
export type ExportState = (typeof exportStates)[number];

/** Why an export does not move now. */
export interface ExportTrouble {
  /** The service's code, or ours: `foreign-object`, `journal-corrupt`, `snapshot-lost`, … */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** ISO times, by the window clock, as is all an export says. */
  readonly since: string;
  readonly nextAttempt: string | null;
  readonly attempts: number;
  /** The file it is about. */
  readonly path: string | null;
}

export interface ExportStatus {
  readonly exportId: string;
  readonly state: ExportState;
  readonly trouble: ExportTrouble | null;
  /** Closed windows with records, and snapshots, that are owed and not committed. */
  readonly owedFiles: number;
  /** Bytes of records in those windows. */
  readonly owedBytes: number;
  /** The oldest owed window, and how long ago it started: 0 when nothing is owed. */
  readonly oldestOwedWindow: Window | null;
  readonly lagMs: number;
  readonly lastFile: { readonly path: string; readonly committedAt: string; readonly records: number } | null;
  /** Since the server started. */
  readonly filesWritten: number;
  readonly recordsWritten: number;
  readonly bytesWritten: number;
  /** Null until the first audit since the server started. */
  readonly audit: AuditStatus | null;
}
