// Every option of the server with its value and where that came from, for `coldpath check --show`.

import { existsSync, readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { keyOf, variableOf, type Option, type OptionTable } from "../config/option.ts";
import { serverOptions } from "../config/options.ts";
import { bytesText, durationText } from "./output.ts";

export interface Setting {
  /** `--mqtt-port`. */
  readonly option: string;
  readonly value: string;
  /** The flag, the variable, the file, or `default`. */
  readonly source: string;
}

/**
 * @param flags  those that `config` was resolved from, so they are known to be well-formed.
 */
export function settingsOf(
  config: Config,
  flags: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): readonly Setting[] {
  const values = config as Readonly<Record<string, unknown>>;
  const inFile = namesInFile(config.config);
  return Object.entries(serverOptions as OptionTable).flatMap(([name, option]) => {
    const variable = (environment[variableOf(name)] ?? "") === "" ? null : variableOf(name);
    const file = inFile.has(name) ? (config.config ?? null) : null;
    const source = flagOf(name, flags) ?? variable ?? file ?? "default";
    // What only tests set is of no interest until it is set.
    if (option.isTestOnly === true && source === "default") return [];
    return [{ option: `--${name}`, value: valueText(option, values[keyOf(name, option)]), source }];
  });
}

/** A value never starts with two dashes, so that every word that does is a flag. */
function flagOf(name: string, flags: readonly string[]): string | null {
  const end = flags.includes("--") ? flags.indexOf("--") : flags.length;
  const spelt = flags.slice(0, end).findLast((flag) => {
    const [given] = flag.split("=");
    return given === `--${name}` || given === `--no-${name}`;
  });
  return spelt?.split("=")[0] ?? null;
}

function namesInFile(path: string | undefined): ReadonlySet<string> {
  if (path === undefined || !existsSync(path)) return new Set();
  return new Set(Object.keys(JSON.parse(readFileSync(path, "utf8")) as object));
}

function valueText(option: Option, value: unknown): string {
  if (value === undefined) return "–";
  if (option.isSecret === true) return "(hidden)";
  if (option.type === "bytes") return bytesText(Number(value));
  if (option.type === "duration") return durationText(Number(value));
  if (option.type === "instant") return new Date(Number(value)).toISOString();
  return Array.isArray(value) ? value.join(", ") : typeof value === "string" ? value : JSON.stringify(value);
}
