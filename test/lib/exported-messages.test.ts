// The comparison that the interoperability tests rest on can fail: for each thing that could be wrong with a file.

import { expect, test } from "vitest";
import { type ExportedMessage, type SentBy, type SentMessage, expectExactly } from "./exported-messages.ts";

const enqueued = "2026-01-02T03:04:05.6780000Z";
const by: SentBy = {
  deviceId: "d",
  scope: "device",
  generationId: "639000000000000000",
  fromMs: Date.parse("2026-01-02T03:04:05.000Z"),
  toMs: Date.parse("2026-01-02T03:04:06.000Z"),
};
const sent: SentMessage[] = [1, 2].map((number) => ({
  body: Buffer.from([number]),
  application: [
    ["a", "1"],
    ["b", "2"],
  ],
  system: [["messageId", "m"]],
}));
const found: ExportedMessage[] = sent.map(({ body, application, system }) => ({
  path: "measurements/coldpath/2026/01/02/03/04/00.avro",
  enqueued,
  application,
  body,
  system: [
    ["connectionDeviceId", "d"],
    ["connectionAuthMethod", '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}'],
    ["connectionDeviceGenerationId", "639000000000000000"],
    ...system,
    ["enqueuedTime", enqueued],
  ],
}));
const [one, two] = found as [ExportedMessage, ExportedMessage];

test("What was sent passes, in any order of the records", () => {
  expectExactly(found, sent, by);
  expectExactly([two, one], sent, by);
});

test.each<[string, readonly ExportedMessage[]]>([
  ["a lost message", [one]],
  ["a doubled message", [one, one, two]],
  ["a message nobody sent", [one, two, { ...two, body: Buffer.from("x") }]],
  ["a body that differs in one byte", [one, { ...two, body: Buffer.from([2, 0]) }]],
  ["properties in another order", [one, { ...two, application: two.application.toReversed() }]],
  ["a property's value", [one, { ...two, application: [["a", "1"]] }]],
  ["system properties in another order", [one, { ...two, system: two.system.toReversed() }]],
  ["a system property that nobody set", [one, { ...two, system: [...two.system, ["userId", "u"]] }]],
  ["another device's id", [one, { ...two, system: [["connectionDeviceId", "e"], ...two.system.slice(1)] }]],
  ["an enqueuedTime beside EnqueuedTimeUtc", [one, { ...two, enqueued: "2026-01-02T03:04:05.6790000Z" }]],
  ["another minute's file", [one, { ...two, path: "measurements/coldpath/2026/01/02/03/05/00.avro" }]],
  ["another hub's file", [one, { ...two, path: "measurements/other/2026/01/02/03/04/00.avro" }]],
])("%s is found", (_, records) => {
  expect(() => expectExactly(records, sent, by)).toThrow();
});

test("A time outside of the sending, and one in another form, are found", () => {
  expect(() => expectExactly(found, sent, { ...by, fromMs: by.toMs })).toThrow();
  expect(() => expectExactly(found, sent, { ...by, toMs: by.fromMs })).toThrow();
  const short = "2026-01-02T03:04:05.678Z";
  const shortened = found.map((message) => ({
    ...message,
    enqueued: short,
    system: message.system.map(([name, value]) => [name, name === "enqueuedTime" ? short : value] as const),
  }));
  expect(() => expectExactly(shortened, sent, by)).toThrow();
});
