// The topics of a device: which it may publish and subscribe to, and what it says on those of the hub.
// docs/formats.md "MQTT"; nothing else is allowed.

import { isUtf8 } from "node:buffer";

/** Text of topic bytes, or null when MQTT forbids them (§1.5.3: well-formed UTF-8 without U+0000). */
export function topicText(bytes: Uint8Array): string | null {
  if (bytes.includes(0) || !isUtf8(bytes)) return null;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

/** `devices/{id}/messages/events/`, or a module's: everything behind it is the property bag. */
export function eventsTopic(deviceId: string, moduleId: string | undefined): string {
  return moduleId === undefined
    ? `devices/${deviceId}/messages/events/`
    : `devices/${deviceId}/modules/${moduleId}/messages/events/`;
}

/** The property bag of an events topic, or null when `topic` is another. The last `/` may be missing or doubled. */
export function bagOf(topic: string, events: string): string | null {
  if (topic === events.slice(0, -1)) return "";
  if (!topic.startsWith(events)) return null;
  const bag = topic.slice(events.length);
  return bag.endsWith("/") ? bag.slice(0, -1) : bag;
}

export const twinAnswersFilter = "$iothub/twin/res/#";
export const desiredFilter = "$iothub/twin/PATCH/properties/desired/#";
export const methodsFilter = "$iothub/methods/POST/#";

/** Not of modules: they have no such messages. */
export function cloudMessagesFilter(deviceId: string): string {
  return `devices/${deviceId}/messages/devicebound/#`;
}

/** Whether a device may subscribe to a filter. */
export function maySubscribe(filter: string, deviceId: string, moduleId: string | undefined): boolean {
  const own = moduleId === undefined ? `devices/${deviceId}` : `devices/${deviceId}/modules/${moduleId}`;
  const filters = [
    `${own}/messages/devicebound/#`,
    `${own}/messages/events/`,
    twinAnswersFilter,
    desiredFilter,
    methodsFilter,
    ...(moduleId === undefined ? [] : [`${own}/inputs/#`]),
  ];
  return filters.includes(filter);
}

export interface TwinRequest {
  readonly kind: "twin-read" | "twin-report";
  /** As it stands in the topic; given back in the answer. */
  readonly requestId: string;
}

export interface MethodReply {
  readonly kind: "method-reply";
  readonly requestId: string;
  readonly status: number;
}

/**
 * The request id in what stands behind a topic's `?`, as it stands there; "" for none. Small clients compare it as text with what
 * they sent, others decode it first: it is the same for both when it is given back as it came, but for wildcards, which no topic
 * may have.
 *
 * @returns null when it is so long that the topic of an answer might not hold it (65,535 bytes).
 */
export function requestIdOf(query: string): string | null {
  const [, requestId = ""] = /(?:^|&)(?:\$|%24)rid=([^&]*)/.exec(query) ?? [];
  return requestId.length > requestIdCharsMax ? null : requestId.replace(/[+#]/g, encodeURIComponent);
}

/** SDKs use numbers and UUIDs. */
const requestIdCharsMax = 1024;

/** What a device publishes on `$iothub/…`, or null when the topic is none of those. */
export function parseHubTopic(topic: string): TwinRequest | MethodReply | null {
  const reply = /^\$iothub\/methods\/res\/(-?\d{1,10})\/\?(.*)$/.exec(topic);
  if (reply !== null) {
    const requestId = requestIdOf(reply[2] ?? "");
    return requestId === null ? null : { kind: "method-reply", requestId, status: Number(reply[1]) };
  }
  const match = /^\$iothub\/twin\/(GET|PATCH\/properties\/reported)\/\?(.*)$/.exec(topic);
  if (match === null) return null;
  const requestId = requestIdOf(match[2] ?? "");
  if (requestId === null) return null;
  return { kind: match[1] === "GET" ? "twin-read" : "twin-report", requestId };
}
