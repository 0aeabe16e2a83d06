// What stands in a folder that an export writes to, read back with the project's own reader. (Independent readers:
// read-back.ts, test/interop.)

import { createReadStream, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openContainer } from "../../src/avro/avro.ts";

/** Paths of exported files below a folder, in order, without what Coldpath keeps for itself. */
export function lakeFiles(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes(".coldpath"))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted((one, other) => (one < other ? -1 : 1));
}

export async function lakeRecords(path: string): Promise<Record<string, unknown>[]> {
  const records: Record<string, unknown>[] = [];
  for await (const record of openContainer(createReadStream(path))) records.push(record as Record<string, unknown>);
  return records;
}

/** How often each message number stands in measurements files; a file that is not whole throws. */
export async function lakeNumbers(root: string): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for (const path of lakeFiles(root)) {
    for (const { Body } of await lakeRecords(path)) {
      const { number } = JSON.parse(String(Body)) as { number?: number };
      if (number !== undefined) counts.set(number, (counts.get(number) ?? 0) + 1);
    }
  }
  return counts;
}
