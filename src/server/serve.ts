// Running the server for a person or a service manager: start, say where things are, wait for a signal, drain.

import type { Config } from "../config/config.ts";
import { makeSasToken } from "../ingest/sas-token.ts";
import { messageOf } from "../lib/errors.ts";
import { version } from "../lib/version.ts";
import { type RunningServer, startServer } from "../server.ts";
import { type BannerFacts, type SampleFacts, banner } from "./banner.ts";
import { openLog } from "./logging.ts";

/** What `serve` needs of the process around it; tests give their own. */
export interface ServeIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean };
  /** Calls `stop` at the first SIGTERM or SIGINT, `kill` at the second, `reload` at SIGHUP. */
  readonly onSignal: (on: { stop: () => void; kill: () => void; reload: () => void }) => void;
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
  const { promise: told, resolve: tell } = Promise.withResolvers<"stop">();
  const { promise: killed, resolve: kill } = Promise.withResolvers<"late">();
  let running: RunningServer | null = null;
  // Before the start: whoever sees `server.json` may send a signal, and it must not find Node's own answer to it.
  io.onSignal({ stop: () => tell("stop"), kill: () => kill("late"), reload: () => running?.reloadCertificate() });
  const late = told.then(async () => await lateAfter(config.drainSecondsMax * 1000));
  const server = await Promise.race([startServer(config, log), late, killed]);
  if (server === "late") {
    log.warn({}, "Stopped before the start was complete. Nothing acknowledged is lost.");
    return 1;
  }
  running = server;
  io.stdout.write(banner(await bannerFacts(config, server)));

  const failure = await Promise.race([told, server.failed]);
  if (failure !== "stop") {
    // J1: nothing can be made durable any more; whatever was not acknowledged the devices send again.
    log.error({ error: messageOf(failure) }, "Stable storage failed. Start the server again: it recovers from disk.");
    return 1;
  }
  log.info({}, "Stopping: finishing what is under way.");
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

async function lateAfter(ms: number): Promise<"late"> {
  return await new Promise((resolve) => {
    setTimeout(() => resolve("late"), ms).unref();
  });
}

async function bannerFacts(config: Config, server: RunningServer): Promise<BannerFacts> {
  const { registry, ports, webUrl, setUpLink, caPath, sample } = server;
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
    setUpLink,
    publicHost,
    ports,
    mqttHost,
    dataDir,
    caPath,
    sample: sampleFacts,
  };
}
