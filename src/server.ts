// The server: the only place where rooms are built and connected.
//
// Start: lock → formats, none of a newer version → registry → certificate → listeners, which answer "not yet" in their
// protocols' words → journal recovered → exporter → what may be sent again is remembered → devices are let in →
// administration → sample → simulator.
// Stop: the reverse. Nothing accepted is lost: what was committed is made durable and acknowledged; the minute now
// running stays open on disk and goes on at the next start.

import { existsSync, realpathSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AdminOptions, startAdmin } from "./admin/admin.ts";
import { hostNameOf } from "./admin/connection-string.ts";
import type { Config } from "./config/config.ts";
import { type StorageOptions, openStorage } from "./destinations/open-storage.ts";
import type { StorageAccess } from "./destinations/destination.ts";
import { Exporter } from "./export/exporter.ts";
import { Accept } from "./ingest/accept.ts";
import { ConnectionTable } from "./ingest/connection-table.ts";
import { hostNames } from "./ingest/host-names.ts";
import { DeviceRates } from "./ingest/device-rates.ts";
import { Folding } from "./ingest/folding.ts";
import { HttpsServer } from "./ingest/https/https-server.ts";
import { newCounters } from "./ingest/ingest.ts";
import { Handshakes } from "./ingest/handshakes.ts";
import { TakeOvers } from "./ingest/take-overs.ts";
import { Provisioning } from "./ingest/provisioning/provisioning.ts";
import { SocketPlaces } from "./ingest/socket-places.ts";
import { Turns } from "./ingest/turns.ts";
import { AmqpServer } from "./ingest/amqp/amqp-server.ts";
import { MqttServer } from "./ingest/mqtt/mqtt-server.ts";
import { WebSocketDoor } from "./ingest/websocket/websocket-door.ts";
import { KeptSessions } from "./ingest/kept-sessions.ts";
import { Unacknowledged } from "./ingest/mqtt/unacknowledged.ts";
import { RecentMessages } from "./live/recent-messages.ts";
import { Rates } from "./live/rates.ts";
import { WatchedDevices } from "./live/watched-devices.ts";
import { FileJournal } from "./journal/file/file-journal.ts";
import { type Clock, scaledClock, systemClock } from "./lib/clock.ts";
import { ColdpathError, codeOf, messageOf } from "./lib/errors.ts";
import type { Log } from "./lib/log.ts";
import { openSqliteRegistry } from "./registry/sqlite/sqlite-registry.ts";
import type { Registry } from "./registry/registry.ts";
import { readRestored } from "./backup/restored-file.ts";
import { openAdminToken, removeServerAddress, writeServerAddress } from "./server/data-files.ts";
import { guardFileModes } from "./server/file-modes.ts";
import { readGivenKey } from "./server/given-secret-key.ts";
import { openMetrics } from "./server/metrics.ts";
import { openFilesMax, socketsMaxOf } from "./server/open-files.ts";
import { refuseToStart } from "./server/refuse-to-start.ts";
import { type Sample, makeSample } from "./server/sample.ts";
import { watchStorage } from "./server/storage-watch.ts";
import { Simulator } from "./simulator/simulator.ts";
import { openTls } from "./tls/tls.ts";
import { CloudMessages } from "./twins/cloud-messages.ts";
import { Methods } from "./twins/methods.ts";
import { Twins } from "./twins/twins.ts";
import { version } from "./lib/version.ts";

/** Where a running server is to be found, and how it is stopped. */
export interface RunningServer {
  readonly registry: Registry;
  readonly exporter: Exporter;
  readonly journal: FileJournal;
  /** The ports that were bound, also where 0 asked for any. */
  readonly ports: {
    readonly mqtt: number;
    readonly mqtts: number;
    readonly amqps: number;
    readonly https: number;
    readonly web: number;
  };
  readonly webUrl: string;
  /** Where the first administrator is made; null when there is a user. */
  readonly setUpLink: string | null;
  readonly adminToken: string;
  readonly caPath: string | null;
  readonly publicHosts: readonly string[];
  /** What was made on a fresh data directory, or null. */
  readonly sample: Sample | null;
  /** Resolves with the error when stable storage failed: the process must exit and recover. */
  readonly failed: Promise<unknown>;
  /** Reads the certificate again, for connections from now on; also done daily. A failure is logged. */
  reloadCertificate(): void;
  /** Drains: refuses devices, makes durable, acknowledges, closes. Safe to call twice. */
  stop(): Promise<void>;
}

