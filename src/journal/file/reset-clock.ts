// `journal reset-clock`: after a clock that was wrong by far, goes on in fresh partitions at the right time.
//
// A partition's time never goes back (J4): one that was led into next year creeps on there. So its open segment is
// sealed, the partition is retired (read until everything is exported and trimmed, never written to again), and a fresh
// one takes its place. Seals and floors are durable before the table changes, in one step.

import { join } from "node:path";
import { ColdpathError } from "../../lib/errors.ts";
import { type Window, windowOf } from "../../lib/window.ts";
import { unusable } from "../errors.ts";
import type { NoticeLevel } from "../journal.ts";
import { type Disk, nodeDisk } from "../../lib/disk.ts";
import { writeFloor } from "./floor.ts";
import { directoriesWithSegments, makePartition, readPartitionTable, writePartitionTable } from "./partition-table.ts";
import { recoverPartition } from "./recovery.ts";
import { surveyPartition } from "./survey.ts";

export interface ResetClockOptions {
  /** The journal's, `{data-dir}/journal`; nobody may use it meanwhile. */
  readonly directory: string;
  readonly hub: string;
  /** The wall clock, now right. */
  readonly nowMs: number;
  /** Also when the clock is not behind, or a floor is lost. */
  readonly isForced?: boolean;
  /** Told of what recovery finds on the way: torn tails, damage. */
  readonly onNotice?: (level: NoticeLevel, code: string, message: string) => void;
  /**
   * Called when the partitions are closed and before fresh ones take over, with the window that is open from now on and
   * the lowest and highest above it that hold records, null when none does: what else counts in windows (the registry's
   * exports) follows. Done again after a crash.
   */
  readonly onClosed?: (
    windowOpen: Window,
    ahead: { readonly windowLowest: Window; readonly windowHighest: Window } | null,
  ) => Promise<void>;
  readonly disk?: Disk | undefined;
}

export interface ResetClockOutcome {
  /** How far the partitions' time was ahead of the wall clock. */
  readonly aheadMs: number;
  readonly retired: readonly number[];
  readonly active: readonly number[];
  /** Open segments that were closed. */
  readonly sealed: readonly { partition: number; window: Window; offsetFirst: number; offsetNext: number }[];
}

/** @throws ColdpathError `clock-not-behind`, `journal-partitions`, and what recovery throws. */
export async function resetClock(options: ResetClockOptions): Promise<ResetClockOutcome> {
  const { directory, hub, nowMs, disk = nodeDisk, isForced = false } = options;
  const nowWindow = windowOf(nowMs);
  const table = await readPartitionTable(disk, directory);
  if (table === null) {
    throw unusable(
      "journal-partitions",
      `There is no journal in ${directory}.`,
      "Name the data directory of the server.",
    );
  }
  let aheadMs = 0;
  for (const partition of table.active) {
    const { timeMs } = await surveyPartition(disk, join(directory, String(partition)), false);
    aheadMs = Math.max(aheadMs, timeMs - nowMs);
  }
  if (aheadMs === 0 && !isForced) {
    throw new ColdpathError(
      "conflict",
      "clock-not-behind",
      `The clock (${new Date(nowMs).toISOString()}) is not behind the journal: there is nothing to reset.`,
      { hint: "Set the machine's clock right first. To open fresh partitions all the same, add --force." },
    );
  }

  const windowsAhead: Window[] = [];
  const sealed: { partition: number; window: Window; offsetFirst: number; offsetNext: number }[] = [];
  for (const partition of table.active) {
    const path = join(directory, String(partition));
    const of = { hub, partition, nowWindow, isRetired: isForced };
    const state = await recoverPartition(disk, path, of, options.onNotice ?? (() => {}));
    const { open } = state;
    if (open !== null) {
      const { window, identity } = open;
      if (open.hasRecords) {
        const { offsetNext } = await open.seal();
        sealed.push({ partition, window, offsetFirst: identity.offsetFirst, offsetNext });
        windowsAhead.push(window);
      }
      await open.close();
      if (!open.hasRecords) await disk.remove(open.path);
    }
    const windowNext = Math.max(state.windowNext, open === null ? 0 : open.window + 1);
    await writeFloor(disk, path, { windowNext, offsetNext: state.offsetNext });
    windowsAhead.push(...state.closed.map(({ window }) => window));
  }
  const above = windowsAhead.filter((window) => window > nowWindow).toSorted((one, other) => one - other);
  const [windowLowest] = above;
  const windowHighest = above.at(-1);
  const isAhead = windowLowest !== undefined && windowHighest !== undefined;
  await options.onClosed?.(nowWindow, isAhead ? { windowLowest, windowHighest } : null);
  const retired = [...table.retired, ...table.active];
  const used = await directoriesWithSegments(disk, directory);
  const active: number[] = [];
  while (active.length < table.active.length) {
    active.push(await makePartition(disk, directory, [...retired, ...used, ...active], nowWindow));
  }
  await writePartitionTable(disk, directory, { active, retired });
  return { aheadMs, retired: table.active, active, sealed };
}
