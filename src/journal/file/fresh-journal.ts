// What of a journal goes into a backup, and the journal that a restored hub starts with: no records, and marks above all
// that the former one can have used.

import { join } from "node:path";
import { type Disk, nodeDisk } from "../../lib/disk.ts";
import type { Window } from "../../lib/window.ts";
import { unusable } from "../errors.ts";
import { readFloor, writeFloor } from "./floor.ts";
import { readPartitionTable, writePartitionTable } from "./partition-table.ts";

/** Where a partition was. */
export interface PartitionMark {
  readonly partition: number;
  readonly isRetired: boolean;
  /** Every window below was closed. */
  readonly windowNext: Window;
  /** Every offset below was used; later ones may have been, too. */
  readonly offsetNext: number;
}

/**
 * The partitions and their floors, also while a server writes to the journal. None when there is no journal.
 *
 * @throws ColdpathError `journal-partitions`, `journal-floor-damaged`, `journal-newer`.
 */
export async function readMarks(directory: string, disk: Disk = nodeDisk): Promise<readonly PartitionMark[]> {
  const table = await readPartitionTable(disk, directory);
  if (table === null) return [];
  const marks: PartitionMark[] = [];
  for (const [list, isRetired] of [
    [table.retired, true],
    [table.active, false],
  ] as const) {
    for (const partition of list) {
      const path = join(directory, String(partition));
      const outcome = await readFloor(disk, path);
      if (outcome.kind !== "floor") {
        throw unusable(
          "journal-floor-damaged",
          `The file ${path}/floor is ${outcome.kind}: it is not known which windows and offsets were used.`,
          "Restart the server, which writes it again from the segments; `coldpath journal check` says more.",
        );
      }
      marks.push({ partition, isRetired, ...outcome.floor });
    }
  }
  return marks;
}

/**
 * Makes a journal without records that goes on at `marks`. Retired partitions are kept in the table: numbers are never used
 * twice. Nothing when there are none: the first start makes the journal.
 */
export async function makeFreshJournal(
  directory: string,
  marks: readonly PartitionMark[],
  disk: Disk = nodeDisk,
): Promise<void> {
  if (marks.length === 0) return;
  await disk.makeDirectory(directory);
  for (const { partition, windowNext, offsetNext } of marks) {
    const path = join(directory, String(partition));
    await disk.makeDirectory(path);
    await writeFloor(disk, path, { windowNext, offsetNext });
  }
  const numbers = (isRetired: boolean): number[] =>
    marks.filter((mark) => mark.isRetired === isRetired).map(({ partition }) => partition);
  await writePartitionTable(disk, directory, { active: numbers(false), retired: numbers(true) });
}
