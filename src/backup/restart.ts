// Where a restored hub goes on when the journal was lost with its machine. Pure.
//
//   B2  Above every window and offset that the former hub can have used between the backup and now.

import type { PartitionMark } from "../journal/file/fresh-journal.ts";
import { type Window, windowOf } from "../lib/window.ts";

/** More records than a partition can take in a second, and at least so many in all. */
const recordsASecondMax = 2 ** 22;
const offsetGapMin = 2 ** 33;

export interface Restart {
  /** The first window of the restored hub, in all its partitions. */
  readonly windowNext: Window;
  readonly marks: readonly PartitionMark[];
}

/**
 * @param marks      of the backup.
 * @param createdMs  when it was made, by the former machine's clock.
 * @param nowMs      the wall clock. The former hub has ended by now.
 */
export function restartAfter(marks: readonly PartitionMark[], createdMs: number, nowMs: number): Restart {
  const elapsed = Math.max(0, windowOf(nowMs) - windowOf(createdMs));
  const active = marks.filter(({ isRetired }) => !isRetired);
  const windowBackup = Math.max(0, ...active.map(({ windowNext }) => windowNext));
  // A partition is at the wall clock, or ahead of it and then creeping at half its speed.
  const windowNext = Math.max(windowOf(nowMs), windowBackup + Math.ceil(elapsed / 2)) + 1;
  const seconds = Math.max(0, nowMs - createdMs) / 1000;
  const offsetGap = Math.max(offsetGapMin, Math.ceil(seconds) * recordsASecondMax);
  return {
    windowNext,
    marks: marks.map((mark) =>
      mark.isRetired ? mark : { ...mark, windowNext, offsetNext: mark.offsetNext + offsetGap },
    ),
  };
}
