// One PUBLISH, read in place: no object is made for it, and its topic is read only when it is another than the last.
//
// Pure but for what the session keeps of its last topic. MQTT 3.1.1 section numbers beside the rules.

import { countedBytes, withApplicationProperty } from "../../message/message.ts";
import { parsePropertyBag } from "../../message/property-bag.ts";
import { type RecordHead, recordHead } from "../../message/record-encoder.ts";
import type { RejectionReason } from "../ingest.ts";
import type { Session } from "./session.ts";
import { bagOf, topicText } from "./topics.ts";

/** What `readPublish` found; valid until it is called again. */
export class Publish {
  /** 0 with QoS 0: nothing is to be acknowledged. */
  packetId = 0;
  /** The payload goes from here to the packet's end. */
  payloadAt = 0;
  /** The topic when it is not the device's own for messages: the hub's, or nobody's. Then there is no head. */
  otherTopic: string | null = null;
  head: RecordHead | null = null;
}

/**
 * Reads `chunk[bodyAt, packetEnd)`, a PUBLISH without its fixed header.
 *
 * @param first  the first byte of the fixed header: type and flags.
 * @param into   where to put what it says.
 * @returns null, or why the packet is refused.
 */
export function readPublish(
  session: Session,
  chunk: Buffer,
  first: number,
  bodyAt: number,
  packetEnd: number,
  messageBytesMax: number,
  into: Publish,
): RejectionReason | null {
  const topicBytes = ((chunk[bodyAt] as number) << 8) | (chunk[bodyAt + 1] as number);
  const topicAt = bodyAt + 2;
  const topicEnd = topicAt + topicBytes;
  const qos = (first >> 1) & 3;
  const payloadAt = qos === 0 ? topicEnd : topicEnd + 2;
  if (payloadAt > packetEnd || topicAt > packetEnd) return "malformed-packet";
  if (qos > 1) return qos === 2 ? "qos-2" : "malformed-packet";
  const packetId = qos === 0 ? 0 : ((chunk[topicEnd] as number) << 8) | (chunk[topicEnd + 1] as number);
  if (qos === 1 && packetId === 0) return "malformed-packet"; // §2.3.1
  into.packetId = packetId;
  into.payloadAt = payloadAt;
  into.otherTopic = null;

  let counted: number;
  if ((first & 1) === 0 && isSame(session.topic, chunk, topicAt, topicBytes)) {
    into.head = session.head;
    counted = session.counted;
  } else {
    const topic = topicText(chunk.subarray(topicAt, topicEnd));
    if (topic === null) return "malformed-packet";
    const bag = bagOf(topic, session.events);
    if (bag === null) {
      into.otherTopic = topic;
      into.head = null;
      return null;
    }
    let properties = parsePropertyBag(bag);
    if (properties === null) return "invalid-property-bag";
    const isRetained = (first & 1) === 1;
    // Not persisted for later subscribers, as in IoT Hub: told as a property.
    if (isRetained) properties = withApplicationProperty(properties, "mqtt-retain", "true");
    const head = recordHead(session.sender, properties);
    counted = countedBytes(properties, 0);
    into.head = head;
    if (!isRetained) {
      session.topic = Buffer.from(chunk.subarray(topicAt, topicEnd));
      session.head = head;
      session.counted = counted;
    }
  }
  return counted + (packetEnd - payloadAt) > messageBytesMax ? "message-too-large" : null;
}

function isSame(known: Buffer, chunk: Buffer, at: number, bytes: number): boolean {
  if (known.length !== bytes) return false;
  // From the end: topics of one device differ in their bags, if anywhere.
  for (let index = bytes - 1; index >= 0; index--) {
    if (known[index] !== chunk[at + index]) return false;
  }
  return true;
}
