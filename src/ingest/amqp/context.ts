// What the AMQP front end is given, and what each of its connections sees of it.

import type { Log } from "../../lib/log.ts";
import type { CloudMessages } from "../../twins/cloud-messages.ts";
import type { Methods } from "../../twins/methods.ts";
import type { Twins } from "../../twins/twins.ts";
import type { Accept } from "../accept.ts";
import type { AuthRegistry } from "../authenticate.ts";
import type { ConnectionTable } from "../connection-table.ts";
import type { DeviceRates } from "../device-rates.ts";
import type { KeptSessions } from "../kept-sessions.ts";
import type { IngestCounters, IngestLimits, RejectionReason } from "../ingest.ts";
import type { ReadGate } from "../read-gate.ts";
import type { Handshakes } from "../handshakes.ts";
import type { Provisioning } from "../provisioning/provisioning.ts";
import type { SocketPlaces } from "../socket-places.ts";
import type { TakeOvers } from "../take-overs.ts";
import type { Turns } from "../turns.ts";

export interface AmqpServerOptions {
  readonly accept: Accept;
  readonly registry: AuthRegistry;
  readonly table: ConnectionTable;
  readonly counters: IngestCounters;
  readonly limits: IngestLimits;
  /** Of all listeners of the process. */
  readonly sockets: SocketPlaces;
  /** Of all TLS listeners of the process. */
  readonly handshakes: Handshakes;
  readonly turns: Turns;
  readonly twins: Twins;
  readonly sessions: KeptSessions;
  readonly methods: Methods;
  readonly cloudMessages: CloudMessages;
  readonly takeOvers: TakeOvers;
  readonly provisioning: Provisioning;
  /** Sign-ins of a device a second; null: as many as it likes. */
  readonly signInRates: DeviceRates | null;
  readonly isOurHost: (host: string) => boolean;
  /** For tests; see `bounds`. */
  readonly idleTimeOutMs?: number | undefined;
  readonly log: Log;
}

/** How often the server looks at the clock, and at every connection. */
export const coarseErrorMs = 1000;

/**
 * Of one connection. The SDKs have one session, and two links for each of four things; a gateway with the SDK for Java has a session
 * like that for each of its devices, of which that SDK allows 1000.
 */
export const bounds = {
  /** The largest frame either way; a message comes in several. */
  frameBytesMax: 65_536,
  /** Devices that share a connection. */
  devicesMax: 1000,
  /** One for each device, and some. They may all begin before anybody is let in, so that all connections together have a bound, too. */
  sessionsMax: 1024,
  /** Of any connection; those beyond it count among `moreSessionsMax` of all. About 1 kB each. */
  sessionsUsual: 64,
  moreSessionsMax: 65_536,
  /** Of one session. */
  sessionLinksMax: 256,
  /** Of the whole connection, and so many more for each device that was let in. */
  linksMax: 256,
  deviceLinksMax: 8,
  /** Transfers that a device may send before it hears of more; reading stops long before, when the journal is slow. */
  windowFrames: 2048,
  messageCredit: 1000,
  requestCredit: 20,
  /** What IoT Hub says of links on which it sends. Nothing that is sent comes near it. */
  sentMessageBytesMax: 1_048_576,
  /** Messages to the device that wait for its credit. */
  queuedMax: 100,
  /** We say half of what we wait; no device waits less than we tell it. */
  idleTimeOutMs: 120_000,
} as const;

/** What a connection needs of its server. */
export interface AmqpContext extends Omit<AmqpServerOptions, "sockets" | "handshakes"> {
  readonly idleTimeOutMs: number;
  readonly gate: ReadGate;
  /** Connections of devices that are being provisioned. */
  readonly provisioned: { count: number };
  /** Sessions of all connections, beyond the usual number of each. */
  readonly moreSessions: { count: number };
  /** Sign-ins that will need a place. */
  readonly signIns: { count: number };
  /** Monotonic time in ms, `coarseErrorMs` old at most. */
  coarseMs(): number;
  reject(reason: RejectionReason, deviceId: string | null, address: string | undefined): void;
}

/** What a connection may hold of messages that have not come whole. */
export const partBytesMax = ({ messageBytesMax }: AmqpContext["limits"]): number =>
  messageBytesMax + 4 * bounds.frameBytesMax;
