import avro from "avsc";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { longBytes, writeLong } from "../lib/varint.ts";
import { type ContainerOptions, type RecordRun, openContainer, schemaText, writeContainer } from "./avro.ts";
import { extentOf } from "./record-extent.ts";
import { recordReader } from "./record-reader.ts";

const measurements = avro.Type.forSchema(JSON.parse(schemaText("measurements")));
const golden = readFileSync(new URL("../../test/fixtures/measurements-one-record.avro", import.meta.url));

const options: ContainerOptions = {
  schemaText: schemaText("measurements"),
  codec: "null",
  syncMarker: Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
  blockBytes: 1000,
};

function record(body: Uint8Array): Buffer {
  return measurements.toBuffer({
    EnqueuedTimeUtc: "2026-01-02T03:04:05.6780000Z",
    Properties: {},
    SystemProperties: { connectionDeviceId: "d" },
    Body: Buffer.from(body),
  });
}

async function* runsOf(records: readonly Buffer[], sizes: readonly number[]): AsyncGenerator<RecordRun> {
  let at = 0;
  for (let turn = 0; at < records.length; turn++) {
    const take = records.slice(at, at + (sizes[turn % sizes.length] ?? 1));
    at += take.length;
    yield { bytes: Buffer.concat(take), lengths: Uint32Array.from(take, (one) => one.length) };
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function* chunked(bytes: Buffer, size = 97): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function decoded(bytes: Buffer): Promise<unknown[]> {
  const records: unknown[] = [];
  for await (const one of openContainer(chunked(bytes))) records.push(one);
  return records;
}

/** Blocks of a container without compression, by a reader of its own: [count, bytes]. */
function blocks(bytes: Buffer, headerBytes: number): [number, number][] {
  const found: [number, number][] = [];
  let at = headerBytes;
  const long = (): number => {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) return value / 2;
    }
  };
  while (at < bytes.length) {
    const count = long();
    const size = long();
    found.push([count, size]);
    at += size + 16;
  }
  return found;
}

test("The golden file is reproduced byte for byte", async () => {
  const body = golden.subarray(351, 351 + 257);
  const file = await collect(writeContainer(options, runsOf([body], [1])));
  expect(createHash("sha256").update(file).digest("hex")).toBe(
    "d7593bc8b82222f633a539087bc8c2b197431e09494c059326bd6a7e477f6349",
  );
  expect(file.equals(golden)).toBe(true);
});

test("E2: the bytes do not depend on how records were batched, and avsc reads every record back", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 1500 }), { minLength: 1, maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom("null" as const, "deflate" as const),
      async (bodies, sizes, codec) => {
        const records = bodies.map(record);
        const one = await collect(writeContainer({ ...options, codec }, runsOf(records, [1])));
        const other = await collect(writeContainer({ ...options, codec }, runsOf(records, sizes)));
        expect(one.equals(other)).toBe(true);
        const back = (await decoded(one)) as { Body: Buffer }[];
        expect(back.map((entry) => entry.Body.toString("hex"))).toEqual(
          bodies.map((body) => Buffer.from(body).toString("hex")),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("Blocks are cut by record bytes, a larger record has a block of its own, none is empty", async () => {
  const records = [200, 200, 200, 5000, 100, 900, 10].map((size) => record(Buffer.alloc(size)));
  const file = await collect(writeContainer(options, runsOf(records, [3, 1])));
  const sizes = records.map((one) => one.length);
  const header = await collect(writeContainer(options, runsOf([record(Buffer.alloc(0))], [1])));
  const headerBytes =
    header.length - (1 + longBytes(record(Buffer.alloc(0)).length) + record(Buffer.alloc(0)).length + 16);
  expect(blocks(file, headerBytes)).toEqual([
    [3, (sizes[0] as number) * 3],
    [1, sizes[3]],
    [1, sizes[4]],
    [1, sizes[5]],
    [1, sizes[6]],
  ]);
});

test("No record, no bytes", async () => {
  expect((await collect(writeContainer(options, runsOf([], [1])))).length).toBe(0);
});

test("Anything that is not a whole container is refused with a code", async () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from("hello, world, this is no avro"),
    golden.subarray(0, 200),
    golden.subarray(0, 600),
  ]) {
    await expect(decoded(bytes)).rejects.toMatchObject({ code: "avro-unreadable" });
  }
});

test("A varint has the length it says, over the whole range", () => {
  fc.assert(
    fc.property(
      fc.maxSafeInteger().filter((value) => Math.abs(value) <= 2 ** 52),
      (value) => {
        const buffer = Buffer.alloc(10);
        const end = writeLong(buffer, 0, value);
        expect(end).toBe(longBytes(value));
        expect(avro.Type.forSchema("long").fromBuffer(buffer.subarray(0, end))).toBe(value);
      },
    ),
  );
});

