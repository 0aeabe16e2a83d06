import avro from "avsc";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { longBytes, writeLong } from "../../lib/varint.ts";
import { type PreviewBounds, previewFile } from "./file-preview.ts";

const marker = Buffer.alloc(16, 7);

function long(value: number): Buffer {
  const bytes = Buffer.alloc(longBytes(value));
  writeLong(bytes, 0, value);
  return bytes;
}

const text = (value: string): Buffer => Buffer.concat([long(Buffer.byteLength(value)), Buffer.from(value)]);

function header(schema: unknown, codec = "null"): Buffer {
  const entries = [text("avro.schema"), text(JSON.stringify(schema)), text("avro.codec"), text(codec)];
  return Buffer.concat([Buffer.from("Obj\u0001"), long(2), ...entries, long(0), marker]);
}

function block(count: number, body: Buffer): Buffer {
  return Buffer.concat([long(count), long(body.length), body, marker]);
}

const numbers = avro.Type.forSchema("int");
/** Ten blocks of ten numbers, 0 to 99. */
const tens = Array.from({ length: 10 }, (_, at) =>
  block(10, Buffer.concat(Array.from({ length: 10 }, (__, index) => numbers.toBuffer(at * 10 + index)))),
);

/** A store whose file is these bytes; tells how many were read, and whether its stream was let go. */
class Store {
  readonly bytes: Buffer;
  readBytes = 0;
  isClosed = false;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  // oxlint-disable-next-line require-await -- the port's shape
  async *read(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < this.bytes.length; at += 64) {
        const chunk = this.bytes.subarray(at, at + 64);
        this.readBytes += chunk.length;
        yield chunk;
      }
    } finally {
      this.isClosed = true;
    }
  }
}

const wide: PreviewBounds = { fileBytes: 1e9, recordBytes: 1e6 };
const look = async (store: Store, more: { offset?: number; limit?: number; bounds?: PreviewBounds } = {}) =>
  await previewFile(store, "a.avro", {
    offset: 0,
    limit: 10,
    bounds: wide,
    signal: new AbortController().signal,
    ...more,
  });

