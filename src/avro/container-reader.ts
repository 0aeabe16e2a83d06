// The reader of object container files: for `coldpath read`, previews, and the exporter's question whether a file that
// stands in its way holds its own records. avsc decodes the records; the framing is read here because avsc's own stream
// takes a file that was cut off for a whole one, and "is it whole?" is what we must know.

import avro from "avsc";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import { type Extent, extentOf } from "./record-extent.ts";

const inflateRawAsync = promisify(inflateRaw);

export interface ContainerHeader {
  readonly codec: string;
  readonly schemaText: string;
}

/** A block, packed or not, may not be larger: a hostile file must not take the memory. */
const blockBytesMax = 256 * 1024 * 1024;
const turnRecords = 10_000;
/** Nor all of the header's entries together; a schema has a few thousand bytes. */
const headerBytesMax = 16 * 1024 * 1024;

export interface ReadOptions {
  /** Yield each record as its encoded bytes (valid until the next) instead of the decoded value. */
  readonly raw?: boolean;
  /** Told once, before the first record, of a header that can be used. */
  readonly onHeader?: (header: ContainerHeader) => void;
  /** Told the encoded size of each record before it is decoded. */
  readonly onRecord?: (bytes: number) => void;
  /** Records to pass over. A block that has no other is not unpacked. */
  readonly skip?: number;
  /** Told how many were passed over, bit by bit. */
  readonly onSkipped?: (records: number) => void;
  /** No block, packed or not, may be larger. At most, and by default, 256 MiB. */
  readonly blockBytesMax?: number;
}

/**
 * Reads a container, streaming: memory is one block.
 *
 * @throws ColdpathError `avro-unreadable` when the bytes are not a whole, well-formed container; it says at which byte.
 */
export async function* openContainer(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): AsyncGenerator<unknown, void, void> {
  const input = new Input(bytes, options.blockBytesMax ?? blockBytesMax);
  try {
    const { header, syncMarker } = await readHeader(input);
    const { type, extent } = typeOf(header.schemaText);
    options.onHeader?.(header);
    let skip = options.skip ?? 0;
    while (!(await input.atEnd())) {
      input.beginBlock();
      const count = await input.long();
      const packed = Buffer.from(await input.take(await input.long()));
      if (!(await input.take(16)).equals(syncMarker)) throw unreadable("a block does not end in the sync marker");
      // Not one that says it has none: its bytes would be passed over unseen.
      if (count > 0 && count <= skip) {
        skip -= count;
        options.onSkipped?.(count);
        continue;
      }
      const block = header.codec === "deflate" ? await unpack(packed, input.blockBytesMax) : packed;
      // A record takes a byte at least: one of no bytes could be there any number of times.
      if (count < 0 || count > block.length) throw unreadable(`a block of ${block.length} bytes has ${count} records`);
      let at = 0;
      for (let record = 0; record < count; record++) {
        const next = endOf(extent, block, at);
        if (skip > 0) {
          skip--;
          options.onSkipped?.(1);
          at = next;
          // Tiny records are many: others have their turn.
          if (record % turnRecords === 0) await setImmediate();
          continue;
        }
        options.onRecord?.(next - at);
        yield options.raw === true ? block.subarray(at, next) : decode(type, block.subarray(at, next));
        at = next;
      }
      if (at !== block.length) throw unreadable("a block is longer than its records");
    }
  } catch (error) {
    throw error instanceof Unreadable ? error.at(input) : error;
  } finally {
    await input.close();
  }
}

/** A file's own schema may be anything: avsc refuses it with errors of several classes. */
function typeOf(schemaText: string): { readonly type: avro.Type; readonly extent: Extent } {
  try {
    const type = avro.Type.forSchema(JSON.parse(schemaText));
    return { type, extent: extentOf(type) };
  } catch (error) {
    throw unreadable(`its schema cannot be used (${messageOf(error)})`, error);
  }
}

function endOf(extent: Extent, block: Buffer, at: number): number {
  try {
    return extent(block, at);
  } catch (error) {
    throw unreadable(`a block does not hold its records (${messageOf(error)})`, error);
  }
}

