import avro from "avsc";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EnqueuedTime, printEnqueuedTime } from "./enqueued-time.ts";
import { type Sender, countedBytes, noProperties } from "./message.ts";
import { parsePropertyBag } from "./property-bag.ts";
import { recordBytesMax, recordHead, writeRecord } from "./record-encoder.ts";

const schemaText = readFileSync(new URL("../avro/schemas/measurements.avsc", import.meta.url), "utf8");
const type = avro.Type.forSchema(JSON.parse(schemaText));
const sender: Sender = { deviceId: "dev-1", authScope: "device", generationId: "639000000000000000" };

function encode(from: Sender, bag: string, body: Uint8Array, timeMs: number): Buffer {
  const properties = parsePropertyBag(bag);
  if (properties === null) throw new Error("bad bag");
  const head = recordHead(from, properties);
  const time = new EnqueuedTime();
  time.set(timeMs);
  const target = Buffer.alloc(recordBytesMax(head, body.length));
  return target.subarray(0, writeRecord(target, 0, time, head, body, 0, body.length));
}

test("The record of the golden file is reproduced byte for byte", () => {
  const golden = readFileSync(new URL("../../test/fixtures/measurements-one-record.avro", import.meta.url));
  const record = encode(sender, "", Buffer.from('{"t":1}'), Date.parse("2026-01-02T03:04:05.678Z"));
  expect(golden.indexOf(record)).toBe(348 + 3);
  expect(record.length).toBe(257);
});

test("System properties come in IoT Hub's order, whatever the order in the bag", () => {
  const bag = "$.sub=c1&%24.ce=utf-8&$.ct=application%2Fjson&$.uid=u&$.cid=c&$.mid=m&$.to=x&$.exp=y";
  const from = { ...sender, moduleId: "mod", modelId: "dtmi:a:b;1", authScope: "module" as const };
  const record = type.fromBuffer(encode(from, bag, Buffer.from("x"), 0));
  expect(Object.entries(record.SystemProperties)).toEqual([
    ["connectionDeviceId", "dev-1"],
    ["connectionModuleId", "mod"],
    ["connectionAuthMethod", '{"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}'],
    ["connectionDeviceGenerationId", "639000000000000000"],
    ["messageId", "m"],
    ["correlationId", "c"],
    ["userId", "u"],
    ["contentType", "application/json"],
    ["contentEncoding", "utf-8"],
    ["dt-dataschema", "dtmi:a:b;1"],
    ["dt-subject", "c1"],
    ["enqueuedTime", "1970-01-01T00:00:00.0000000Z"],
  ]);
  expect(record.Properties).toEqual({});
});

test('A bag key without = has the value "", the last of two equal keys wins', () => {
  const properties = parsePropertyBag("a&b=1&b=2&c=&d=x%3Dy=z&level=x%26y%2Fz&");
  expect(properties?.application).toEqual(
    new Map([
      ["a", ""],
      ["b", "2"],
      ["c", ""],
      ["d", "x=y=z"],
      ["level", "x&y/z"],
    ]),
  );
});

test("What SDKs besides Node's write is understood: the creation time, and what is for the hub alone", () => {
  const bag =
    "?%24.ctime=2026-01-01T00%3A00%3A00Z&%24.cdid=other&$.cmid=m&$.schema=s&$.diagid=1&$.diagctx=2&$.ct=a%2Fb&?=1";
  const properties = parsePropertyBag(bag);
  expect([...(properties?.application ?? [])]).toEqual([
    ["iothub-creation-time-utc", "2026-01-01T00:00:00Z"],
    ["?", "1"],
  ]);
  expect([...(properties?.system ?? [])]).toEqual([["contentType", "a/b"]]);
});

test("An escape that is malformed or not UTF-8 is no bag", () => {
  for (const bag of ["a=%", "a=%zz", "a=%ff", "%c3=1", "ok=1&x=%e2%82"]) expect(parsePropertyBag(bag)).toBeNull();
});

test("An empty body is zero bytes, never null", () => {
  expect(type.fromBuffer(encode(sender, "", Buffer.alloc(0), 1)).Body).toEqual(Buffer.alloc(0));
});

test("The counted size is body, system values, application names and values", () => {
  const properties = parsePropertyBag("$.mid=abc&ké=v");
  expect(countedBytes(properties ?? noProperties, 10)).toBe(10 + 3 + 3 + 1);
});

test("Any message round-trips through avsc, and re-encodes to the same bytes", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), { maxKeys: 5 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 0, max: 253_402_300_799_999 }),
      (application, body, timeMs) => {
        const bag = Object.entries(application)
          .filter(([key]) => !key.startsWith("$.") && key !== "__proto__")
          .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
        // The empty key prints as "=value" and is kept.
        const bytes = encode(sender, bag.join("&"), body, timeMs);
        const record = type.fromBuffer(bytes);
        expect(record.EnqueuedTimeUtc).toBe(printEnqueuedTime(timeMs));
        expect(record.SystemProperties.enqueuedTime).toBe(record.EnqueuedTimeUtc);
        expect(Object.keys(record.Properties).length).toBe(bag.length);
        expect(Buffer.compare(record.Body, Buffer.from(body))).toBe(0);
        // avsc reorders integer-like keys (a JavaScript object does), so byte equality is asked without such.
        if (!Object.keys(application).some((key) => /^\d+$/.test(key))) expect(type.toBuffer(record)).toEqual(bytes);
      },
    ),
  );
});

test("The time is written right at every step, also backwards", () => {
  const time = new EnqueuedTime();
  for (const timeMs of [0, 999, 1000, 59_999, 60_000, 1_528_675_208_225, 1_528_675_208_007, 253_402_300_799_999]) {
    time.set(timeMs);
    expect(time.bytes.subarray(1).toString("latin1")).toBe(printEnqueuedTime(timeMs));
  }
});
