// Tenures and definition versions: which windows an export owes, and under which definition.
//
// Pure. Owns the rules by which turning on and off and editing move them; the adapter only stores the results.
//
// Invariants (W = any window already closed, "open" = the window now open; windows close in order):
//   E1  W is owed if and only if the export was on at some moment of W. No window lies in two tenures.
//   E2  What is owed for W, and the definition in force at W, never change any more. The same holds for the open window
//       once the export was on in it.
//   S1  Whatever an export receives at W without a full mark, it received without a break since its last full snapshot.

import {
  type ExportDefinition,
  type ExportSettings,
  type ExportType,
  type SnapshotType,
  type Span,
  type Tenure,
  type WindowsAhead,
  snapshotTypes,
} from "./registry.ts";
import type { Window } from "../lib/window.ts";

/** What of an export these rules need. */
export interface Schedule {
  /** Ascending by version. */
  readonly definitions: readonly ExportDefinition[];
  /** Ascending by number. */
  readonly tenures: readonly Tenure[];
}

/** From `windowFirst` on, the next snapshot of `type` must be full. */
export interface FullMark {
  readonly type: SnapshotType;
  readonly windowFirst: Window;
}

/** The definition in force at `window`: the highest version with `windowFirst ≤ window`. Null before the first. */
export function definitionAt({ definitions }: Pick<Schedule, "definitions">, window: Window): ExportDefinition | null {
  return definitions.findLast((definition) => definition.windowFirst <= window) ?? null;
}

/** The tenure that `window` lies in, or null: then the window is not owed. */
export function tenureAt({ tenures }: Pick<Schedule, "tenures">, window: Window): Tenure | null {
  const covers = ({ windowFirst, windowLast }: Tenure): boolean =>
    windowFirst <= window && (windowLast === null || window <= windowLast);
  return tenures.findLast(covers) ?? null;
}

/** Whether the export owes the data of `type` of `window` (E1). Says nothing about what it has committed. */
export function isOwed(schedule: Schedule, window: Window, type: ExportType): boolean {
  return tenureAt(schedule, window) !== null && (definitionAt(schedule, window)?.types.includes(type) ?? false);
}

/**
 * The windows around `window` that are owed without a break: all of one tenure, under definitions that toggle `type`. Null
 * when `window` is not owed. Where it starts never changes for a closed window (E2), unless windows went back.
 */
export function spanAt(schedule: Schedule, window: Window, type: ExportType): Span | null {
  const tenureOf = (at: Window): number | null =>
    isOwed(schedule, at, type) ? (tenureAt(schedule, at)?.number ?? null) : null;
  const tenure = tenureOf(window);
  if (tenure === null) return null;
  // What is owed, and in which tenure, changes only at these windows.
  const starts = scheduleStarts(schedule);
  let windowFirst = window;
  for (const start of starts.filter((one) => one <= window).toReversed()) {
    windowFirst = start;
    if (tenureOf(start - 1) !== tenure) break;
  }
  const end = starts.find((one) => one > window && tenureOf(one) !== tenure);
  return { tenure, windowFirst, windowLast: end === undefined ? null : end - 1 };
}

/** Whether a window in `[windowFirst, windowLast]` is not owed. */
export function hasWindowNotOwed(
  schedule: Schedule,
  windowFirst: Window,
  windowLast: Window,
  type: ExportType,
): boolean {
  if (windowFirst > windowLast) return false;
  const inside = scheduleStarts(schedule).filter((one) => one > windowFirst && one <= windowLast);
  return [windowFirst, ...inside].some((one) => !isOwed(schedule, one, type));
}

/** Windows at which what an export owes may change, ascending. */
function scheduleStarts({ definitions, tenures }: Schedule): readonly Window[] {
  const starts = [
    ...definitions.map(({ windowFirst }) => windowFirst),
    ...tenures.flatMap(({ windowFirst, windowLast }) =>
      windowLast === null ? [windowFirst] : [windowFirst, windowLast + 1],
    ),
  ];
  return [...new Set(starts)].toSorted((one, other) => one - other);
}

/**
 * Turned on while `windowOpen` is open.
 *
 * Turned off earlier in the same window, the last tenure goes on: nothing was missed, so nothing need be full again and
 * no window is doubled. Otherwise a new tenure starts, with full snapshots; it may be adjacent to the last.
 *
 * @returns null when it is on already.
 */
export function turnedOn(
  tenures: readonly Tenure[],
  windowOpen: Window,
): { readonly tenure: Tenure; readonly marks: readonly FullMark[] } | null {
  const last = tenures.at(-1);
  if (last?.windowLast === null) return null;
  if (last !== undefined && last.windowFirst <= windowOpen && windowOpen <= last.windowLast) {
    return { tenure: { ...last, windowLast: null }, marks: [] };
  }
  return {
    tenure: { number: (last?.number ?? 0) + 1, windowFirst: windowOpen, windowLast: null },
    // Of every type: one that is toggled on later in the tenure starts full as well.
    marks: snapshotTypes.map((type) => ({ type, windowFirst: windowOpen })),
  };
}

