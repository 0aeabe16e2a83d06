// AMQP's types: what is written is read as it was, what is no AMQP is refused, and nothing is made out of nothing.

import fc from "fast-check";
import rhea from "rhea";
import { describe, expect, test } from "vitest";
import {
  AmqpMap,
  AmqpSymbol,
  type AmqpValue,
  type Described,
  Malformed,
  Timestamp,
  Uuid,
  ValueReader,
  encode,
} from "./values.ts";

const read = (...bytes: readonly (number | Buffer)[]): AmqpValue =>
  new ValueReader(Buffer.concat(bytes.map((one) => (typeof one === "number" ? Buffer.of(one) : one)))).read();

test("What is written is read", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(0xffff_ffff),
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.integer(),
      fc.boolean(),
      (text, bytes, uint, ulong, int, bool) => {
        const wellFormed = text.toWellFormed();
        const list = encode.list([
          encode.string(wellFormed),
          encode.binary(bytes),
          encode.uint(uint),
          encode.ulong(ulong),
          encode.int(int),
          null,
          encode.bool(bool),
          encode.map([[encode.symbol("key"), encode.long(BigInt(int))]]),
          null,
        ]);
        const values = read(encode.described(0x24, list)) as Described;
        expect(values.descriptor).toBe(0x24n);
        const map = new AmqpMap([[new AmqpSymbol("key"), BigInt(int)]]);
        expect(values.value).toEqual([wellFormed, Buffer.from(bytes), uint, ulong, int, null, bool, map]);
      },
    ),
  );
});

test("What rhea writes is read", () => {
  const { types } = rhea;
  const pairs: [unknown, AmqpValue][] = [
    [types.wrap_string("ä"), "ä"],
    [types.wrap_symbol("s"), new AmqpSymbol("s")],
    [types.wrap_double(1.5), 1.5],
    [types.wrap_float(0.5), 0.5],
    [types.wrap_timestamp(1234), new Timestamp(1234)],
    [types.wrap_uuid(Buffer.alloc(16, 7)), new Uuid(Buffer.alloc(16, 7))],
    [
      types.wrap_map({ a: 1, b: [true, null] }),
      new AmqpMap([
        ["a", 1],
        ["b", [true, null]],
      ]),
    ],
    [types.wrap_array(["x", "y"], 0xa3, undefined), [new AmqpSymbol("x"), new AmqpSymbol("y")]],
    [types.wrap_long(-5), -5n],
    [types.wrap_ulong(300), 300n],
    [types.wrap_short(-2), -2],
    [types.wrap_byte(-2), -2],
  ];
  for (const [wrapped, expected] of pairs) {
    const bytes = rhea.message.encode({ body: wrapped });
    const reader = new ValueReader(bytes);
    let body: AmqpValue = null;
    while (!reader.isAtEnd) body = reader.readDescriptor() === 0x77 ? reader.read() : (reader.read(), null);
    expect(body).toEqual(expected);
  }
});

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

describe("M1: refused, without work or memory", () => {
  test.each([
    ["an array of four billion nulls", [0xf0, uint32(5), uint32(0xffff_ffff), 0x40]],
    ["a list that says it has four billion items", [0xd0, uint32(5), uint32(0xffff_ffff), 0x40]],
    ["a size beyond the end", [0xd0, uint32(0xffff_ffff), uint32(1), 0x40]],
    ["a string beyond the end", [0xb1, uint32(10), 0x41]],
    ["a string that is not UTF-8", [0xa1, 1, 0xff]],
    ["a map with half an entry", [0xc1, 2, 1, 0x40]],
    ["a list that ends within an item", [0xc0, 3, 1, 0x60, 0]],
    ["a list with bytes behind its items", [0xc0, 3, 1, 0x40, 0x40]],
    ["an unknown type", [0x01]],
    ["nothing", []],
    ["a boolean of 2", [0x56, 2]],
    ["descriptors within descriptors", [Buffer.alloc(10_000)]],
    [
      "lists within lists",
      [Buffer.concat(Array.from({ length: 40 }, (_, at) => Buffer.of(0xc0, 2 + 3 * (39 - at), 1)))],
    ],
  ] as const)("%s", (_, bytes) => {
    const sinceMs = performance.now();
    expect(() => read(...bytes)).toThrow(Malformed);
    expect(performance.now() - sinceMs).toBeLessThan(1_000);
  });

  test("whatever comes: it is read, or Malformed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
