// Which partitions a journal has: `partitions.json`. Active ones are written to; retired ones (after `reset-clock`) are
// only read until they are exported and trimmed. Numbers are never used twice.

import { join } from "node:path";
import { unusable } from "../errors.ts";
import type { Disk } from "./disk.ts";

export interface PartitionTable {
  readonly version: 1;
  readonly active: readonly number[];
  readonly retired: readonly number[];
}

/** The table, made or grown to `count` active partitions. */
export async function openPartitionTable(disk: Disk, directory: string, count: number): Promise<PartitionTable> {
  const found = await readPartitionTable(disk, directory);
  if (found !== null && found.active.length > count) {
    throw unusable(
      "journal-partitions",
      `The journal has ${found.active.length} partitions and cannot shrink to ${count}.`,
      `Set --journal-partitions (COLDPATH_JOURNAL_PARTITIONS) to ${found.active.length} or more.`,
    );
  }
  if (found !== null && found.active.length === count) return found;
  const active = [...(found?.active ?? [])];
  const retired = found?.retired ?? [];
  while (active.length < count) active.push(Math.max(-1, ...active, ...retired) + 1);
  const table: PartitionTable = { version: 1, active, retired };
  await writePartitionTable(disk, directory, table);
  return table;
}

export async function readPartitionTable(disk: Disk, directory: string): Promise<PartitionTable | null> {
  if (!(await disk.list(directory)).includes("partitions.json")) return null;
  const path = join(directory, "partitions.json");
  const file = await disk.open(path, "read");
  try {
    const buffer = Buffer.alloc(await file.size());
    await file.read(buffer, 0);
    const table = JSON.parse(buffer.toString("utf8")) as PartitionTable;
    if (table.version !== 1 || !Array.isArray(table.active) || !Array.isArray(table.retired))
      throw new SyntaxError("form");
    return table;
  } catch (error) {
    throw unusable("journal-partitions", `${path} is not readable.`, "Restore it from a backup.", error);
  } finally {
    await file.close();
  }
}

export async function writePartitionTable(disk: Disk, directory: string, table: PartitionTable): Promise<void> {
  const temporary = join(directory, "partitions.tmp");
  const file = await disk.open(temporary, "create");
  try {
    await file.write([Buffer.from(`${JSON.stringify(table)}\n`)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(directory, "partitions.json"));
  await disk.syncDirectory(directory);
}
