// Snapshots of devices and device templates: what must be cut when a window closes, what was cut, and who owes it.
//
//   S1  A view sees all changes up to its revision and none after.
//   S2  It shows states that the registry really had: all at one moment.

import type { Window } from "../lib/window.ts";
import type { Device } from "./device.ts";
import type { DeviceTemplate } from "./device-template.ts";
import type { ExportGap, ExportRun } from "./progress.ts";

export const snapshotTypes = ["devices", "deviceTemplates"] as const;
export type SnapshotType = (typeof snapshotTypes)[number];

/** A snapshot's cut: the states at `revisionTo` of all that changed after `revisionFrom`. Full when that is 0. */
export interface SnapshotCut {
  readonly type: SnapshotType;
  readonly window: Window;
  /** `full` holds everything, `delta` what changed since the last cut of this type. */
  readonly scope: "full" | "delta";
  readonly revisionFrom: number;
  readonly revisionTo: number;
  readonly records: number;
  /** Size of the staged file. */
  readonly bytes: number;
}

/** A snapshot that an export has yet to write. */
export interface OwedSnapshot {
  readonly exportId: string;
  readonly definitionVersion: number;
  readonly cut: SnapshotCut;
}

/** What must be cut when windows close, per type: see `snapshotDemand`. */
export interface SnapshotDemand {
  readonly type: SnapshotType;
  /** Where the next delta starts: `revisionTo` of the last cut. */
  readonly revisionFrom: number;
  /** Exports whose next snapshot of this type must be full, with the definition version that will write it. */
  readonly full: readonly SnapshotReceiver[];
  readonly delta: readonly SnapshotReceiver[];
}

export interface SnapshotReceiver {
  readonly exportId: string;
  readonly definitionVersion: number;
}

/** A consistent, read-only view of devices and templates at one revision (S2). Long-lived: close it. */
export interface RegistryView {
  readonly revision: number;
  /** Devices with `revisionAfter < revision ≤ this.revision`, ascending by revision, at most `limit`. */
  devices(revisionAfter: number, limit: number): readonly { readonly revision: number; readonly device: Device }[];
  /** As `devices`, for published template versions. */
  deviceTemplates(
    revisionAfter: number,
    limit: number,
  ): readonly { readonly revision: number; readonly template: DeviceTemplate }[];
  close(): void;
}

/** Demand, cuts and debts; durable, so that a crash in between changes no answer. */
export interface SnapshotCalls {
  /**
   * What to cut for `window`, which must be closed: each snapshot type that an export owes there (a tenure covers
   * `window` and the definition in force at it toggles the type), with its receivers. An export receives a full snapshot
   * when a full mark at or before `window` is pending, else the delta; marks of later windows wait.
   *
   * Durable state, asked again after a crash, with the same answer until `recordCuts(window)`: changes concern open
   * windows only. Nothing at or below `snapshotWindow()`. Windows may be passed over, for a cut holds all since the cut
   * before; `snapshotWindowNext` in tenure.ts says which must not be.
   */
  snapshotDemand(window: Window): Promise<readonly SnapshotDemand[]>;
  /**
   * Records what was staged for a window in one transaction: the cuts, what each export now owes, full marks cleared,
   * and where the next delta starts. False when that window, or a later one, was recorded before (then nothing changes).
   *
   * @param cuts    at most one full and one delta a type, all of the view at `revisionTo`; none where it had no record.
   *                An empty full one counts as given: all that comes after is in the deltas.
   * @param demand  what `snapshotDemand(window)` answered. Exports deleted since owe nothing.
   */
  recordCuts(
    window: Window,
    revisionTo: number,
    cuts: readonly SnapshotCut[],
    demand: readonly SnapshotDemand[],
  ): Promise<boolean>;

  /** The last window recorded, or null. */
  snapshotWindow(): Promise<Window | null>;
  /** In window order. */
  owedSnapshots(exportId?: string): Promise<readonly OwedSnapshot[]>;
  /**
   * Removes the debt and adds the runs with their cut record, or the gap, in one transaction. False when it was not owed
   * any more.
   */
  settleSnapshot(owed: OwedSnapshot, runs: readonly ExportRun[], gap?: ExportGap): Promise<boolean>;

  /** Cuts with no debtor left; their staged files may go. `forgetCut` after the file is gone. */
  settledCuts(): Promise<readonly SnapshotCut[]>;
  forgetCut(cut: SnapshotCut): Promise<void>;
}