describe("a preview", () => {
  test.each([1, 7, 10, 33, 100, 1000])("by pages of %i gives every record once, in order", async (limit) => {
    const all: unknown[] = [];
    let offset: number | null = 0;
    while (offset !== null) {
      const store = new Store(Buffer.concat([header("int"), ...tens]));
      const page: Awaited<ReturnType<typeof look>> = await look(store, { offset, limit });
      expect(store.isClosed).toBe(true);
      expect(page.records.length).toBeLessThanOrEqual(limit);
      all.push(...page.records);
      expect(page.recordsPassed).toBe(all.length);
      expect(page.isAtEnd).toBe(page.next === null);
      offset = page.next;
    }
    expect(all).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  test("beyond the end is empty, and says how many there are", async () => {
    const store = new Store(Buffer.concat([header("int"), ...tens]));
    expect(await look(store, { offset: 5_000 })).toMatchObject({
      records: [],
      recordsPassed: 100,
      isAtEnd: true,
      next: null,
    });
  });

  test("M1: reads no further than it must", async () => {
    const store = new Store(Buffer.concat([header("int"), ...Array.from({ length: 100 }, () => tens).flat()]));
    expect((await look(store)).records).toHaveLength(10);
    expect(store.readBytes).toBeLessThan(500);
  });

  test("M1: blocks before the page are not unpacked: one that cannot be is passed over", async () => {
    const broken = block(10, Buffer.from("no deflate at all"));
    const good = block(1, deflateRawSync(numbers.toBuffer(42)));
    const store = (): Store => new Store(Buffer.concat([header("int", "deflate"), broken, good]));
    expect((await look(store(), { offset: 10 })).records).toEqual([42]);
    expect(await look(store())).toMatchObject({
      records: [],
      damage: expect.stringMatching(/in block 1, which begins at byte \d+/),
    });
  });

  test("M1: a file larger than the bound is cut, and says so", async () => {
    const store = new Store(Buffer.concat([header("int"), ...Array.from({ length: 100 }, () => tens).flat()]));
    const bounds = { ...wide, fileBytes: 1_000 };
    expect(await look(store, { offset: 900, bounds })).toMatchObject({
      records: [],
      isCut: true,
      next: null,
      damage: null,
    });
    expect(store.readBytes).toBeLessThan(1_200);
    await expect(look(new Store(header("x".repeat(5_000))), { bounds })).rejects.toMatchObject({
      code: "avro-unreadable",
      field: "path",
    });
  });

  test("M1: pages end where their records have enough bytes; one record that has more is refused, not the next", async () => {
    const strings = avro.Type.forSchema("string");
    const records = [10, 600, 600, 600, 2_000, 5].map((length) => strings.toBuffer("x".repeat(length)));
    const file = Buffer.concat([header("string"), ...records.map((record) => block(1, record))]);
    const bounds = { ...wide, recordBytes: 1_000 };
    expect(await look(new Store(file), { bounds })).toMatchObject({ recordsPassed: 2, next: 2 });
    expect(await look(new Store(file), { bounds, offset: 3 })).toMatchObject({ recordsPassed: 4, next: 4 });
    const large = look(new Store(file), { bounds, offset: 4 });
    await expect(large).rejects.toMatchObject({ code: "record-too-large", hint: expect.stringContaining("offset 5") });
    expect((await look(new Store(file), { bounds, offset: 5 })).records).toEqual(["xxxxx"]);
  });
});

describe("M1: a hostile file is told, with its place, and takes neither memory nor time", () => {
  const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024));
  const nulls = (fields: number) => ({
    type: "record",
    name: "N",
    fields: Array.from({ length: fields }, (_, at) => ({ name: `f${at}`, type: "null" })),
  });
  test.each([
    ["a deflate bomb", header("bytes", "deflate"), block(1, bomb)],
    ["a block that claims 200 MiB", header("int"), Buffer.concat([long(1), long(200 * 1024 * 1024)])],
    ["a million records in a byte", header("int"), block(1e6, Buffer.alloc(1))],
    [
      "an array of nothing",
      header({ type: "array", items: nulls(1_000) }),
      block(1, Buffer.concat([long(200_000), Buffer.alloc(300_000)])),
    ],
    [
      "arrays of arrays of nothing",
      header({ type: "array", items: { type: "array", items: nulls(1_000) } }),
      block(
        1,
        Buffer.concat([
          long(1_000),
          ...Array.from({ length: 1_000 }, () => Buffer.concat([long(1_000), long(0)])),
          long(0),
          Buffer.alloc(2_000),
        ]),
      ),
    ],
    ["a negative length", header("int"), Buffer.concat([long(1), long(-5)])],
    ["a marker of another file", header("int"), Buffer.concat([long(1), long(1), Buffer.alloc(17)])],
    ["an end in the middle", header("int"), (tens[0] as Buffer).subarray(0, 20)],
  ])("%s", async (_what, head, body) => {
    const startMs = performance.now();
    const store = new Store(Buffer.concat([head, body]));
    const page = await look(store);
    expect(page.damage).toMatch(/^not a whole Avro container file: .* \(in block 1, which begins at byte \d+\)$/);
    expect(store.isClosed).toBe(true);
    // Generous: without the bounds these take minutes, or all memory.
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });

  test("records of nothing, however many, are passed over up to a bound", async () => {
    const file = Buffer.concat([header(nulls(1_000)), block(1_000_000, Buffer.alloc(1_000_000))]);
    expect((await look(new Store(file), { offset: 990_000 })).damage).toContain("too many values take no bytes");
  });

  test("what stands before the damage is shown", async () => {
    const file = Buffer.concat([header("int"), ...tens.slice(0, 2), Buffer.from("damage that is no block at all")]);
    const page = await look(new Store(file), { limit: 50 });
    expect(page.records).toHaveLength(20);
    expect(page).toMatchObject({ isAtEnd: false, next: null, damage: expect.stringContaining("in block 3") });
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("this is no Avro file, but a text under one's name")],
    ["another codec", header("int", "snappy")],
    ["a schema that is none", header({ type: "riddle" })],
    ["half a header", header("int").subarray(0, 20)],
  ])("a file that is %s is refused", async (_what, bytes) => {
    await expect(look(new Store(bytes))).rejects.toMatchObject({
      code: "avro-unreadable",
      message: /^a\.avro cannot be shown: /,
    });
  });
});
