// The seal: the last frame of a closed segment, and its copy in the header block, by which a closed segment is known
// without reading it. The copy is written after the seal itself is durable: it never speaks for a seal that was lost.

import {
  type FrameHead,
  type SegmentIdentity,
  bodyCrc,
  decodeFrameHead,
  decodeSegmentHeader,
  encodeFrameHead,
  encodeSegmentHeader,
  frameHeadBytes,
  headerBytes,
  identityCrc,
  sealCopyAt,
} from "./segment-format.ts";
import type { DiskFile } from "../../lib/disk.ts";

/** What a closed segment holds. */
export interface Seal {
  readonly offsetNext: number;
  /** Sum of the records' bytes. */
  readonly recordBytes: number;
  /** Where the seal frame stands: the used length of the file, less the seal. */
  readonly position: number;
  /** Of the last frame before it. */
  readonly timeMs: number;
}

const sealPayloadBytes = 16;
export const sealBytes = frameHeadBytes + sealPayloadBytes;
const noBytes = new Uint8Array(0);

/** The whole frame. @param crc  of the segment's identity. */
export function encodeSeal(crc: number, seal: Seal): Buffer {
  const payload = Buffer.alloc(sealPayloadBytes);
  payload.writeBigUInt64LE(BigInt(seal.position), 0);
  payload.writeBigUInt64LE(BigInt(seal.recordBytes), 8);
  const head = encodeFrameHead(crc, {
    kind: "seal",
    records: 0,
    offsetFirst: seal.offsetNext,
    timeMs: seal.timeMs,
    payloadBytes: payload.length,
    bodyCrc: bodyCrc(crc, noBytes, payload),
  });
  return Buffer.concat([head, payload]);
}

/** What a whole frame of kind `seal` says. */
export function decodeSeal(head: FrameHead, payload: Buffer): Seal {
  return {
    offsetNext: head.offsetFirst,
    position: Number(payload.readBigUInt64LE(0)),
    recordBytes: Number(payload.readBigUInt64LE(8)),
    timeMs: head.timeMs,
  };
}

/** The header block of a closed segment, to the last byte. */
export function encodeClosedHeader(identity: SegmentIdentity, seal: Seal): Buffer {
  const block = encodeSegmentHeader(identity);
  encodeSeal(identityCrc(identity), seal).copy(block, sealCopyAt);
  return block;
}

/** The copy in a header block; null when there is none, or it is not whole. */
export function decodeSealCopy(identity: SegmentIdentity, block: Buffer): Seal | null {
  const crc = identityCrc(identity);
  const head = decodeFrameHead(crc, block, sealCopyAt);
  if (head === null || head.kind !== "seal" || head.payloadBytes !== sealPayloadBytes || head.records !== 0)
    return null;
  const payload = block.subarray(sealCopyAt + frameHeadBytes, sealCopyAt + sealBytes);
  return bodyCrc(crc, noBytes, payload) === head.bodyCrc ? decodeSeal(head, payload) : null;
}

/** The first block of a segment file, as far as it goes. */
export async function readHeaderBlock(file: DiskFile): Promise<Buffer> {
  const block = Buffer.alloc(headerBytes);
  return block.subarray(0, await file.read(block, 0));
}

/** Only what a closed segment says of itself. Null when it is not closed, or one byte of its header block is wrong. */
export async function readSeal(file: DiskFile): Promise<{ identity: SegmentIdentity; seal: Seal } | null> {
  const block = await readHeaderBlock(file);
  const header = decodeSegmentHeader(block);
  if (header.kind !== "header") return null;
  const seal = decodeSealCopy(header.identity, block);
  if (seal === null || !block.equals(encodeClosedHeader(header.identity, seal))) return null;
  return { identity: header.identity, seal };
}
