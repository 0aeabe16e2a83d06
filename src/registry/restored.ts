// A registry that was restored from a backup: older than the files that were exported since. Pure: which windows that
// concerns. The adapter applies it (`sqlite/restored.ts`), the backup room says what was lost.

import type { Window } from "../lib/window.ts";
import type { ExportType } from "./registry.ts";
import { type Schedule, isOwed } from "./tenure.ts";

/** Owed windows from the checkpoint up to, not including, `windowNext` are not in the journal. */
export interface JournalStart {
  readonly partition: number;
  readonly windowNext: Window;
  /** Of the oldest record there is; null when the journal itself is lost: then nothing is known of any. */
  readonly offsetNext: number | null;
}

/** What is known when a registry is restored. */
export interface Restored {
  /** The first window that the hub can use from now on: nothing of it, or later, was exported before. */
  readonly windowNext: Window;
  /** Where the journal begins now, for each partition there is or was. */
  readonly partitions: readonly JournalStart[];
  /** For the gaps: why, and of when the backup is. */
  readonly reason: string;
  /** ISO time. */
  readonly at: string;
}

/** The first and last window in `[from, below)` that an export owes of a type; null when there is none. */
export function owedRange(
  schedule: Schedule,
  type: ExportType,
  from: Window,
  below: Window,
): { readonly windowFirst: Window; readonly windowLast: Window } | null {
  const ends = schedule.tenures.flatMap(({ windowLast }) => (windowLast === null ? [] : [windowLast + 1]));
  const starts = [...schedule.definitions, ...schedule.tenures].map(({ windowFirst }) => windowFirst);
  // What is owed changes only at these windows.
  const steps = [...new Set([from, ...starts, ...ends])]
    .filter((window) => from <= window && window < below)
    .toSorted((one, other) => one - other);
  const owed = steps
    .map((windowFirst, index) => ({ windowFirst, windowLast: (steps[index + 1] ?? below) - 1 }))
    .filter(({ windowFirst }) => isOwed(schedule, windowFirst, type));
  const [first] = owed;
  const last = owed.at(-1);
  return first === undefined || last === undefined
    ? null
    : { windowFirst: first.windowFirst, windowLast: last.windowLast };
}
