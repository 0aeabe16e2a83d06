// The ingest room: the devices' side of the hub.
//
// Owns:      connections and their authentication; the one path of a message (accept.ts) from a socket into the journal;
//            acknowledgements; limits and rejections, counted by reason.
// Does not:  encode (message), keep (journal), or know what an export is.
//
// Invariants (tests cite the numbers):
//   J1  A PUBACK or HTTP 204 is written only after the journal says durable.
//   D1  A device can send only as itself. Deleting or disabling it, or changing the key in use, closes its connections.
//   M1  Every connection, packet and queue has a bound.
//
// Front ends: mqtt/, amqp/, https/; websocket/ leads to the first two. What those ask that are no devices yet: provisioning/.

/** Why something was refused. Stable: they are metric labels and stand in docs/operating.md. */
export const rejectionReasons = [
  // before the connection is open
  "protocol-version",
  "malformed-packet",
  "packet-too-large",
  "connect-timeout",
  "client-id",
  "user-name",
  "unknown-host",
  "unknown-device",
  "unknown-module",
  "device-disabled",
  "token-malformed",
  "token-expired",
  "token-resource",
  "token-signature",
  "unknown-policy",
  "authentication-type",
  "certificate-thumbprint",
  "certificate-name",
  "certificate-untrusted",
  "certificate-expired",
  "unknown-id-scope",
  "unknown-registration",
  "will-topic",
  "too-many-connections",
  "not-ready",
  "reconnecting",
  // afterwards
  "topic",
  "qos-2",
  "message-too-large",
  "invalid-property-bag",
  "invalid-batch",
  "will-lost",
  "keep-alive",
  "unexpected-packet",
  "too-many-subscriptions",
  "invalid-twin-request",
  "too-many-requests",
  "malformed-request",
  "request-timeout",
  "path",
  "lock-lost",
  "sub-protocol",
  "malformed-frame",
  "registration-blocked",
  "registration-taken",
  "malformed-message",
  "link-address",
  "too-many-links",
  // ends that are no fault of the device's
  "journal-full",
  "overloaded",
  "throttled",
  "registrations-full",
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

/** By what a message was recognised as sent again. Stable: they are metric labels. */
export const foldReasons = ["message-id", "dup"] as const;
export type FoldReason = (typeof foldReasons)[number];

/** What registrations came to: a new device, a known one, or they wait. Stable: they are metric labels. */
export const registrationResults = ["created", "assigned", "waiting"] as const;
export type RegistrationResult = (typeof registrationResults)[number];

/** Plain numbers that grow; the server reads them for metrics and status. */
export interface IngestCounters {
  /** Journaled: what was folded is not among them. */
  acceptedMessages: number;
  /** Of bodies. */
  acceptedBytes: number;
  readonly rejections: Record<RejectionReason, number>;
  /** Messages that were sent again and not journaled again. */
  readonly folded: Record<FoldReason, number>;
  /** Messages that folding forgot before its window was over, for want of room. */
  foldForgotten: number;
  /** Answers to devices that asked to be provisioned. */
  readonly registrations: Record<RegistrationResult, number>;
  connectionsOpened: number;
  connectionsTakenOver: number;
}

export function newCounters(): IngestCounters {
  const rejections = Object.fromEntries(rejectionReasons.map((reason) => [reason, 0]));
  return {
    acceptedMessages: 0,
    acceptedBytes: 0,
    rejections: rejections as Record<RejectionReason, number>,
    folded: { "message-id": 0, dup: 0 },
    foldForgotten: 0,
    registrations: { created: 0, assigned: 0, waiting: 0 },
    connectionsOpened: 0,
    connectionsTakenOver: 0,
  };
}

export interface IngestLimits {
  /** Body, system values, application names and values: IoT Hub's 256 KiB. */
  readonly messageBytesMax: number;
  readonly connectionsMax: number;
  /** From accepting a socket to a whole CONNECT. */
  readonly connectTimeoutMs: number;
  /** The longest keep-alive a device gets; a longer one, or none, is held to it. */
  readonly keepAliveSecondsMax: number;
  /** Unacknowledged bytes of a connection above this stop reading from it: no device takes all the room. */
  readonly connectionBytesInFlightMax: number;
  /** Read from all connections of a front end and not used yet; above it only those are read that can finish a packet. */
  readonly unreadBytesMax: number;
  /** Unsent acknowledgements of a connection above this stop reading from it. */
  readonly connectionUnsentBytesMax: number;
}
