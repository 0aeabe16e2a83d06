// Resolves a table of options: flag > COLDPATH_ environment > configuration file > default.
//
// The commands of the CLI use it too, with tables of their own: parts of the server's and what one call is about. It is
// the only reader of the environment, which callers may replace in tests. All faults are reported at once, each with the
// flag, the variable, the value and what to give instead. An empty variable counts as not set.

import { readFileSync } from "node:fs";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import { formOf, keyOf, parseOption, variableOf } from "./option.ts";
import type { Option, OptionTable, OptionValue, Values } from "./option.ts";
import { serverOptions } from "./options.ts";
import { suggest } from "./suggest.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Arguments {
  /** What follows the command's name. */
  readonly flags: readonly string[];
  /** `process.env` when left out. */
  readonly environment?: Environment | undefined;
  /** What relative paths are relative to; the process's working directory when left out. */
  readonly workingDirectory?: string | undefined;
}

export interface Resolved<T extends OptionTable> {
  /** Frozen. */
  readonly values: Values<T>;
  /** Arguments that are no flags, in order; all of them after `--`. */
  readonly positionals: readonly string[];
  /** Sentences worth a warning: variables that look like a misspelt option. */
  readonly notices: readonly string[];
}

/** Text and where it came from, for the error. */
interface Given {
  readonly text: string;
  readonly source: string;
}

/** @throws ColdpathError kind `invalid`, code `option-invalid`: one line per fault; `field` is the first fault's option. */
export function resolveOptions<T extends OptionTable>(table: T, input: Arguments): Resolved<T> {
  const environment = input.environment ?? process.env;
  const workingDirectory = input.workingDirectory ?? process.cwd();
  const faults = new Faults();

  const { given: flags, positionals } = readFlags(table, input.flags, faults);
  const variables = readEnvironment(table, environment);
  let file: ReadonlyMap<string, Given> = new Map();
  const fileOption = table["config"];
  const fileName = flags.get("config") ?? variables.get("config");
  if (fileOption !== undefined && fileName !== undefined) {
    const path = parseOption(fileOption, fileName.text, workingDirectory);
    if (typeof path === "string") file = readConfigFile(table, path, faults);
  }

  const values: Record<string, OptionValue | undefined> = {};
  for (const [name, option] of Object.entries(table)) {
    const given = flags.get(name) ?? variables.get(name) ?? file.get(name);
    const text = given?.text ?? option.default;
    const value = text === undefined ? undefined : parseOption(option, text, workingDirectory);
    if (value === null) faults.badValue(name, option, given);
    else values[keyOf(name, option)] = value;
  }
  faults.throwIfAny();
  return {
    values: Object.freeze(values) as Values<T>,
    positionals,
    notices: misspelt(environment),
  };
}

/** Collects what is wrong, so that an operator repairs it all in one go. */
class Faults {
  readonly #lines: string[] = [];
  #field: string | undefined;

  add(field: string | undefined, line: string): void {
    this.#field ??= field;
    this.#lines.push(line);
  }

  badValue(name: string, option: Option, given: Given | undefined): void {
    const shown = option.isSecret === true ? "the secret" : JSON.stringify(given?.text ?? option.default);
    const hint = given?.text.startsWith("tcp://")
      ? " (Kubernetes sets such a variable for a service of that name: set enableServiceLinks to false.)"
      : "";
    const origin = given === undefined ? "the default" : given.source;
    this.add(
      name,
      `${titleOf(name, option)}: ${shown}, from ${origin}, cannot be used. Give ${formOf(option)}.${hint}`,
    );
  }

