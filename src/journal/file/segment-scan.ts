// Reading segment files: frame by frame, verifying every byte; and the verdict on where a segment ends.
//
// J3  An invalid frame that a valid one of the same segment follows, or any invalid frame in a closed segment, is damage
//     and is never cut. Only an invalid end of the open segment is a torn tail: at most one frame was unsynced there.

import { assert } from "../../lib/assert.ts";
import type { DiskFile } from "./disk.ts";
import {
  type FrameHead,
  type SegmentIdentity,
  bodyCrc,
  decodeFrameHead,
  decodeSegmentHeader,
  frameBytes,
  frameHeadBytes,
  frameMark,
  headerBytes,
  identityCrc,
  sealCopyAt,
} from "./segment-format.ts";

export interface Frame {
  readonly position: number;
  readonly head: FrameHead;
  readonly lengths: Uint32Array;
  /** Of its own: stays valid. */
  readonly payload: Buffer;
}

export type FrameOutcome =
  | { readonly kind: "frame"; readonly frame: Frame }
  /** Nothing of this segment starts here. */
  | { readonly kind: "end" }
  /** A frame starts here and is not whole; its head, when that much can be read. */
  | { readonly kind: "invalid"; readonly head: FrameHead | null };

/** What a closed segment holds. */
export interface Seal {
  readonly offsetNext: number;
  /** Sum of the records' bytes. */
  readonly recordBytes: number;
  /** Where the seal frame stands: the used length of the file, less the seal. */
  readonly position: number;
}

export type SegmentScan =
  | { readonly kind: "sealed"; readonly identity: SegmentIdentity; readonly seal: Seal }
  | {
      readonly kind: "open";
      readonly identity: SegmentIdentity;
      /** Behind the last whole frame. */
      readonly end: number;
      readonly offsetNext: number;
      readonly recordBytes: number;
      /** Time of the last frame; the window's start when there is none. */
      readonly timeMs: number | null;
      readonly lastFrame: Frame | null;
      /** A frame was begun behind `end` and is not whole: never acknowledged. Its records when the head can be read. */
      readonly torn: { readonly records: number | null } | null;
    }
  | {
      readonly kind: "damaged";
      readonly identity: SegmentIdentity | null;
      readonly what: string;
      /** Above every offset that was seen, before and behind the damage. */
      readonly offsetNext: number | null;
    }
  | { readonly kind: "newer"; readonly version: number };

const chunkBytes = 1024 * 1024;
const sealPayloadBytes = 16;
export const sealBytes = frameHeadBytes + sealPayloadBytes;

/** Reads frames in order from a position. */
export class FrameReader {
  readonly #file: DiskFile;
  readonly #crc: number;
  #chunk: Buffer = Buffer.alloc(0);
  #chunkAt = 0;
  position: number;

  /** @param crc  of the segment's identity. */
  constructor(file: DiskFile, crc: number, position: number) {
    this.#file = file;
    this.#crc = crc;
    this.position = position;
  }