/** Turned off while `windowOpen` is open: that window is still owed. Null when it is off already. */
export function turnedOff(tenures: readonly Tenure[], windowOpen: Window): Tenure | null {
  const last = tenures.at(-1);
  return last?.windowLast === null ? { ...last, windowLast: windowOpen } : null;
}

/**
 * The next definition version, made while `windowOpen` is open.
 *
 * It comes into force with the next window; at once when the export has not been on in the open one, so that an export
 * may be edited and then turned on. An earlier edit with the same `windowFirst` never came into force: the marks
 * returned replace that edit's.
 */
export function edited(
  schedule: Schedule,
  settings: ExportSettings,
  windowOpen: Window,
): { readonly definition: ExportDefinition; readonly marks: readonly FullMark[] } {
  const isRunning = tenureAt(schedule, windowOpen) !== null;
  const windowFirst = isRunning ? windowOpen + 1 : windowOpen;
  const version = (schedule.definitions.at(-1)?.version ?? 0) + 1;
  const definition = { ...settings, version, windowFirst };
  // Also when it is not running: another partition may have an older window open, in which it can be turned on yet.
  const before = definitionAt(schedule, windowFirst - 1);
  if (before === null) return { definition, marks: [] };
  const isMoved = placeKeys.some((key) => before[key] !== settings[key]);
  const marked = snapshotTypes.filter(
    (type) => settings.types.includes(type) && (isMoved || !before.types.includes(type)),
  );
  return { definition, marks: marked.map((type) => ({ type, windowFirst })) };
}

/** Where a reader finds snapshots and what shape they have: after a change of these it must find everything again. */
const placeKeys = ["storageAccountId", "container", "pathTemplate", "formatRevision"] as const;

/**
 * Windows start again at `windowOpen`, far below some that were used by mistake (a clock that was years ahead).
 *
 * The last tenure, if it reaches above, is taken apart: one for what is owed up there, which stays owed when the export
 * is turned off now; and behind it the one that goes on from `windowOpen`, or that ended, if it was turned off up there.
 * The last definition, if it was made up there, is made once more, in force at once.
 *
 * @param ahead  null when no record lies above `windowOpen`.
 * @returns the tenures and definitions to add or change; none when nothing lies above, or when it was done before.
 */
export function wentBack(
  { tenures, definitions }: Schedule,
  windowOpen: Window,
  ahead: WindowsAhead | null,
): { readonly tenures: readonly Tenure[]; readonly definitions: readonly ExportDefinition[] } {
  const definition = definitions.at(-1);
  const isDefinitionAbove = definition !== undefined && definition.windowFirst > windowOpen;
  return {
    tenures: tenuresAfter(tenures, windowOpen, ahead),
    definitions: isDefinitionAbove ? [{ ...definition, version: definition.version + 1, windowFirst: windowOpen }] : [],
  };
}

function tenuresAfter(tenures: readonly Tenure[], windowOpen: Window, ahead: WindowsAhead | null): readonly Tenure[] {
  const last = tenures.at(-1);
  if (last === undefined) return [];
  const { number, windowFirst, windowLast } = last;
  if (windowFirst > windowOpen) {
    if (windowLast !== null) return [];
    const closed = { ...last, windowLast: Math.max(windowFirst, ahead?.windowHighest ?? 0) };
    return [closed, { number: number + 1, windowFirst: windowOpen, windowLast: null }];
  }
  if (windowLast !== null && windowLast <= windowOpen) return [];
  const goesOn = { windowFirst, windowLast: windowLast === null ? null : windowOpen };
  const above = {
    windowFirst: ahead?.windowLowest ?? Infinity,
    windowLast: Math.min(windowLast ?? Infinity, ahead?.windowHighest ?? 0),
  };
  if (above.windowFirst > above.windowLast) return windowLast === null ? [] : [{ number, ...goesOn }];
  if (tenures.some((one) => one.windowFirst === above.windowFirst && one.windowLast === above.windowLast)) return [];
  return [
    { number, ...above },
    { number: number + 1, ...goesOn },
  ];
}

/**
 * The window whose snapshots are to be cut next, or null when none is due.
 *
 * A cut holds all that changed since the cut before it, so windows may be passed over when many closed at once (after a
 * downtime). Never passed over: the last owed window of a tenure and the last window under a definition, because no later
 * cut reaches those receivers; and the newest closed window.
 *
 * @param windowAfter   the last window recorded, null if none.
 * @param windowClosed  the newest closed window.
 */
export function snapshotWindowNext(
  schedules: readonly Schedule[],
  windowAfter: Window | null,
  windowClosed: Window,
): Window | null {
  const ends = schedules.flatMap(({ definitions, tenures }) => [
    ...tenures.flatMap(({ windowLast }) => (windowLast === null ? [] : [windowLast])),
    ...definitions.map(({ windowFirst }) => windowFirst - 1),
  ]);
  const due = [...ends, windowClosed].filter(
    (window) =>
      window <= windowClosed &&
      (windowAfter === null || window > windowAfter) &&
      schedules.some((schedule) => snapshotTypes.some((type) => isOwed(schedule, window, type))),
  );
  return due.length === 0 ? null : Math.min(...due);
}
