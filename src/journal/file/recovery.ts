// Recovery of a partition: from what stands in its directory to the state the writer goes on with.
//
//   J2  Offsets go on above every offset that any segment or the floor mentions.
//   J3  Only the open segment's torn tail is cut, and that is said. Damage is kept, told, and closed for writing.
//   J4  Partition time goes on at or above max(last frame, floor).

import { join } from "node:path";
import { type Window, parseWindow, printWindow, windowStartMs } from "../../lib/window.ts";
import { unusable } from "../errors.ts";
import type { Disk } from "./disk.ts";
import { readFloor } from "./floor.ts";
import { OpenSegment } from "./open-segment.ts";
import type { ClosedSegment, PartitionState } from "./partition.ts";
import { headerBytes } from "./segment-format.ts";
import { type SegmentScan, readSeal, scanSegment } from "./segment-scan.ts";

export interface Recovered extends PartitionState {
  /** No stamp may be less. */
  readonly floorMs: number;
}

type Notice = (level: "info" | "warn" | "error", code: string, message: string) => void;

/**
 * @param nowWindow  where a partition without any past starts.
 * @throws ColdpathError `journal-newer`, `journal-foreign`, `journal-floor-damaged`.
 */
export async function recoverPartition(
  disk: Disk,
  directory: string,
  of: { readonly hub: string; readonly partition: number; readonly nowWindow: Window },
  notice: Notice,
): Promise<Recovered> {
  await disk.makeDirectory(directory);
  const floor = await readFloor(disk, directory);
  let offsetNext = floor?.offsetNext ?? 0;
  let windowNext = floor?.windowNext ?? null;
  let floorMs = windowNext === null ? 0 : windowStartMs(windowNext);
  const closed: ClosedSegment[] = [];
  let open: OpenSegment | null = null;

  const windows = (await disk.list(directory))
    .filter((name) => name.endsWith(".seg"))
    .map((name) => parseWindow(name.slice(0, -4)))
    .filter((window) => window !== null);
  for (const [index, window] of windows.entries()) {
    const path = join(directory, `${printWindow(window)}.seg`);
    const isLast = index === windows.length - 1;
    const found = await inspect(disk, path, of);
    const { scan, fileBytes } = found;
    const isIdentified = scan.kind !== "newer" && scan.identity !== null;
    const offsetFirst = isIdentified ? (scan.identity?.offsetFirst ?? offsetNext) : offsetNext;
    const segment = { partition: of.partition, window, offsetFirst, fileBytes, recordBytes: 0, damage: null };
    switch (scan.kind) {
      case "newer":
        throw unusable(
          "journal-newer",
          `${path} has format version ${scan.version}, written by a newer Coldpath.`,
          "Start the version of Coldpath that wrote it, or a later one.",
        );
      case "sealed":
        closed.push({ ...segment, offsetNext: scan.seal.offsetNext, recordBytes: scan.seal.recordBytes });
        offsetNext = Math.max(offsetNext, scan.seal.offsetNext);
        break;
      case "damaged": {
        const what = `segment ${path}: ${scan.what}`;
        notice("error", "corruption", `${what}. Nothing was cut; the window is closed for writing.`);
        offsetNext = Math.max(offsetNext, scan.offsetNext ?? 0);
        closed.push({ ...segment, offsetNext: Math.max(offsetNext, offsetFirst + 1), damage: what });
        // What it held beyond what can be read is not known: offsets go on clearly above it.
        offsetNext += damageOffsetGap;
        break;
      }
      case "open":
        if (!isLast) {
          // The writer seals a segment before it opens the next.
          const what = `segment ${path} is not closed although a later one exists`;
          notice("error", "corruption", `${what}. Nothing was cut.`);
          closed.push({ ...segment, offsetNext: scan.offsetNext, recordBytes: scan.recordBytes, damage: what });
          offsetNext = Math.max(offsetNext, scan.offsetNext);
          break;
        }
        if (scan.torn !== null) {
          const held = scan.torn.records === null ? "" : ` of ${scan.torn.records} records`;
          notice(
            "warn",
            "torn-tail",
            `segment ${path}: a frame${held} behind offset ${scan.offsetNext - 1} was not whole and was cut; it was never acknowledged.`,
          );
        }
        offsetNext = Math.max(offsetNext, scan.offsetNext);
        floorMs = Math.max(floorMs, windowStartMs(window), scan.timeMs ?? 0);
        open = await OpenSegment.resume(disk, path, scan, Math.max(windowStartMs(window), scan.timeMs ?? 0));
        break;
    }
    const above = open === null ? window + 1 : window;
    windowNext = Math.max(windowNext ?? 0, above);
    floorMs = Math.max(floorMs, windowStartMs(above));
  }
  return { closed, open, windowNext: windowNext ?? of.nowWindow, offsetNext, floorMs };
}

/** Offsets left unused behind damage whose extent is not known: more than any frame can hold. */
const damageOffsetGap = 1_000_000;

/** A closed segment by its seal copy alone; anything else by reading it all. */
async function inspect(
  disk: Disk,
  path: string,
  of: { readonly hub: string; readonly partition: number },
): Promise<{ scan: SegmentScan; fileBytes: number }> {
  const file = await disk.open(path, "read");
  try {
    const fileBytes = Math.max(await file.size(), headerBytes);
    const sealed = await readSeal(file);
    const scan = sealed === null ? await scanSegment(file) : { kind: "sealed" as const, ...sealed };
    const identity = scan.kind === "newer" ? null : scan.identity;
    if (identity !== null && (identity.hub !== of.hub || identity.partition !== of.partition)) {
      throw unusable(
        "journal-foreign",
        `${path} belongs to partition ${identity.partition} of hub "${identity.hub}", not to partition ${of.partition} of hub "${of.hub}".`,
        "Move it back to the data directory it came from.",
      );
    }
    return { scan, fileBytes };
  } finally {
    await file.close();
  }
}
