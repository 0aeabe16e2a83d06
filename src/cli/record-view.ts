// A decoded record, as a person or a program reads it: one line of JSON, or named cells.
//
// Bytes (a message's Body) are shown as the JSON they hold, else as text when they are UTF-8, else as {"base64": "…"}.
// JSON is shown as the device wrote it: number by number, key by key, for a parser would round what does not fit a double.

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `raw` shows bytes as base64 text whatever they hold. */
export interface RecordOptions {
  readonly raw: boolean;
}

/** The record in one line. */
export function jsonLine(value: unknown, options: RecordOptions): string {
  if (value instanceof Uint8Array) return bytesJson(value, options);
  if (Array.isArray(value)) return `[${value.map((item) => jsonLine(item, options)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${jsonLine(item, options)}`);
    return `{${entries.join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

function bytesJson(bytes: Uint8Array, { raw }: RecordOptions): string {
  const text = raw ? null : textOf(bytes);
  if (text === null) return raw ? JSON.stringify(base64(bytes)) : JSON.stringify({ base64: base64(bytes) });
  // White space is all that a line break in valid JSON can be.
  return isJson(text) ? text.trim().replace(/[\r\n]+/g, " ") : JSON.stringify(text);
}

/** Cells by column: nested fields are joined by dots, names with a dot of their own stand in brackets. */
export function flatten(record: unknown, options: RecordOptions): ReadonlyMap<string, string> {
  const cells = new Map<string, string>();
  const put = (column: string, value: unknown): void => {
    if (value instanceof Uint8Array) {
      const text = options.raw ? null : textOf(value);
      if (text !== null) put(column, parseExact(text) ?? text);
      else if (options.raw) cells.set(column, base64(value));
      else cells.set(`${column}.base64`, base64(value));
    } else if (value instanceof ExactNumber) cells.set(column, value.text);
    else if (Array.isArray(value)) cells.set(column, exactJson(value));
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) put(columnOf(column, key), item);
    } else if (typeof value === "string") cells.set(column, value);
    else cells.set(column, value === null || value === undefined ? "" : JSON.stringify(value));
  };
  put("", record);
  return cells;
}

/** The record's own fields, each on one line: what nests is shown as JSON. */
export function fieldsOf(record: unknown, options: RecordOptions): ReadonlyMap<string, string> {
  const cells = new Map<string, string>();
  if (typeof record !== "object" || record === null) return new Map([["value", jsonLine(record, options)]]);
  for (const [name, value] of Object.entries(record)) {
    cells.set(name, typeof value === "string" ? value : jsonLine(value, options));
  }
  return cells;
}

function columnOf(parent: string, key: string): string {
  const plain = /^[^.[\]"]+$/.test(key);
  if (parent === "") return key;
  return plain ? `${parent}.${key}` : `${parent}[${JSON.stringify(key)}]`;
}

/** A number whose digits a double would not give back. */
class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** What JSON text holds, or null when it is not JSON (or `null`). */
function parseExact(text: string): unknown {
  const revive: Reviver = (_, value, { source }) =>
    typeof value === "number" && source !== undefined && source !== String(value) ? new ExactNumber(source) : value;
  try {
    // The third parameter is in Node 24 and not yet in TypeScript's library.
    return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
  } catch {
    return null;
  }
}

function exactJson(value: unknown): string {
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(exactJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${exactJson(item)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Null when the bytes are not UTF-8. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