  /** The frame at `position`, which then moves behind it; it stays where it is on anything else. */
  async next(): Promise<FrameOutcome> {
    const start = await this.#bytes(frameHeadBytes);
    const head = decodeFrameHead(this.#crc, start, 0);
    if (head === null) {
      const begins = start.length >= 8 && start.subarray(0, 8).equals(frameMark(this.#crc));
      return begins ? { kind: "invalid", head: null } : { kind: "end" };
    }
    const bytes = frameBytes(head);
    const whole = await this.#bytes(bytes);
    if (whole.length < bytes) return { kind: "invalid", head };
    const lengthsPart = whole.subarray(frameHeadBytes, frameHeadBytes + head.records * 4);
    const payload = whole.subarray(frameHeadBytes + head.records * 4);
    if (bodyCrc(this.#crc, lengthsPart, payload) !== head.bodyCrc) return { kind: "invalid", head };
    const lengths = new Uint32Array(head.records);
    let sum = 0;
    for (let index = 0; index < lengths.length; index++) {
      const length = lengthsPart.readUInt32LE(index * 4);
      lengths[index] = length;
      sum += length;
    }
    assert(head.kind !== "records" || sum === head.payloadBytes, "the record lengths of a whole frame add up");
    const frame: Frame = { position: this.position, head, lengths, payload };
    this.position += bytes;
    return { kind: "frame", frame };
  }

  async #bytes(count: number): Promise<Buffer> {
    const offset = this.position - this.#chunkAt;
    if (offset < 0 || offset + count > this.#chunk.length) {
      const chunk = Buffer.allocUnsafe(Math.max(chunkBytes, count));
      const have = await this.#file.read(chunk, this.position);
      this.#chunk = chunk.subarray(0, have);
      this.#chunkAt = this.position;
      return this.#chunk.subarray(0, count);
    }
    return this.#chunk.subarray(offset, offset + count);
  }
}

/** The first whole frame of a segment at or behind `position`, wherever it starts. */
async function findFrame(file: DiskFile, crc: number, position: number): Promise<Frame | null> {
  const mark = frameMark(crc);
  const size = await file.size();
  const buffer = Buffer.allocUnsafe(chunkBytes);
  // Chunks overlap by a mark's length less one, so that none is missed at a border.
  for (let at = position; at < size; at += chunkBytes - (mark.length - 1)) {
    const chunk = buffer.subarray(0, await file.read(buffer, at));
    for (let hit = chunk.indexOf(mark); hit >= 0; hit = chunk.indexOf(mark, hit + 1)) {
      const outcome = await new FrameReader(file, crc, at + hit).next();
      if (outcome.kind === "frame") return outcome.frame;
    }
  }
  return null;
}

/** The bytes of a seal's payload. */
export function encodeSeal(seal: Seal): Buffer {
  const payload = Buffer.alloc(sealPayloadBytes);
  payload.writeBigUInt64LE(BigInt(seal.position), 0);
  payload.writeBigUInt64LE(BigInt(seal.recordBytes), 8);
  return payload;
}

function decodeSeal(frame: Frame): Seal {
  return {
    offsetNext: frame.head.offsetFirst,
    position: Number(frame.payload.readBigUInt64LE(0)),
    recordBytes: Number(frame.payload.readBigUInt64LE(8)),
  };
}

/** Only what a closed segment says of itself: header and seal copy. Null when it is not closed, or not readable so. */
export async function readSeal(file: DiskFile): Promise<{ identity: SegmentIdentity; seal: Seal } | null> {
  const start = Buffer.alloc(headerBytes);
  const header = decodeSegmentHeader(start.subarray(0, await file.read(start, 0)));
  if (header.kind !== "header") return null;
  const copy = await new FrameReader(file, identityCrc(header.identity), sealCopyAt).next();
  if (copy.kind !== "frame" || copy.frame.head.kind !== "seal") return null;
  return { identity: header.identity, seal: decodeSeal(copy.frame) };
}

/**
 * Reads the whole segment and says what it is. Changes nothing.
 *
 * @param onFrame  told of every whole frame in order, before the verdict.
 */
export async function scanSegment(file: DiskFile, onFrame?: (frame: Frame) => void): Promise<SegmentScan> {
  const start = Buffer.alloc(headerBytes);
  const header = decodeSegmentHeader(start.subarray(0, await file.read(start, 0)));
  if (header.kind === "newer") return header;
  if (header.kind === "damaged") {
    return { kind: "damaged", identity: null, what: "its header is not readable", offsetNext: null };
  }
  const { identity } = header;
  const crc = identityCrc(identity);
  const closed = await readSeal(file);
  const reader = new FrameReader(file, crc, headerBytes);
  let offsetNext = identity.offsetFirst;
  let recordBytes = 0;
  let lastFrame: Frame | null = null;
  for (;;) {
    const outcome = await reader.next();
    if (outcome.kind === "frame") {
      const { frame } = outcome;
      const damage = (what: string): SegmentScan => ({ kind: "damaged", identity, what, offsetNext });
      if (frame.head.offsetFirst !== offsetNext) return damage(`offset ${offsetNext} is missing`);
      onFrame?.(frame);
      if (frame.head.kind === "seal") {
        const seal = decodeSeal(frame);
        return seal.recordBytes === recordBytes
          ? { kind: "sealed", identity, seal }
          : damage("its seal does not add up");
      }
      offsetNext += frame.head.records;
      recordBytes += frame.head.payloadBytes;
      lastFrame = frame;
      continue;
    }

    const { position } = reader;
    const at = `at byte ${position}, from offset ${offsetNext} on`;
    if (closed !== null) {
      const what = `a closed segment is not whole ${at}; it held offsets up to ${closed.seal.offsetNext - 1}`;
      return { kind: "damaged", identity, what, offsetNext: closed.seal.offsetNext };
    }
    const behind = await findFrame(file, crc, position + 1);
    if (behind !== null) {
      const seen = await highestOffset(file, crc, behind.position);
      const what = `a frame is not whole ${at}, and the next whole one starts at offset ${behind.head.offsetFirst}`;
      return { kind: "damaged", identity, what, offsetNext: Math.max(offsetNext, seen) };
    }
    const torn = outcome.kind === "invalid" ? { records: outcome.head?.records ?? null } : null;
    const timeMs = lastFrame?.head.timeMs ?? null;
    return { kind: "open", identity, end: position, offsetNext, recordBytes, timeMs, lastFrame, torn };
  }
}

/** Above every offset in whole frames from `position` on, hopping over what is not whole. */
async function highestOffset(file: DiskFile, crc: number, position: number): Promise<number> {
  let highest = 0;
  for (let frame = await findFrame(file, crc, position); frame !== null;) {
    highest = Math.max(highest, frame.head.offsetFirst + frame.head.records);
    frame = await findFrame(file, crc, frame.position + frameBytes(frame.head));
  }
  return highest;
}
