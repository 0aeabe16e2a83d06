// AMQP's types (AMQP 1.0, part 1), read and written. Pure.
//
// Whole numbers of up to 32 bits are numbers, of 64 bits bigints. What this hub has no use for (decimals, characters) is read over.
//
//   M1  Nothing is believed: a size lies within what there is, items have bytes, nesting ends at `depthMax`.

import { isUtf8 } from "node:buffer";

/** What is read is no AMQP. Thrown within this folder only; connection.ts ends the connection. */
export class Malformed extends Error {}

export class AmqpSymbol {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export class Uuid {
  /** 16 bytes. */
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  toString(): string {
    return this.bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }
}
export class Timestamp {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}
export class AmqpMap {
  readonly entries: readonly (readonly [AmqpValue, AmqpValue])[];
  constructor(entries: readonly (readonly [AmqpValue, AmqpValue])[]) {
    this.entries = entries;
  }
  /** The value whose key is a string or symbol of this text. The last of two equal keys wins. */
  get(name: string): AmqpValue | undefined {
    return this.entries.findLast(([key]) => textOf(key) === name)?.[1];
  }
}
export class Described {
  /** The low 32 bits where it is a number. */
  readonly descriptor: AmqpValue;
  readonly value: AmqpValue;
  constructor(descriptor: AmqpValue, value: AmqpValue) {
    this.descriptor = descriptor;
    this.value = value;
  }
}
/** Read over. */
export class Unused {
  readonly kind = "unused";
}

export type AmqpValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | AmqpSymbol
  | Uuid
  | Timestamp
  | AmqpMap
  | Described
  | Unused
  | readonly AmqpValue[];

/** The text of a string or symbol, or null. */
export function textOf(value: AmqpValue | undefined): string | null {
  if (typeof value === "string") return value;
  return value instanceof AmqpSymbol ? value.text : null;
}

const depthMax = 16;
const unused = new Unused();

export class ValueReader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
  #depth = 0;

