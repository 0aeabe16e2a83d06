// Property bags: against the rules of docs/formats.md, taken down one by one, byte by byte.

import fc from "fast-check";
import { isUtf8 } from "node:buffer";
import { parsePropertyBag } from "../../../src/message/property-bag.ts";
import { type Target, claim } from "../engine/target.ts";

const systemNames: Readonly<Record<string, string>> = {
  "$.mid": "messageId",
  "$.cid": "correlationId",
  "$.uid": "userId",
  "$.ct": "contentType",
  "$.ce": "contentEncoding",
  "$.sub": "dt-subject",
};
const notExported = ["to", "exp", "ifid", "on", "schema", "cdid", "cmid", "diagid", "diagctx"].map((key) => `$.${key}`);

/** Percent-decoding as the rules have it; null when it is no UTF-8. */
function decoded(text: string): string | null {
  const bytes: number[] = [];
  const source = Buffer.from(text);
  for (let at = 0; at < source.length; at++) {
    if (source[at] !== 0x25) {
      bytes.push(source[at] as number);
      continue;
    }
    const digits = source.toString("latin1", at + 1, at + 3);
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) return null;
    bytes.push(Number.parseInt(digits, 16));
    at += 2;
  }
  const result = Buffer.from(bytes);
  return isUtf8(result) ? result.toString() : null;
}

function slowly(bag: string): { application: [string, string][]; system: [string, string][] } | null {
  const application = new Map<string, string>();
  const system = new Map<string, string>();
  let rest = bag.replace(/^\?/, "");
  while (rest !== "") {
    const [entry = ""] = /^[^&]*/.exec(rest) ?? [];
    rest = rest.slice(entry.length + 1);
    if (entry === "") continue;
    const [, keyText = "", valueText = ""] = /^([^=]*)(?:=([^]*))?$/.exec(entry) ?? [];
    const key = decoded(keyText);
    const value = decoded(valueText);
    if (key === null || value === null) return null;
    if (notExported.includes(key)) continue;
    if (Object.hasOwn(systemNames, key)) system.set(systemNames[key] as string, value);
    else application.set(key === "$.ctime" ? "iothub-creation-time-utc" : key, value);
  }
  return { application: [...application], system: [...system] };
}

export const target: Target = {
  bytesMax: 2048,
  seeds: () =>
    ["", "?$.ctime=1&?=2", "%24.mid=a%20b&$.ct=application%2Fjson&level=1", "a&b=&=c&a=2&&", "k=%C3%A9&$.to=x"].map(
      (text) => Buffer.from(text),
    ),
  grammar: fc
    .array(
      fc.tuple(
        fc.constantFrom("$.mid", "%24.ct", "$.ctime", "%24.cdid", "?", "a", "é", ""),
        fc.constantFrom("", "=", "=="),
        fc.string({ unit: "binary" }),
      ),
      {
        maxLength: 8,
      },
    )
    .map((entries) =>
      Buffer.from(entries.map(([key, equals, value]) => key + equals + encodeURIComponent(value)).join("&")),
    ),
  dictionary: ["%24", "%C3%A9", "%e2%82%ac", "%f0%9f%98%80", "%ed%a0%80", "%c0%80", "%00", "&", "="],
  run: (input) => {
    if (!isUtf8(input)) return; // topics are UTF-8: topics.ts
    const bag = input.toString();
    const expected = slowly(bag);
    const found = parsePropertyBag(bag);
    const shown = found === null ? null : { application: [...found.application], system: [...found.system] };
    claim(
      JSON.stringify(shown) === JSON.stringify(expected),
      () => `${JSON.stringify(shown)}, by the rules ${JSON.stringify(expected)}`,
    );
  },
};
