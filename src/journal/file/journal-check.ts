// `journal check`: what is in a journal directory, read to the last byte, and whether it is sound. Changes nothing.

import { join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import type { Window } from "../../lib/window.ts";
import { type Disk, nodeDisk } from "../../lib/disk.ts";
import type { Floor } from "./floor.ts";
import { type PartitionTable, directoriesWithSegments, readPartitionTable } from "./partition-table.ts";
import { type Survey, type SurveyedSegment, surveyPartition } from "./survey.ts";

/**
 *   closed    whole
 *   open      the one that is being written to; whole
 *   torn      open, and its last frame is not whole: it was never acknowledged, the next start cuts it
 *   leftover  open, empty, and its window is closed: the next start removes it
 *   damaged   not what was written; nothing of it will be cut
 *   lost      records are missing between two segments: a file is gone
 *   newer     written by a newer Coldpath
 */
export const segmentStates = ["closed", "open", "torn", "leftover", "damaged", "lost", "newer"] as const;
export type SegmentState = (typeof segmentStates)[number];

export interface SegmentReport {
  readonly path: string;
  readonly window: Window;
  readonly state: SegmentState;
  readonly offsetFirst: number;
  /** The segment holds, or held, `[offsetFirst, offsetNext)`. */
  readonly offsetNext: number;
  /** Records that can be read. */
  readonly records: number;
  /** Sum of their bytes. */
  readonly recordBytes: number;
  readonly fileBytes: number;
  /** What is wrong or noteworthy, and where. */
  readonly detail: string | null;
}

export interface PartitionReport {
  readonly partition: number;
  /** `unlisted`: there is a directory with segments, and the table does not name it. */
  readonly role: "active" | "retired" | "unlisted";
  readonly floor: Floor | null;
  readonly segments: readonly SegmentReport[];
  /** Sentences without a full stop. None: sound. */
  readonly problems: readonly string[];
}

export interface JournalReport {
  readonly directory: string;
  readonly isSound: boolean;
  readonly partitions: readonly PartitionReport[];
  /** Of the journal as a whole; those of its partitions are theirs. */
  readonly problems: readonly string[];
}

/**
 * Reads every byte of a journal and says what it found. A torn tail is no problem: it was never acknowledged.
 *
 * @param directory   the journal's, `{data-dir}/journal`; nobody may write to it meanwhile.
 * @param onProgress  told of bytes of records read, all in all, again and again.
 */
export async function checkJournal(
  directory: string,
  disk: Disk = nodeDisk,
  onProgress: (bytes: number) => void = () => {},
): Promise<JournalReport> {
  let bytes = 0;
  const onBytes = (more: number): void => onProgress((bytes += more));
  const problems: string[] = [];
  let table: PartitionTable | null = null;
  try {
    table = await readPartitionTable(disk, directory);
    if (table === null) problems.push(`There is no partition table (partitions.json) in ${directory}`);
  } catch (error) {
    problems.push(messageOf(error).replace(/\.$/, ""));
  }
  const listed = [...(table?.retired ?? []), ...(table?.active ?? [])];
  const unlisted = (await directoriesWithSegments(disk, directory)).filter((number) => !listed.includes(number));
  const partitions: PartitionReport[] = [];
  for (const partition of [...listed, ...unlisted].sort((a, b) => a - b)) {
    const role = unlisted.includes(partition)
      ? "unlisted"
      : table?.retired.includes(partition) === true
        ? "retired"
        : "active";
    partitions.push(await checkPartition(disk, join(directory, String(partition)), partition, role, onBytes));
  }
  const isSound = problems.length === 0 && partitions.every((partition) => partition.problems.length === 0);
  return { directory, isSound, partitions, problems };
}

async function checkPartition(
  disk: Disk,
  directory: string,
  partition: number,
  role: PartitionReport["role"],
  onBytes: (bytes: number) => void,
): Promise<PartitionReport> {
  const problems: string[] = [];
  if (role === "unlisted") problems.push(`partition ${partition} has segments and is not in the partition table`);
  const read = new Map<Window, { records: number; recordBytes: number }>();
  let survey: Survey;
  try {
    survey = await surveyPartition(disk, directory, true, (window, { head }) => {
      const so = read.get(window) ?? { records: 0, recordBytes: 0 };
      onBytes(head.payloadBytes);
      if (head.kind === "records") {
        read.set(window, { records: so.records + head.records, recordBytes: so.recordBytes + head.payloadBytes });
      }
    });
  } catch (error) {
    return { partition, role, floor: null, segments: [], problems: [...problems, messageOf(error)] };
  }
  const { floor } = survey;
  if (floor.kind !== "floor" && role !== "retired")
    problems.push(`the floor (${join(directory, "floor")}) is ${floor.kind}`);
  if (floor.kind === "floor" && !floor.isWhole) problems.push("one of the floor's two copies is damaged");
  const hubs = new Set(survey.segments.flatMap(({ identity }) => identity?.hub ?? []));
  if (hubs.size > 1) problems.push(`segments of several hubs: ${[...hubs].join(", ")}`);
  const windowNext = floor.kind === "floor" ? floor.floor.windowNext : 0;
  const segments = survey.segments.map((segment): SegmentReport => {
    const { window, path, fileBytes, offsetFirst, offsetNext, identity } = segment;
    const { state, detail, isProblem } = judged(segment, windowNext);
    if (isProblem) problems.push(`${path}: ${detail}`);
    if (identity !== null && identity.partition !== partition) {
      problems.push(`${path} belongs to partition ${identity.partition}`);
    }
    const { records, recordBytes } = read.get(window) ?? { records: 0, recordBytes: 0 };
    return { path, window, state, offsetFirst, offsetNext, records, recordBytes, fileBytes, detail };
  });
  return { partition, role, floor: floor.kind === "floor" ? floor.floor : null, segments, problems };
}

function judged(
  { verdict, window }: SurveyedSegment,
  windowNext: Window,
): { state: SegmentState; detail: string | null; isProblem: boolean } {
  switch (verdict.kind) {
    case "sealed": {
      if (verdict.isHeaderWhole) return { state: "closed", detail: null, isProblem: false };
      const isProblem = window < windowNext; // else the process ended while it closed the window
      const detail = `its header ${isProblem ? "is damaged" : "was not finished"}; its records are whole, and the next start writes it again`;
      return { state: isProblem ? "damaged" : "closed", detail, isProblem };
    }
    case "open": {
      const { torn, end, offsetNext } = verdict;
      if (torn === null) return { state: "open", detail: null, isProblem: false };
      const held = torn.records === null ? "a frame" : `a frame of ${torn.records} records`;
      const detail = `${held} at byte ${end}, from offset ${offsetNext} on, is not whole: a crash in the middle of its write, before the acknowledgement`;
      return { state: "torn", detail, isProblem: false };
    }
    case "leftover":
      return { state: "leftover", detail: "empty, and its window is closed", isProblem: false };
    case "newer":
      return { state: "newer", detail: `format version ${verdict.version}, of a newer Coldpath`, isProblem: true };
    case "damaged":
    case "lost":
      return { state: verdict.kind, detail: verdict.what, isProblem: true };
  }
}
