// A decoded record as JSON that a page can show: bytes become what they hold. Pure.
//
// Bytes (a message's Body) are `{ json }` where they are JSON, else `{ text }` where they are UTF-8, else `{ base64 }`, each
// with how many `bytes` they are. Where JSON, read and written by JavaScript, is not the text that the device sent (a number
// of many digits, a name twice, white space), the exact text stands beside it.

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function shownRecord(value: unknown): unknown {
  if (value instanceof Uint8Array) return shownBytes(value);
  if (Array.isArray(value)) return value.map(shownRecord);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shownRecord(item)]));
  }
  // What JSON has no word for.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return value;
}

function shownBytes(bytes: Uint8Array): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = { bytes: bytes.byteLength };
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { base64: buffer.toString("base64"), ...size };
  }
  try {
    const json: unknown = JSON.parse(text);
    return JSON.stringify(json) === text ? { json, ...size } : { json, text, ...size };
  } catch {
    return { text, ...size };
  }
}
