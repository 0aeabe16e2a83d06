// The container of a backup: tar (POSIX ustar), plain files only, so that any tar can look into it.
//
// Our own few lines instead of a library: we write one fixed shape, and reading only that shape leaves out all that a
// general reader must be careful with (links, devices, long names, sparse files).

import { damaged } from "./backup.ts";

const blockBytes = 512;
/** Eleven octal digits. */
export const entryBytesMax = 8 ** 11 - 1;

export interface ArchiveHeader {
  readonly name: string;
  readonly bytes: number;
}

/** The header of an entry; its content follows, then `padding`. */
export function printHeader({ name, bytes }: ArchiveHeader, mtimeMs: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0, 100, "latin1");
  block.write(octal(0o600, 7), 100, "latin1");
  block.write(octal(0, 7), 108, "latin1");
  block.write(octal(0, 7), 116, "latin1");
  block.write(octal(bytes, 11), 124, "latin1");
  block.write(octal(Math.floor(mtimeMs / 1000), 11), 136, "latin1");
  block.write("0", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

export function padding(bytes: number): Buffer {
  return Buffer.alloc((blockBytes - (bytes % blockBytes)) % blockBytes);
}

/** Two empty blocks end an archive. */
export function archiveEnd(): Buffer {
  return Buffer.alloc(2 * blockBytes);
}

/** Reads an archive from front to back. */
export class ArchiveReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The next entry's header, or null at the end of the archive. Read its content before asking again. */
  async header(): Promise<ArchiveHeader | null> {
    const block = await this.#take(blockBytes);
    if (block.every((byte) => byte === 0)) {
      const second = await this.#take(blockBytes);
      if (second.some((byte) => byte !== 0)) throw damaged("something follows its end");
      return null;
    }
    if (block.toString("latin1", 257, 262) !== "ustar" || field(block, 148, 8) !== checksum(block)) {
      throw damaged("an entry's header is not whole");
    }
    const [name = ""] = block.toString("latin1", 0, 100).split("\0");
    if (block[156] !== 0x30) throw damaged(`${JSON.stringify(name)} is not a plain file`);
    return { name, bytes: field(block, 124, 12) };
  }

  /** The content of the entry whose header was just read, in pieces. */
  async *content(bytes: number): AsyncGenerator<Buffer, void, void> {
    let left = bytes;
    while (left > 0) {
      if (this.#rest.length === 0) await this.#fill();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
    await this.#take(padding(bytes).length);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #take(bytes: number): Promise<Buffer> {
    while (this.#rest.length < bytes) await this.#fill();
    const taken = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return taken;
  }

  async #fill(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw damaged("it ends too early");
    this.#rest = this.#rest.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#rest, next.value]);
  }
}

function field(block: Buffer, at: number, length: number): number {
  const text = block.toString("latin1", at, at + length).replace(/[\0 ]+$/, "");
  if (!/^[0-7]{1,11}$/.test(text)) throw damaged("an entry's header is not whole");
  return Number.parseInt(text, 8);
}

/** The sum of the header's bytes, its own eight taken as spaces. */
function checksum(block: Buffer): number {
  let sum = 0;
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return sum;
}
