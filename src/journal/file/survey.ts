// What stands in a partition's directory, and how it fits together: the one judgement that recovery, `journal check` and
// `reset-clock` share. Changes nothing.
//
//   J3  Not only a segment that is damaged is told, also one that is gone: offsets are consecutive from segment to
//       segment and up to the floor, so a gap is a lost file. Only the oldest may be gone: they were trimmed.

import { join } from "node:path";
import { must } from "../../lib/assert.ts";
import { type Window, parseWindow, printWindow, windowStartMs } from "../../lib/window.ts";
import type { Disk } from "../../lib/disk.ts";
import { unusedOffsetsMin } from "../journal.ts";
import { type FloorOutcome, readFloor } from "./floor.ts";
import type { Frame } from "./frame-reader.ts";
import { readSeal, sealBytes } from "./seal.ts";
import type { SegmentIdentity } from "./segment-format.ts";
import { type OpenScan, type SealedScan, type SegmentScan, scanSegment } from "./segment-scan.ts";

export type Verdict =
  | SealedScan
  | OpenScan
  /** Without records: its window was closed, the file was about to be recycled. */
  | { readonly kind: "leftover" }
  | { readonly kind: "damaged"; readonly what: string }
  /** There is no file. */
  | { readonly kind: "lost"; readonly what: string }
  | { readonly kind: "newer"; readonly version: number };

export interface SurveyedSegment {
  readonly window: Window;
  readonly path: string;
  readonly fileBytes: number;
  readonly offsetFirst: number;
  /** For damage: as far as the next segment or the floor tells. */
  readonly offsetNext: number;
  /** As far as it could be read. */
  readonly recordBytes: number;
  readonly identity: SegmentIdentity | null;
  readonly verdict: Verdict;
}

export interface Survey {
  readonly floor: FloorOutcome;
  /** Ascending. */
  readonly segments: readonly SurveyedSegment[];
  /** Every window below is closed (J4). */
  readonly windowNext: Window;
  /** No offset from here on was ever used (J2). */
  readonly offsetNext: number;
  /** No stamp may be less (J4). */
  readonly timeMs: number;
}

/** Offsets left unused behind damage whose extent is not known. */
const offsetGap = 2 * unusedOffsetsMin;

/** Each holds a file open. */
const looksAtOnce = 32;

interface Found {
  readonly window: Window;
  readonly path: string;
  readonly fileBytes: number;
  readonly scan: SegmentScan;
}

/**
 * @param isThorough  read closed segments to the last byte, instead of believing their headers.
 * @param onFrame     told of every whole frame that is read.
 */
