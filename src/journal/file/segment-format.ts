// The bytes of a segment file, version 1 (docs/formats.md, "Segment"; docs/decisions/0002-journal-frames.md). Pure.
//
//     0     header   magic, version, hub, partition, window, first offset, nonce, CRC-32
//     1024  seal     a copy of the seal frame, so that a closed segment is known without reading it
//     4096  frames   header (44 bytes) · record lengths (u32 each) · records, one after the other
//           seal     a frame of kind `seal`: the last one; what lies behind it is a recycled file's former content
//
// Every CRC starts from the CRC of the segment's identity (partition, window, first offset, nonce, hub). The nonce is
// random, so neither a recycled file's former frames nor bytes that a device chose can pass for a frame of this segment.
// All integers are little-endian.

import { crc32 } from "node:zlib";
import { assert } from "../../lib/assert.ts";
import type { Window } from "../../lib/window.ts";

const segmentVersion = 1;
export const headerBytes = 4096;
export const sealCopyAt = 1024;
export const frameHeadBytes = 44;
/** Hub names are at most this long in bytes. */
export const hubBytesMax = 128;

/** What `identityBytes` has before the hub's name. */
const identityBytesMin = 32;
const segmentMagic = "CPSEGMNT";
const frameMagic = 0x4d465043; // "CPFM"

/**
 *   records  what devices sent
 *   witness  nothing: proof that the frame before it had been synced, so that damage there is not taken for a torn tail
 *   seal     the window is closed
 */
const frameKinds = ["records", "witness", "seal"] as const;
export type FrameKind = (typeof frameKinds)[number];

export interface SegmentIdentity {
  readonly hub: string;
  readonly partition: number;
  readonly window: Window;
  readonly offsetFirst: number;
  /** 16 random bytes. */
  readonly nonce: Buffer;
}

export interface FrameHead {
  readonly kind: FrameKind;
  readonly records: number;
  /** Of its first record; for a witness or seal, of the next record. */
  readonly offsetFirst: number;
  /** Of its last record: partition time. */
  readonly timeMs: number;
  readonly payloadBytes: number;
  /** Over lengths and payload. */
  readonly bodyCrc: number;
}

/** The first value of every CRC in the segment. */
export function identityCrc(identity: SegmentIdentity): number {
  return crc32(identityBytes(identity));
}

export function encodeSegmentHeader(identity: SegmentIdentity): Buffer {
  const hub = Buffer.from(identity.hub, "utf8");
  assert(hub.length <= hubBytesMax, "a hub name fits the header");
  const buffer = Buffer.alloc(headerBytes);
  buffer.write(segmentMagic, 0, "latin1");
  buffer.writeUInt32LE(segmentVersion, 8);
  const identityPart = identityBytes(identity);
  buffer.writeUInt32LE(identityPart.length, 12);
  identityPart.copy(buffer, 16);
  buffer.writeUInt32LE(crc32(buffer.subarray(0, 16 + identityPart.length)), 16 + identityPart.length);
  return buffer;
}

export type HeaderOutcome =
  | { readonly kind: "header"; readonly identity: SegmentIdentity }
  | { readonly kind: "newer"; readonly version: number }
  | { readonly kind: "damaged" };

/** @param buffer  the first `headerBytes` of the file, or fewer. */
export function decodeSegmentHeader(buffer: Buffer): HeaderOutcome {
  if (buffer.length < 64 || buffer.toString("latin1", 0, 8) !== segmentMagic) return { kind: "damaged" };
  const identityLength = buffer.readUInt32LE(12);
  const end = 16 + identityLength;
  if (identityLength < identityBytesMin || end + 4 > Math.min(buffer.length, sealCopyAt)) return { kind: "damaged" };
  if (crc32(buffer.subarray(0, end)) !== buffer.readUInt32LE(end)) return { kind: "damaged" };
  const version = buffer.readUInt32LE(8);
  if (version > segmentVersion) return { kind: "newer", version };
  const identity: SegmentIdentity = {
    partition: buffer.readUInt32LE(16),
    window: buffer.readUInt32LE(20),
    offsetFirst: Number(buffer.readBigUInt64LE(24)),
    nonce: Buffer.from(buffer.subarray(32, 48)),
    hub: buffer.toString("utf8", 48, end),
  };
  return { kind: "header", identity };
}

function identityBytes(identity: SegmentIdentity): Buffer {
  const hub = Buffer.from(identity.hub, "utf8");
  const buffer = Buffer.alloc(identityBytesMin + hub.length);
  buffer.writeUInt32LE(identity.partition, 0);
  buffer.writeUInt32LE(identity.window, 4);
  buffer.writeBigUInt64LE(BigInt(identity.offsetFirst), 8);
  identity.nonce.copy(buffer, 16);
  hub.copy(buffer, identityBytesMin);
  return buffer;
}

/** The frame's head. Its `bodyCrc` is `bodyCrc(identityCrc, lengths, payload)`. */
export function encodeFrameHead(crc: number, head: FrameHead): Buffer {
  const buffer = Buffer.allocUnsafe(frameHeadBytes);
  buffer.writeUInt32LE(frameMagic, 0);
  buffer.writeUInt32LE(crc, 4); // the segment's tag: a cheap first test
  buffer.writeUInt32LE(frameKinds.indexOf(head.kind) + 1, 8);
  buffer.writeUInt32LE(head.records, 12);
  buffer.writeBigUInt64LE(BigInt(head.offsetFirst), 16);
  buffer.writeBigUInt64LE(BigInt(head.timeMs), 24);
  buffer.writeUInt32LE(head.payloadBytes, 32);
  buffer.writeUInt32LE(head.bodyCrc, 36);
  buffer.writeUInt32LE(crc32(buffer.subarray(0, 40), crc), 40);
  return buffer;
}

/** The head that stands at `position`, or null when none of this segment does. */
export function decodeFrameHead(crc: number, buffer: Buffer, position: number): FrameHead | null {
  if (position + frameHeadBytes > buffer.length) return null;
  if (buffer.readUInt32LE(position) !== frameMagic || buffer.readUInt32LE(position + 4) !== crc) return null;
  if (crc32(buffer.subarray(position, position + 40), crc) !== buffer.readUInt32LE(position + 40)) return null;
  const kind = frameKinds[buffer.readUInt32LE(position + 8) - 1];
  if (kind === undefined) return null;
  return {
    kind,
    records: buffer.readUInt32LE(position + 12),
    offsetFirst: Number(buffer.readBigUInt64LE(position + 16)),
    timeMs: Number(buffer.readBigUInt64LE(position + 24)),
    payloadBytes: buffer.readUInt32LE(position + 32),
    bodyCrc: buffer.readUInt32LE(position + 36),
  };
}

export function frameBytes(head: FrameHead): number {
  return frameHeadBytes + head.records * 4 + head.payloadBytes;
}

export function bodyCrc(crc: number, lengths: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(lengths, crc));
}

/** What a frame of this segment starts with: to look for one behind damage. */
export function frameMark(crc: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeUInt32LE(frameMagic, 0);
  buffer.writeUInt32LE(crc, 4);
  return buffer;
}
