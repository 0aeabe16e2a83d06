// Reading a segment from its newest frame back, for whoever wants the last records and not all.
//
// A frame says how long it is, not how long the one before it was: so the heads are read first, from the front, and only
// then the frames, from the end. Frames that lie together are read together. What is read is verified as for an export;
// what is damaged is left out, and told at the end (J3).

import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "../../lib/disk.ts";
import { codeOf } from "../../lib/errors.ts";
import { corrupt, trimmed } from "../errors.ts";
import type { RecordBatch } from "../journal.ts";
import { readSeal } from "./seal.ts";
import {
  type FrameHead,
  type SegmentIdentity,
  decodeFrameHead,
  frameBytes,
  frameHeadBytes,
  headerBytes,
  identityCrc,
} from "./segment-format.ts";

/** Read at once, unless one frame is larger. */
const spanBytesMax = 1024 * 1024;
/** Where frames are large only their heads are read; where they are small, many lie in one chunk. */
const headChunkBytes = 4 * 1024;
const smallFramesChunkBytes = 256 * 1024;
/** Verified at once: about a millisecond. */
const verifyBytes = 1024 * 1024;

/** Consecutive frames: what is read at once. */
interface Span {
  readonly position: number;
  readonly heads: FrameHead[];
  bytes: number;
}

/** @throws ColdpathError `journal-corrupt` after all that is whole. */
export async function* readClosedBack(
  disk: Disk,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch, void, void> {
  const file = await disk.open(path, "read").catch((error: unknown) => {
    throw codeOf(error) === "ENOENT" ? corrupt(`segment ${path} is gone`, error) : error;
  });
  try {
    const sealed = await readSeal(file);
    if (sealed === null) throw corrupt(`the header of segment ${path} is not that of a closed one`);
    yield* framesBack(file, { path, identity: sealed.identity, end: sealed.seal.position }, signal);
  } finally {
    await file.close();
  }
}

/**
 * A segment that was open when it was asked for, up to the byte `end`. It may be closed while it is read; should it even be
 * trimmed and its file used again, no frame of another segment passes for one of this.
 */
export async function* readOpenBack(
  disk: Disk,
  of: { readonly path: string; readonly identity: SegmentIdentity; readonly end: number },
  signal: AbortSignal,
): AsyncGenerator<RecordBatch, void, void> {
  const file = await disk.open(of.path, "read").catch((error: unknown) => {
    throw codeOf(error) === "ENOENT" ? trimmed(`segment ${of.path}`) : error;
  });
  try {
    yield* framesBack(file, of, signal);
  } finally {
    await file.close();
  }
}

async function* framesBack(
  file: DiskFile,
  { path, identity, end }: { readonly path: string; readonly identity: SegmentIdentity; readonly end: number },
  signal: AbortSignal,
): AsyncGenerator<RecordBatch, void, void> {
  const crc = identityCrc(identity);
  const { spans, walked } = await readHeads(file, crc, end, signal);
  let damageAt: number | null = walked < end && !signal.aborted ? walked : null;
  for (const { position, heads, bytes } of spans.toReversed()) {
    if (signal.aborted) return;
    const buffer = Buffer.allocUnsafe(bytes);
    const have = await file.read(buffer, position);
    let next = bytes;
    for (const head of heads.toReversed()) {
      const at = next - frameBytes(head);
      const batch = next <= have ? await verified(crc, head, buffer, at) : null;
      if (batch === null) damageAt = position + at;
      else if (head.kind === "records") yield batch;
      if (signal.aborted) return;
      next = at;
    }
  }
  if (damageAt !== null) throw corrupt(`segment ${path} is not whole at byte ${damageAt}`);
}

/** All frames up to `end`, in spans; `walked` is less than `end` where one has no head. */
async function readHeads(
  file: DiskFile,
  crc: number,
  end: number,
  signal: AbortSignal,
): Promise<{ readonly spans: readonly Span[]; readonly walked: number }> {
  const spans: Span[] = [];
  let span: Span | null = null;
  let position = headerBytes;
  let chunk: Buffer = Buffer.alloc(0);
  let chunkAt = 0;
  let chunkBytes = smallFramesChunkBytes;
  while (position < end && !signal.aborted) {
    if (position + frameHeadBytes > chunkAt + chunk.length) {
      const wanted = Buffer.allocUnsafe(Math.max(frameHeadBytes, Math.min(chunkBytes, end - position)));
      chunk = wanted.subarray(0, await file.read(wanted, position));
      chunkAt = position;
    }
    const head = decodeFrameHead(crc, chunk, position - chunkAt);
    if (head === null) break;
    const bytes = frameBytes(head);
    if (position + bytes > end) break;
    if (span === null || span.bytes + bytes > spanBytesMax) {
      span = { position, heads: [], bytes: 0 };
      spans.push(span);
    }
    span.heads.push(head);
    span.bytes += bytes;
    position += bytes;
    chunkBytes = bytes > headChunkBytes ? headChunkBytes : smallFramesChunkBytes;
  }
  return { spans, walked: position };
}

/** Null when the frame is not whole. Holds the event loop for about a millisecond at a time. */
async function verified(crc: number, head: FrameHead, buffer: Buffer, at: number): Promise<RecordBatch | null> {
  const body = buffer.subarray(at + frameHeadBytes, at + frameBytes(head));
  let sum = crc;
  for (let first = 0; first < body.length; first += verifyBytes) {
    sum = crc32(body.subarray(first, first + verifyBytes), sum);
    if (first + verifyBytes < body.length) await new Promise(setImmediate);
  }
  // A frame of our own, read again: the head's checksum was looked at before.
  if (sum !== head.bodyCrc || decodeFrameHead(crc, buffer, at) === null) return null;
  const lengths = new Uint32Array(head.records);
  for (let index = 0; index < lengths.length; index++) lengths[index] = body.readUInt32LE(index * 4);
  const bytes = body.subarray(head.records * 4);
  return { offsetFirst: head.offsetFirst, timeMs: head.timeMs, bytes, lengths };
}
