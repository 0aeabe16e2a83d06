// Container files and records, read and written a second time, from docs/formats.md and not from the product's code: what
// the oracle compares with.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import avro from "avsc";

const schemas = new Map(
  ["measurements", "devices-2018-07", "devices-2018-09", "device-templates"].map((name) => {
    const text = readFileSync(new URL(`../../src/avro/schemas/${name}.avsc`, import.meta.url), "utf8");
    return [name, { text, type: avro.Type.forSchema(JSON.parse(text)) }];
  }),
);

export function schemaOf(type: string, revision: string): { readonly text: string; readonly type: avro.Type } {
  const name = { measurements: "measurements", devices: `devices-${revision}`, deviceTemplates: "device-templates" }[
    type
  ];
  const found = schemas.get(name ?? "");
  if (found === undefined) throw new Error(`no schema for ${type}`);
  return found;
}

function long(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value) * 2n;
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([long(bytes.length), bytes]);
}

export interface FileOf {
  readonly type: string;
  readonly partition: number;
  readonly window: number;
  readonly part: number;
}

export function syncMarkerOf(secret: Buffer, file: FileOf): Buffer {
  const name = `${file.type}/${file.partition}/${file.window}/${file.part}`;
  return createHmac("sha256", secret).update(name).digest().subarray(0, 16);
}

/** The bytes that a file of these records must have. */
export function containerOf(
  records: readonly Buffer[],
  of: { schemaText: string; codec: string; syncMarker: Buffer; blockBytes: number },
): Buffer {
  const chunks = [
    Buffer.from("Obj\u0001", "latin1"),
    long(2),
    text("avro.codec"),
    text(of.codec),
    text("avro.schema"),
    text(of.schemaText),
    long(0),
    of.syncMarker,
  ];
  for (const block of cut(records, of.blockBytes)) {
    const bytes = Buffer.concat(block);
    const packed = of.codec === "deflate" ? deflateRawSync(bytes, { level: 6, memLevel: 8 }) : bytes;
    chunks.push(long(block.length), long(packed.length), packed, of.syncMarker);
  }
  return Buffer.concat(chunks);
}

/** Consecutive records, as many as fit into `bytesMax` together; a larger one alone. */
export function cut(records: readonly Buffer[], bytesMax: number): Buffer[][] {
  const groups: Buffer[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    if (bytes + record.length > bytesMax) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(record);
    bytes += record.length;
  }
  return groups;
}

class Cursor {
  at = 0;
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  long(): number {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Error("ends in a number");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
      shift += 7n;
    }
    return Number((value >> 1n) ^ -(value & 1n));
  }
  take(bytes: number): Buffer {
    const taken = this.bytes.subarray(this.at, this.at + bytes);
    if (bytes < 0 || taken.length < bytes) throw new Error("ends too early");
    this.at += bytes;
    return taken;
  }
  text(): string {
    return this.take(this.long()).toString();
  }
  map(): Record<string, string> {
    const entries: [string, string][] = [];
    for (;;) {
      const count = this.long();
      if (count === 0) return Object.fromEntries(entries);
      for (let index = 0; index < count; index++) entries.push([this.text(), this.text()]);
    }
  }
}

export interface ReadContainer {
  readonly codec: string;
  readonly schemaText: string;
  readonly syncMarker: Buffer;
  readonly records: readonly unknown[];
}

/** Throws when it is not a whole container. */
export function readContainer(bytes: Buffer, type: avro.Type): ReadContainer {
  const cursor = new Cursor(bytes);
  if (cursor.take(4).toString("latin1") !== "Obj\u0001") throw new Error("is no container");
  const metadata = cursor.map();
  const syncMarker = cursor.take(16);
  const records: unknown[] = [];
  while (cursor.at < bytes.length) {
    const count = cursor.long();
    const packed = cursor.take(cursor.long());
    const block = metadata["avro.codec"] === "deflate" ? inflateRawSync(packed) : packed;
    let at = 0;
    for (let index = 0; index < count; index++) {
      const { value, offset } = type.decode(block, at);
      records.push(value);
      at = offset;
    }
    if (count === 0 || at !== block.length) throw new Error("a block holds something else");
    if (!cursor.take(16).equals(syncMarker)) throw new Error("a block does not end in the sync marker");
  }
  return { codec: metadata["avro.codec"] ?? "", schemaText: metadata["avro.schema"] ?? "", syncMarker, records };
}

export interface MeasurementsRecord {
  readonly enqueued: string;
  readonly application: Readonly<Record<string, string>>;
  readonly system: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Throws when it is not one whole record. */
export function readMeasurement(bytes: Buffer): MeasurementsRecord {
  const cursor = new Cursor(bytes);
  const enqueued = cursor.text();
  const application = cursor.map();
  const system = cursor.map();
  if (cursor.long() !== 1) throw new Error("has no body");
  const body = cursor.text();
  if (cursor.at !== bytes.length) throw new Error("has more than a record");
  return { enqueued, application, system, body };
}
