// The encoder of a measurements record: one message, once, straight into the journal's open frame.
//
// A record is   time · head · time · 00 02 · length · body   where the head is everything between the two times:
// Properties, the count of SystemProperties and all of these up to the key `enqueuedTime`. The head depends only on the
// sender and the property bag, both of which repeat from message to message, so a connection builds it once and keeps
// it. Measured on a 2-core machine: four copies a record instead of an encoder call per field
// (docs/decisions/0003-hot-path.md).
//
// Schema: src/avro/schemas/measurements.avsc. Maps are written as one block with a positive count, as IoT Hub does.

import { longBuffer, stringBuffer, writeLong } from "../lib/varint.ts";
import { connectionAuthMethod } from "./auth-method.ts";
import { enqueuedTimeBytes, type EnqueuedTime } from "./enqueued-time.ts";
import { type MessageProperties, type Sender, messageSystemProperties } from "./message.ts";

/** Everything of a record between its two times. */
export interface RecordHead {
  readonly bytes: Buffer;
  /** Whether the device gave the message an id: only then can a re-send be recognised. */
  readonly hasMessageId: boolean;
}

/**
 * Builds the head for a sender and the properties of a message.
 *
 * SystemProperties come in the order connectionDeviceId, connectionModuleId, connectionAuthMethod,
 * connectionDeviceGenerationId, messageId, correlationId, userId, contentType, contentEncoding, dt-dataschema,
 * dt-subject, enqueuedTime; absent ones are left out.
 */
export function recordHead(sender: Sender, properties: MessageProperties): RecordHead {
  const system: [string, string][] = [["connectionDeviceId", sender.deviceId]];
  if (sender.moduleId !== undefined) system.push(["connectionModuleId", sender.moduleId]);
  system.push(["connectionAuthMethod", connectionAuthMethod(sender.authScope)]);
  system.push(["connectionDeviceGenerationId", sender.generationId]);
  for (const name of messageSystemProperties) {
    if (name === "dt-subject" && sender.modelId !== undefined) system.push(["dt-dataschema", sender.modelId]);
    const value = properties.system.get(name);
    if (value !== undefined) system.push([name, value]);
  }

  const chunks: Buffer[] = [];
  if (properties.application.size > 0) {
    chunks.push(longBuffer(properties.application.size));
    for (const [name, value] of properties.application) chunks.push(stringBuffer(name), stringBuffer(value));
  }
  chunks.push(longBuffer(0), longBuffer(system.length + 1));
  for (const [name, value] of system) chunks.push(stringBuffer(name), stringBuffer(value));
  chunks.push(stringBuffer("enqueuedTime"));
  return { bytes: Buffer.concat(chunks), hasMessageId: properties.system.has("messageId") };
}

/** Room that a record needs at most: exact but for the length's varint. */
export function recordBytesMax(head: RecordHead, bodyBytes: number): number {
  return 2 * enqueuedTimeBytes + head.bytes.length + 2 + 8 + bodyBytes;
}

/**
 * Writes one record; the body is `source[bodyFirst, bodyNext)`, untouched, and may be empty (then `Body` is zero bytes,
 * never null).
 *
 * @param target  has `recordBytesMax` bytes of room at `position`.
 * @returns the position after the record.
 */
export function writeRecord(
  target: Buffer,
  position: number,
  time: EnqueuedTime,
  head: RecordHead,
  source: Uint8Array,
  bodyFirst: number,
  bodyNext: number,
): number {
  let at = position;
  target.set(time.bytes, at);
  at += enqueuedTimeBytes;
  target.set(head.bytes, at);
  at += head.bytes.length;
  target.set(time.bytes, at);
  at += enqueuedTimeBytes;
  target[at++] = 0; // end of SystemProperties
  target[at++] = 2; // Body: the union's branch 1, bytes
  const bodyBytes = bodyNext - bodyFirst;
  at = writeLong(target, at, bodyBytes);
  if (bodyBytes > 0) target.set(source.subarray(bodyFirst, bodyNext), at);
  return at + bodyBytes;
}
