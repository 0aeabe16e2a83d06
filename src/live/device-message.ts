// A message as a person reads it. Pure.
//
// The body is JSON when it parses, else text when it is UTF-8, else base64. Text is given beside JSON, too: a double does
// not hold every number that a device may write.

import { readWholeRecord } from "../message/record-reader.ts";

export interface DeviceMessage {
  /** `2018-06-11T00:00:08.2250000Z`, as exported. */
  readonly enqueuedTime: string;
  readonly partition: number;
  readonly offset: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly systemProperties: Readonly<Record<string, string>>;
  /** Null when it is not JSON, or JSON's null. */
  readonly body: unknown;
  /** Null when it is not UTF-8. */
  readonly bodyText: string | null;
  /** Null when it is. */
  readonly bodyBase64: string | null;
  /** Of the body. */
  readonly bytes: number;
}

/** Whoever writes the answer goes into it by recursion: what is nested deeper is text. */
const depthMax = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The record at `bytes[first, …)`. Nothing of the answer is in that memory. */
export function deviceMessage(bytes: Buffer, first: number, partition: number, offset: number): DeviceMessage {
  const { enqueuedTime, properties, systemProperties, body } = readWholeRecord(bytes, first);
  const text = textOf(body);
  return {
    enqueuedTime,
    partition,
    offset,
    properties: Object.fromEntries(properties),
    systemProperties: Object.fromEntries(systemProperties),
    body: text === null ? null : jsonOf(text),
    bodyText: text,
    bodyBase64: text === null ? body.toString("base64") : null,
    bytes: body.length,
  };
}

function textOf(body: Buffer): string | null {
  try {
    return utf8.decode(body);
  } catch {
    return null; // not UTF-8
  }
}

function jsonOf(text: string): unknown {
  if (isDeep(text)) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null; // not JSON
  }
}

/** Whether JSON text nests deeper than may be; of other text it says anything. */
function isDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (isInString) {
      if (char === 0x5c) at++;
      else if (char === 0x22) isInString = false;
    } else if (char === 0x22) isInString = true;
    else if (char === 0x5b || char === 0x7b) {
      depth++;
      if (depth > depthMax) return true;
    } else if (char === 0x5d || char === 0x7d) depth--;
  }
  return false;
}
