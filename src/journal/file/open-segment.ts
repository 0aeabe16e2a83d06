// The segment being written: one window of one partition, frame after frame, until it is sealed.
//
//   J1  `append` resolves after the frame is on stable storage.
//   J3  Frames are written one at a time, so at most one is unsynced; a witness frame proves that the last one was.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { assert } from "../../lib/assert.ts";
import { type Window, printWindow } from "../../lib/window.ts";
import type { Disk, DiskFile } from "../../lib/disk.ts";
import { type Seal, encodeClosedHeader, encodeSeal, sealBytes } from "./seal.ts";
import {
  type FrameKind,
  type SegmentIdentity,
  bodyCrc,
  encodeFrameHead,
  encodeSegmentHeader,
  frameHeadBytes,
  headerBytes,
  identityCrc,
} from "./segment-format.ts";
import type { SegmentPool } from "./segment-pool.ts";
import type { OpenScan } from "./segment-scan.ts";

const noBytes = new Uint8Array(0);

export class OpenSegment {
  readonly path: string;
  readonly identity: SegmentIdentity;
  readonly #file: DiskFile;
  readonly #crc: number;
  #end: number;
  #offsetNext: number;
  #recordBytes: number;
  #timeMs: number;
  #hasWitness = true;
  /** From the first attempt to seal on nothing else may be written: a part of the seal may be durable. */
  #isSealing = false;
  /** Of the file on disk, which may be a longer, recycled one. */
  fileBytes: number;

  private constructor(
    path: string,
    file: DiskFile,
    identity: SegmentIdentity,
    at: { end: number; offsetNext: number; recordBytes: number; timeMs: number; fileBytes: number },
  ) {
    this.path = path;
    this.identity = identity;
    this.#file = file;
    this.#crc = identityCrc(identity);
    this.#end = at.end;
    this.#offsetNext = at.offsetNext;
    this.#recordBytes = at.recordBytes;
    this.#timeMs = at.timeMs;
    this.fileBytes = at.fileBytes;
  }

  /** Makes the segment of a window. When this resolves its directory entry is durable (J1). */
  static async create(
    disk: Disk,
    pool: SegmentPool,
    directory: string,
    of: { hub: string; partition: number; window: Window; offsetFirst: number; timeMs: number; bytesWanted: number },
  ): Promise<OpenSegment> {
    const { hub, partition, window, offsetFirst, timeMs } = of;
    const identity: SegmentIdentity = { hub, partition, window, offsetFirst, nonce: randomBytes(16) };
    const path = join(directory, `${printWindow(window)}.seg`);
    const free = pool.take(of.bytesWanted);
    const made = free?.path ?? join(directory, "segment.tmp");
    let file: DiskFile | null = null;
    let isUsed = false;
    try {
      file = await disk.open(made, free === null ? "create" : "update");
      await file.write([encodeSegmentHeader(identity)], 0);
      await file.sync();
      await disk.rename(made, path);
      isUsed = true;
      await disk.syncDirectory(directory);
      if (free !== null) await pool.syncDirectory();
    } catch (error) {
      if (free !== null && !isUsed) pool.giveBack(free);
      await file?.close();
      throw error;
    }
    const fileBytes = Math.max(free?.bytes ?? 0, headerBytes);
    return new OpenSegment(path, file, identity, {
      end: headerBytes,
      offsetNext: offsetFirst,
      recordBytes: 0,
      timeMs,
      fileBytes,
    });
  }

