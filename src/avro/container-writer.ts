// The writer of object container files: encoded records in, the bytes of a file out.
//
// It streams: memory is two blocks, whatever the file. It is deterministic: the bytes depend on the options and the
// records alone, not on how the records were batched, so that a retry writes the same file (E2). It never writes an
// empty block: Microsoft.Hadoop.Avro throws on one (docs/formats.md, "What readers demand").
//
// https://avro.apache.org/docs/1.11.1/specification/#object-container-files

import { promisify } from "node:util";
import { constants, deflateRaw } from "node:zlib";
import { assert } from "../lib/assert.ts";
import { longBuffer, stringBuffer, writeLong } from "../lib/varint.ts";

const deflateRawAsync = promisify(deflateRaw);

/** Records back to back in `bytes`; `lengths` says where each ends. */
export interface RecordRun {
  readonly bytes: Uint8Array;
  readonly lengths: Uint32Array;
}

export interface ContainerOptions {
  readonly schemaText: string;
  readonly codec: "null" | "deflate";
  /** 16 bytes. Unpredictable to devices, or a message's body could forge a block for readers that split files. */
  readonly syncMarker: Buffer;
  /** A block takes records up to this many bytes before compression; a larger record has a block of its own. */
  readonly blockBytes: number;
}

/** Room in front of a block for its two varints. */
const blockHeadBytes = 20;

/**
 * The file's bytes, chunk by chunk; nothing at all when there is no record. A chunk is valid until the next but one is
 * asked for.
 */
export async function* writeContainer(
  options: ContainerOptions,
  runs: AsyncIterable<RecordRun>,
): AsyncGenerator<Uint8Array, void, void> {
  assert(options.syncMarker.length === 16, "a sync marker has 16 bytes");
  // Two buffers in turn: one is being filled while the consumer may still hold the other.
  let block = Buffer.allocUnsafe(blockHeadBytes + options.blockBytes + 16);
  let spare = Buffer.allocUnsafe(block.length);
  let end = blockHeadBytes;
  let count = 0;
  let headerWritten = false;

  for await (const run of runs) {
    const { bytes, lengths } = run;
    let runAt = 0;
    let record = 0;
    while (record < lengths.length) {
      // Take as many records as the block has room for, in one copy.
      const roomBytes = blockHeadBytes + options.blockBytes - end;
      let takeBytes = 0;
      const recordFirst = record;
      while (record < lengths.length) {
        const length = lengths[record] as number;
        if (takeBytes + length > roomBytes) break;
        takeBytes += length;
        record++;
      }
      if (record === recordFirst && count === 0) {
        // Larger than a block: a block of its own.
        takeBytes = lengths[record] as number;
        record++;
        const bytesNeeded = blockHeadBytes + takeBytes + 16;
        if (block.length < bytesNeeded) block = Buffer.allocUnsafe(bytesNeeded);
      }
      block.set(bytes.subarray(runAt, runAt + takeBytes), end);
      runAt += takeBytes;
      end += takeBytes;
      count += record - recordFirst;
      if (record < lengths.length) {
        if (!headerWritten) yield containerHeader(options);
        headerWritten = true;
        yield await finishBlock(options, block, end, count);
        [block, spare] = [spare, block];
        end = blockHeadBytes;
        count = 0;
      }
    }
  }
  if (count > 0) {
    if (!headerWritten) yield containerHeader(options);
    yield await finishBlock(options, block, end, count);
  }
}

/** Magic, metadata with the codec first and then the schema as IoT Hub writes it, sync marker. */
function containerHeader(options: ContainerOptions): Buffer {
  return Buffer.concat([
    Buffer.from("Obj\u0001", "latin1"),
    longBuffer(2),
    stringBuffer("avro.codec"),
    stringBuffer(options.codec),
    stringBuffer("avro.schema"),
    stringBuffer(options.schemaText),
    longBuffer(0),
    options.syncMarker,
  ]);
}

async function finishBlock(options: ContainerOptions, block: Buffer, end: number, count: number): Promise<Uint8Array> {
  if (options.codec === "deflate") {
    // Level and memory are fixed here because bytes must not depend on a library's defaults.
    const packed = await deflateRawAsync(block.subarray(blockHeadBytes, end), {
      level: 6,
      memLevel: 8,
      strategy: constants.Z_DEFAULT_STRATEGY,
    });
    return Buffer.concat([longBuffer(count), longBuffer(packed.length), packed, options.syncMarker]);
  }
  const head = Buffer.allocUnsafe(blockHeadBytes);
  const headBytes = writeLong(head, writeLong(head, 0, count), end - blockHeadBytes);
  const first = blockHeadBytes - headBytes;
  block.set(head.subarray(0, headBytes), first);
  block.set(options.syncMarker, end);
  return block.subarray(first, end + 16);
}
