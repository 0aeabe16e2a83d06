// An AMQP message: its sections (AMQP 1.0, part 3), what of them stands in a record, and those that the hub sends. Pure.

import type { MessageProperties, MessageSystemProperty } from "../../message/message.ts";
import {
  AmqpMap,
  AmqpSymbol,
  type AmqpValue,
  Malformed,
  Timestamp,
  Uuid,
  ValueReader,
  encode,
  textOf,
} from "./values.ts";

const sections = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
  sequence: 0x76,
  value: 0x77,
  footer: 0x78,
} as const;

/** `message-format` of the envelope with many messages: each data section holds one, whole. */
export const batchFormat = 0x80013700;

export interface AmqpMessage {
  readonly annotations: AmqpMap | null;
  /** In the order of the specification: message id, user id, to, subject, reply-to, correlation id, … */
  readonly properties: readonly AmqpValue[];
  readonly application: AmqpMap | null;
  /** The body lies in `source[first, next)`; of a value that is no bytes there is text. */
  readonly body: { readonly source: Buffer; readonly first: number; readonly next: number };
}

const noBytes = Buffer.alloc(0);

/** Reads `bytes`, a whole message. @throws Malformed */
export function readMessage(bytes: Buffer): AmqpMessage {
  const reader = new ValueReader(bytes);
  let annotations: AmqpMap | null = null;
  let application: AmqpMap | null = null;
  let properties: readonly AmqpValue[] = [];
  const data: Buffer[] = [];
  let body: AmqpMessage["body"] | null = null;
  while (!reader.isAtEnd) {
    const section = reader.readDescriptor();
    if (section === sections.data) {
      const [first, next] = reader.readBinary();
      body = { source: bytes, first, next };
      data.push(bytes.subarray(first, next));
      continue;
    }
    const value = reader.read();
    if (section === sections.messageAnnotations) annotations = mapIn(value);
    else if (section === sections.applicationProperties) application = mapIn(value);
    else if (section === sections.properties) properties = listIn(value);
    else if (section === sections.value) body = bodyOf(value);
    else if (section === sections.sequence) throw new Malformed("the body is a sequence, and not data");
    else if (section < sections.header || section > sections.footer) throw new Malformed("a section is unknown");
  }
  if (data.length > 1) {
    const source = Buffer.concat(data);
    body = { source, first: 0, next: source.length };
  }
  return { annotations, properties, application, body: body ?? { source: noBytes, first: 0, next: 0 } };
}

/** The messages of a batch, each as its bytes. @throws Malformed */
export function readBatch(bytes: Buffer): readonly Buffer[] {
  const reader = new ValueReader(bytes);
  const messages: Buffer[] = [];
  while (!reader.isAtEnd) {
    const section = reader.readDescriptor();
    if (section === sections.data) {
      const [first, next] = reader.readBinary();
      messages.push(bytes.subarray(first, next));
    } else reader.read(); // of the envelope itself
  }
  if (messages.length === 0) throw new Malformed("the batch is empty");
  return messages;
}

/** What of a device's message stands in its record. @throws Malformed */
export function recordedProperties({ properties, application, annotations }: AmqpMessage): MessageProperties {
  const system = new Map<MessageSystemProperty, string>();
  const named: [MessageSystemProperty, AmqpValue | undefined][] = [
    ["messageId", properties[0]],
    ["correlationId", properties[5]],
    ["userId", properties[1]],
    ["contentType", properties[6]],
    ["contentEncoding", properties[7]],
    ["dt-subject", annotations?.get("dt-subject")],
  ];
  for (const [name, value] of named) if (value !== undefined && value !== null) system.set(name, wordOf(value));
  const words = new Map<string, string>();
  for (const [key, value] of application?.entries ?? []) {
    const name = textOf(key);
    if (name === null) throw new Malformed("the name of an application property is no text");
    words.set(name, wordOf(value));
  }
  return { application: words, system };
}

/** A simple value as text. */
export function wordOf(value: AmqpValue): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof AmqpSymbol) return value.text;
  if (value instanceof Uuid) return value.toString();
  if (value instanceof Timestamp) {
    const date = new Date(value.ms);
    return Number.isNaN(date.getTime()) ? String(value.ms) : date.toISOString();
  }
  if (Buffer.isBuffer(value)) {
    const text = value.toString("utf8");
    return Buffer.from(text).equals(value) ? text : value.toString("base64");
  }
  throw new Malformed("a property is no simple value");
}

export interface OutgoingMessage {
  /** Encoded, by name. */
  readonly annotations?: readonly (readonly [string, Buffer])[] | undefined;
  readonly messageId?: Buffer | null | undefined;
  readonly userId?: string | undefined;
  readonly to?: string | undefined;
  readonly correlationId?: Buffer | null | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly expiryMs?: number | undefined;
  readonly application?: readonly (readonly [string, Buffer])[] | undefined;
  /** Null: a value that is null, as CBS answers. */
  readonly body: Uint8Array | null;
}

export function writeMessage(message: OutgoingMessage): Buffer {
  const {
    annotations = [],
    application = [],
    messageId,
    userId,
    to,
    correlationId,
    contentType,
    contentEncoding,
    expiryMs,
  } = message;
  const properties = [
    messageId ?? null,
    userId === undefined ? null : encode.binary(Buffer.from(userId)),
    to === undefined ? null : encode.string(to),
    null, // subject
    null, // reply-to
    correlationId ?? null,
    contentType === undefined ? null : encode.symbol(contentType),
    contentEncoding === undefined ? null : encode.symbol(contentEncoding),
    expiryMs === undefined ? null : encode.timestamp(expiryMs),
  ];
  const parts: Buffer[] = [];
  if (annotations.length > 0) {
    parts.push(
      encode.described(
        sections.messageAnnotations,
        encode.map(annotations.map(([name, value]) => [encode.symbol(name), value])),
      ),
    );
  }
  if (properties.some((one) => one !== null))
    parts.push(encode.described(sections.properties, encode.list(properties)));
  if (application.length > 0) {
    const entries = application.map(([name, value]) => [encode.string(name), value] as const);
    parts.push(encode.described(sections.applicationProperties, encode.map(entries)));
  }
  parts.push(
    message.body === null
      ? encode.described(sections.value, encode.null)
      : encode.described(sections.data, encode.binary(message.body)),
  );
  return Buffer.concat(parts);
}

function bodyOf(value: AmqpValue): AmqpMessage["body"] {
  const source =
    value === null ? noBytes : typeof value === "string" ? Buffer.from(value) : Buffer.isBuffer(value) ? value : null;
  if (source === null) throw new Malformed("the body is neither data, nor a string or binary value");
  return { source, first: 0, next: source.length };
}

function mapIn(value: AmqpValue): AmqpMap {
  if (!(value instanceof AmqpMap)) throw new Malformed("a section is no map");
  return value;
}

function listIn(value: AmqpValue): readonly AmqpValue[] {
  if (!Array.isArray(value)) throw new Malformed("the properties are no list");
  return value as readonly AmqpValue[];
}
