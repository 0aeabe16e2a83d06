// What a device is told when it is refused: AMQP's error conditions, chosen for what the SDKs make of them. Pure.
//
// `com.microsoft:timeout` is what all of them try again after. Whoever holds no valid key learns nothing of which devices exist.
//
// Nothing is answered `released` or `modified`: azure-iot-amqp-base tells its user that such a message was sent.

import type { RejectionReason } from "../ingest.ts";
import type { AmqpError } from "./performatives.ts";

const unauthorized = (description: string): AmqpError => ({ condition: "amqp:unauthorized-access", description });
const unavailable = (description: string): AmqpError => ({ condition: "com.microsoft:timeout", description });
const framing = (description: string): AmqpError => ({ condition: "amqp:connection:framing-error", description });

const known: Readonly<Partial<Record<RejectionReason, AmqpError>>> = {
  "device-disabled": unauthorized("The device is disabled."),
  "token-expired": unauthorized("The token has expired."),
  "token-malformed": unauthorized("A SharedAccessSignature with sr, sig and se is needed."),
  "token-resource": unauthorized("The token's sr names another hub or device."),
  "not-ready": unavailable("The hub is starting or stopping."),
  "too-many-connections": unavailable("The hub has as many connections as it takes."),
  reconnecting: unavailable("The device connects again and again."),
  overloaded: unavailable("The hub has more to do than it can take now."),
  "malformed-packet": framing("What came is no AMQP 1.0."),
  "packet-too-large": framing("The frame is larger than was agreed on."),
  "unexpected-packet": { condition: "amqp:illegal-state", description: "The frame does not belong here." },
  "keep-alive": {
    condition: "amqp:resource-limit-exceeded",
    description: "Nothing came for longer than was agreed on.",
  },
  "connect-timeout": { condition: "amqp:resource-limit-exceeded", description: "No device signed in in time." },
  "too-many-links": {
    condition: "amqp:resource-limit-exceeded",
    description: "There are too many sessions, links or devices.",
  },
  "link-address": { condition: "amqp:not-found", description: "There is nothing at this address." },
  "message-too-large": {
    condition: "amqp:link:message-size-exceeded",
    description: "The message is larger than this hub takes.",
  },
};

/** @param description  when more can be said. */
export function errorOf(reason: RejectionReason, description?: string): AmqpError {
  const error = known[reason] ?? unauthorized("The credentials do not open this device.");
  return description === undefined ? error : { ...error, description };
}

export const takenOver: AmqpError = {
  condition: "amqp:link:stolen",
  description: "Another connection of this device has taken over.",
};
/** Of a message that the device settles: it waited too long, and somebody else has it, or it is over. */
export const lockLost: AmqpError = {
  condition: "com.microsoft:message-lock-lost",
  description: "The device does not hold this message any more.",
};
export const accessChanged: AmqpError = unauthorized("The device's access has changed.");
