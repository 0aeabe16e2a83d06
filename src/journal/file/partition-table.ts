// Which partitions a journal has: `partitions.json`. Active ones are written to; retired ones (after `reset-clock`) are
// only read until they are exported and trimmed. Numbers are never used twice.
//
// A new partition starts where the others are, also when the clock is behind them: a window that is closed in all of
// them is closed in the journal, and stays so (J4). What an export owes is reckoned by that (E1).
//
// A partition's directory and its first floor are durable before the table names it: a partition without a floor has
// lost it. The line carries its own CRC-32: one flipped bit must not turn partition 0 into an empty partition 1.

import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Window } from "../../lib/window.ts";
import { unusable } from "../errors.ts";
import type { Disk } from "../../lib/disk.ts";
import { readFloor, writeFloor } from "./floor.ts";

export interface PartitionTable {
  readonly active: readonly number[];
  readonly retired: readonly number[];
}

const version = 1;

/**
 * The table, made or grown to `count` active partitions. New ones start in `nowWindow`, or in the oldest window that
 * is open in those there are, if that is later.
 *
 * @throws ColdpathError `journal-partitions` when it cannot shrink, or is lost or damaged.
 */
export async function openPartitionTable(
  disk: Disk,
  directory: string,
  count: number,
  nowWindow: Window,
): Promise<PartitionTable> {
  await disk.syncDirectory(directory); // what is read may have come from a cache
  const found = await readPartitionTable(disk, directory);
  if (found !== null && found.active.length > count) {
    throw unusable(
      "journal-partitions",
      `The journal has ${found.active.length} partitions and cannot shrink to ${count}.`,
      `Set --journal-partitions (COLDPATH_JOURNAL_PARTITIONS) to ${found.active.length} or more.`,
    );
  }
  if (found !== null && found.active.length === count) return found;
  const used = await directoriesWithSegments(disk, directory);
  if (found === null && used.length > 0) {
    throw unusable(
      "journal-partitions",
      `${tablePath(directory)} is missing, and there are records in partition ${used.join(", ")}.`,
      "Restore it from a backup of the data directory.",
    );
  }
  const active = [...(found?.active ?? [])];
  const retired = found?.retired ?? [];
  const windowFirst = Math.max(nowWindow, await windowOpenIn(disk, directory, active));
  while (active.length < count) {
    active.push(await makePartition(disk, directory, [...active, ...retired, ...used], windowFirst));
  }
  const table: PartitionTable = { active, retired };
  await writePartitionTable(disk, directory, table);
  return table;
}

/** The oldest window that is open in any of these partitions; 0 when there is none, or no floor can tell. */
async function windowOpenIn(disk: Disk, directory: string, partitions: readonly number[]): Promise<Window> {
  const windows: Window[] = [];
  for (const partition of partitions) {
    const path = join(directory, String(partition));
    await disk.makeDirectory(path); // a lost one is for recovery to tell
    const outcome = await readFloor(disk, path);
    if (outcome.kind === "floor") windows.push(outcome.floor.windowNext);
  }
  return windows.length === 0 ? 0 : Math.min(...windows);
}

/** Paths of exported files have two digits for it. */
const partitionMax = 99;

/** Makes the directory and first floor of a partition and returns its number, above all `taken`. */
export async function makePartition(
  disk: Disk,
  directory: string,
  taken: readonly number[],
  windowFirst: Window,
): Promise<number> {
  const number = Math.max(-1, ...taken) + 1;
  if (number > partitionMax) {
    throw unusable(
      "journal-partitions",
      `The journal in ${directory} has used all its partition numbers, 0 to ${partitionMax}.`,
      "Start afresh with another data directory; this one can still be exported.",
    );
  }
  const path = join(directory, String(number));
  await disk.makeDirectory(path);
  await writeFloor(disk, path, { windowNext: windowFirst, offsetNext: 0 });
  return number;
}

/** Null when there is none. @throws ColdpathError `journal-partitions` when it is damaged. */
export async function readPartitionTable(disk: Disk, directory: string): Promise<PartitionTable | null> {
  if (!(await disk.list(directory)).includes("partitions.json")) return null;
  const path = tablePath(directory);
  const text = await readTableText(disk, directory);
  try {
    const { active, retired } = JSON.parse(text) as PartitionTable;
    // What we would write is what must stand there, to the last byte.
    if (text !== printTable({ active, retired })) throw new SyntaxError("its checksum does not match");
    return { active, retired };
  } catch (error) {
    throw unusable(
      "journal-partitions",
      `${path} is damaged, or of a newer Coldpath.`,
      "Restore it from a backup.",
      error,
    );
  }
}

/** Whether a newer Coldpath wrote it. False also when it is damaged. */
export async function isTableNewer(disk: Disk, directory: string): Promise<boolean> {
  try {
    const content = JSON.parse(await readTableText(disk, directory)) as { readonly version?: unknown };
    return typeof content.version === "number" && content.version > version;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

async function readTableText(disk: Disk, directory: string): Promise<string> {
  const file = await disk.open(tablePath(directory), "read");
  try {
    const buffer = Buffer.alloc(await file.size());
    await file.read(buffer, 0);
    return buffer.toString("utf8");
  } finally {
    await file.close();
  }
}

export async function writePartitionTable(disk: Disk, directory: string, table: PartitionTable): Promise<void> {
  const temporary = join(directory, "partitions.tmp");
  const file = await disk.open(temporary, "create");
  try {
    await file.write([Buffer.from(printTable(table))], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, tablePath(directory));
  await disk.syncDirectory(directory);
}

/** Numbers of the partitions that hold segments, whatever the table says. */
export async function directoriesWithSegments(disk: Disk, directory: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await disk.list(directory)) {
    if (!/^\d{1,9}$/.test(name)) continue;
    const names = await disk.list(join(directory, name));
    if (names.some((one) => one.endsWith(".seg"))) numbers.push(Number(name));
  }
  return numbers.sort((a, b) => a - b);
}

function tablePath(directory: string): string {
  return join(directory, "partitions.json");
}

function printTable({ active, retired }: PartitionTable): string {
  const content = { version, active, retired };
  const checksum = crc32(JSON.stringify(content)).toString(16).padStart(8, "0");
  return `${JSON.stringify({ ...content, crc32: checksum })}\n`;
}