const certificateCheckMs = 24 * 60 * 60 * 1000;
const loopback = "127.0.0.1";
/** Of a device's messages: in one answer, and shown in a second as they come. One message may be larger. */
const answerBytesMax = 1024 * 1024;
const watchedBytesPerSecondMax = 1024 * 1024;

/**
 * Starts everything in this process.
 *
 * @throws ColdpathError of kind `fatal` that says in one sentence what stands in the way; nothing is left running.
 */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    return await start(config, log, closers);
  } catch (error) {
    for (const close of closers.toReversed()) {
      try {
        await close();
      } catch (second) {
        log.warn({ error: messageOf(second) }, "Something could not be closed after a failed start.");
      }
    }
    throw error;
  }
}

async function start(config: Config, log: Log, closers: (() => Promise<void> | void)[]): Promise<RunningServer> {
  const { dataDir } = config;
  const clock = clockOf(config);
  const startedAt = new Date().toISOString();
  const samplePending = join(dataDir, "sample.pending");
  const isFresh = !existsSync(join(dataDir, "registry.db"));

  const secretKey = await readGivenKey({
    text: config.secretKey,
    command: config.secretKeyCommand,
    option: "secret-key",
  });
  const registry = await openSqliteRegistry({
    directory: dataDir,
    hubName: config.hubName,
    secretKey,
    clock,
    beforeOpening: refuseToStart,
  });
  closers.push(() => registry.close());
  // A first start that was cut short makes its sample at the next.
  if (isFresh && config.sample) await writeFile(samplePending, "");
  const adminToken = await openAdminToken(dataDir);
  const own =
    config.tlsCert === undefined || config.tlsKey === undefined
      ? undefined
      : { certPath: config.tlsCert, keyPath: config.tlsKey, caPath: config.tlsCa };
  const tls = await openTls({ dataDir, publicHosts: config.publicHost, own });
  const secure = { cert: tls.identity.certPem, key: tls.identity.keyPem };

  await guardFileModes(dataDir, config.tlsKey, log);

  const counters = newCounters();
  const table = new ConnectionTable();
  closers.push(registry.subscribe((event) => table.hear(event)));
  const folding =
    config.foldWindowMs === 0
      ? null
      : new Folding({ windowMs: config.foldWindowMs, messagesMax: config.foldMessagesMax, counters, clock, log });
  const { deviceMessagesPerSecondMax: messagesPerSecondMax, deviceBytesPerSecondMax: bytesPerSecondMax } = config;
  const isRateLimited = messagesPerSecondMax > 0 || bytesPerSecondMax > 0;
  const rates = isRateLimited ? new DeviceRates({ messagesPerSecondMax, bytesPerSecondMax, clock }) : null;
  const accept = new Accept(counters, folding, rates);
  const isOurHost = hostNames([...config.publicHost, ...tls.identity.names, "localhost", "127.0.0.1", "::1"]);
  const limits = {
    messageBytesMax: config.messageBytesMax,
    connectionsMax: config.connectionsMax,
    connectTimeoutMs: config.connectTimeoutMs,
    keepAliveSecondsMax: config.keepAliveSecondsMax,
    connectionBytesInFlightMax: config.connectionBytesInFlightMax,
    unreadBytesMax: config.unreadBytesMax,
    connectionUnsentBytesMax: config.connectionUnsentBytesMax,
  };
  const turns = new Turns();
  const filesMax = openFilesMax();
  const socketsMax = socketsMaxOf(filesMax);
  if (socketsMax < config.connectionsMax) {
    log.warn(
      { code: "files-few", filesMax, socketsMax, connectionsMax: config.connectionsMax },
      "The limit of open files allows fewer connections than --connections-max. Raise it (LimitNOFILE, ulimit -n).",
    );
  }
  const sockets = new SocketPlaces(socketsMax);
  // Of 0 the port is known only after listening.
  let mqttsPort = config.publicMqttsPort ?? config.mqttsPort;
  const provisioning = new Provisioning({
    registry,
    counters,
    assignedHub: () => hostNameOf({ publicHosts: config.publicHost, mqttsPort }),
    log,
  });
  const handshakes = new Handshakes();
  const front = { accept, registry, table, counters, limits, sockets, handshakes, turns, isOurHost, provisioning, log };
  const unacknowledged =
    config.dupWindowMs === 0
      ? null
      : new Unacknowledged({ windowMs: config.dupWindowMs, messagesMax: config.dupMessagesMax });
  const twins = new Twins(registry);
  registry.subscribe((event) => twins.hear(event));
  // The device on the other side keeps real time.
  const methods = new Methods({ clock: systemClock, callsMax: config.methodCallsMax });
  registry.subscribe((event) => methods.hear(event));
  const cloudMessages = new CloudMessages({ registry, clock, log, bytesMax: config.cloudMessageBytesMax });
  registry.subscribe((event) => cloudMessages.hear(event));
  cloudMessages.start();
  closers.push(() => cloudMessages.stop());
  // Devices keep real time, also where windows do not.
  const signInsPerSecondMax = config.deviceSignInsPerSecondMax;
  const signInRates =
    signInsPerSecondMax === 0
      ? null
      : new DeviceRates({ messagesPerSecondMax: signInsPerSecondMax, bytesPerSecondMax: 0, clock: systemClock });
  const live = { ...front, twins, methods, cloudMessages, signInRates, takeOvers: new TakeOvers({ clock, log }) };
  const sessions = new KeptSessions({ registry, expiryMs: config.sessionExpiryMs, log });
  const mqtt = new MqttServer({ ...live, sessions, unacknowledged });
  closers.push(() => mqtt.close());
  const amqp = new AmqpServer({ ...live, sessions });
  closers.push(() => amqp.close());
  const https = new HttpsServer({
    ...front,
    cloudMessages,
    webSockets: new WebSocketDoor(
      { mqtt: (stream) => mqtt.take(stream), AMQPWSB10: (stream) => amqp.take(stream) },
      front,
    ),
    bounds: { requestTimeoutMs: config.httpsTimeoutMs, bodiesBytesMax: config.httpsBodiesBytesMax },
  });
  closers.push(() => https.close());
  const ports = {
    mqtt: await bind("mqtt-port", config.mqttPort, () => mqtt.listenPlain(config.mqttPort, config.mqttHost)),
    mqtts: await bind("mqtts-port", config.mqttsPort, () => mqtt.listenTls(config.mqttsPort, config.host, secure)),
    amqps: await bind("amqps-port", config.amqpsPort, () => amqp.listenTls(config.amqpsPort, config.host, secure)),
    https: await bind("https-port", config.httpsPort, () => https.listen(config.httpsPort, config.host, secure)),
    web: 0,
  };
  mqttsPort = config.publicMqttsPort ?? ports.mqtts;

  const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();
  const journal = await FileJournal.open({
    directory: join(dataDir, "journal"),
    hub: registry.installation.hubName,
    partitions: config.journalPartitions,
    bytesMax: config.journalBytesMax,
    warnShare: config.journalWarnPercent / 100,
    warnBeforeMs: config.journalWarnBeforeMs,
    freeBytesMin: config.journalFreeBytesMin,
    retentionMs: config.journalRetentionMs,
    recycleBytesMax: config.journalRecycleBytesMax,
    frameBytesMax: config.frameBytesMax,
    clockJumpMaxMs: config.clockJumpMaxMs,
    clock,
    log,
    onFailed: fail,
  });
  closers.push(() => journal.close());
  const storageOptions: StorageOptions = {
    requestTimeoutMs: config.storageTimeoutMs,
    log,
    networkPolicy: { networks: config.storageNetworks, ownPorts: () => Object.values(ports) },
    folderPolicy: { dataDirectory: realpathSync(dataDir), folders: config.storageFolders?.map(realPathOf) },
  };
  const openAccount = async (id: string): Promise<StorageAccess> => {
    const account = await registry.storageAccount(id);
    return openStorage(account.settings, (await registry.storageSecret(id)) ?? undefined, storageOptions);
  };
  const exporter = await Exporter.start({
    registry,
    journal,
    clock,
    log,
    stageDirectory: join(dataDir, "snapshots"),
    uploadsMax: config.exportUploadsMax,
    runsKept: config.runsKept,
    cutsRetentionMs: config.cutRecordsRetentionMs,
    openStorage: openAccount,
    random: Math.random,
  });
  closers.push(() => exporter.stop());
  await folding?.rebuild(journal);
  accept.open(journal);

  const hubRates = new Rates({
    totals: () => ({
      messages: counters.acceptedMessages,
      bytes: counters.acceptedBytes,
      rejections: Object.values(counters.rejections).reduce((sum, count) => sum + count, 0),
      connected: table.openCount,
    }),
  });
  hubRates.start();
  closers.push(() => hubRates.stop());
  const recentMessages = new RecentMessages({
    journal,
    scanBytesMax: config.messageScanBytesMax,
    scanMs: config.messageScanTimeMs,
    answerBytesMax,
    scansMax: config.messageScansMax,
    scansWaitingMax: config.messageScansWaitingMax,
  });
  const watchedDevices = new WatchedDevices({
    journal,
    devicesMax: config.watchedDevicesMax,
    messagesPerSecondMax: config.watchedMessagesPerSecondMax,
    bytesPerSecondMax: watchedBytesPerSecondMax,
  });

  const webUrl = (): string =>
    `${config.webTls ? "https" : "http"}://${config.webTls ? (config.publicHost[0] ?? "localhost") : loopback}:${ports.web}`;
  const exportDefaults = { blockBytes: config.exportBlockBytes, fileBytesMax: config.fileBytesMax };
  const admin: AdminOptions = {
    registry,
    journal,
    exporter,
    methods,
    cloudMessages,
    openStorage: openAccount,
    openStorageWith: (settings, secret) => openStorage(settings, secret, storageOptions),
    connections: table,
    counters,
    rates: hubRates,
    recentMessages,
    watchedDevices,
    endpoints: () => ({
      publicHosts: config.publicHost,
      mqttPort: ports.mqtt,
      mqttsPort,
      amqpsPort: ports.amqps,
      httpsPort: ports.https,
      caPath: tls.identity.caPath,
    }),
    adminToken,
    pageDirectory: join(import.meta.dirname, "../web/dist"),
    docsDirectory: join(import.meta.dirname, "../docs"),
    sessions: { idleMs: config.sessionIdleMs, lengthMs: config.sessionLengthMs, sessionsMax: config.sessionsMax },
    auditLogEntriesMax: config.auditLogEntriesMax,
    webUrl,
    host: config.webTls ? config.host : loopback,
    port: config.webPort,
    webHosts: config.webHosts ?? [],
    tls: config.webTls ? secure : undefined,
    requestBytesMax: config.requestBytesMax,
    importBytesMax: config.importBytesMax,
    pageSizeMax: config.pageSizeMax,
    streamsMax: config.streamsMax,
    streamUnsentBytesMax: config.streamUnsentBytesMax,
    previewBytesMax: config.previewBytesMax,
    downloadsMax: config.downloadsMax,
    storageFolders: config.storageFolders ?? null,
    exportDefaults,
    clock,
    log,
    readiness: () => {
      const refusal = accept.refusal;
      return { ready: refusal === null, reasons: refusal === null ? [] : [`devices are refused: ${refusal}`] };
    },
    metrics: openMetrics({
      counters,
      table,
      journal,
      exporter,
      registry,
      methods,
      cloudMessages,
      certificateEndsMs: () => tls.identity.notAfter.getTime(),
      version,
    }),
    version,
    startedAt,
    restored: readRestored(dataDir),
  };
  const web = await bindAdmin(config, admin);
  closers.push(() => web.close());
  ports.web = web.port;

  let sample: Sample | null = null;
  if (existsSync(samplePending)) {
    sample = await makeSample({
      registry,
      openStorage: openAccount,
      dataDir,
      windowOpen: () => journal.windowNext(),
      exportDefaults,
    });
    await rm(samplePending);
  }
  const simulator = await Simulator.start({
    registry,
    accept,
    clock,
    log,
    intervalMs: config.simulatorIntervalMs,
    devicesMax: config.simulatedDevicesMax,
  });
  closers.push(() => simulator.stop());

  const reloadCertificate = (): void => {
    tls.reload().then(
      ({ certPem, keyPem }) => {
        mqtt.setSecureContext({ cert: certPem, key: keyPem });
        amqp.setSecureContext({ cert: certPem, key: keyPem });
        https.setSecureContext({ cert: certPem, key: keyPem });
        if (config.webTls) web.setSecureContext({ cert: certPem, key: keyPem });
      },
      (error: unknown) =>
        log.error({ error: messageOf(error) }, "The certificate could not be read again; the former one stays."),
    );
  };
  const unwatchStorage = watchStorage(registry, log);
  closers.push(unwatchStorage);
  const renewal = setInterval(reloadCertificate, certificateCheckMs);
  renewal.unref();
  closers.push(() => clearInterval(renewal));

  await writeServerAddress(dataDir, { url: webUrl(), ports, pid: process.pid, startedAt });
  closers.push(() => removeServerAddress(dataDir));

  let stopping: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    await simulator.stop();
    cloudMessages.stop();
    clearInterval(renewal);
    hubRates.stop();
    await removeServerAddress(dataDir);
    // Refuses from here on, in the protocols' own words; makes durable what was committed, and acknowledges it.
    await journal.close();
    mqtt.close();
    amqp.close();
    await https.close();
    await web.close();
    await exporter.stop();
    await registry.close();
  };
  return {
    registry,
    exporter,
    journal,
    ports,
    webUrl: webUrl(),
    setUpLink: web.setUpLink(),
    adminToken,
    caPath: tls.identity.caPath,
    publicHosts: config.publicHost,
    sample,
    failed,
    reloadCertificate,
    stop: () => (stopping ??= stop()),
  };
}

