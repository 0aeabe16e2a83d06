// A batch of messages in one request, in both forms that SDKs send. Pure.
//
//     Content-Type: application/vnd.microsoft.iothub.json
//     [{"body":"eyJ0IjoxfQ==","properties":{"iothub-app-level":"1"}},
//      {"body":"{\"t\":1}","base64Encoded":false}]
//
// All or nothing: one message that is not well-formed makes the whole batch invalid, so that what is refused is refused
// whole and can be sent again. An empty batch is invalid: it acknowledges nothing.

import { isUtf8 } from "node:buffer";
import type { MessageProperties } from "../../message/message.ts";
import { propertiesOfNames } from "./headers.ts";

export interface IncomingMessage {
  readonly properties: MessageProperties;
  readonly body: Buffer;
}

/** Whether a Content-Type announces a batch; its parameters do not matter. */
export function isBatchType(contentType: string | undefined): boolean {
  return contentType?.split(";")[0]?.trim().toLowerCase() === "application/vnd.microsoft.iothub.json";
}

/** The messages of a batch, or a sentence that says what is wrong with it. */
export function parseBatch(bytes: Buffer): readonly IncomingMessage[] | string {
  let batch: unknown;
  try {
    if (!isUtf8(bytes)) return "The batch is not UTF-8.";
    batch = JSON.parse(bytes.toString("utf8"));
  } catch {
    return "The batch is not JSON."; // SyntaxError: the only thing it throws
  }
  if (!Array.isArray(batch)) return "The batch is not a JSON array.";
  if (batch.length === 0) return "The batch is empty.";
  const messages: IncomingMessage[] = [];
  for (const [index, item] of batch.entries()) {
    const message = messageOf(item);
    if (typeof message === "string") return `Message ${index} of the batch: ${message}`;
    messages.push(message);
  }
  return messages;
}

function messageOf(item: unknown): IncomingMessage | string {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return "it is not an object.";
  const { body, base64Encoded = true, properties = {} } = item as Record<string, unknown>;
  if (typeof body !== "string") return "body is missing or not a string.";
  if (typeof base64Encoded !== "boolean") return "base64Encoded is neither true nor false.";
  if (base64Encoded && !isBase64(body)) return "body is not base64.";
  if (!base64Encoded && !body.isWellFormed()) return "body has half a surrogate pair.";
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
    return "properties is not an object.";
  }
  const named: [string, string][] = [];
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value !== "string") return "a property is not a string.";
    if (!name.isWellFormed() || !value.isWellFormed()) return "a property has half a surrogate pair.";
    named.push([name, value]);
  }
  return { properties: propertiesOfNames(named), body: Buffer.from(body, base64Encoded ? "base64" : "utf8") };
}

/** Padding may be left out; nothing else that Node would read over in silence is let through. */
function isBase64(text: string): boolean {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return false;
  const digits = text.replace(/=+$/, "").length;
  return digits % 4 !== 1 && (text.length === digits || text.length % 4 === 0);
}
