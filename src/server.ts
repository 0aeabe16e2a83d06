// The server: the only place where rooms are built and connected; what devices meet in server/device-side.ts.
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
import type { Config } from "./config/config.ts";
import { type StorageOptions, openStorage } from "./destinations/open-storage.ts";
import type { StorageAccess } from "./destinations/destination.ts";
import { Exporter } from "./export/exporter.ts";
import { RecentMessages } from "./live/recent-messages.ts";
import { Rates } from "./live/rates.ts";
import { WatchedDevices } from "./live/watched-devices.ts";
import { FileJournal } from "./journal/file/file-journal.ts";
import { type Clock, scaledClock, systemClock } from "./lib/clock.ts";
import { messageOf } from "./lib/errors.ts";
import type { Log } from "./lib/log.ts";
import { openSqliteRegistry } from "./registry/sqlite/sqlite-registry.ts";
import type { Registry } from "./registry/registry.ts";
import { readRestored } from "./backup/restored-file.ts";
import { bind } from "./server/bind.ts";
import { openAdminToken, removeServerAddress, writeServerAddress } from "./server/data-files.ts";
import { openDeviceSide } from "./server/device-side.ts";
import { guardFileModes } from "./server/file-modes.ts";
import { readGivenKey } from "./server/given-secret-key.ts";
import { openMetrics } from "./server/metrics.ts";
import { refuseToStart } from "./server/refuse-to-start.ts";
import { type Sample, makeSample } from "./server/sample.ts";
import { watchStorage } from "./server/storage-watch.ts";
import { Simulator } from "./simulator/simulator.ts";
import { openTls } from "./tls/tls.ts";
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

  const devices = openDeviceSide({ config, registry, certificateNames: tls.identity.names, clock, log });
  const { accept, folding, counters, table, methods, cloudMessages } = devices;
  closers.push(() => devices.close());
  const ports = { ...(await devices.listen(secure)), web: 0 };

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
      mqttsPort: devices.publicMqttsPort(),
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
        devices.setSecureContext({ cert: certPem, key: keyPem });
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
    await devices.close();
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