/** A folder that does not exist yet has no other name. */
function realPathOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function clockOf(config: Config): Clock {
  const { testClockOriginMs, testClockRate } = config;
  if (testClockOriginMs === undefined && testClockRate === 1) return systemClock;
  return scaledClock(testClockOriginMs ?? Date.now(), testClockRate);
}

async function bindAdmin(config: Config, options: AdminOptions): ReturnType<typeof startAdmin> {
  return await bind("web-port", config.webPort, () => startAdmin(options));
}

/** Listens, or says in one sentence why not and what to do. */
async function bind<T>(option: string, port: number, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const code = codeOf(error);
    const environment = `COLDPATH_${option.toUpperCase().replaceAll("-", "_")}`;
    const another = `choose another with --${option} (${environment}); 0 takes any free one.`;
    if (code === "EADDRINUSE") {
      const hint = `Stop the program that holds it, or ${another}`;
      throw new ColdpathError("fatal", "port-in-use", `Port ${port} (--${option}) is in use.`, { hint, cause: error });
    }
    if (code === "EACCES" || code === "EADDRNOTAVAIL") {
      const hint =
        code === "EACCES"
          ? `Let the server listen there (CAP_NET_BIND_SERVICE for ports below 1024), or ${another}`
          : "Give --host (COLDPATH_HOST) and --mqtt-host (COLDPATH_MQTT_HOST) addresses that this machine has.";
      throw new ColdpathError(
        "fatal",
        "port-refused",
        `Port ${port} (--${option}) cannot be listened on: ${messageOf(error)}.`,
        { hint, cause: error },
      );
    }
    throw error;
  }
}
