// Avro containers: whatever a file holds, it is read as avsc's own reader reads it, or refused as `avro-unreadable`.
//
// The input: a byte that says in which pieces the file arrives, then the file.

import avro from "avsc";
import fc from "fast-check";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { openContainer, schemaNames, schemaText } from "../../../src/avro/avro.ts";
import { longBuffer, stringBuffer } from "../../../src/lib/varint.ts";
import { codeOf } from "../../../src/lib/errors.ts";
import { type Target, claim } from "../engine/target.ts";

const sync = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");

interface Block {
  readonly count: number;
  readonly bytes: Uint8Array;
}

function container(schema: string, codec: string | null, blocks: readonly Block[]): Buffer {
  const meta: [string, string][] = [
    ["avro.schema", schema],
    ...(codec === null ? [] : [["avro.codec", codec] as [string, string]]),
  ];
  return Buffer.concat([
    Buffer.from("Obj\u0001"),
    longBuffer(meta.length),
    ...meta.flatMap(([key, value]) => [stringBuffer(key), stringBuffer(value)]),
    longBuffer(0),
    sync,
    ...blocks.flatMap(({ count, bytes }) => {
      const packed = codec === "deflate" ? deflateRawSync(bytes) : bytes;
      return [longBuffer(count), longBuffer(packed.length), packed, sync];
    }),
  ]);
}

const schemas = [
  '"null"',
  '"long"',
  '{"type":"array","items":"null"}',
  '{"type":"map","values":"string"}',
  '{"type":"record","name":"R","fields":[]}',
  '{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]},{"name":"b","type":"bytes"}]}',
  '{"type":"enum","name":"E","symbols":["A","B"]}',
  '{"type":"fixed","name":"F","size":3}',
  '["null","double","float","boolean",{"type":"array","items":"int"}]',
];

async function* pieces(file: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

/**
 * The records by avsc, the frame by its specification, all of it in memory. Only for what was accepted: avsc believes every
 * count. (Its own `BlockDecoder` neither ends nor fails on some files that are cut off.)
 */
function readByAvsc(file: Buffer): string[] {
  const long = avro.Type.forSchema("long");
  const header = avro.Type.forSchema({
    type: "record",
    name: "org.apache.avro.file.Header",
    fields: [
      { name: "magic", type: { type: "fixed", name: "Magic", size: 4 } },
      { name: "meta", type: { type: "map", values: "bytes" } },
      { name: "sync", type: { type: "fixed", name: "Sync", size: 16 } },
    ],
  });
  const { value, offset } = header.decode(file, 0);
  const type = avro.Type.forSchema(JSON.parse(String(value.meta["avro.schema"])));
  const isPacked = String(value.meta["avro.codec"] ?? "null") === "deflate";
  const found: string[] = [];
  let at = offset;
  while (at < file.length) {
    const count = long.decode(file, at);
    const size = long.decode(file, count.offset);
    const packed = file.subarray(size.offset, size.offset + size.value);
    const block = isPacked ? inflateRawSync(packed) : packed;
    let place = 0;
    for (let record = 0; record < count.value; record++) {
      const one = type.decode(block, place);
      claim(one.offset > place, "a record has no bytes");
      found.push(shown(one.value));
      place = one.offset;
    }
    claim(place === block.length, "a block is longer than its records");
    at = size.offset + size.value;
    claim(file.subarray(at, at + 16).equals(value.sync), "a block does not end in the sync marker");
    at += 16;
  }
  return found;
}

function shown(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === "number" && !Number.isFinite(part) ? String(part) : part,
    ) ?? "undefined"
  );
}

export const target: Target = {
  bytesMax: 4096,
  seeds: () => {
    const measurements = avro.Type.forSchema(JSON.parse(schemaText("measurements")));
    const record = measurements.toBuffer({
      EnqueuedTimeUtc: "2026-01-02T03:04:05.6780000Z",
      Properties: { a: "1" },
      SystemProperties: { connectionDeviceId: "d" },
      Body: Buffer.from('{"t":1}'),
    });
    const files = [
      container(schemaText("measurements"), "null", [{ count: 2, bytes: Buffer.concat([record, record]) }]),
      container(schemaText("measurements"), "deflate", [
        { count: 1, bytes: record },
        { count: 1, bytes: record },
      ]),
      ...schemaNames.map((name) => container(schemaText(name), null, [])),
      ...schemas.map((schema) => container(schema, null, [{ count: 1, bytes: Buffer.from([2, 2, 0, 0]) }])),
      container('"string"', "snappy", []),
    ];
    return files.flatMap((file, index) => [Buffer.concat([Buffer.from([index]), file])]);
  },
  grammar: fc
    .tuple(
      fc.nat(255),
      fc.constantFrom(...schemas, schemaText("measurements"), schemaText("devices-2018-09")),
      fc.constantFrom("null", "deflate", null),
      fc.array(
        fc.record({
          count: fc.oneof(fc.nat(4), fc.integer(), fc.constantFrom(2 ** 31, 2 ** 50)),
          bytes: fc.uint8Array({ maxLength: 80 }),
        }),
        {
          maxLength: 3,
        },
      ),
    )
    .map(([size, schema, codec, blocks]) => Buffer.concat([Buffer.from([size]), container(schema, codec, blocks)])),
  dictionary: [
    sync,
    "avro.codec",
    "avro.schema",
    '{"type":"array","items":',
    '"null"',
    '{"type":"map","values":',
    '"name":"A"',
    longBuffer(2 ** 40),
    longBuffer(-1),
    longBuffer(-(2 ** 40)),
  ],
  run: async (input) => {
    const file = input.subarray(1);
    const size = 1 + (input[0] ?? 0);
    const found: string[] = [];
    try {
      for await (const value of openContainer(pieces(file, size))) {
        found.push(shown(value));
        // Each record takes a byte of a block, and a block of deflate is at most a thousand times as long as the file.
        claim(found.length <= 1100 * file.length, "M1: it reads records out of nothing");
      }
    } catch (error) {
      if (codeOf(error) === "avro-unreadable") return;
      throw error;
    }
    const expected = readByAvsc(file);
    claim(shown(found) === shown(expected), () => `${shown(found)}, by avsc ${shown(expected)}`);
    let raw = 0;
    for await (const bytes of openContainer(pieces(file, 4096), { raw: true })) raw += Buffer.isBuffer(bytes) ? 1 : 0;
    claim(raw === found.length, "the same file has another number of records");
  },
};
