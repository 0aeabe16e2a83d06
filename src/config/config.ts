// The server's configuration: what an operator decided, resolved once, checked as a whole, then frozen.
//
// Owns:      the option table (options.ts), its notation (option.ts), resolution (resolve.ts), help and reference (help.ts).
// Does not:  hand itself around. server.ts reads it and gives each room the options it needs; no other room knows that
//            flags or an environment exist.

import { ColdpathError } from "../lib/errors.ts";
import type { Values } from "./option.ts";
import { serverOptions } from "./options.ts";
import { resolveOptions } from "./resolve.ts";
import type { Arguments, Resolved } from "./resolve.ts";

export type Config = Values<typeof serverOptions>;

/**
 * The configuration that `serve` and `check` run with.
 *
 * @throws ColdpathError kind `invalid`, code `option-invalid`: one line per fault.
 */
export function loadConfig(input: Arguments): Resolved<typeof serverOptions> {
  const resolved = resolveOptions(serverOptions, input);
  checkTogether(resolved.values);
  const { testClockOriginMs, testClockRate } = resolved.values;
  if (testClockOriginMs === undefined && testClockRate === 1) return resolved;
  return {
    ...resolved,
    notices: [...resolved.notices, "A test clock is on: times in records and file names are not real. For tests only."],
  };
}

/** What no single option can know. */
function checkTogether(config: Config): void {
  const refuse = (field: string, message: string): never => {
    throw new ColdpathError("invalid", "option-invalid", message, { field });
  };
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const [given, absent] = config.tlsCert === undefined ? ["tls-key", "tls-cert"] : ["tls-cert", "tls-key"];
    refuse(absent, `--${given} was given without --${absent}. Give both, or neither to have a certificate made.`);
  }
  if (config.tlsCa !== undefined && config.tlsCert === undefined) {
    refuse("tls-ca", "--tls-ca was given without --tls-cert and --tls-key. Give all three, or leave it out.");
  }
  if (config.connectionBytesInFlightMax < config.messageBytesMax) {
    refuse(
      "connection-bytes-in-flight-max",
      "--connection-bytes-in-flight-max must be at least --message-bytes-max, or that message could never be taken.",
    );
  }
  if (config.frameBytesMax < 2 * config.messageBytesMax) {
    refuse("frame-bytes-max", "--frame-bytes-max must be at least twice --message-bytes-max.");
  }
  if (config.foldWindowMs > config.journalRetentionMs) {
    refuse(
      "fold-window",
      "--fold-window must be at most --journal-retention: after a restart, messages are recognised by what the journal still holds.",
    );
  }
  if (config.journalBytesMax < 4 * config.frameBytesMax * config.journalPartitions) {
    refuse(
      "journal-bytes-max",
      "--journal-bytes-max must be at least four times --frame-bytes-max for each of --journal-partitions.",
    );
  }
}
