// The server: the only place where rooms are built and connected.
//
// Start: lock and registry → certificate → listeners, which answer "not yet" in their protocols' words → journal
// recovered → exporter → devices are let in → administration → sample → simulator.
// Stop: the reverse. Nothing accepted is lost: what was committed is made durable and acknowledged; the minute now
// running stays open on disk and goes on at the next start.

import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AdminOptions, startAdmin } from "./admin/admin.ts";
import type { Config } from "./config/config.ts";
import { openStorage } from "./destinations/open-storage.ts";
import type { StorageAccess } from "./destinations/destination.ts";
import { Exporter } from "./export/exporter.ts";
import { Accept } from "./ingest/accept.ts";
import { ConnectionTable } from "./ingest/connection-table.ts";
import { hostNames } from "./ingest/host-names.ts";
import { HttpsServer } from "./ingest/https/https-server.ts";
import { newCounters } from "./ingest/ingest.ts";
import { makeSasToken } from "./ingest/sas-token.ts";
import { MqttServer } from "./ingest/mqtt/mqtt-server.ts";
import { FileJournal } from "./journal/file/file-journal.ts";
import { type Clock, scaledClock, systemClock } from "./lib/clock.ts";
import { ColdpathError, codeOf, messageOf } from "./lib/errors.ts";
import type { Log } from "./lib/log.ts";
import { openSqliteRegistry } from "./registry/sqlite/sqlite-registry.ts";
import type { Registry } from "./registry/registry.ts";
import { openAdminToken, removeServerAddress, writeServerAddress } from "./server/data-files.ts";
import { type BannerFacts, type SampleFacts, banner } from "./server/banner.ts";
import { openLog } from "./server/logging.ts";
import { openMetrics } from "./server/metrics.ts";
import { type Sample, makeSample } from "./server/sample.ts";
import { Simulator } from "./simulator/simulator.ts";
import { openTls } from "./tls/tls.ts";
import { version } from "./lib/version.ts";

/** Where a running server is to be found, and how it is stopped. */
export interface RunningServer {
  readonly registry: Registry;
  readonly exporter: Exporter;
  readonly journal: FileJournal;
  /** The ports that were bound, also where 0 asked for any. */
  readonly ports: { readonly mqtt: number; readonly mqtts: number; readonly https: number; readonly web: number };
  readonly webUrl: string;
  readonly adminToken: string;
  readonly caPath: string | null;
  readonly publicHosts: readonly string[];
  /** What was made on a fresh data directory, or null. */
  readonly sample: Sample | null;
  /** Resolves with the error when stable storage failed: the process must exit and recover. */
  readonly failed: Promise<unknown>;
  /** Drains: refuses devices, makes durable, acknowledges, closes. Safe to call twice. */
  stop(): Promise<void>;
}

const connectTimeoutMs = 15_000;
/** Acknowledgements that a device does not read. */
const connectionUnsentBytesMax = 256 * 1024;
const certificateCheckMs = 24 * 60 * 60 * 1000;
const loopback = "127.0.0.1";

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

  const registry = await openSqliteRegistry({ directory: dataDir, hubName: config.hubName, clock });
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

  const counters = newCounters();
  const table = new ConnectionTable();
  closers.push(registry.subscribe((event) => table.hear(event)));
  const accept = new Accept(counters);
  const isOurHost = hostNames([...config.publicHost, ...tls.identity.names, "localhost", "127.0.0.1", "::1"]);
  const limits = {
    messageBytesMax: config.messageBytesMax,
    connectionsMax: config.connectionsMax,
    connectTimeoutMs,
    keepAliveSecondsMax: config.keepAliveSecondsMax,
    connectionBytesInFlightMax: config.connectionBytesInFlightMax,
    connectionUnsentBytesMax,
  };
  const front = { accept, registry, table, counters, limits, isOurHost, log };
  const mqtt = new MqttServer(front);
  closers.push(() => mqtt.close());
  const https = new HttpsServer(front);
  closers.push(() => https.close());
  const ports = {
    mqtt: await bind("mqtt-port", config.mqttPort, () => mqtt.listenPlain(config.mqttPort, config.mqttHost)),
    mqtts: await bind("mqtts-port", config.mqttsPort, () => mqtt.listenTls(config.mqttsPort, config.host, secure)),
    https: await bind("https-port", config.httpsPort, () => https.listen(config.httpsPort, config.host, secure)),
    web: 0,
  };

  const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();
  const journal = await FileJournal.open({
    directory: join(dataDir, "journal"),
    hub: registry.installation.hubName,
    partitions: config.journalPartitions,
    bytesMax: config.journalBytesMax,
    retentionMs: config.journalRetentionMs,
    recycleBytesMax: config.journalRecycleBytesMax,
    frameBytesMax: config.frameBytesMax,
    clockJumpMaxMs: config.clockJumpMaxMs,
    clock,
    log,
    onFailed: fail,
  });
  closers.push(() => journal.close());
  const openAccount = async (id: string): Promise<StorageAccess> => {
    const account = await registry.storageAccount(id);
    return openStorage(account.settings, (await registry.storageSecret(id)) ?? undefined);
  };
  const exporter = await Exporter.start({
    registry,
    journal,
    clock,
    log,
    stageDirectory: join(dataDir, "snapshots"),
    uploadsMax: config.exportUploadsMax,
    runsKept: config.runsKept,
    openStorage: openAccount,
    random: Math.random,
  });
  closers.push(() => exporter.stop());
  accept.open(journal);

  const exportDefaults = { blockBytes: config.exportBlockBytes, fileBytesMax: config.fileBytesMax };
  const admin: AdminOptions = {
    registry,
    journal,
    exporter,
    openStorage: openAccount,
    openStorageWith: (settings, secret) => openStorage(settings, secret),
    connections: table,
    counters,
    endpoints: () => ({
      publicHosts: config.publicHost,
      mqttPort: ports.mqtt,
      mqttsPort: ports.mqtts,
      httpsPort: ports.https,
      caPath: tls.identity.caPath,
    }),
    adminToken,
    host: config.webTls ? config.host : loopback,
    port: config.webPort,
    tls: config.webTls ? secure : undefined,
    requestBytesMax: config.requestBytesMax,
    pageSizeMax: config.pageSizeMax,
    exportDefaults,
    clock,
    log,
    readiness: () => {
      const refusal = accept.refusal;
      return { ready: refusal === null, reasons: refusal === null ? [] : [`devices are refused: ${refusal}`] };
    },
    metrics: openMetrics({ counters, table, journal, exporter, version }),
    version,
    startedAt,
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
  const simulator = await Simulator.start({ registry, accept, clock, log, intervalMs: config.simulatorIntervalMs });
  closers.push(() => simulator.stop());

  const renewal = setInterval(() => {
    tls.reload().then(
      ({ certPem, keyPem }) => {
        mqtt.setSecureContext({ cert: certPem, key: keyPem });
        https.setSecureContext({ cert: certPem, key: keyPem });
        if (config.webTls) web.setSecureContext({ cert: certPem, key: keyPem });
      },
      (error: unknown) =>
        log.error({ error: messageOf(error) }, "The certificate could not be read again; the former one stays."),
    );
  }, certificateCheckMs);
  renewal.unref();
  closers.push(() => clearInterval(renewal));

  const webUrl = `${config.webTls ? "https" : "http"}://${config.webTls ? (config.publicHost[0] ?? "localhost") : loopback}:${ports.web}`;
  await writeServerAddress(dataDir, { url: webUrl, ports, pid: process.pid, startedAt });
  closers.push(() => removeServerAddress(dataDir));

  let stopping: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    mqtt.stopListening();
    https.stopListening();
    await simulator.stop();
    clearInterval(renewal);
    await removeServerAddress(dataDir);
    // Refuses from here on, makes durable what was committed, and acknowledges it.
    await journal.close();
    mqtt.close();
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
    webUrl,
    adminToken,
    caPath: tls.identity.caPath,
    publicHosts: config.publicHost,
    sample,
    failed,
    stop: () => (stopping ??= stop()),
  };
}

