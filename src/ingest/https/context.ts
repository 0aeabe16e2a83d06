// What the HTTPS front end is given, what each request sees of it, and the bounds of both (M1).

import type { Log } from "../../lib/log.ts";
import type { Accept } from "../accept.ts";
import type { AuthRegistry } from "../authenticate.ts";
import type { ConnectionTable } from "../connection-table.ts";
import type { IngestCounters, IngestLimits, RejectionReason } from "../ingest.ts";
import type { Provisioning } from "../provisioning/provisioning.ts";
import type { Handshakes } from "../handshakes.ts";
import type { SocketPlaces } from "../socket-places.ts";
import type { CloudMessages } from "../../twins/cloud-messages.ts";
import type { BodyBudget } from "./body.ts";
import type { Turns } from "../turns.ts";
import type { WebSocketDoor } from "../websocket/websocket-door.ts";

/** Bounds of this front end alone; those it shares with MQTT are in IngestLimits. */
export interface HttpsBounds {
  /** Request line and headers. Properties travel in headers, so this bounds them too. */
  readonly headerBytesMax: number;
  /** Bodies of all requests together that are in memory at one time. */
  readonly bodiesBytesMax: number;
  /** From the first to the last byte of a request. */
  readonly requestTimeoutMs: number;
  /** How long a connection may idle between two requests: longer than the minute that devices like to wait. */
  readonly keepAliveMs: number;
  /** How long a request waits for room in the journal before it is told to come back. */
  readonly roomWaitMs: number;
}

export const defaultHttpsBounds: HttpsBounds = {
  headerBytesMax: 64 * 1024,
  bodiesBytesMax: 64 * 1024 * 1024,
  requestTimeoutMs: 60_000,
  keepAliveMs: 75_000,
  roomWaitMs: 5_000,
};

export interface HttpsServerOptions {
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
  readonly cloudMessages: CloudMessages;
  readonly isOurHost: (host: string) => boolean;
  readonly provisioning: Provisioning;
  readonly log: Log;
  readonly bounds?: Partial<HttpsBounds> | undefined;
  /** Null: nobody is let through to another protocol. */
  readonly webSockets: WebSocketDoor | null;
}

/** What a request needs of its server. */
export interface HttpsContext extends Omit<HttpsServerOptions, "bounds" | "sockets" | "handshakes" | "webSockets"> {
  readonly bounds: HttpsBounds;
  readonly budget: BodyBudget;
  reject(reason: RejectionReason, deviceId: string | null, address: string | undefined): void;
}