export async function surveyPartition(
  disk: Disk,
  directory: string,
  isThorough: boolean,
  onFrame?: (window: Window, frame: Frame) => void,
): Promise<Survey> {
  const floor = await readFloor(disk, directory);
  const found: Found[] = [];
  const names = (await disk.list(directory)).filter((name) => windowOfName(name) !== null);
  // Headers of a few at once: weeks of minutes are tens of thousands of small reads, of which each waits for the disk.
  const atOnce = isThorough || onFrame !== undefined ? 1 : looksAtOnce;
  for (let first = 0; first < names.length; first += atOnce) {
    const looks = names
      .slice(first, first + atOnce)
      .map((name) =>
        look(disk, join(directory, name), must(windowOfName(name), "it is a segment's"), isThorough, onFrame),
      );
    found.push(...(await Promise.all(looks)));
  }
  const offsetsBehind = offsetsFrom(found);

  const floorWindow = floor.kind === "floor" ? floor.floor.windowNext : 0;
  const floorOffset = floor.kind === "floor" ? floor.floor.offsetNext : 0;
  const segments: SurveyedSegment[] = [];
  let windowNext = floorWindow;
  let timeMs = 0;
  /** Where the next segment must start; null before the first. */
  let expected: number | null = null;
  const lose = (window: Window, from: number, to: number): void => {
    const what = `the segment with offsets ${from} to ${to - 1} is lost`;
    const path = join(directory, `${printWindow(window)}.seg`);
    const verdict: Verdict = { kind: "lost", what };
    segments.push({
      window,
      path,
      fileBytes: 0,
      offsetFirst: from,
      offsetNext: to,
      recordBytes: 0,
      identity: null,
      verdict,
    });
  };

  for (const [index, { window, path, fileBytes, scan }] of found.entries()) {
    const identity = scan.kind === "newer" ? null : scan.identity;
    const offsetFirst: number = identity?.offsetFirst ?? expected ?? 0;
    const before: Window = found[index - 1]?.window ?? window;
    let missing: string | null = null;
    if (expected !== null && offsetFirst > expected && offsetFirst - expected < unusedOffsetsMin) {
      if (before + 1 < window) lose(before + 1, expected, offsetFirst);
      else missing = `offsets ${expected} to ${offsetFirst - 1} are missing before it`;
    }
    /** What must follow: the start of the next segment that can be read, else the floor. */
    const follows = offsetsBehind[index + 1] ?? null;
    const bound = follows ?? (floorWindow > window ? floorOffset : null);
    const isLast = index === found.length - 1;
    const verdict = judge(scan, { window, offsetFirst, expected, missing, bound, isLast, floorWindow });

    let offsetNext = offsetFirst;
    if (scan.kind === "sealed") offsetNext = scan.seal.offsetNext;
    else if (verdict.kind === "open" || verdict.kind === "leftover")
      offsetNext = verdict === scan ? scan.offsetNext : offsetFirst;
    else if (scan.kind !== "newer") {
      const isKnown = bound !== null && bound >= offsetFirst && bound - offsetFirst < unusedOffsetsMin;
      offsetNext = isKnown ? bound : Math.max(scan.offsetNext ?? 0, offsetFirst + 1);
      if (bound === null) expected = offsetNext + offsetGap;
    }
    const recordBytes = scan.kind === "sealed" ? scan.seal.recordBytes : scan.kind === "open" ? scan.recordBytes : 0;
    segments.push({ window, path, fileBytes, offsetFirst, offsetNext, recordBytes, identity, verdict });
    expected = Math.max(expected ?? 0, offsetNext);
    windowNext = Math.max(windowNext, verdict.kind === "open" ? window : window + 1);
    if (verdict.kind === "open") timeMs = Math.max(timeMs, verdict.timeMs ?? 0);
  }

  const last = found.at(-1)?.window;
  if (expected !== null && last !== undefined && last + 1 < floorWindow) {
    if (floorOffset > expected && floorOffset - expected < unusedOffsetsMin) lose(last + 1, expected, floorOffset);
  }
  return {
    floor,
    segments,
    windowNext,
    offsetNext: Math.max(expected ?? 0, floorOffset),
    timeMs: Math.max(timeMs, windowStartMs(windowNext)),
  };
}

function windowOfName(name: string): Window | null {
  return name.endsWith(".seg") ? parseWindow(name.slice(0, -4)) : null;
}

/** For each segment the first offset of it, or of the next one behind it that can be read; null where none can. */
function offsetsFrom(found: readonly Found[]): readonly (number | null)[] {
  let next: number | null = null;
  const offsets = found.toReversed().map(({ scan }) => {
    if (scan.kind !== "newer" && scan.identity !== null) next = scan.identity.offsetFirst;
    return next;
  });
  return offsets.toReversed();
}

function judge(
  scan: SegmentScan,
  of: {
    readonly window: Window;
    readonly offsetFirst: number;
    readonly expected: number | null;
    readonly missing: string | null;
    readonly bound: number | null;
    readonly isLast: boolean;
    readonly floorWindow: Window;
  },
): Verdict {
  if (scan.kind === "newer") return scan;
  if (scan.kind === "damaged") return { kind: "damaged", what: scan.what };
  if (scan.identity.window !== of.window) {
    return { kind: "damaged", what: `it is the segment of window ${printWindow(scan.identity.window)}` };
  }
  if (of.missing !== null) return { kind: "damaged", what: of.missing };
  if (of.expected !== null && of.offsetFirst < of.expected) {
    return {
      kind: "damaged",
      what: `it starts at offset ${of.offsetFirst}, which the segment before it already holds`,
    };
  }
  if (scan.kind === "sealed" || (of.isLast && of.window >= of.floorWindow)) return scan;
  // The writer seals a segment before it opens the next or writes the floor.
  if (scan.offsetNext === of.offsetFirst && of.bound === of.offsetFirst) return { kind: "leftover" };
  return { kind: "damaged", what: `it is not closed although a later window is open, at byte ${scan.end}` };
}

async function look(
  disk: Disk,
  path: string,
  window: Window,
  isThorough: boolean,
  onFrame?: (window: Window, frame: Frame) => void,
): Promise<Found> {
  const file = await disk.open(path, "read");
  try {
    const fileBytes = await file.size();
    const sealed = isThorough ? null : await readSeal(file);
    if (sealed !== null && fileBytes >= sealed.seal.position + sealBytes) {
      return { window, path, fileBytes, scan: { kind: "sealed", ...sealed, isHeaderWhole: true } };
    }
    const scan = await scanSegment(file, onFrame === undefined ? undefined : (frame) => onFrame(window, frame));
    return { window, path, fileBytes, scan };
  } finally {
    await file.close();
  }
}
