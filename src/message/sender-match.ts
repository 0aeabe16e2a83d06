// Whose record is it? For whoever looks through millions of records for those of a few devices.
//
// Who sent a record is the first of its SystemProperties (record-encoder.ts), behind the properties that the device chose
// and before the body: only bytes that stand there are compared, so no property and no body can pass for a sender.

import { enqueuedTimeBytes } from "./enqueued-time.ts";
import { stringBuffer } from "../lib/varint.ts";

const deviceIdKey = stringBuffer("connectionDeviceId");

/** Finds the records of some devices, each with a value of its own. */
export class SenderMatch<T> {
  /** By the last byte of the id, which differs most from device to device. */
  readonly #byLastByte: (Wanted<T>[] | undefined)[] = Array.from({ length: 256 });
  size = 0;

  /** @param deviceId  not empty, and not there yet. */
  add(deviceId: string, value: T): void {
    const id = Buffer.from(deviceId, "utf8");
    const last = id[id.length - 1] ?? 0;
    const entry = { id, value };
    (this.#byLastByte[last] ??= []).push(entry);
    this.size++;
  }

  remove(deviceId: string): void {
    const id = Buffer.from(deviceId, "utf8");
    const last = id[id.length - 1] ?? 0;
    const list = this.#byLastByte[last] ?? [];
    const rest = list.filter((one) => !one.id.equals(id));
    this.size -= list.length - rest.length;
    this.#byLastByte[last] = rest.length === 0 ? undefined : rest;
  }

  /**
   * The value of the device that sent the record `bytes[first, …)`, or null when it is none of those. Never throws: what the
   * encoder has not written is nobody's.
   */
  find(bytes: Buffer, first: number): T | null {
    let at = first + enqueuedTimeBytes;
    // Properties: most messages have none.
    if (bytes[at] === 0) at++;
    else at = behindMap(bytes, at);
    at = behindLong(bytes, at); // how many SystemProperties
    // Byte by byte: most records get here, and a call into native code costs more than these few bytes.
    for (let index = 0; index < deviceIdKey.length; index++) if (bytes[at++] !== deviceIdKey[index]) return null;
    const length = longAt(bytes, at);
    at = behindLong(bytes, at);
    const next = at + length;
    if (next > bytes.length) return null;
    const list = this.#byLastByte[bytes[next - 1] ?? 0];
    if (list === undefined) return null;
    for (const { id, value } of list) {
      if (id.length !== length) continue;
      // From its end, where ids differ.
      let left = length;
      while (left > 0 && bytes[at + left - 1] === id[left - 1]) left--;
      if (left === 0) return value;
    }
    return null;
  }
}

interface Wanted<T> {
  readonly id: Buffer;
  readonly value: T;
}

/** Behind a map of texts that has entries. */
function behindMap(bytes: Buffer, mapAt: number): number {
  let at = behindLong(bytes, mapAt);
  for (let left = 2 * longAt(bytes, mapAt); left > 0 && at < bytes.length; left--) {
    at = behindLong(bytes, at) + longAt(bytes, at);
  }
  return at + 1; // its end is one byte
}

/** An Avro `long` that is positive and below 2^31; negative when it has no end. */
function longAt(bytes: Buffer, at: number): number {
  let value = 0;
  let position = at;
  let factor = 1;
  for (;;) {
    const byte = bytes[position++];
    if (byte === undefined) return -1;
    value += (byte & 127) * factor;
    if (byte < 128) return value / 2;
    factor *= 128;
  }
}

function behindLong(bytes: Buffer, at: number): number {
  let position = at;
  while ((bytes[position] ?? 0) >= 128) position++;
  return position + 1;
}
