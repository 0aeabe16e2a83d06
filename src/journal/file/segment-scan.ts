// The verdict on a segment file: reads it whole and says where it ends and what it is. Changes nothing.
//
// J3  An invalid frame that a valid one of the same segment follows, or any invalid frame in a closed segment, is damage
//     and is never cut. Only an invalid end of the open segment is a torn tail: at most one frame was unsynced there.

import type { DiskFile } from "../../lib/disk.ts";
import { type Frame, FrameReader, findFrame } from "./frame-reader.ts";
import { type Seal, decodeSeal, decodeSealCopy, encodeClosedHeader, readHeaderBlock } from "./seal.ts";
import { type SegmentIdentity, decodeSegmentHeader, frameBytes, headerBytes, identityCrc } from "./segment-format.ts";

export interface SealedScan {
  readonly kind: "sealed";
  readonly identity: SegmentIdentity;
  readonly seal: Seal;
  /** False when the header block is not what the seal says: the copy was never written, or is damaged. */
  readonly isHeaderWhole: boolean;
}

export interface OpenScan {
  readonly kind: "open";
  readonly identity: SegmentIdentity;
  /** Behind the last whole frame. */
  readonly end: number;
  readonly offsetNext: number;
  readonly recordBytes: number;
  /** Of the last frame; null when there is none. */
  readonly timeMs: number | null;
  readonly lastFrame: Frame | null;
  /** A frame was begun behind `end` and is not whole: never acknowledged. Its records when the head can be read. */
  readonly torn: { readonly records: number | null } | null;
}

export interface DamagedScan {
  readonly kind: "damaged";
  readonly identity: SegmentIdentity | null;
  readonly what: string;
  /** Above every offset that was seen, before and behind the damage. */
  readonly offsetNext: number | null;
}

export type SegmentScan = SealedScan | OpenScan | DamagedScan | { readonly kind: "newer"; readonly version: number };

/** @param onFrame  told of every whole frame in order, before the verdict. */
export async function scanSegment(file: DiskFile, onFrame?: (frame: Frame) => void): Promise<SegmentScan> {
  const block = await readHeaderBlock(file);
  const header = decodeSegmentHeader(block);
  if (header.kind === "newer") return header;
  if (header.kind === "damaged") {
    return { kind: "damaged", identity: null, what: "its header is not readable", offsetNext: null };
  }
  const { identity } = header;
  const crc = identityCrc(identity);
  const copy = decodeSealCopy(identity, block);
  const reader = new FrameReader(file, crc, headerBytes);
  let offsetNext = identity.offsetFirst;
  let recordBytes = 0;
  let lastFrame: Frame | null = null;
  for (;;) {
    const { position } = reader;
    const outcome = await reader.next();
    const at = `at byte ${position}, from offset ${offsetNext} on`;
    const damage = (what: string, seen: number): DamagedScan => {
      return { kind: "damaged", identity, what: `${what} ${at}`, offsetNext: Math.max(offsetNext, seen) };
    };

    if (outcome.kind === "frame") {
      const { frame } = outcome;
      if (frame.head.offsetFirst !== offsetNext) return damage("records are missing", frame.head.offsetFirst);
      onFrame?.(frame);
      if (frame.head.kind === "seal") {
        const seal = decodeSeal(frame.head, frame.payload);
        if (seal.recordBytes !== recordBytes || seal.position !== position) {
          return damage("its seal does not add up", offsetNext);
        }
        return { kind: "sealed", identity, seal, isHeaderWhole: block.equals(encodeClosedHeader(identity, seal)) };
      }
      offsetNext += frame.head.records;
      recordBytes += frame.head.payloadBytes;
      lastFrame = frame;
      continue;
    }

    if (copy !== null) {
      const held = `it held offsets up to ${copy.offsetNext - 1}`;
      return {
        ...damage("a closed segment is not whole", copy.offsetNext),
        what: `a closed segment is not whole ${at}; ${held}`,
      };
    }
    const behind = await findFrame(file, crc, position + 1);
    if (behind !== null) {
      const seen = await offsetAbove(file, crc, behind);
      return damage(`the next whole frame starts at offset ${behind.head.offsetFirst}; one is not whole`, seen);
    }
    const torn = outcome.kind === "invalid" ? { records: outcome.head?.records ?? null } : null;
    const timeMs = lastFrame?.head.timeMs ?? null;
    return { kind: "open", identity, end: position, offsetNext, recordBytes, timeMs, lastFrame, torn };
  }
}

/** Above every offset in whole frames from this one on, hopping over what is not whole. */
async function offsetAbove(file: DiskFile, crc: number, first: Frame): Promise<number> {
  let above = 0;
  for (let frame: Frame | null = first; frame !== null;) {
    above = Math.max(above, frame.head.offsetFirst + frame.head.records);
    frame = await findFrame(file, crc, frame.position + frameBytes(frame.head));
  }
  return above;
}
