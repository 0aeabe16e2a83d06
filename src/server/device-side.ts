// What devices meet: the front ends of all protocols, and what they have in common.
//
// Owns:      which limits and which parts the front ends are given, the order in which they listen and close.
// Does not:  open the journal: until its `accept` is opened with one, devices are told "not yet" in their protocols' words.

import { hostNameOf } from "../admin/connection-string.ts";
import type { Config } from "../config/config.ts";
import { Accept } from "../ingest/accept.ts";
import { AmqpServer } from "../ingest/amqp/amqp-server.ts";
import { ConnectionTable } from "../ingest/connection-table.ts";
import { DeviceRates } from "../ingest/device-rates.ts";
import { Folding } from "../ingest/folding.ts";
import { Handshakes } from "../ingest/handshakes.ts";
import { hostNames } from "../ingest/host-names.ts";
import { HttpsServer } from "../ingest/https/https-server.ts";
import { type IngestCounters, newCounters } from "../ingest/ingest.ts";
import { KeptSessions } from "../ingest/kept-sessions.ts";
import { MqttServer } from "../ingest/mqtt/mqtt-server.ts";
import { Unacknowledged } from "../ingest/mqtt/unacknowledged.ts";
import { Provisioning } from "../ingest/provisioning/provisioning.ts";
import { SocketPlaces } from "../ingest/socket-places.ts";
import { TakeOvers } from "../ingest/take-overs.ts";
import { Turns } from "../ingest/turns.ts";
import { WebSocketDoor } from "../ingest/websocket/websocket-door.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Registry } from "../registry/registry.ts";
import { CloudMessages } from "../twins/cloud-messages.ts";
import { Methods } from "../twins/methods.ts";
import { Twins } from "../twins/twins.ts";
import { bind } from "./bind.ts";
import { openFilesMax, socketsMaxOf } from "./open-files.ts";

/** A certificate and its key, PEM. */
interface Secure {
  readonly cert: string;
  readonly key: string;
}

export interface DeviceSide {
  readonly accept: Accept;
  /** Null: re-sends are not folded. */
  readonly folding: Folding | null;
  readonly counters: IngestCounters;
  readonly table: ConnectionTable;
  readonly methods: Methods;
  readonly cloudMessages: CloudMessages;
  /**
   * On all ports. @returns those that were bound, also where 0 asked for any.
   *
   * @throws ColdpathError `fatal`: `port-in-use`, `port-refused`.
   */
  listen(secure: Secure): Promise<DevicePorts>;
  /** By which devices reach MQTT over TLS. Of 0 it is known only after listening. */
  publicMqttsPort(): number;
  /** The certificate of connections from now on. */
  setSecureContext(secure: Secure): void;
  /** Ends all connections. Safe to call twice. */
  close(): Promise<void>;
}

interface DevicePorts {
  readonly mqtt: number;
  readonly mqtts: number;
  readonly amqps: number;
  readonly https: number;
}

