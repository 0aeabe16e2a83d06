import fc from "fast-check";
import { expect, test } from "vitest";
import { EnqueuedTime, printEnqueuedTime } from "./enqueued-time.ts";
import { type MessageProperties, type Sender, messageSystemProperties } from "./message.ts";
import { RecordDigest } from "./record-digest.ts";
import { recordBytesMax, recordHead, writeRecord } from "./record-encoder.ts";
import { readRecord, readWholeRecord } from "./record-reader.ts";

const sender: Sender = { deviceId: "dev-1", authScope: "device", generationId: "639000000000000000" };

interface Written {
  readonly sender: Sender;
  readonly properties: MessageProperties;
  readonly body: Uint8Array;
  readonly timeMs: number;
}

/** The record behind a few other bytes, as in a frame. */
function write({ sender: from, properties, body, timeMs }: Written): { bytes: Buffer; first: number; next: number } {
  const first = 5;
  const head = recordHead(from, properties);
  const time = new EnqueuedTime();
  time.set(timeMs);
  const bytes = Buffer.alloc(first + recordBytesMax(head, body.length), 255);
  return { bytes, first, next: writeRecord(bytes, first, time, head, body, 0, body.length) };
}

const written: fc.Arbitrary<Written> = fc.record({
  sender: fc.record({
    deviceId: fc.string({ minLength: 1, maxLength: 130 }),
    moduleId: fc.option(fc.constantFrom("messageId", "mod"), { nil: undefined }),
    authScope: fc.constantFrom("device" as const, "hub" as const),
    generationId: fc.constantFrom("639000000000000000", "639000000000000001"),
    modelId: fc.option(fc.string(), { nil: undefined }),
  }),
  properties: fc
    .tuple(
      fc.dictionary(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("messageId", "enqueuedTime")), fc.string()),
      fc.dictionary(fc.constantFrom(...messageSystemProperties), fc.string({ maxLength: 200 })),
    )
    .map(
      ([application, system]) =>
        ({
          application: new Map(Object.entries(application)),
          system: new Map(Object.entries(system)),
        }) as MessageProperties,
    ),
  body: fc.uint8Array({ maxLength: 6000 }),
  timeMs: fc.integer({ min: 0, max: 253_402_300_799_999 }),
});

test("Any record is read back: its device, its time, whether it has a message id, and where its head ends", () => {
  fc.assert(
    fc.property(written, (one) => {
      const { bytes, first } = write(one);
      expect(readRecord(bytes, first)).toEqual({
        timeMs: one.timeMs,
        deviceId: one.sender.deviceId,
        hasMessageId: one.properties.system.has("messageId"),
        headBytes: recordHead(one.sender, one.properties).bytes.length,
      });
    }),
  );
});

test("Any record is read back whole: its properties, those of the system, its body", () => {
  fc.assert(
    fc.property(written, (one) => {
      const { bytes, first } = write(one);
      const { enqueuedTime, properties, systemProperties, body } = readWholeRecord(bytes, first);
      expect(enqueuedTime).toBe(printEnqueuedTime(one.timeMs));
      expect(properties).toEqual(one.properties.application);
      expect(systemProperties.get("connectionDeviceId")).toBe(one.sender.deviceId);
      expect(systemProperties.get("enqueuedTime")).toBe(enqueuedTime);
      for (const [name, value] of one.properties.system) expect(systemProperties.get(name)).toBe(value);
      expect(Buffer.compare(body, Buffer.from(one.body))).toBe(0);
    }),
  );
});

test("A record that is cut off is no record, also where it is read whole", () => {
  const { bytes, first, next } = write({
    sender,
    properties: { application: new Map([["k", "v"]]), system: new Map([["messageId", "m"]]) },
    body: Buffer.from("body"),
    timeMs: 0,
  });
  for (let end = first; end < next; end++) {
    expect(() => readWholeRecord(bytes.subarray(0, end), first), String(end - first)).toThrow(RangeError);
  }
  expect(readWholeRecord(bytes.subarray(0, next), first).body.toString()).toBe("body");
});

test("A record that is cut off is no record", () => {
  const { bytes, first, next } = write({
    sender,
    properties: { application: new Map([["k", "v"]]), system: new Map([["messageId", "m"]]) },
    body: Buffer.alloc(0),
    timeMs: 0,
  });
  const headNext = next - 29 - 3;
  for (let end = first; end < headNext; end++) {
    expect(() => readRecord(bytes.subarray(0, end), first)).toThrow(RangeError);
  }
  expect(readRecord(bytes.subarray(0, headNext), first).hasMessageId).toBe(true);
});

test("The digest is that of everything but the time, and of nothing else", () => {
  const digest = new RecordDigest(Buffer.alloc(32, 1));
  const of = (one: Written): string => {
    const { bytes, first, next } = write(one);
    digest.read(bytes, first, next, recordHead(one.sender, one.properties).bytes.length);
    return digest.words.join(" ");
  };
  fc.assert(
    fc.property(written, written, (one, other) => {
      const isEqual = write({ ...one, timeMs: 0 }).bytes.equals(write({ ...other, timeMs: 0 }).bytes);
      expect(of(one) === of(other)).toBe(isEqual);
      expect(of({ ...one, timeMs: other.timeMs })).toBe(of(one));
      const changed =
        one.body.length === 0 ? Uint8Array.of(0) : one.body.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
      expect(of({ ...one, body: changed })).not.toBe(of(one));
      expect(of({ ...one, sender: { ...one.sender, generationId: "639000000000000002" } })).not.toBe(of(one));
    }),
  );
  const other = new RecordDigest(Buffer.alloc(32, 2));
  const { bytes, first, next } = write({
    sender,
    properties: { application: new Map(), system: new Map() },
    body: Buffer.from("x"),
    timeMs: 0,
  });
  digest.read(bytes, first, next, readRecord(bytes, first).headBytes);
  other.read(bytes, first, next, readRecord(bytes, first).headBytes);
  expect(other.words).not.toEqual(digest.words);
});
