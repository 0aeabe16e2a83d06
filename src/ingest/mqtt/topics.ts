// The topics of a device: which it may publish and subscribe to, and what the answers are while a feature is missing.
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

/** Whether a device may subscribe to a filter. */
export function maySubscribe(filter: string, deviceId: string, moduleId: string | undefined): boolean {
  const own = moduleId === undefined ? `devices/${deviceId}` : `devices/${deviceId}/modules/${moduleId}`;
  const filters = [
    `${own}/messages/devicebound/#`,
    `${own}/messages/events/`,
    "$iothub/twin/res/#",
    "$iothub/twin/PATCH/properties/desired/#",
    "$iothub/methods/POST/#",
    ...(moduleId === undefined ? [] : [`${own}/inputs/#`]),
  ];
  return filters.includes(filter);
}

export type TwinRequest = { readonly kind: "twin"; readonly requestId: string } | { readonly kind: "method-answer" };

/** A request on `$iothub/…`, or null when the topic is none. */
export function parseHubTopic(topic: string): TwinRequest | null {
  if (topic.startsWith("$iothub/methods/res/")) return { kind: "method-answer" };
  const match = /^\$iothub\/twin\/(?:GET|PATCH\/properties\/reported)\/\?(.*)$/.exec(topic);
  if (match === null) return null;
  return { kind: "twin", requestId: new URLSearchParams(match[1]).get("$rid") ?? "" };
}

/** The answer to a twin request while twins do not exist: the Node SDK looks at `errorCode`, not at the status. */
export function twinMissing(requestId: string, nowMs: number): { topic: string; payload: string } {
  const payload = JSON.stringify({
    errorCode: 501_001,
    message: "This hub does not keep device twins yet.",
    timestampUtc: new Date(nowMs).toISOString(),
  });
  return { topic: `$iothub/twin/res/501/?$rid=${encodeURIComponent(requestId)}`, payload };
}
