// Messages over HTTPS before anyone decides about them: batches, property headers, paths.
//
// The input: a byte of choices, a line with method and target, header lines up to an empty line, a body.

import fc from "fast-check";
import { isUtf8 } from "node:buffer";
import { isBatchType, parseBatch } from "../../../src/ingest/https/batch.ts";
import { propertiesOfHeaders } from "../../../src/ingest/https/headers.ts";
import { routeOf } from "../../../src/ingest/https/route.ts";
import { type Target, claim } from "../engine/target.ts";

const systemNames: Readonly<Record<string, string>> = {
  "iothub-messageid": "messageId",
  "iothub-correlationid": "correlationId",
  "iothub-userid": "userId",
  "iothub-contenttype": "contentType",
  "iothub-contentencoding": "contentEncoding",
  "dt-subject": "dt-subject",
};

interface Slow {
  readonly application: [string, string][];
  readonly system: [string, string][];
  readonly body: string;
}

/** The rules of docs/formats.md "HTTPS", taken down one by one; null: no batch. */
function slowly(bytes: Buffer): Slow[] | null {
  if (!isUtf8(bytes)) return null;
  let items: unknown;
  try {
    items = JSON.parse(bytes.toString());
  } catch {
    return null;
  }
  if (!Array.isArray(items) || items.length === 0) return null;
  const messages: Slow[] = [];
  for (const item of items as unknown[]) {
    if (Object.prototype.toString.call(item) !== "[object Object]") return null;
    const { body, base64Encoded, properties } = item as Record<string, unknown>;
    if (typeof body !== "string") return null;
    if (base64Encoded !== undefined && typeof base64Encoded !== "boolean") return null;
    let text: Buffer;
    if (base64Encoded === false) {
      if (!body.isWellFormed()) return null;
      text = Buffer.from(body);
    } else {
      text = Buffer.from(body, "base64");
      const whole = text.toString("base64");
      // Bits behind the last byte may be anything; padding is there, or left out.
      const bare = (one: string): string => one.replace(/={1,2}$/, "");
      if (bare(body).length !== bare(whole).length || (body.length !== whole.length && body.endsWith("="))) return null;
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(body)) return null;
    }
    const application = new Map<string, string>();
    const system = new Map<string, string>();
    if (properties !== undefined && Object.prototype.toString.call(properties) !== "[object Object]") return null;
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (typeof value !== "string" || !value.isWellFormed() || !name.isWellFormed()) return null;
      put(application, system, name, value);
    }
    messages.push({ application: [...application], system: [...system], body: text.toString("hex") });
  }
  return messages;
}

function put(application: Map<string, string>, system: Map<string, string>, name: string, value: string): void {
  const lower = name.toLowerCase();
  if (Object.hasOwn(systemNames, lower)) system.set(systemNames[lower] as string, value);
  else if (/^iothub-app-/i.test(name)) application.set(name.slice(11), value);
  else if (lower === "iothub-creation-time-utc" || !/^iothub-/i.test(name)) application.set(name, value);
}

function request(first: string, headers: readonly string[], body: string): Buffer {
  return Buffer.from(`${first}\n${headers.map((header) => `${header}\n`).join("")}\n${body}`);
}

export const target: Target = {
  bytesMax: 4096,
  seeds: () => [
    request("POST /devices/dev%2D1/messages/events?api-version=1", ["iothub-app-a: 1", "IoTHub-MessageId: é"], "[]"),
    request(
      "GET https://hub/devices/a/messages/devicebound",
      ["dt-subject: c", "iothub-to: x"],
      '[{"body":"eyJ0IjoxfQ==","properties":{"iothub-app-level":"1","a":"b"}}]',
    ),
    request(
      "DELETE /devices/a/messages/devicebound/1",
      [],
      '[{"body":"{\\"t\\":1}","base64Encoded":false},{"body":"AA","base64Encoded":true}]',
    ),
    request("POST /devices/a/files", ["iothub-creation-time-utc: 2"], '[{"body":"\\ud800","base64Encoded":false}]'),
    request("GET /devices/a/modules/b", [], '[{"body":"A=","properties":null}]'),
    request("GET /twins", [], '[{"body":1}]'),
  ],
  grammar: fc
    .array(
      fc.record(
        {
          body: fc.oneof(fc.base64String(), fc.string({ unit: "binary" })),
          base64Encoded: fc.boolean(),
          properties: fc.dictionary(
            fc.oneof(fc.string(), fc.constantFrom("iothub-messageid", "IOTHUB-app-x", "dt-subject")),
            fc.string({ unit: "binary" }),
          ),
        },
        { requiredKeys: ["body"] },
      ),
      { maxLength: 5 },
    )
    .map((batch) => request("POST /devices/a/messages/events", ["iothub-app-a: x"], JSON.stringify(batch))),
  dictionary: [
    '{"body":"',
    '","base64Encoded":false',
    '"properties":{',
    "iothub-app-",
    "\\ud83d",
    "__proto__",
    "/messages/events",
    "%2F",
    "%ff",
  ],
  run: (input) => {
    const lines = input.toString("latin1").split("\n");
    const empty = lines.indexOf("", 1);
    const headers = lines.slice(1, empty < 0 ? undefined : empty);
    const body = empty < 0 ? Buffer.alloc(0) : input.subarray(lines.slice(0, empty + 1).join("\n").length + 1);

    const expected = slowly(body);
    const found = parseBatch(body);
    claim(
      (typeof found === "string") === (expected === null),
      () => `${JSON.stringify(found)}, by the rules ${JSON.stringify(expected)}`,
    );
    if (typeof found !== "string") {
      const shown = found.map(({ properties, body }) => ({
        application: [...properties.application],
        system: [...properties.system],
        body: body.toString("hex"),
      }));
      claim(
        JSON.stringify(shown) === JSON.stringify(expected),
        () => `${JSON.stringify(shown)}, by the rules ${JSON.stringify(expected)}`,
      );
    } else claim(!found.includes(";"), "SDKs take the text of an answer apart at ;");

    const raw = headers.flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const { application, system } = propertiesOfHeaders(raw);
    for (const [name, value] of [...application, ...system])
      claim(name.isWellFormed() && value.isWellFormed(), "a property that UTF-8 cannot hold");
    claim(application.size + system.size <= raw.length / 2, "more properties than headers");
    for (let at = 0; at < raw.length; at += 2) isBatchType(raw[at + 1]);

    const [method = "", where = ""] = (lines[0] ?? "").split(" ");
    const route = routeOf(method, where);
    if (route.kind === "events" || route.kind === "devicebound") {
      claim(
        where.includes(`/devices/`) && /\/messages\/(events|devicebound)/.test(where),
        "a path that names no device",
      );
      claim(route.deviceId.isWellFormed() && route.deviceId !== "", "a device id that is none");
    }
  },
};