  throwIfAny(): void {
    if (this.#lines.length === 0) return;
    throw new ColdpathError("invalid", "option-invalid", this.#lines.join("\n"), { field: this.#field });
  }
}

/** `--mqtt-port (COLDPATH_MQTT_PORT)`. */
function titleOf(name: string, option: Option): string {
  if (option.isNeverFlag === true) return variableOf(name);
  return option.isFlagOnly === true ? `--${name}` : `--${name} (${variableOf(name)})`;
}

function readFlags(
  table: OptionTable,
  flags: readonly string[],
  faults: Faults,
): { given: ReadonlyMap<string, Given>; positionals: readonly string[] } {
  const given = new Map<string, Given>();
  const positionals: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] ?? "";
    if (flag === "--") {
      positionals.push(...flags.slice(i + 1));
      break;
    }
    const [, name, equals, text] = /^--([^=]+)(=)?(.*)$/s.exec(flag) ?? [];
    if (name === undefined) {
      if (/^-[A-Za-z]/.test(flag)) faults.add(undefined, `${flag} is not an option: options have two dashes.`);
      else positionals.push(flag);
      continue;
    }
    const positive = name.startsWith("no-") ? name.slice(3) : name;
    const isNegated = !Object.hasOwn(table, name) && table[positive]?.type === "boolean";
    const option = Object.hasOwn(table, isNegated ? positive : name) ? table[isNegated ? positive : name] : undefined;
    if (option === undefined) {
      faults.add(name, `--${name} is not an option.${didYouMean(name, flagNames(table), "--")}`);
      continue;
    }
    if (option.isNeverFlag === true) {
      faults.add(name, `--${name} would show its value to every user of this machine: set ${variableOf(name)}.`);
      if (equals === undefined) i++;
      continue;
    }
    if (isNegated) {
      if (equals !== undefined) faults.add(positive, `--${name} takes no value.`);
      else given.set(positive, { text: "false", source: `--${name}` });
      continue;
    }
    const source = `--${name}`;
    if (equals !== undefined) put(given, name, option, { text: text ?? "", source });
    else if (option.type === "boolean") given.set(name, { text: "true", source });
    else {
      const next = flags[i + 1];
      if (next === undefined || next.startsWith("--")) {
        faults.add(name, `${titleOf(name, option)} needs a value. Give ${formOf(option)}.`);
      } else {
        put(given, name, option, { text: next, source });
        i++;
      }
    }
  }
  return { given, positionals };
}

/** A list given twice is one list; of anything else the last one counts. */
function put(given: Map<string, Given>, name: string, option: Option, more: Given): void {
  const former = given.get(name);
  const isList = ["hosts", "networks", "paths"].includes(option.type) && former !== undefined;
  given.set(name, isList ? { text: `${former.text},${more.text}`, source: more.source } : more);
}

function readEnvironment(table: OptionTable, environment: Environment): ReadonlyMap<string, Given> {
  const given = new Map<string, Given>();
  for (const [name, option] of Object.entries(table)) {
    const text = environment[variableOf(name)];
    if (option.isFlagOnly !== true && text !== undefined && text !== "")
      given.set(name, { text, source: variableOf(name) });
  }
  return given;
}

function readConfigFile(table: OptionTable, path: string, faults: Faults): ReadonlyMap<string, Given> {
  const given = new Map<string, Given>();
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    // A2: the parser's own words quote what stands there, which may be a key.
    const why = error instanceof SyntaxError ? "it is not well-formed JSON" : messageOf(error);
    faults.add("config", `--config (COLDPATH_CONFIG): cannot read ${path}: ${why}. Name a JSON file.`);
    return given;
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    faults.add("config", `--config (COLDPATH_CONFIG): ${path} must hold one JSON object, e.g. {"mqtt-port": 1884}.`);
    return given;
  }
  // A command that knows a part of the server's options reads the same file as the server.
  const known: OptionTable = { ...serverOptions, ...table };
  for (const [name, value] of Object.entries(content)) {
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (option === undefined || option.isFlagOnly === true || name === "config") {
      faults.add(name, `"${name}" in ${path} is not an option.${didYouMean(name, Object.keys(known), "")}`);
      continue;
    }
    const text = textOf(value);
    if (text === null)
      faults.add(name, `"${name}" in ${path} must be a text, a number, true, false or a list of texts.`);
    else if (Object.hasOwn(table, name)) given.set(name, { text, source: path });
  }
  return given;
}

function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((entry) => typeof entry === "string")) return value.join(",");
  return null;
}

function flagNames(table: OptionTable): readonly string[] {
  return Object.entries(table).flatMap(([name, option]) => (option.type === "boolean" ? [name, `no-${name}`] : [name]));
}

function didYouMean(name: string, known: readonly string[], dashes: string): string {
  const meant = suggest(name, known);
  return meant === null ? ` See --help.` : ` Did you mean ${dashes}${meant}?`;
}

/**
 * Variables that are one slip away from an option's. Others that begin with COLDPATH_ are left alone: the tests and
 * Kubernetes (COLDPATH_SERVICE_HOST) set some.
 */
function misspelt(environment: Environment): readonly string[] {
  const known = Object.keys(serverOptions).map(variableOf);
  return Object.keys(environment).flatMap((variable) => {
    if (!variable.startsWith("COLDPATH_") || known.includes(variable)) return [];
    const meant = suggest(
      variable.slice("COLDPATH_".length),
      known.map((name) => name.slice("COLDPATH_".length)),
    );
    return meant === null ? [] : [`The variable ${variable} has no effect. Did you mean COLDPATH_${meant}?`];
  });
}
