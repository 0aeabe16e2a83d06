// `coldpath serve`: runs the server until it is told to stop.

import { loadConfig } from "../config/config.ts";
import { serverOptions } from "../config/options.ts";
import type { Command } from "./command.ts";
import type { ServeIo } from "../server/serve.ts";
import { endProcess } from "./end-process.ts";
import { UsageError } from "./errors.ts";

export const serveCommand: Command = {
  kind: "command",
  name: "serve",
  purpose: "run the server: take devices' messages, journal them, export them every minute",
  details: [
    "On a fresh data directory it makes a certificate authority, an administrator's token and, unless --no-sample, a sample: a device template, ten simulated refrigerators and an export into the folder {data-dir}/lake.",
    "SIGTERM or Ctrl-C drains: what was acknowledged is kept, and the minute under way goes on at the next start.",
  ].join("\n"),
  options: serverOptions,
  examples: [
    ["coldpath serve --data-dir /var/lib/coldpath --public-host hub.example.com", "a server that devices reach"],
    ["coldpath serve --no-sample --web-port 0", "no sample, the REST API on any free port"],
  ],
  exitCodes: {
    0: "It was told to stop and did (137 where a folder hung: it ended itself by SIGKILL).",
    1: "Stable storage failed, or the stop took too long. Nothing acknowledged is lost.",
    2: "It could not start: a wrong option, a port in use, a directory that cannot be written.",
  },
  run: async (flags, _terminal, environment) => {
    const { values, notices, positionals } = loadConfig({ flags, environment });
    if (positionals.length > 0) {
      throw new UsageError("serve", `serve takes no argument; ${JSON.stringify(positionals[0])} is one too many.`);
    }
    // Loaded here: no other command needs it.
    const { serve } = await import("../server/serve.ts");
    const { stdout, stderr } = process;
    const code = await serve(values, notices, { stdout, stderr, onSignal });
    return await endProcess(code);
  },
};

/** A terminal and npm both send what was one Ctrl-C. */
const sameSignalMs = 1000;

/**
 * The first signal asks for a stop, a later one for an end. SIGHUP reads the certificate again; from a terminal it means
 * that the terminal was closed, which is a stop.
 */
function onSignal({ stop, kill, reload }: Parameters<ServeIo["onSignal"]>[0]): void {
  let stoppedMs: number | null = null;
  const hear = (): void => {
    if (stoppedMs === null) {
      stoppedMs = performance.now();
      stop();
    } else if (performance.now() - stoppedMs > sameSignalMs) kill();
  };
  process.on("SIGTERM", hear);
  process.on("SIGINT", hear);
  process.on("SIGHUP", process.stdout.isTTY ? hear : reload);
}