/** What `serve` needs of the process around it; tests give their own. */
export interface ServeIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean };
  /** Calls `stop` at the first SIGTERM or SIGINT, `kill` at the second. */
  readonly onSignal: (stop: () => void, kill: () => void) => void;
}

/**
 * Runs the server until it is told to stop, and prints what a person should know.
 *
 * @param notices  what the configuration has to say, one sentence each.
 * @returns the exit code: 0 after a stop, 1 when stable storage failed or the stop took too long.
 * @throws ColdpathError of kind `fatal` when it cannot start.
 */
export async function serve(config: Config, notices: readonly string[], io: ServeIo): Promise<number> {
  const log = openLog(config.logLevel, io.stderr);
  for (const notice of notices) log.warn({}, notice);
  const server = await startServer(config, log);
  io.stdout.write(banner(await bannerFacts(config, server)));

  const { promise: told, resolve: tell } = Promise.withResolvers<"stop">();
  const { promise: killed, resolve: kill } = Promise.withResolvers<"late">();
  io.onSignal(
    () => tell("stop"),
    () => kill("late"),
  );
  const failure = await Promise.race([told, server.failed]);
  if (failure !== "stop") {
    // J1: nothing can be made durable any more; whatever was not acknowledged the devices send again.
    log.error({ error: messageOf(failure) }, "Stable storage failed. Start the server again: it recovers from disk.");
    return 1;
  }
  log.info({}, "Stopping: finishing what is under way.");
  const late = new Promise<"late">((resolve) => {
    setTimeout(() => resolve("late"), config.drainSecondsMax * 1000).unref();
  });
  const ended = await Promise.race([server.stop().then(() => "stopped" as const), late, killed]);
  if (ended === "late") {
    log.warn(
      { drainSecondsMax: config.drainSecondsMax },
      "The stop took too long and was cut short. Nothing acknowledged is lost.",
    );
    return 1;
  }
  log.info({}, "Stopped.");
  return 0;
}

async function bannerFacts(config: Config, server: RunningServer): Promise<BannerFacts> {
  const { registry, ports, webUrl, caPath, sample } = server;
  const publicHost = config.publicHost[0] ?? "localhost";
  let sampleFacts: SampleFacts | null = null;
  if (sample !== null) {
    const { primaryKey } = await registry.deviceKeys(sample.deviceId);
    const hostName = ports.mqtts === 8883 ? publicHost : `${publicHost}:${ports.mqtts}`;
    sampleFacts = {
      deviceId: sample.deviceId,
      connectionString: `HostName=${hostName};DeviceId=${sample.deviceId};SharedAccessKey=${primaryKey}`,
      token: makeSasToken(`${publicHost}/devices/${sample.deviceId}`, primaryKey, Date.now() + 24 * 3_600_000),
      folder: sample.folder,
    };
  }
  const { dataDir, mqttHost } = config;
  return {
    version,
    hubName: registry.installation.hubName,
    webUrl,
    publicHost,
    ports,
    mqttHost,
    dataDir,
    caPath,
    sample: sampleFacts,
  };
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
    const hint = `Stop the program that holds it, or choose another with --${option} (${environment}); 0 takes any free one.`;
    if (code === "EADDRINUSE") {
      throw new ColdpathError("fatal", "port-in-use", `Port ${port} (--${option}) is in use.`, { hint, cause: error });
    }
    if (code === "EACCES" || code === "EADDRNOTAVAIL") {
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