interface DeviceSideOptions {
  readonly config: Config;
  readonly registry: Registry;
  /** Names in the server's certificate: tokens may be for them. */
  readonly certificateNames: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

export function openDeviceSide({ config, registry, certificateNames, clock, log }: DeviceSideOptions): DeviceSide {
  const counters = newCounters();
  const table = new ConnectionTable();
  registry.subscribe((event) => table.hear(event));
  const folding =
    config.foldWindowMs === 0
      ? null
      : new Folding({ windowMs: config.foldWindowMs, messagesMax: config.foldMessagesMax, counters, clock, log });
  const accept = new Accept(counters, folding, messageRates(config, clock));

  let mqttsPort = config.publicMqttsPort ?? config.mqttsPort;
  const provisioning = new Provisioning({
    registry,
    counters,
    assignedHub: () => hostNameOf({ publicHosts: config.publicHost, mqttsPort }),
    log,
  });
  const front = {
    accept,
    registry,
    table,
    counters,
    limits: limitsOf(config),
    sockets: socketPlaces(config, log),
    handshakes: new Handshakes(),
    turns: new Turns(),
    isOurHost: hostNames([...config.publicHost, ...certificateNames, "localhost", "127.0.0.1", "::1"]),
    provisioning,
    log,
  };

  const twins = new Twins(registry);
  registry.subscribe((event) => twins.hear(event));
  // The device on the other side keeps real time.
  const methods = new Methods({ clock: systemClock, callsMax: config.methodCallsMax });
  registry.subscribe((event) => methods.hear(event));
  const cloudMessages = new CloudMessages({ registry, clock, log, bytesMax: config.cloudMessageBytesMax });
  registry.subscribe((event) => cloudMessages.hear(event));
  cloudMessages.start();

  const live = {
    ...front,
    twins,
    methods,
    cloudMessages,
    sessions: new KeptSessions({ registry, expiryMs: config.sessionExpiryMs, log }),
    signInRates: signInRates(config),
    takeOvers: new TakeOvers({ clock, log }),
  };
  const unacknowledged =
    config.dupWindowMs === 0
      ? null
      : new Unacknowledged({ windowMs: config.dupWindowMs, messagesMax: config.dupMessagesMax });
  const mqtt = new MqttServer({ ...live, unacknowledged });
  const amqp = new AmqpServer(live);
  const webSockets = new WebSocketDoor(
    { mqtt: (stream) => mqtt.take(stream), AMQPWSB10: (stream) => amqp.take(stream) },
    front,
  );
  const bounds = { requestTimeoutMs: config.httpsTimeoutMs, bodiesBytesMax: config.httpsBodiesBytesMax };
  const https = new HttpsServer({ ...front, cloudMessages, webSockets, bounds });

  return {
    accept,
    folding,
    counters,
    table,
    methods,
    cloudMessages,
    publicMqttsPort: () => mqttsPort,
    async listen(secure) {
      const { host, mqttHost, mqttPort, mqttsPort: wanted, amqpsPort, httpsPort } = config;
      const ports = {
        mqtt: await bind("mqtt-port", mqttPort, () => mqtt.listenPlain(mqttPort, mqttHost)),
        mqtts: await bind("mqtts-port", wanted, () => mqtt.listenTls(wanted, host, secure)),
        amqps: await bind("amqps-port", amqpsPort, () => amqp.listenTls(amqpsPort, host, secure)),
        https: await bind("https-port", httpsPort, () => https.listen(httpsPort, host, secure)),
      };
      mqttsPort = config.publicMqttsPort ?? ports.mqtts;
      return ports;
    },
    setSecureContext(secure) {
      for (const server of [mqtt, amqp, https]) server.setSecureContext(secure);
    },
    async close() {
      cloudMessages.stop();
      mqtt.close();
      amqp.close();
      await https.close();
    },
  };
}

function limitsOf(config: Config) {
  return {
    messageBytesMax: config.messageBytesMax,
    connectionsMax: config.connectionsMax,
    connectTimeoutMs: config.connectTimeoutMs,
    keepAliveSecondsMax: config.keepAliveSecondsMax,
    connectionBytesInFlightMax: config.connectionBytesInFlightMax,
    unreadBytesMax: config.unreadBytesMax,
    connectionUnsentBytesMax: config.connectionUnsentBytesMax,
  };
}

/** Null: a device may send as much as it can. */
function messageRates(config: Config, clock: Clock): DeviceRates | null {
  const { deviceMessagesPerSecondMax: messagesPerSecondMax, deviceBytesPerSecondMax: bytesPerSecondMax } = config;
  const isLimited = messagesPerSecondMax > 0 || bytesPerSecondMax > 0;
  return isLimited ? new DeviceRates({ messagesPerSecondMax, bytesPerSecondMax, clock }) : null;
}

/** Null: a device may sign in as often as it can. Devices keep real time, also where windows do not. */
function signInRates({ deviceSignInsPerSecondMax: messagesPerSecondMax }: Config): DeviceRates | null {
  if (messagesPerSecondMax === 0) return null;
  return new DeviceRates({ messagesPerSecondMax, bytesPerSecondMax: 0, clock: systemClock });
}

function socketPlaces({ connectionsMax }: Config, log: Log): SocketPlaces {
  const filesMax = openFilesMax();
  const socketsMax = socketsMaxOf(filesMax);
  if (socketsMax < connectionsMax) {
    log.warn(
      { code: "files-few", filesMax, socketsMax, connectionsMax },
      "The limit of open files allows fewer connections than --connections-max. Raise it (LimitNOFILE, ulimit -n).",
    );
  }
  return new SocketPlaces(socketsMax);
}
