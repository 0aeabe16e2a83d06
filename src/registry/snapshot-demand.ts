// Snapshot demand: who needs a full and who a delta snapshot when a window is cut.
//
// Pure; the adapter gives it what it stored. See `Registry.snapshotDemand` for the promise.

import type { Window } from "../lib/window.ts";
import { type SnapshotDemand, type SnapshotReceiver, type SnapshotType, snapshotTypes } from "./registry.ts";
import { type FullMark, type Schedule, definitionAt, isOwed } from "./tenure.ts";

export interface ScheduledExport extends Schedule {
  readonly id: string;
  /** Pending full marks. */
  readonly marks: readonly FullMark[];
}

/**
 * The demand at a closed window: types with at least one receiver.
 *
 * An export receives a type when it owes it at `window`; its snapshot is full when a mark at or before `window` is
 * pending. Marks of later windows wait.
 *
 * @param position  where the next delta of a type starts.
 */
export function snapshotDemandAt(
  exports: readonly ScheduledExport[],
  position: (type: SnapshotType) => number,
  window: Window,
): readonly SnapshotDemand[] {
  return snapshotTypes.flatMap((type) => {
    const full: SnapshotReceiver[] = [];
    const delta: SnapshotReceiver[] = [];
    for (const each of exports) {
      const definition = definitionAt(each, window);
      if (definition === null || !isOwed(each, window, type)) continue;
      const receivers = each.marks.some((mark) => mark.type === type && mark.windowFirst <= window) ? full : delta;
      receivers.push({ exportId: each.id, definitionVersion: definition.version });
    }
    return full.length + delta.length === 0 ? [] : [{ type, revisionFrom: position(type), full, delta }];
  });
}
