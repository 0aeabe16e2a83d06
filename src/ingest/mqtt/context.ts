// What the MQTT front end is given, and what each of its connections sees of it.

import type { Refusal } from "../../journal/journal.ts";
import type { Log } from "../../lib/log.ts";
import type { Accept } from "../accept.ts";
import type { AuthRegistry } from "../authenticate.ts";
import type { ConnectionTable, LiveConnection } from "../connection-table.ts";
import type { IngestCounters, IngestLimits, RejectionReason } from "../ingest.ts";
import type { Provisioning } from "../provisioning/provisioning.ts";
import type { Handshakes } from "../handshakes.ts";
import type { SocketPlaces } from "../socket-places.ts";
import type { TakeOvers } from "../take-overs.ts";
import type { DeviceRates } from "../device-rates.ts";
import type { KeptSessions } from "../kept-sessions.ts";
import type { Unacknowledged } from "./unacknowledged.ts";
import type { CloudMessages } from "../../twins/cloud-messages.ts";
import type { Methods } from "../../twins/methods.ts";
import type { Twins } from "../../twins/twins.ts";
import type { Turns } from "../turns.ts";
import type { ReadGate } from "../read-gate.ts";

export interface MqttServerOptions {
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
  readonly provisioning: Provisioning;
  readonly methods: Methods;
  readonly cloudMessages: CloudMessages;
  readonly takeOvers: TakeOvers;
  readonly sessions: KeptSessions;
  /** How often a device may sign in; null: as often as it likes. */
  readonly signInRates: DeviceRates | null;
  readonly isOurHost: (host: string) => boolean;
  readonly log: Log;
  /** Null: a message marked DUP is a message like any other. */
  readonly unacknowledged: Unacknowledged | null;
}

/** How often the server looks at the clock, and at every connection. */
export const coarseErrorMs = 1000;

/** What a connection needs of its server. */
export interface MqttServerContext extends Omit<MqttServerOptions, "sockets" | "handshakes"> {
  readonly gate: ReadGate;
  /** Connections that sign in and will need a place: with those that are open they are never more than there are places. */
  readonly signIns: { count: number };
  /** Connections of those that are provisioned: besides the devices' there are at most as many as there are places. */
  readonly provisioned: { count: number };
  /** Why no device can be let in now, if so. */
  refusal(): Refusal | null;
  openCount(): number;
  /** Monotonic time in ms, `coarseErrorMs` old at most: one look at the clock for all connections. */
  coarseMs(): number;
  reject(reason: RejectionReason, deviceId: string | null, address: string | undefined): void;
  left(connection: LiveConnection): void;
}
