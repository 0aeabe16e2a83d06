// The floor of a partition: `{windowNext, offsetNext}`, durable before anyone acts on a closed window. Recovery stamps
// times and offsets at or above it (J2, J4), also after every segment was trimmed.
//
// The file holds the same line twice, each with its CRC-32, so that one damaged sector is detected and survived. It names
// its partition, so that one copied from another is detected too (version 2; those of version 1 are read).

import { basename, join } from "node:path";
import { crc32 } from "node:zlib";
import type { Window } from "../../lib/window.ts";
import { unusable } from "../errors.ts";
import type { Disk } from "../../lib/disk.ts";

export interface Floor {
  /** Every window below is closed. */
  readonly windowNext: Window;
  /** Every offset below is used. */
  readonly offsetNext: number;
}

const version = 2;
/** Each copy stands in a sector of its own. */
const copyBytes = 4096;

/** @param directory  of the partition, named by its number. */
export async function writeFloor(disk: Disk, directory: string, floor: Floor): Promise<void> {
  const buffer = Buffer.alloc(2 * copyBytes, "\n");
  const line = printFloor(basename(directory), floor);
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

export type FloorOutcome =
  /** `isWhole` is false when one of the two copies is damaged. */
  | { readonly kind: "floor"; readonly floor: Floor; readonly isWhole: boolean }
  | { readonly kind: "missing" }
  /** Or another partition's. */
  | { readonly kind: "damaged" };

/** @throws ColdpathError `journal-newer`. */
export async function readFloor(disk: Disk, directory: string): Promise<FloorOutcome> {
  if (!(await disk.list(directory)).includes("floor")) return { kind: "missing" };
  const path = join(directory, "floor");
  const file = await disk.open(path, "read");
  const buffer = Buffer.alloc(2 * copyBytes);
  try {
    await file.read(buffer, 0);
  } finally {
    await file.close();
  }
  const copies = [0, copyBytes].map((at) =>
    parseFloor(basename(directory), buffer.toString("latin1", at, at + copyBytes)),
  );
  const [first = null, second = null] = copies;
  if (first === "newer" || second === "newer") {
    throw unusable(
      "journal-newer",
      `${path} was written by a newer Coldpath.`,
      "Start the version of Coldpath that wrote it, or a later one.",
    );
  }
  if (first === null && second === null) return { kind: "damaged" };
  // Both are written before the file gets its name; were they ever to differ, the higher one is the safe one.
  const floor: Floor = {
    windowNext: Math.max(first?.windowNext ?? 0, second?.windowNext ?? 0),
    offsetNext: Math.max(first?.offsetNext ?? 0, second?.offsetNext ?? 0),
  };
  return { kind: "floor", floor, isWhole: first !== null && second !== null };
}

function printFloor(partition: string, floor: Floor): string {
  const text = `floor ${version} ${partition} ${floor.windowNext} ${floor.offsetNext}`;
  return `${text} ${checksum(text)}\n`;
}

/** @param text  a whole copy, with the line feeds that fill it. */
function parseFloor(partition: string, text: string): Floor | "newer" | null {
  const match = /^(floor (\d+) (\d+(?: \d+)+)) ([0-9a-f]{8})\n+$/.exec(text);
  if (match === null || checksum(match[1] as string) !== match[4]) return null;
  if (Number(match[2]) > version) return "newer";
  const fields = (match[3] as string).split(" ");
  if (match[2] === "2" && fields.shift() !== partition) return null;
  const [windowNext, offsetNext, ...others] = fields.map(Number);
  if (windowNext === undefined || offsetNext === undefined || others.length > 0) return null;
  return { windowNext, offsetNext };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
