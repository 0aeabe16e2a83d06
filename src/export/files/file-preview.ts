// A look into an exported file: some of its records, decoded, from a record on.
//
//   M1  However large the file, and whatever it claims to hold: bytes read, the size of a block, records and decoded bytes
//       are bounded. Blocks before the records that are asked for are passed over, not unpacked.
//
// Damage is told with its place, after the records that stand before it: what can be read is shown.

import { type ContainerHeader, openContainer } from "../../avro/avro.ts";
import type { Destination } from "../../destinations/destination.ts";
import { assert } from "../../lib/assert.ts";
import { ColdpathError } from "../../lib/errors.ts";

export interface PreviewBounds {
  /** Bytes of the file that are read at most, from its start. */
  readonly fileBytes: number;
  /** Encoded bytes of the records that are given: beyond it the page ends. */
  readonly recordBytes: number;
}

export interface FilePreview {
  readonly codec: string;
  readonly schemaText: string;
  /** From `offset` on; decoded by the file's own schema. */
  readonly records: readonly unknown[];
  /** Records of the file up to the end of the page: fewer than `offset` when it has not so many. */
  readonly recordsPassed: number;
  /** Where the next page begins; null when there is none, or none that a preview reaches. */
  readonly next: number | null;
  /** The file was read to its end, and is whole. */
  readonly isAtEnd: boolean;
  /** Why it cannot be read on from here. */
  readonly damage: string | null;
  /** It is longer than a preview reads. */
  readonly isCut: boolean;
}

/** Our own blocks have 16 MiB at most, and a record. */
const blockBytesMax = 24 * 1024 * 1024;

class Cut extends Error {}

/**
 * @param request.offset  records to pass over.
 * @throws DestinationError; ColdpathError `avro-unreadable` when not even its header can be read.
 */
export async function previewFile(
  destination: Pick<Destination, "read">,
  path: string,
  request: {
    readonly offset: number;
    readonly limit: number;
    readonly bounds: PreviewBounds;
    readonly signal: AbortSignal;
  },
): Promise<FilePreview> {
  const { offset, limit, bounds, signal } = request;
  assert(limit >= 1, "a page has a record at least");
  let header = null as ContainerHeader | null;
  let recordsPassed = 0;
  const records: unknown[] = [];
  let damage: string | null = null;
  let isAtEnd = false;
  let isCut = false;
  let bytesLeft = bounds.recordBytes;
  const source = firstBytes(destination.read(path, signal), bounds.fileBytes);
  const all = openContainer(source, {
    skip: offset,
    blockBytesMax,
    onRecord: (bytes) => {
      if (records.length === 0 && bytes > bounds.recordBytes) throw tooLarge(path, offset, bytes);
      bytesLeft -= bytes;
    },
    onSkipped: (count) => (recordsPassed += count),
    onHeader: (found) => (header = found),
  });
  try {
    for (;;) {
      const next = await all.next();
      isAtEnd = next.done === true;
      if (next.done === true) break;
      // One more than asked for: whether there is a further page.
      if (records.length === limit || (bytesLeft < 0 && records.length > 0)) break;
      records.push(next.value);
    }
  } catch (error) {
    if (error instanceof Cut) isCut = true;
    else if (!(error instanceof ColdpathError) || error.code !== "avro-unreadable") throw error;
    else if (header === null) throw unreadable(path, error.message, error);
    else damage = error.message;
  } finally {
    await all.return();
  }
  if (header === null) throw unreadable(path, `its header is longer than ${bounds.fileBytes} bytes`);
  const { codec, schemaText } = header;
  recordsPassed += records.length;
  const next = isAtEnd || damage !== null || isCut ? null : recordsPassed;
  return { codec, schemaText, records, recordsPassed, next, isAtEnd, damage, isCut };
}

function unreadable(path: string, why: string, cause?: unknown): ColdpathError {
  return new ColdpathError("invalid", "avro-unreadable", `${path} cannot be shown: ${why}.`, {
    field: "path",
    hint: "Download the file to look at it; coldpath verify tells which files are not as they were written.",
    cause,
  });
}

function tooLarge(path: string, record: number, bytes: number): ColdpathError {
  const message = `Record ${record} of ${path} has ${bytes} bytes, more than a preview shows.`;
  return new ColdpathError("invalid", "record-too-large", message, {
    field: "offset",
    hint: `Go on from offset ${record + 1}, or download the file.`,
  });
}

async function* firstBytes(bytes: AsyncIterable<Uint8Array>, max: number): AsyncGenerator<Uint8Array, void, void> {
  let left = max;
  for await (const chunk of bytes) {
    if (left > 0) yield chunk.length > left ? chunk.subarray(0, left) : chunk;
    if (chunk.length > left) throw new Cut();
    left -= chunk.length;
  }
}
