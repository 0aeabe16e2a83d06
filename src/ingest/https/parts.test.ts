// The pure parts: routes, headers, batches, answers.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerBody, answerOf } from "./answer.ts";
import { isBatchType, parseBatch } from "./batch.ts";
import { propertiesOfHeaders } from "./headers.ts";
import { routeOf } from "./route.ts";

const settle = (outcome: string): object => ({ kind: "settle", deviceId: "d", lockToken: "l-1", outcome });

describe("A route", () => {
  test.each([
    ["POST", "/devices/dev-1/messages/events?api-version=2021-04-12", { kind: "events", deviceId: "dev-1" }],
    ["POST", "/devices/dev-1/messages/events", { kind: "events", deviceId: "dev-1" }],
    ["POST", "/devices/a%23b%25/messages/events?x", { kind: "events", deviceId: "a#b%" }],
    ["POST", "https://hub:8443/devices/dev-1/messages/events?x", { kind: "events", deviceId: "dev-1" }],
    ["POST", "HTTP://hub/devices/dev-1/messages/events", { kind: "events", deviceId: "dev-1" }],
    ["POST", "https://hub?/devices/dev-1/messages/events", { kind: "unknown" }],
    ["POST", "ftp://hub/devices/dev-1/messages/events", { kind: "unknown" }],
    ["GET", "/devices/dev-1/messages/devicebound?api-version=1", { kind: "devicebound", deviceId: "dev-1" }],
    ["POST", "/devices/dev-1/files?api-version=1", { kind: "missing", name: "file uploads" }],
    ["DELETE", "/devices/d/messages/devicebound/l-1?api-version=1", settle("completed")],
    ["DELETE", "/devices/d/messages/devicebound/l-1?api-version=1&reject", settle("rejected")],
    ["POST", "/devices/d/messages/devicebound/l-1/abandon?api-version=1", settle("abandoned")],
    ["DELETE", "/devices/d/messages/devicebound/l-1/abandon", { kind: "unknown" }],
    ["POST", "/devices/d/messages/devicebound/l-1", { kind: "unknown" }],
    ["DELETE", "/devices/d/messages/devicebound/", { kind: "unknown" }],
    ["DELETE", "/devices/d/messages/devicebound/a/b", { kind: "unknown" }],
    ["GET", "/devices/dev-1/messages/events", { kind: "unknown" }],
    ["POST", "/devices//messages/events", { kind: "unknown" }],
    ["POST", "/devices/%zz/messages/events", { kind: "unknown" }],
    ["POST", "/devices/dev-1/messages/events/", { kind: "unknown" }],
    ["POST", "//devices/dev-1/messages/events", { kind: "unknown" }],
    ["GET", "/", { kind: "unknown" }],
    ["OPTIONS", "*", { kind: "unknown" }],
  ])("%s %s", (method, target, route) => {
    expect(routeOf(method, target)).toEqual(route);
  });
});

describe("Headers", () => {
  const read = (...raw: string[]) => {
    const { application, system } = propertiesOfHeaders(raw);
    return { application: Object.fromEntries(application), system: Object.fromEntries(system) };
  };

  const readAll = (headers: Readonly<Record<string, string>>) => read(...Object.entries(headers).flat());

  test("with the prefix are application properties, the known ones system properties, the rest nothing", () => {
    expect(
      readAll({
        "iothub-app-level": "1",
        "IoTHub-App-Other": "x",
        "IoTHub-MessageId": "m",
        "IoTHub-CorrelationId": "c",
        "IoTHub-UserId": "u",
        "iothub-contenttype": "application/json",
        "iothub-contentencoding": "utf-8",
        "dt-subject": "thermostat1",
        "iothub-creation-time-utc": "2026-01-02T03:04:05Z",
        "iothub-to": "/devices/d",
        "IoTHub-Expiry": "e",
        "IoTHub-Ack": "full",
        "iothub-interface-id": "i",
        "Content-Type": "text/plain",
        "User-Agent": "agent",
        Authorization: "secret",
        Host: "h",
      }),
    ).toEqual({
      application: { level: "1", other: "x", "iothub-creation-time-utc": "2026-01-02T03:04:05Z" },
      system: {
        messageId: "m",
        correlationId: "c",
        userId: "u",
        contentType: "application/json",
        contentEncoding: "utf-8",
        "dt-subject": "thermostat1",
      },
    });
  });

  test("are text as it was sent: escapes are not decoded, UTF-8 and Latin-1 are understood", () => {
    const utf8 = Buffer.from("Grüße 世界").toString("latin1");
    expect(read("iothub-app-a", "100%25", "iothub-app-b", utf8, "iothub-app-c", "é").application).toEqual({
      a: "100%25",
      b: "Grüße 世界",
      c: "é",
    });
  });

  test("of equal names: the last wins", () => {
    expect(read("iothub-app-a", "1", "IOTHUB-APP-A", "2").application).toEqual({ a: "2" });
  });
});