function decode(type: avro.Type, record: Buffer): unknown {
  try {
    return type.fromBuffer(record);
  } catch (error) {
    throw unreadable(`a record cannot be decoded (${messageOf(error)})`, error);
  }
}

async function readHeader(input: Input): Promise<{ header: ContainerHeader; syncMarker: Buffer }> {
  if ((await input.take(4)).toString("latin1") !== "Obj\u0001") throw unreadable("it does not start with `Obj` 1");
  const meta = new Map<string, string>();
  let bytesLeft = headerBytesMax;
  const text = async (): Promise<string> => {
    const bytes = await input.long();
    bytesLeft -= bytes;
    if (bytesLeft < 0) throw unreadable(`its header has more than ${headerBytesMax} bytes`);
    return (await input.take(bytes)).toString("utf8");
  };
  for (;;) {
    let count = await input.long();
    if (count === 0) break;
    if (count < 0) {
      count = -count;
      await input.long(); // the size of this part of the map
    }
    for (let entry = 0; entry < count; entry++) {
      const key = await text();
      meta.set(key, await text());
    }
  }
  const codec = meta.get("avro.codec") ?? "null";
  if (codec !== "null" && codec !== "deflate") throw unreadable(`its codec is ${codec}; null and deflate can be read`);
  const schemaText = meta.get("avro.schema");
  if (schemaText === undefined) throw unreadable("its header has no schema");
  return { header: { codec, schemaText }, syncMarker: Buffer.from(await input.take(16)) };
}

async function unpack(packed: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    return await inflateRawAsync(packed, { maxOutputLength: bytesMax });
  } catch (error) {
    throw unreadable(`a block does not decompress (${messageOf(error)})`, error);
  }
}

function unreadable(why: string, cause?: unknown): Unreadable {
  return new Unreadable(why, cause);
}

/** Why, before where is known. */
class Unreadable extends Error {
  constructor(why: string, cause: unknown) {
    super(why, { cause });
  }

  at(input: Input): ColdpathError {
    const message = `not a whole Avro container file: ${this.message} (${input.place})`;
    return new ColdpathError("invalid", "avro-unreadable", message, { cause: this.cause });
  }
}

/** Bytes on demand from chunks of any size. */
class Input {
  readonly blockBytesMax: number;
  readonly #source: AsyncIterator<Uint8Array>;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Bytes of the file before `#bytes`. */
  #passed = 0;
  #blocks = 0;
  #blockAt = 0;

  constructor(source: AsyncIterable<Uint8Array>, bytesMax: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.blockBytesMax = bytesMax;
  }

  beginBlock(): void {
    this.#blocks++;
    this.#blockAt = this.#passed + this.#at;
  }

  /** Where it was being read, for people. */
  get place(): string {
    return this.#blocks === 0 ? "in its header" : `in block ${this.#blocks}, which begins at byte ${this.#blockAt}`;
  }

  /** Lets the source go, read to its end or not. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async atEnd(): Promise<boolean> {
    return this.#at === this.#bytes.length && !(await this.#more(1));
  }

  /** A view of the next `count` bytes, valid until the next call. */
  async take(count: number): Promise<Buffer> {
    if (count < 0 || count > this.blockBytesMax) throw unreadable(`a length of ${count} bytes is out of range`);
    if (!(await this.#more(count))) throw unreadable("it ends in the middle");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  async long(): Promise<number> {
    let value = 0;
    let factor = 1;
    for (let index = 0; index < 8; index++) {
      const byte = (await this.take(1))[0] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    throw unreadable("an integer is out of range");
  }

  async #more(count: number): Promise<boolean> {
    if (this.#bytes.length - this.#at >= count) return true;
    const parts: Buffer[] = [this.#bytes.subarray(this.#at)];
    let have = this.#bytes.length - this.#at;
    while (have < count) {
      const next = await this.#source.next();
      if (next.done === true) break;
      // Copied: a source may reuse its chunk after the next is asked for.
      parts.push(Buffer.from(next.value));
      have += next.value.length;
    }
    this.#passed += this.#at;
    this.#bytes = Buffer.concat(parts);
    this.#at = 0;
    return have >= count;
  }
}
