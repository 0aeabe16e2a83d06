import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeDisk } from "../../lib/disk.ts";
import { readFloor, writeFloor } from "./floor.ts";
import { openPartitionTable } from "./partition-table.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-partitions-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function windowNext(partition: number): Promise<number | null> {
  const outcome = await readFloor(nodeDisk, join(directory, String(partition)));
  return outcome.kind === "floor" ? outcome.floor.windowNext : null;
}

test("J4, E1: a partition that is added while the clock is behind starts where the others are, not in windows that are closed", async () => {
  await openPartitionTable(nodeDisk, directory, 2, 1000);
  await writeFloor(nodeDisk, join(directory, "0"), { windowNext: 1060, offsetNext: 7 });
  await writeFloor(nodeDisk, join(directory, "1"), { windowNext: 1059, offsetNext: 9 });
  expect(await openPartitionTable(nodeDisk, directory, 3, 1001)).toEqual({ active: [0, 1, 2], retired: [] });
  expect(await windowNext(2)).toBe(1059);
  await openPartitionTable(nodeDisk, directory, 4, 1100);
  expect(await windowNext(3)).toBe(1100);
});
