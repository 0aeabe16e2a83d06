// Exports: what an administrator decides of one: settings with their versions, when it was on, what becomes of a backlog.
//
// The rules that move definitions and tenures: tenure.ts. Checks: export-settings.ts. How far an export got: progress.ts.

import type { Window } from "../lib/window.ts";

export const exportTypes = ["measurements", "devices", "deviceTemplates"] as const;
export type ExportType = (typeof exportTypes)[number];
export const codecs = ["null", "deflate"] as const;
export type Codec = (typeof codecs)[number];
export const formatRevisions = ["2018-07", "2018-09"] as const;
export type FormatRevision = (typeof formatRevisions)[number];

/** Everything a file's name and bytes depend on, besides the sealed segment (E2). */
export interface ExportSettings {
  readonly storageAccountId: string;
  readonly container: string;
  readonly types: readonly ExportType[];
  readonly pathTemplate: string;
  readonly codec: Codec;
  readonly formatRevision: FormatRevision;
  readonly blockBytes: number;
  readonly fileBytesMax: number;
}

/** An immutable version of an export's settings, in force from `windowFirst` until the next version's. */
export interface ExportDefinition extends ExportSettings {
  readonly version: number;
  readonly windowFirst: Window;
}

/**
 * What becomes of a backlog that does not shrink. Both null: it is held, and when the journal is full devices are refused.
 * Otherwise the oldest owed windows are let go, with a gap on record.
 */
export interface BacklogPolicy {
  /** While the export cannot write: windows older than this. Above 0. */
  readonly letGoAfterHours: number | null;
  /** At any time: the oldest windows beyond this many bytes of records. Above 0. */
  readonly letGoAfterBytes: number | null;
}
export const holdBacklog: BacklogPolicy = { letGoAfterHours: null, letGoAfterBytes: null };

/** A time the export was on. Both ends inclusive; `windowLast` is null while it is on. */
export interface Tenure {
  readonly number: number;
  readonly windowFirst: Window;
  readonly windowLast: Window | null;
}

/** Windows above the one now open that were used by mistake: from the lowest with records to the highest. */
export interface WindowsAhead {
  readonly windowLowest: Window;
  readonly windowHighest: Window;
}

export interface Export {
  readonly id: string;
  readonly name: string;
  /** An open tenure exists. */
  readonly on: boolean;
  /** Ascending by version; the last is the one an administrator sees. */
  readonly definitions: readonly ExportDefinition[];
  readonly tenures: readonly Tenure[];
  readonly backlog: BacklogPolicy;
  readonly etag: number;
  readonly createdAt: string;
}

/** Exports by id. Whatever concerns windows takes the window now open, asked inside the transaction. */
export interface ExportCalls {
  /**
   * @param windowOpen  asked inside the transaction: the window now open.
   * The export starts off, its definition in force from the open window; `setExportOn` opens its first tenure. Names of
   * exports are unique. The path template's syntax and overlaps are the export room's to check before.
   */
  createExport(
    name: string,
    settings: ExportSettings,
    windowOpen: () => Window,
    /** Held when left out. Not a part of the definition: it changes no file. */
    backlog?: BacklogPolicy,
  ): Promise<Export>;
  /**
   * Makes definition version n+1, in force from the window after the open one; from the open one when no tenure covers
   * that yet. A second edit before it came into force replaces nothing: it makes a further version with the same
   * `windowFirst`, and the highest version wins. Marks the snapshot types that must be full again, compared with the
   * definition now in force: newly toggled on, or all after a change of account, container, path template or format
   * revision. Settings equal to the last version's make no version.
   */
  updateExport(
    id: string,
    change: {
      readonly name?: string | undefined;
      readonly settings?: ExportSettings | undefined;
      readonly backlog?: BacklogPolicy | undefined;
    },
    windowOpen: () => Window,
    etag?: number,
  ): Promise<Export>;
  /**
   * Opens or closes a tenure at the open window, inclusive. Where partitions differ, the caller gives the oldest open one
   * to turn on, and the newest to turn off or edit. On what is already so: no change. Turned on in the window it
   * was turned off in, the last tenure goes on (no window twice, no further full snapshot); otherwise a new one starts,
   * with full snapshots.
   */
  setExportOn(id: string, on: boolean, windowOpen: () => Window, etag?: number): Promise<Export>;
  /** Conflict `export-on` unless it is off and owes nothing (no snapshot, and `owesNothing`: the exporter's word). */
  deleteExport(id: string, owesNothing: boolean): Promise<void>;
  /**
   * As all calls made before left it: whoever saw a window closed and then asks sees every tenure and definition that
   * concerns that window.
   */
  export(id: string): Promise<Export>;
  /** As `export`; by name. */
  exports(): Promise<readonly Export[]>;

  /**
   * After `journal reset-clock`: windows start again at `windowOpen`, far below some that were used by mistake (`ahead`;
   * null when there is no record in any). Exports that are on stay on without a break: what was owed up there stays
   * owed, and from `windowOpen` on everything is owed under the last definition, snapshots in full. Exports that are off
   * stay off. Changes nothing that lies below.
   */
  windowsWentBack(windowOpen: Window, ahead: WindowsAhead | null): Promise<void>;
}
