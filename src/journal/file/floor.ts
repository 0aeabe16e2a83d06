// The floor of a partition: `{windowNext, offsetNext}`, durable before anyone acts on a closed window. Recovery stamps
// times and offsets at or above it (J2, J4), also after every segment was trimmed.
//
// The file holds the same line twice, each with its CRC-32, so that one damaged sector is detected and survived.

import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Window } from "../../lib/window.ts";
import { unusable } from "../errors.ts";
import type { Disk } from "./disk.ts";

export interface Floor {
  /** Every window below is closed. */
  readonly windowNext: Window;
  /** Every offset below is used. */
  readonly offsetNext: number;
}

const version = 1;
/** Each copy stands in a sector of its own. */
const copyBytes = 4096;

export async function writeFloor(disk: Disk, directory: string, floor: Floor): Promise<void> {
  const buffer = Buffer.alloc(2 * copyBytes, "\n");
  const line = printFloor(floor);
  buffer.write(line, 0, "latin1");
  buffer.write(line, copyBytes, "latin1");
  const temporary = join(directory, "floor.tmp");
  const file = await disk.open(temporary, "create");
  try {
    await file.write([buffer], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(directory, "floor"));
  await disk.syncDirectory(directory);
}

/**
 * The floor, or null when none was ever written.
 *
 * @throws ColdpathError `journal-floor-damaged` when neither copy is whole: going on could use an offset twice.
 */
export async function readFloor(disk: Disk, directory: string): Promise<Floor | null> {
  if (!(await disk.list(directory)).includes("floor")) return null;
  const file = await disk.open(join(directory, "floor"), "read");
  const buffer = Buffer.alloc(2 * copyBytes);
  try {
    await file.read(buffer, 0);
  } finally {
    await file.close();
  }
  const floor = parseFloor(buffer.toString("latin1", 0, copyBytes)) ?? parseFloor(buffer.toString("latin1", copyBytes));
  if (floor === null) {
    throw unusable(
      "journal-floor-damaged",
      `The file ${join(directory, "floor")} is damaged in both copies.`,
      "Restore it from a backup, or run `coldpath journal reset-clock`, which opens a fresh partition beside this one.",
    );
  }
  return floor;
}

function printFloor(floor: Floor): string {
  const text = `floor ${version} ${floor.windowNext} ${floor.offsetNext}`;
  return `${text} ${crc32(text).toString(16).padStart(8, "0")}\n`;
}

function parseFloor(text: string): Floor | null {
  const match = /^(floor 1 (\d+) (\d+)) ([0-9a-f]{8})\n/.exec(text);
  if (
    match === null ||
    crc32(match[1] as string)
      .toString(16)
      .padStart(8, "0") !== match[4]
  )
    return null;
  return { windowNext: Number(match[2]), offsetNext: Number(match[3]) };
}
