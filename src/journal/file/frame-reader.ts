// Reading the frames of a segment file, one after the other, verifying every byte.

import { assert } from "../../lib/assert.ts";
import type { DiskFile } from "../../lib/disk.ts";
import { type FrameHead, bodyCrc, decodeFrameHead, frameBytes, frameHeadBytes, frameMark } from "./segment-format.ts";

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

const firstChunkBytes = 64 * 1024;
const chunkBytes = 1024 * 1024;

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
      const mark = frameMark(this.#crc);
      if (start.length >= mark.length && start.subarray(0, mark.length).equals(mark))
        return { kind: "invalid", head: null };
      // J3: damage may have hit the mark itself. With the mark put right, its checksum says whether it is a head of ours.
      const marked = decodeFrameHead(this.#crc, Buffer.concat([mark, start.subarray(mark.length)]), 0);
      return marked === null ? { kind: "end" } : { kind: "invalid", head: marked };
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
      const bytes = this.#chunk.length === 0 ? firstChunkBytes : chunkBytes; // most segments of few devices are small
      const chunk = Buffer.allocUnsafe(Math.max(bytes, count));
      const have = await this.#file.read(chunk, this.position);
      this.#chunk = chunk.subarray(0, have);
      this.#chunkAt = this.position;
      return this.#chunk.subarray(0, count);
    }
    return this.#chunk.subarray(offset, offset + count);
  }
}

/** The first whole frame of a segment at or behind `position`, wherever it starts. */
export async function findFrame(file: DiskFile, crc: number, position: number): Promise<Frame | null> {
  const mark = frameMark(crc);
  const size = await file.size();
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(0, size - position)));
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
