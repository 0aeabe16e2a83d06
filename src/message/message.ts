// The message room: what a device sent, as the record that will be exported.
//
// Owns:      the words for a message and its sender; property bags; the encoding of a measurements record, byte for
//            byte as IoT Hub's message routing writes it (docs/formats.md, "Measurements").
// Does not:  read sockets (ingest), know files and blocks (avro), or keep anything.
//
// Pure: no clock, no I/O, no randomness.

/** How the connection was authenticated, as `connectionAuthMethod` says it. */
export const authScopes = ["device", "hub", "module", "x509"] as const;
export type AuthScope = (typeof authScopes)[number];

/** Who sent a message: fixed for the life of a connection. */
export interface Sender {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly authScope: AuthScope;
  /** Of the device's identity: 18 decimal digits. */
  readonly generationId: string;
  /** The `model-id` a device announced (IoT Plug and Play): exported as `dt-dataschema`. */
  readonly modelId?: string | undefined;
}

/** System properties that a device may set, by their names in exported files. */
export const messageSystemProperties = [
  "messageId",
  "correlationId",
  "userId",
  "contentType",
  "contentEncoding",
  "dt-subject",
] as const;
export type MessageSystemProperty = (typeof messageSystemProperties)[number];

/** The application property that says when a device made a message, by its own clock; kept as sent. */
export const creationTimeProperty = "iothub-creation-time-utc";

export interface MessageProperties {
  readonly application: ReadonlyMap<string, string>;
  readonly system: ReadonlyMap<MessageSystemProperty, string>;
}

export const noProperties: MessageProperties = { application: new Map(), system: new Map() };

/**
 * Bytes that IoT Hub counts against the message limit of 256 KiB: the body, the values of system properties, the names
 * and values of application properties.
 */
export function countedBytes(properties: MessageProperties, bodyBytes: number): number {
  let bytes = bodyBytes;
  for (const value of properties.system.values()) bytes += Buffer.byteLength(value);
  for (const [name, value] of properties.application) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}

/** Properties with one application property more (or replaced). */
export function withApplicationProperty(properties: MessageProperties, name: string, value: string): MessageProperties {
  return { ...properties, application: new Map(properties.application).set(name, value) };
}