  /**
   * Goes on with a segment that recovery found open. Its header and last frame are written again: they may have come from
   * a page cache that a failed sync had already given up.
   */
  static async resume(disk: Disk, path: string, scan: OpenScan, timeMs: number): Promise<OpenSegment> {
    const file = await disk.open(path, "update");
    const { end, offsetNext, recordBytes, identity } = scan;
    const fileBytes = await file.size();
    const segment = new OpenSegment(path, file, identity, { end, offsetNext, recordBytes, timeMs, fileBytes });
    await file.write([encodeSegmentHeader(identity)], 0);
    if (scan.lastFrame !== null) {
      const { head, lengths, payload, position } = scan.lastFrame;
      const lengthsPart = new Uint8Array(lengths.buffer, lengths.byteOffset, lengths.byteLength);
      await file.write([encodeFrameHead(segment.#crc, head), lengthsPart, payload], position);
    }
    await syncOrFail(file);
    segment.#hasWitness = scan.lastFrame === null || scan.lastFrame.head.kind === "witness";
    return segment;
  }

  /** Makes the seal that recovery found durable, and whole with its copy. */
  static async completeSeal(disk: Disk, path: string, identity: SegmentIdentity, seal: Seal): Promise<void> {
    const file = await disk.open(path, "update");
    try {
      await writeSeal(file, identity, seal);
    } finally {
      await file.close();
    }
  }

  get window(): Window {
    return this.identity.window;
  }
  get offsetNext(): number {
    return this.#offsetNext;
  }
  /** Behind the last frame that is on stable storage. */
  get end(): number {
    return this.#end;
  }
  get hasRecords(): boolean {
    return this.#offsetNext > this.identity.offsetFirst;
  }

  /**
   * Writes and syncs one frame of records (J1). On a failed write nothing is decided: the same frame may be tried again
   * at the same place.
   *
   * @throws SyncFailedError  the segment may not be written to any more.
   */
  async append(records: number, lengths: Uint8Array, payload: Uint8Array, timeMs: number): Promise<void> {
    await this.#write("records", records, lengths, payload, timeMs);
    this.#offsetNext += records;
    this.#recordBytes += payload.length;
    this.#hasWitness = false;
  }

  /** Proves that the last frame was synced; nothing when it is proved already. */
  async witness(): Promise<void> {
    if (this.#hasWitness || this.#isSealing) return;
    await this.#write("witness", 0, noBytes, noBytes, this.#timeMs);
    this.#hasWitness = true;
  }

  /** Closes the window for good. The unused rest of the file is given back. May be tried again when the disk was full. */
  async seal(): Promise<Seal> {
    this.#isSealing = true;
    const seal: Seal = {
      offsetNext: this.#offsetNext,
      recordBytes: this.#recordBytes,
      position: this.#end,
      timeMs: this.#timeMs,
    };
    await writeSeal(this.#file, this.identity, seal);
    this.fileBytes = this.#end + sealBytes;
    return seal;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(
    kind: FrameKind,
    records: number,
    lengths: Uint8Array,
    payload: Uint8Array,
    timeMs: number,
  ): Promise<void> {
    assert(!this.#isSealing, "J4: a segment whose seal was begun gains nothing");
    assert(lengths.length === records * 4, "one length a record");
    const head = encodeFrameHead(this.#crc, {
      kind,
      records,
      offsetFirst: this.#offsetNext,
      timeMs,
      payloadBytes: payload.length,
      bodyCrc: bodyCrc(this.#crc, lengths, payload),
    });
    await this.#file.write(records === 0 ? [head] : [head, lengths, payload], this.#end);
    await syncOrFail(this.#file);
    this.#end += frameHeadBytes + lengths.length + payload.length;
    this.#timeMs = timeMs;
    this.fileBytes = Math.max(this.fileBytes, this.#end);
  }
}

/** After a failed sync the page cache can no longer be trusted: the process must restart and recover from disk. */
export class SyncFailedError extends Error {
  override readonly name = "SyncFailedError";
}

async function writeSeal(file: DiskFile, identity: SegmentIdentity, seal: Seal): Promise<void> {
  await file.write([encodeSeal(identityCrc(identity), seal)], seal.position);
  await syncOrFail(file);
  // The copy after the seal itself is durable: a copy alone must never speak for a seal that was lost.
  await file.write([encodeClosedHeader(identity, seal)], 0);
  await file.truncate(seal.position + sealBytes);
  await syncOrFail(file);
}

async function syncOrFail(file: DiskFile): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    throw new SyncFailedError("the disk did not confirm a write", { cause: error });
  }
}
