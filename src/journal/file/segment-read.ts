// Reading a closed segment for an export: every byte is verified on the way, whatever recovery took for granted (J3).
// And the open one, for what must be known again after a start.

import { codeOf } from "../../lib/errors.ts";
import { corrupt } from "../errors.ts";
import type { RecordBatch, Segment } from "../journal.ts";
import type { Disk } from "../../lib/disk.ts";
import { FrameReader } from "./frame-reader.ts";
import { decodeSeal, readSeal } from "./seal.ts";
import { type SegmentIdentity, headerBytes, identityCrc } from "./segment-format.ts";

/** @throws ColdpathError `journal-corrupt` when the file is not, to the last byte, what was closed. */
export async function* readSegment(
  disk: Disk,
  path: string,
  segment: Segment,
): AsyncGenerator<RecordBatch, void, void> {
  const file = await disk.open(path, "read").catch((error: unknown) => {
    throw codeOf(error) === "ENOENT" ? corrupt(`segment ${path} is gone`, error) : error;
  });
  try {
    const sealed = await readSeal(file);
    if (sealed === null) throw corrupt(`the header of segment ${path} is not that of a closed one`);
    const { identity, seal } = sealed;
    const isExpected =
      identity.partition === segment.partition &&
      identity.window === segment.window &&
      identity.offsetFirst === segment.offsetFirst &&
      seal.offsetNext === segment.offsetNext;
    if (!isExpected) throw corrupt(`segment ${path} is another segment than the one that was closed`);
    const reader = new FrameReader(file, identityCrc(identity), headerBytes);
    let offset = segment.offsetFirst;
    for (;;) {
      const { position } = reader;
      const outcome = await reader.next();
      if (outcome.kind !== "frame" || outcome.frame.head.offsetFirst !== offset) {
        throw corrupt(`segment ${path} is not whole at byte ${position}, from offset ${offset} on`);
      }
      const { head, lengths, payload } = outcome.frame;
      if (head.kind === "seal") {
        const isTheSeal = position === seal.position && decodeSeal(head, payload).recordBytes === seal.recordBytes;
        if (offset === segment.offsetNext && isTheSeal) return;
        throw corrupt(`segment ${path} ends at offset ${offset}, not ${segment.offsetNext}`);
      }
      if (head.kind === "witness") continue;
      offset += head.records;
      yield { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes: payload, lengths };
    }
  } finally {
    await file.close();
  }
}

/** The records of a segment that is still open, up to the byte `end`, or to the first frame that is not whole. */
export async function* readOpenSegment(
  disk: Disk,
  { path, identity, end }: { readonly path: string; readonly identity: SegmentIdentity; readonly end: number },
): AsyncGenerator<RecordBatch, void, void> {
  const file = await disk.open(path, "read");
  try {
    const reader = new FrameReader(file, identityCrc(identity), headerBytes);
    while (reader.position < end) {
      const outcome = await reader.next();
      if (outcome.kind !== "frame" || outcome.frame.head.kind === "seal") return;
      const { head, lengths, payload } = outcome.frame;
      if (head.kind === "witness") continue;
      yield { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes: payload, lengths };
    }
  } finally {
    await file.close();
  }
}
