import fc from "fast-check";
import { expect, test } from "vitest";
import { EnqueuedTime } from "./enqueued-time.ts";
import { type MessageProperties, noProperties } from "./message.ts";
import { recordBytesMax, recordHead, writeRecord } from "./record-encoder.ts";
import { SenderMatch } from "./sender-match.ts";

interface Sent {
  readonly deviceId: string;
  readonly properties?: MessageProperties;
  readonly body?: Uint8Array;
}

/** The record behind a few other bytes, as in a frame, and nothing behind it. */
function write({ deviceId, properties = noProperties, body = Buffer.alloc(0) }: Sent): {
  bytes: Buffer;
  first: number;
} {
  const head = recordHead({ deviceId, authScope: "device", generationId: "639000000000000000" }, properties);
  const time = new EnqueuedTime();
  time.set(1_700_000_000_000);
  const bytes = Buffer.alloc(3 + recordBytesMax(head, body.length), 255);
  return { bytes: bytes.subarray(0, writeRecord(bytes, 3, time, head, body, 0, body.length)), first: 3 };
}

function matchOf(ids: readonly string[]): SenderMatch<string> {
  const match = new SenderMatch<string>();
  for (const id of ids) match.add(id, id);
  return match;
}

/** Ids that are hard to tell apart, in one alphabet and one that takes several bytes. */
const deviceId = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 4 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 128 }),
  fc.constantFrom("connectionDeviceId", "a".repeat(64), "a".repeat(63)),
);
const word = fc.oneof(fc.string(), deviceId, fc.constantFrom("connectionDeviceId", ""));

test("D1: any record is found as its sender's, and as nobody else's, whatever stands in it", () => {
  fc.assert(
    fc.property(
      fc.array(deviceId, { minLength: 1, maxLength: 8 }),
      deviceId,
      fc.array(fc.tuple(word, word), { maxLength: 70 }),
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        deviceId.map((id) => write({ deviceId: id }).bytes),
      ),
      (wanted, sender, application, body) => {
        const properties = { application: new Map(application), system: new Map([["messageId" as const, sender]]) };
        const { bytes, first } = write({ deviceId: sender, properties, body });
        const ids = [...new Set(wanted)];
        expect(matchOf(ids).find(bytes, first)).toBe(ids.includes(sender) ? sender : null);
      },
    ),
  );
});

test("what the encoder has not written is nobody's, and no error: a cut record, any bytes", () => {
  const match = matchOf(["dev-1"]);
  const { bytes, first } = write({
    deviceId: "dev-1",
    properties: { application: new Map([["k", "v"]]), system: new Map() },
  });
  expect(match.find(bytes, first)).toBe("dev-1");
  const idNext = bytes.indexOf("dev-1") + 5;
  for (let end = first; end < idNext; end++) expect(match.find(bytes.subarray(0, end), first)).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
      expect(match.find(Buffer.from(any), 0)).toBeNull();
    }),
  );
});

test("devices come and go", () => {
  const match = matchOf(["a", "ba", "b"]);
  expect(match.size).toBe(3);
  match.remove("a");
  match.remove("none");
  expect(match.size).toBe(2);
  const found = ["a", "ba", "b"].map((id) => {
    const { bytes, first } = write({ deviceId: id });
    return match.find(bytes, first);
  });
  expect(found).toEqual([null, "ba", "b"]);
});