  /** Reads `bytes[at, end)`. */
  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** One value, with its constructor. */
  read(): AmqpValue {
    const code = this.#byte();
    if (code !== 0) return this.#value(code);
    if (++this.#depth > depthMax) throw new Malformed("values are nested too deeply");
    const descriptor = this.read();
    const value = this.read();
    this.#depth--;
    return new Described(descriptor, value);
  }

  /** The descriptor's code of a described value that begins here; the value follows. */
  readDescriptor(): number {
    if (this.#byte() !== 0) throw new Malformed("a described value is wanted");
    const code = this.read();
    if (typeof code !== "bigint" || code > 0xffff_ffffn) throw new Malformed("a descriptor is no number that is known");
    return Number(code);
  }

  /** The bytes of a binary value that begins here: where they are. */
  readBinary(): readonly [first: number, next: number] {
    const code = this.#byte();
    if (code !== 0xa0 && code !== 0xb0) throw new Malformed("a binary value is wanted");
    const first = this.#take(code === 0xa0 ? this.#byte() : this.#uint32());
    return [first, this.at];
  }

  #value(code: number): AmqpValue {
    const { bytes } = this;
    switch (code) {
      case 0x40:
        return null;
      case 0x41:
        return true;
      case 0x42:
        return false;
      case 0x43:
        return 0;
      case 0x44:
        return 0n;
      case 0x45:
        return [];
      case 0x50:
      case 0x52:
        return this.#byte();
      case 0x51:
      case 0x54:
        return bytes.readInt8(this.#take(1));
      case 0x53:
        return BigInt(this.#byte());
      case 0x55:
        return BigInt(bytes.readInt8(this.#take(1)));
      case 0x56: {
        const value = this.#byte();
        if (value > 1) throw new Malformed("a boolean is 0 or 1");
        return value === 1;
      }
      case 0x60:
        return bytes.readUInt16BE(this.#take(2));
      case 0x61:
        return bytes.readInt16BE(this.#take(2));
      case 0x70:
        return this.#uint32();
      case 0x71:
        return bytes.readInt32BE(this.#take(4));
      case 0x72:
        return bytes.readFloatBE(this.#take(4));
      case 0x80:
        return bytes.readBigUInt64BE(this.#take(8));
      case 0x81:
        return bytes.readBigInt64BE(this.#take(8));
      case 0x82:
        return bytes.readDoubleBE(this.#take(8));
      case 0x83:
        return new Timestamp(Number(bytes.readBigInt64BE(this.#take(8))));
      case 0x98:
        return new Uuid(Buffer.from(this.#slice(16)));
      case 0x73:
      case 0x74:
        this.#take(4);
        return unused;
      case 0x84:
        this.#take(8);
        return unused;
      case 0x94:
        this.#take(16);
        return unused;
      case 0xa0:
        return this.#slice(this.#byte());
      case 0xb0:
        return this.#slice(this.#uint32());
      case 0xa1:
        return this.#text(this.#byte());
      case 0xb1:
        return this.#text(this.#uint32());
      case 0xa3:
        return this.#symbol(this.#byte());
      case 0xb3:
        return this.#symbol(this.#uint32());
      case 0xc0:
        return this.#compound(this.#byte(), 1);
      case 0xd0:
        return this.#compound(this.#uint32(), 4);
      case 0xc1:
        return mapOf(this.#compound(this.#byte(), 1));
      case 0xd1:
        return mapOf(this.#compound(this.#uint32(), 4));
      case 0xe0:
        return this.#array(this.#byte(), 1);
      case 0xf0:
        return this.#array(this.#uint32(), 4);
      default:
        throw new Malformed(`there is no type 0x${code.toString(16)}`);
    }
  }

  /** Items of a list or map, each with its constructor. */
  #compound(size: number, width: 1 | 4): AmqpValue[] {
    const end = this.at + size;
    const count = this.#count(size, width);
    const items: AmqpValue[] = [];
    // Each has a byte at least, so the end comes before many are made.
    for (let item = 0; item < count; item++) {
      if (this.at >= end) throw new Malformed("a list says it has more items than it has");
      items.push(this.read());
    }
    if (this.at !== end) throw new Malformed("a list ends where none of its items does");
    this.#depth--;
    return items;
  }

  /** Items of one type. */
  #array(size: number, width: 1 | 4): AmqpValue[] {
    const end = this.at + size;
    const count = this.#count(size, width);
    const code = this.#byte();
    const items: AmqpValue[] = [];
    // Described items, or such without bytes, could be many out of nothing.
    if (code < 0x50) throw new Malformed("an array's items have no bytes");
    for (let item = 0; item < count; item++) {
      if (this.at >= end) throw new Malformed("an array says it has more items than it has");
      items.push(this.#value(code));
    }
    if (this.at !== end) throw new Malformed("an array ends where none of its items does");
    this.#depth--;
    return items;
  }

  #count(size: number, width: 1 | 4): number {
    if (size < width || this.at + size > this.end) throw new Malformed("a size reaches beyond the end");
    if (++this.#depth > depthMax) throw new Malformed("values are nested too deeply");
    return width === 1 ? this.#byte() : this.#uint32();
  }

  #text(bytes: number): string {
    const slice = this.#slice(bytes);
    if (!isUtf8(slice)) throw new Malformed("a string is not UTF-8");
    return slice.toString("utf8");
  }

  #symbol(bytes: number): AmqpSymbol {
    return new AmqpSymbol(this.#slice(bytes).toString("latin1"));
  }

  #slice(bytes: number): Buffer {
    const first = this.#take(bytes);
    return this.bytes.subarray(first, this.at);
  }

  #byte(): number {
    return this.bytes[this.#take(1)] as number;
  }

  #uint32(): number {
    return this.bytes.readUInt32BE(this.#take(4));
  }

  /** @returns where they begin. */
  #take(bytes: number): number {
    const first = this.at;
    if (first + bytes > this.end) throw new Malformed("a value reaches beyond the end");
    this.at = first + bytes;
    return first;
  }
}

function mapOf(items: readonly AmqpValue[]): AmqpMap {
  if (items.length % 2 !== 0) throw new Malformed("a map has a key without a value");
  const entries: [AmqpValue, AmqpValue][] = [];
  for (let at = 0; at < items.length; at += 2) entries.push([items[at] ?? null, items[at + 1] ?? null]);
  return new AmqpMap(entries);
}

/** Encoded values, with their constructors. */
export const encode = {
  null: Buffer.of(0x40),
  bool: (value: boolean): Buffer => Buffer.of(value ? 0x41 : 0x42),
  ubyte: (value: number): Buffer => Buffer.of(0x50, value),
  ushort: (value: number): Buffer => Buffer.of(0x60, value >> 8, value & 255),
  uint: (value: number): Buffer => {
    if (value < 256) return value === 0 ? Buffer.of(0x43) : Buffer.of(0x52, value);
    return numbered(0x70, 4, (bytes) => bytes.writeUInt32BE(value, 1));
  },
  int: (value: number): Buffer => numbered(0x71, 4, (bytes) => bytes.writeInt32BE(value, 1)),
  ulong: (value: bigint): Buffer => numbered(0x80, 8, (bytes) => bytes.writeBigUInt64BE(value, 1)),
  long: (value: bigint): Buffer => numbered(0x81, 8, (bytes) => bytes.writeBigInt64BE(value, 1)),
  timestamp: (ms: number): Buffer => numbered(0x83, 8, (bytes) => bytes.writeBigInt64BE(BigInt(ms), 1)),
  uuid: (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(0x98), bytes]),
  binary: (bytes: Uint8Array): Buffer => sized(0xa0, bytes),
  string: (text: string): Buffer => sized(0xa1, Buffer.from(text)),
  symbol: (text: string): Buffer => sized(0xa3, Buffer.from(text, "latin1")),
  /** Nulls at the end are left out. */
  list: (items: readonly (Buffer | null)[]): Buffer => {
    const count = items.findLastIndex((item) => item !== null) + 1;
    return count === 0
      ? Buffer.of(0x45)
      : compound(
          0xc0,
          count,
          items.slice(0, count).map((item) => item ?? encode.null),
        );
  },
  map: (entries: readonly (readonly [Buffer, Buffer])[]): Buffer => compound(0xc1, 2 * entries.length, entries.flat()),
  described: (code: number, value: Buffer): Buffer => Buffer.concat([Buffer.of(0, 0x53, code), value]),
  symbols: (texts: readonly string[]): Buffer => {
    const items = Buffer.concat(texts.map((text) => encode.symbol(text).subarray(1)));
    return Buffer.concat([Buffer.of(0xe0, 2 + items.length, texts.length, 0xa3), items]);
  },
  /** As it was read: for ids that are given back. */
  id: (value: AmqpValue): Buffer | null => {
    if (typeof value === "string") return encode.string(value);
    if (typeof value === "bigint") return encode.ulong(BigInt.asUintN(64, value));
    if (value instanceof Uuid) return encode.uuid(value.bytes);
    return Buffer.isBuffer(value) ? encode.binary(value) : null;
  },
} as const;

function numbered(code: number, width: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = code;
  write(bytes);
  return bytes;
}

function sized(code: number, content: Uint8Array): Buffer {
  if (content.length < 256) return Buffer.concat([Buffer.of(code, content.length), content]);
  const head = Buffer.alloc(5);
  head[0] = code + 0x10;
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function compound(code: number, count: number, items: readonly Buffer[]): Buffer {
  const content = Buffer.concat(items);
  if (content.length < 255 && count < 256) return Buffer.concat([Buffer.of(code, content.length + 1, count), content]);
  const head = Buffer.alloc(9);
  head[0] = code + 0x10;
  head.writeUInt32BE(content.length + 4, 1);
  head.writeUInt32BE(count, 5);
  return Buffer.concat([head, content]);
}
