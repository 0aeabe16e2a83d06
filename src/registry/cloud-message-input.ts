// What a cloud-to-device message may be. Pure.
//
// Properties travel in MQTT topics and HTTP headers: names are header names, values printable ASCII, as at IoT Hub.

import { randomUUID } from "node:crypto";
import { type NewCloudMessage, cloudMessageBounds } from "./cloud-message.ts";
import { registryError } from "./errors.ts";
import { integerOf, objectOrEmpty, shownKey } from "./input.ts";

/** What is kept of a message beside its body. */
export interface CloudMessageProperties {
  readonly correlationId?: string | undefined;
  readonly userId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly application: Readonly<Record<string, string>>;
}

interface CheckedCloudMessage {
  readonly messageId: string;
  readonly properties: CloudMessageProperties;
  readonly ttlMs: number;
  /** Body and properties. */
  readonly bytes: number;
}

const idPattern = /^[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}$/;
const namePattern = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,128}$/;
const printable = /^[\x20-\x7e]*$/;
const textCharsMax = 128;
const systemNames = ["correlationId", "userId", "contentType", "contentEncoding"] as const;

/** @throws ColdpathError `input-invalid`, `cloud-message-too-large`. */
export function checkedCloudMessage(message: NewCloudMessage): CheckedCloudMessage {
  const { messageId = randomUUID(), ttlMs = cloudMessageBounds.ttlMsDefault } = message;
  if (!idPattern.test(messageId)) {
    const allowed = "1 to 128 characters out of letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '";
    throw registryError("input-invalid", `messageId must be ${allowed}.`, { field: "messageId" });
  }
  integerOf(ttlMs / 1000, "ttlSeconds", 1, cloudMessageBounds.ttlMsMax / 1000);
  const system: Partial<Record<(typeof systemNames)[number], string>> = {};
  for (const name of systemNames) {
    const value = message[name];
    if (value === undefined) continue;
    if (value.length === 0 || value.length > textCharsMax || !printable.test(value)) {
      const text = `${name} must be 1 to ${textCharsMax} printable ASCII characters.`;
      throw registryError("input-invalid", text, { field: name });
    }
    system[name] = value;
  }
  const application = Object.entries(objectOrEmpty(message.properties, "properties"));
  refuseAbove(application.length, cloudMessageBounds.propertiesMax, "properties", "There are", "properties");
  for (const [name, value] of application) checkProperty(name, value);
  const texts = [messageId, ...Object.values(system), ...application.flatMap(([name, value]) => [name, String(value)])];
  const propertyBytes = texts.reduce((sum, text) => sum + text.length, 0);
  refuseAbove(propertyBytes, cloudMessageBounds.propertyBytesMax, "properties", "The properties are", "bytes");
  const bytes = propertyBytes + message.body.length;
  refuseAbove(bytes, cloudMessageBounds.bytesMax, "body", "The message is", "bytes");
  const properties = { ...system, application: Object.fromEntries(application) as Record<string, string> };
  return { messageId, properties, ttlMs, bytes };
}

function checkProperty(name: string, value: unknown): void {
  const field = `properties.${shownKey(name)}`;
  if (!namePattern.test(name)) {
    const message = `${field}: a name is 1 to 128 letters, digits and ! # $ % & ' * + - . ^ _ \` | ~.`;
    throw registryError("input-invalid", message, { field });
  }
  // What comes back over MQTT as the hub's own word.
  if (name.startsWith("$."))
    throw registryError("input-invalid", `${field}: a name cannot start with "$.".`, { field });
  if (typeof value !== "string" || !printable.test(value)) {
    throw registryError("input-invalid", `${field} must be text of printable ASCII characters.`, {
      field,
      hint: "Send what is more than that in the body.",
    });
  }
}

function refuseAbove(count: number, max: number, field: string, what: string, unit: string): void {
  if (count <= max) return;
  throw registryError("cloud-message-too-large", `${what} ${count} ${unit}; at most ${max}.`, { field });
}