/** A container with a schema of its own and one block. */
function container(schema: string, count: number, block: Buffer): Buffer {
  const long = (value: number): Buffer => {
    const bytes = Buffer.alloc(longBytes(value));
    writeLong(bytes, 0, value);
    return bytes;
  };
  const text = (value: string): Buffer => Buffer.concat([long(Buffer.byteLength(value)), Buffer.from(value)]);
  const { syncMarker } = options;
  const head = [Buffer.from("Obj\u0001"), long(1), text("avro.schema"), text(schema), long(0), syncMarker];
  return Buffer.concat([...head, long(count), long(block.length), block, syncMarker]);
}

/** `nested` in itself, so many times. */
function nest(depth: number, nested: string): string {
  return `${'{"type":"array","items":'.repeat(depth)}${nested}${"}".repeat(depth)}`;
}

const map40 = Buffer.from("0274808080808040", "hex"); // a time, then a map of 2^40 entries
const array40 = Buffer.from("808080808040", "hex");
const list = '{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}';

// Found by test/fuzz. The first kept the process busy for hours, the second and third took all memory; what its schema is
// made of came out as errors of any kind. A foreign file in an export's container is read by the server itself.
test.each([
  ["a map with 2^40 entries in 28 bytes", schemaText("measurements"), 1, Buffer.concat([map40, Buffer.alloc(20)])],
  ["an array of 2^40 nulls", '{"type":"array","items":"null"}', 1, array40],
  ["2^40 records of no bytes", '"null"', 2 ** 40, Buffer.alloc(0)],
  ["less than no records", '"long"', -1, Buffer.alloc(0)],
  ["a list in a list, a million times", list, 1, Buffer.alloc(1_000_000, 2)],
  ["a text of less than no bytes", '"string"', 1, Buffer.from([1])],
  ["a choice that is none", '["null","long"]', 1, Buffer.from([4])],
  ["an integer that is none", '"long"', 1, Buffer.alloc(11, 0xff)],
  ["an unknown type", '{"type":"strinc"}', 1, Buffer.from([2])],
  ["an impossible name", '{"type":"fixed","name":"a/b","size":1}', 1, Buffer.from([2])],
  ["a schema nested beyond the stack", nest(100_000, '"long"'), 1, Buffer.from([2])],
])("M1: %s is refused at once", async (_, schema, count, block) => {
  await expect(decoded(container(schema, count, block))).rejects.toMatchObject({ code: "avro-unreadable" });
});

test("A block that says it has no records, and has bytes, is refused, also where records are passed over", async () => {
  const file = container('"string"', 0, Buffer.from([2, 65]));
  for (const skip of [0, 5]) {
    const read = async (): Promise<void> => {
      for await (const _one of openContainer(chunked(file), { skip }));
    };
    await expect(read()).rejects.toMatchObject({ code: "avro-unreadable" });
  }
});

test("M1: 28 bytes that speak of 2^40 properties are no record", () => {
  expect(() => recordReader("measurements")(Buffer.concat([map40, Buffer.alloc(20)]))).toThrow(
    expect.objectContaining({ code: "record-unreadable" }),
  );
});

test("Values of every type have the extent that avsc gives them", () => {
  const schema = {
    type: "record",
    name: "All",
    fields: [
      { name: "self", type: ["null", "All"] },
      { name: "map", type: { type: "map", values: ["null", "boolean", "float", "string"] } },
      { name: "list", type: { type: "array", items: { type: "array", items: "double" } } },
      { name: "fixed", type: { type: "fixed", name: "F", size: 3 } },
      { name: "choice", type: { type: "enum", name: "E", symbols: ["A", "B"] } },
      { name: "int", type: "int" },
      { name: "bytes", type: "bytes" },
    ],
  };
  const type = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: true });
  const leaf = {
    self: null,
    map: {},
    list: [],
    fixed: Buffer.from("abc"),
    choice: "B",
    int: -70_000,
    bytes: Buffer.from("x"),
  };
  const value = {
    ...leaf,
    self: { All: leaf },
    map: { a: null, b: { float: 1 }, c: { string: "é" } },
    list: [[1, 2], []],
  };
  const bytes = Buffer.concat([Buffer.alloc(3), type.toBuffer(value), Buffer.alloc(5)]);
  expect(extentOf(type)(bytes, 3)).toBe(bytes.length - 5);
  for (let end = 3; end < bytes.length - 5; end++)
    expect(() => extentOf(type)(bytes.subarray(0, end), 3)).toThrow(RangeError);
});
