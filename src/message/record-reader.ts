// Reading back what the encoder wrote, as far as somebody needs it: who sent a record, when it was taken, whether it has
// a message id, and where its head ends; or, for a person who looks at single messages, all of it.

import { enqueuedTimeBytes } from "./enqueued-time.ts";

export interface ReadRecord {
  /** When it was taken. */
  readonly timeMs: number;
  readonly deviceId: string;
  readonly hasMessageId: boolean;
  /** Bytes of the head, which is what stands between the record's two times. */
  readonly headBytes: number;
}

const messageIdKey = Buffer.from("messageId");
const deviceIdKey = Buffer.from("connectionDeviceId");
const enqueuedTimeKey = Buffer.from("enqueuedTime");

/** Reads the record that starts at `bytes[first]`. Throws RangeError when the encoder has not written it. */
export function readRecord(bytes: Buffer, first: number): ReadRecord {
  const cursor = new Cursor(bytes, first + enqueuedTimeBytes);
  const properties = cursor.long();
  for (let left = properties; left > 0; left--) {
    cursor.skipString();
    cursor.skipString();
  }
  if (properties > 0) cursor.long(); // the end of the map
  let deviceId = "";
  let hasMessageId = false;
  for (let left = cursor.long(); left > 0; left--) {
    const keyBytes = cursor.long();
    const key = cursor.at;
    cursor.skip(keyBytes);
    if (isText(bytes, key, cursor.at, enqueuedTimeKey)) {
      const headFirst = first + enqueuedTimeBytes;
      return { timeMs: enqueuedTimeOf(bytes, first), deviceId, hasMessageId, headBytes: cursor.at - headFirst };
    }
    const valueBytes = cursor.long();
    const value = cursor.at;
    cursor.skip(valueBytes);
    if (isText(bytes, key, key + keyBytes, messageIdKey)) hasMessageId = true;
    else if (isText(bytes, key, key + keyBytes, deviceIdKey)) deviceId = bytes.toString("utf8", value, cursor.at);
  }
  throw new RangeError("a record has no enqueuedTime");
}

/** When the record that starts at `bytes[first]` was taken, in milliseconds. */
export function enqueuedTimeOf(bytes: Buffer, first: number): number {
  // The time is an Avro string whose length is one byte; three digits of its fraction are ours.
  return Date.parse(`${bytes.toString("latin1", first + 1, first + 24)}Z`);
}

/** All that a record says. */
export interface WholeRecord {
  /** As exported: `2018-06-11T00:00:08.2250000Z`. */
  readonly enqueuedTime: string;
  readonly properties: ReadonlyMap<string, string>;
  /** `enqueuedTime` among them. */
  readonly systemProperties: ReadonlyMap<string, string>;
  /** Within `bytes`. */
  readonly body: Buffer;
}

/** Reads all of the record that starts at `bytes[first]`. Throws RangeError when the encoder has not written it. */
export function readWholeRecord(bytes: Buffer, first: number): WholeRecord {
  const cursor = new Cursor(bytes, first);
  const enqueuedTime = cursor.string();
  const properties = cursor.stringMap();
  const systemProperties = cursor.stringMap();
  if (cursor.long() !== 1) throw new RangeError("a record has no body");
  const bodyBytes = cursor.long();
  const bodyFirst = cursor.at;
  cursor.skip(bodyBytes);
  return { enqueuedTime, properties, systemProperties, body: bytes.subarray(bodyFirst, cursor.at) };
}

function isText(bytes: Buffer, first: number, next: number, text: Buffer): boolean {
  return next - first === text.length && bytes.compare(text, 0, text.length, first, next) === 0;
}

class Cursor {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** An Avro `long` that is no larger than 2^31. */
  long(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) break;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new RangeError("a record ends in the middle of a number");
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (bytes < 0 || this.at > this.#bytes.length) throw new RangeError("a record ends in the middle of a text");
  }

  skipString(): void {
    this.skip(this.long());
  }
  string(): string {
    const bytes = this.long();
    const first = this.at;
    this.skip(bytes);
    return this.#bytes.toString("utf8", first, this.at);
  }
  /** One block, as the encoder writes it, or none. */
  stringMap(): Map<string, string> {
    const map = new Map<string, string>();
    const entries = this.long();
    for (let left = entries; left > 0; left--) map.set(this.string(), this.string());
    if (entries !== 0 && this.long() !== 0) throw new RangeError("a record's map goes on after its end");
    return map;
  }
}
