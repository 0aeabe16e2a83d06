// The property bag: a message's properties as they stand in an MQTT topic, `%24.mid=a%20b&$.ct=application%2Fjson&k=v`.
//
// Rules (facts observed of IoT Hub and its SDKs, docs/formats.md "Property bags"): split on `&`, then on the first `=`;
// both sides are percent-decoded, so `%24.ct` and `$.ct` are equal; a key without `=` has the value ""; the last of two
// equal keys wins; keys that start with `$.` are system properties, of which those in the table are exported. A `?` before the
// first key is none of it: clients of IoT Central for MicroPython and Arduino write `…/events/?$.ct=…`.

import { type MessageProperties, type MessageSystemProperty, creationTimeProperty, noProperties } from "./message.ts";

/** Bag keys that become system properties of the file; null: known to IoT Hub but absent from its files. */
const systemKeys: ReadonlyMap<string, MessageSystemProperty | null> = new Map([
  ["$.mid", "messageId"],
  ["$.cid", "correlationId"],
  ["$.uid", "userId"],
  ["$.ct", "contentType"],
  ["$.ce", "contentEncoding"],
  ["$.sub", "dt-subject"],
  ["$.to", null],
  ["$.exp", null],
  ["$.ifid", null],
  ["$.on", null],
  ["$.schema", null],
  ["$.cdid", null],
  ["$.cmid", null],
  ["$.diagid", null],
  ["$.diagctx", null],
]);

/** Bag keys of which exports know another name, for an application property. */
const applicationKeys: ReadonlyMap<string, string> = new Map([["$.ctime", creationTimeProperty]]);

/**
 * Decodes a bag.
 *
 * @param bag  well-formed text; "" is the empty bag.
 * @returns the properties, or null when an escape is malformed or does not decode to UTF-8: reject the message with
 *          `invalid-property-bag`.
 */
export function parsePropertyBag(bag: string): MessageProperties | null {
  const text = bag.startsWith("?") ? bag.slice(1) : bag;
  if (text === "") return noProperties;
  const application = new Map<string, string>();
  const system = new Map<MessageSystemProperty, string>();
  for (const entry of text.split("&")) {
    if (entry === "") continue;
    const equals = entry.indexOf("=");
    const key = decode(equals < 0 ? entry : entry.slice(0, equals));
    const value = decode(equals < 0 ? "" : entry.slice(equals + 1));
    if (key === null || value === null) return null;
    const name = systemKeys.get(key);
    if (name === undefined) application.set(applicationKeys.get(key) ?? key, value);
    else if (name !== null) system.set(name, value);
  }
  return { application, system };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // URIError: the only thing it throws
  }
}
