// One option: what may be said of it in a table, and how its text becomes a value.
//
// Every source (flag, environment, file, default) gives text in the operator's notation, and one parser per type reads
// it. So a default is written as an operator would write it, the help shows it as it is, and cannot disagree.

import { isIP } from "node:net";
import { resolve } from "node:path";

interface Common {
  /** Heading under which the help lists it. */
  readonly group: string;
  /** For operators: what it does and when to change it. Full sentences. */
  readonly description: string;
  /** In the operator's notation. Without it the value may be undefined. */
  readonly default?: string;
  /** Its value is never printed. */
  readonly isSecret?: true;
  /** Not taken as a flag: other users of the machine see command lines. */
  readonly isNeverFlag?: true;
  /** Left out of the help: it makes a server unfit for real use. */
  readonly isTestOnly?: true;
  /** Only a flag: what one call of a command is about, and makes no sense as a setting of the machine. */
  readonly isFlagOnly?: true;
}

interface Range {
  readonly min: string;
  readonly max: string;
}

export type Option = Common &
  (
    | { readonly type: "string"; readonly pattern?: RegExp; readonly form?: string }
    | ({ readonly type: "integer" | "number" | "bytes" | "duration" } & Range)
    | { readonly type: "boolean" | "path" | "paths" | "port" | "host" | "hosts" | "networks" | "instant" }
    | { readonly type: "enum"; readonly values: readonly string[] }
  );

/** Options by name; the name is the flag without its dashes. */
export type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { readonly type: "enum"; readonly values: readonly (infer V)[] }
  ? V
  : O["type"] extends "boolean"
    ? boolean
    : O["type"] extends "hosts" | "networks" | "paths"
      ? readonly string[]
      : O["type"] extends "string" | "path" | "host"
        ? string
        : number;

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

/** `journal-retention`, a duration, becomes `journalRetentionMs`: the unit stands last. */
type KeyOf<Name extends string, O extends Option> = O["type"] extends "duration" | "instant"
  ? `${Camel<Name>}Ms`
  : Camel<Name>;

/** What a table resolves to. */
export type Values<T extends OptionTable> = {
  readonly [Name in keyof T & string as KeyOf<Name, T[Name]>]: T[Name] extends { readonly default: string }
    ? ValueOf<T[Name]>
    : ValueOf<T[Name]> | undefined;
};

export function keyOf(name: string, option: Option): string {
  const camel = name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return option.type === "duration" || option.type === "instant" ? `${camel}Ms` : camel;
}

export function variableOf(name: string): string {
  return `COLDPATH_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** What a value must be, as the end of a sentence that begins with "Give". */
export function formOf(option: Option): string {
  switch (option.type) {
    case "string":
      return option.form ?? "a text";
    case "integer":
      return `a whole number from ${option.min} to ${option.max}`;
    case "number":
      return `a number from ${option.min} to ${option.max}`;
    case "bytes":
      return `a size from ${option.min} to ${option.max}, e.g. 512 KiB, 64 MiB or 16 GiB`;
    case "duration":
      return `a duration from ${option.min} to ${option.max}, e.g. 500ms, 30s, 5min, 12h or 7d`;
    case "boolean":
      return "true or false";
    case "path":
      return "a path";
    case "paths":
      return "paths, separated by commas";
    case "port":
      return "a port number from 0 to 65535; 0 takes any free one";
    case "host":
      return "an IP address or host name, without a port";
    case "hosts":
      return "host names or IP addresses, separated by commas, without ports";
    case "networks":
      return "public, private, loopback or networks such as 10.1.0.0/16 or fd00:1::/32, separated by commas";
    case "instant":
      return "a time such as 2026-01-02T03:04:05Z, or milliseconds since 1970";
    case "enum":
      return `one of ${option.values.join(", ")}`;
  }
}

export type OptionValue = string | number | boolean | readonly string[];

/** The value of `text`, or null when it is not what `formOf` says. Paths are relative to `workingDirectory`. */
export function parseOption(option: Option, text: string, workingDirectory: string): OptionValue | null {
  switch (option.type) {
    case "string":
      return option.pattern === undefined || option.pattern.test(text) ? text : null;
    case "integer":
      return within(option, /^-?\d+$/.test(text) ? Number(text) : null, Number);
    case "number":
      return within(option, /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null, Number);
    case "bytes":
      return within(option, parseBytes(text), parseBytes);
    case "duration":
      return within(option, parseDurationMs(text), parseDurationMs);
    case "boolean":
      return booleans.get(text.toLowerCase()) ?? null;
    case "path":
      return text === "" ? null : resolve(workingDirectory, text);
    case "paths": {
      const paths = text.split(",").map((path) => path.trim());
      return paths.includes("") ? null : Object.freeze(paths.map((path) => resolve(workingDirectory, path)));
    }
    case "port":
      return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
    case "host":
      return isHost(text) ? text : null;
    case "hosts": {
      const hosts = text.split(",").map((host) => host.trim());
      return hosts.every(isHost) ? Object.freeze(hosts) : null;
    }
    case "networks": {
      const networks = text.split(",").map((network) => network.trim().toLowerCase());
      return networks.every(isNetwork) ? Object.freeze(networks) : null;
    }
    case "instant": {
      const timeMs = /^\d+$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
      return Number.isNaN(timeMs) ? null : timeMs;
    }
    case "enum":
      return option.values.includes(text) ? text : null;
  }
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

function within(range: Range, value: number | null, parse: (text: string) => number | null): number | null {
  if (value === null) return null;
  const min = parse(range.min) ?? Number.NaN;
  const max = parse(range.max) ?? Number.NaN;
  return value >= min && value <= max ? value : null;
}

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Whole bytes, or null. A number without a unit is bytes. */
function parseBytes(text: string): number | null {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = byteUnits[unit?.toLowerCase() ?? "?"];
  return factor === undefined ? null : Math.round(Number(count) * factor);
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds, or null. A number without a unit is refused, as nobody agrees on what it would be. */
function parseDurationMs(text: string): number | null {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text) ?? [];
  const factor = durationUnits[unit?.toLowerCase() ?? "?"];
  return factor === undefined ? null : Math.round(Number(count) * factor);
}

/** `public` and its like, an address, or CIDR. */
function isNetwork(text: string): boolean {
  if (["public", "private", "loopback"].includes(text)) return true;
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits ?? 0) <= (family === 6 ? 128 : 32);
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || (/^(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(text) && text.length <= 253);
}