describe("A batch", () => {
  const parse = (value: unknown) => parseBatch(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
  const view = (value: unknown) => {
    const messages = parse(value);
    if (typeof messages === "string") return messages;
    return messages.map(({ body, properties }) => [
      body.toString("latin1"),
      Object.fromEntries(properties.application),
      Object.fromEntries(properties.system),
    ]);
  };

  test("holds base64, text, or both kinds", () => {
    expect(
      view([
        { body: "eyJ0IjoxfQ==", properties: { "iothub-app-level": "1", "IoTHub-MessageId": "m" } },
        {
          body: '{"t":2}',
          base64Encoded: false,
          properties: { "iothub-app-Level": "2", other: "3", "dt-subject": "s" },
        },
        { body: "eyJ0IjoyfQ==", base64Encoded: true },
        { body: "eyJ0IjoyfQ" },
        { body: "" },
        { body: "ü", base64Encoded: false },
      ]),
    ).toEqual([
      ['{"t":1}', { level: "1" }, { messageId: "m" }],
      ['{"t":2}', { Level: "2", other: "3" }, { "dt-subject": "s" }],
      ['{"t":2}', {}, {}],
      ['{"t":2}', {}, {}],
      ["", {}, {}],
      ["Ã¼", {}, {}],
    ]);
  });

  test.each([
    ["", "The batch is not JSON."],
    ["{", "The batch is not JSON."],
    ['[{"body":"eA==","properties":{"a":"say "hi""}}]', "The batch is not JSON."], // as the Node SDK writes a quote
    [{}, "The batch is not a JSON array."],
    [[], "The batch is empty."],
    [[null], "Message 0 of the batch: it is not an object."],
    [[[]], "Message 0 of the batch: it is not an object."],
    [[{ body: "eA==" }, {}], "Message 1 of the batch: body is missing or not a string."],
    [[{ body: { t: 1 } }], "Message 0 of the batch: body is missing or not a string."],
    [[{ body: "{}" }], "Message 0 of the batch: body is not base64."],
    [[{ body: "e" }], "Message 0 of the batch: body is not base64."],
    [[{ body: "eA=" }], "Message 0 of the batch: body is not base64."],
    [[{ body: "eA==", base64Encoded: "no" }], "Message 0 of the batch: base64Encoded is neither true nor false."],
    [[{ body: "eA==", properties: [] }], "Message 0 of the batch: properties is not an object."],
    [[{ body: "eA==", properties: null }], "Message 0 of the batch: properties is not an object."],
    [[{ body: "eA==", properties: { a: 1 } }], "Message 0 of the batch: a property is not a string."],
    ['[{"body":"\\ud800","base64Encoded":false}]', "Message 0 of the batch: body has half a surrogate pair."],
    ['[{"body":"","properties":{"a":"\\udc00"}}]', "Message 0 of the batch: a property has half a surrogate pair."],
  ])("that is %j is refused whole", (value, fault) => {
    expect(view(value)).toBe(fault);
  });

  test("that is not UTF-8 is refused", () => {
    expect(parseBatch(Buffer.from([0x5b, 0xff, 0x5d]))).toBe("The batch is not UTF-8.");
  });

  test("of any bodies, in either form, gives them back", () => {
    const message = fc.oneof(
      fc
        .uint8Array()
        .map((bytes) => ({ bytes: Buffer.from(bytes), json: { body: Buffer.from(bytes).toString("base64") } })),
      fc
        .string({ unit: "grapheme" })
        .map((text) => ({ bytes: Buffer.from(text), json: { body: text, base64Encoded: false } })),
    );
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
        const parsed = parse(messages.map(({ json }) => json));
        expect(typeof parsed === "string" ? parsed : parsed.map(({ body }) => body)).toEqual(
          messages.map(({ bytes }) => bytes),
        );
      }),
    );
  });

  test("of any JSON is messages or a sentence", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const parsed = parseBatch(Buffer.from(json));
        expect(typeof parsed === "string" ? parsed.endsWith(".") : parsed.length > 0).toBe(true);
      }),
    );
  });

  test("is told by its Content-Type, whatever its parameters", () => {
    expect(isBatchType("application/vnd.microsoft.iothub.json")).toBe(true);
    expect(isBatchType("Application/Vnd.Microsoft.IotHub.JSON; charset=utf-8")).toBe(true);
    expect(isBatchType("application/json")).toBe(false);
    expect(isBatchType(undefined)).toBe(false);
  });
});

test("An answer has the form that IoT Hub's SDKs take apart", () => {
  const { Message, ExceptionMessage } = JSON.parse(answerBody(answerOf("token-expired"))) as Record<string, string>;
  expect(Message).toBe("ErrorCode:IotHubUnauthorizedAccess;The token has expired.");
  expect(ExceptionMessage).toBe("Reason:token-expired");
  // Nobody without a key can tell these apart.
  const hidden = (["unknown-device", "unknown-policy", "token-signature"] as const).map((one) =>
    answerBody(answerOf(one)),
  );
  expect(new Set(hidden).size).toBe(1);
});
