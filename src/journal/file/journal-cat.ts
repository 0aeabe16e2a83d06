// `journal cat`: the records of a journal directory, of closed and open segments, without changing anything.

import { join } from "node:path";
import type { Window } from "../../lib/window.ts";
import { corrupt } from "../errors.ts";
import { type Disk, nodeDisk } from "../../lib/disk.ts";
import { FrameReader, findFrame } from "./frame-reader.ts";
import { readPartitionTable } from "./partition-table.ts";
import { headerBytes, identityCrc } from "./segment-format.ts";
import { type SurveyedSegment, surveyPartition } from "./survey.ts";

export interface JournaledRecord {
  readonly partition: number;
  readonly window: Window;
  readonly offset: number;
  /** Partition time of its frame, which is that of the frame's last record. */
  readonly timeMs: number;
  readonly bytes: Buffer;
}

export interface CatOptions {
  readonly directory: string;
  /** All when left out. */
  readonly partition?: number | undefined;
  /** Inclusive. */
  readonly windowFirst?: Window | undefined;
  /** Inclusive. */
  readonly windowLast?: Window | undefined;
  readonly offsetFirst?: number | undefined;
  /** Exclusive. */
  readonly offsetNext?: number | undefined;
  /** Asks to go on behind damage, and is told of each piece that is skipped. Without it damage is thrown. */
  readonly onDamage?: ((what: string) => void) | undefined;
  readonly disk?: Disk | undefined;
}

/**
 * The records in order: partition by partition, by offset. The torn tail of an open segment is not among them.
 *
 * @throws ColdpathError `journal-corrupt` at the first damage, unless `onDamage` is given; `journal-partitions` when the
 *         directory's table is missing or damaged.
 */
export async function* catJournal(options: CatOptions): AsyncGenerator<JournaledRecord, void, void> {
  const disk = options.disk ?? nodeDisk;
  const table = await readPartitionTable(disk, options.directory);
  const numbers = [...(table?.retired ?? []), ...(table?.active ?? [])].sort((a, b) => a - b);
  for (const partition of numbers) {
    if (options.partition !== undefined && partition !== options.partition) continue;
    const survey = await surveyPartition(disk, join(options.directory, String(partition)), false);
    for (const segment of survey.segments) {
      const isWanted =
        segment.window >= (options.windowFirst ?? 0) &&
        segment.window <= (options.windowLast ?? Number.MAX_SAFE_INTEGER) &&
        segment.offsetNext > (options.offsetFirst ?? 0) &&
        segment.offsetFirst < (options.offsetNext ?? Number.MAX_SAFE_INTEGER);
      if (isWanted) yield* catSegment(disk, partition, segment, options);
    }
  }
}

async function* catSegment(
  disk: Disk,
  partition: number,
  segment: SurveyedSegment,
  options: CatOptions,
): AsyncGenerator<JournaledRecord, void, void> {
  const { verdict, window, path, identity } = segment;
  const damage = (what: string): void => {
    if (options.onDamage === undefined) throw corrupt(what);
    options.onDamage(what);
  };
  if (verdict.kind === "lost") return damage(verdict.what);
  if (verdict.kind === "newer") return damage(`segment ${path} was written by a newer Coldpath`);
  if (verdict.kind === "damaged") damage(`segment ${path}: ${verdict.what}`);
  if (identity === null) return;
  if (identity.partition !== partition) return damage(`segment ${path} belongs to partition ${identity.partition}`);

  const file = await disk.open(path, "read");
  try {
    const crc = identityCrc(identity);
    const reader = new FrameReader(file, crc, headerBytes);
    let expected = segment.offsetFirst;
    for (;;) {
      const { position } = reader;
      const outcome = await reader.next();
      if (outcome.kind !== "frame") {
        if (verdict.kind === "open" || verdict.kind === "leftover") return; // its end, torn or not
        const behind = await findFrame(file, crc, position + 1);
        const end = behind === null ? "the end" : `byte ${behind.position} and offset ${behind.head.offsetFirst}`;
        damage(`segment ${path}: skipped from byte ${position} and offset ${expected} to ${end}`);
        if (behind === null) return;
        reader.position = behind.position;
        continue;
      }
      const { head, lengths, payload } = outcome.frame;
      if (head.kind === "seal") return;
      let at = 0;
      for (const [index, length] of lengths.entries()) {
        const offset = head.offsetFirst + index;
        const bytes = payload.subarray(at, at + length);
        at += length;
        if (offset < (options.offsetFirst ?? 0) || offset >= (options.offsetNext ?? Number.MAX_SAFE_INTEGER)) continue;
        yield { partition, window, offset, timeMs: head.timeMs, bytes };
      }
      expected = head.offsetFirst + head.records;
    }
  } finally {
    await file.close();
  }
}
