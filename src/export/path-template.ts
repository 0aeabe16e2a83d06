// Path templates: where the file of a window goes. Pure; what `print` writes `parse` reads back.
//
//     {type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro         the seed's paths, the default
//
// The minute is the window's start, UTC. `{NN}` is the partition in two digits, so one partition gives `00.avro`; a
// window that goes on in further parts gives `00_001.avro`, which sorts behind.
//
// E2  A template is injective over (type, window, partition, part): `checkPathTemplate` refuses any other.

import { pathProblem } from "../destinations/object-path.ts";
import { ColdpathError } from "../lib/errors.ts";
import { type Window, windowOf, windowStartMs } from "../lib/window.ts";
import { type ExportType, exportTypes } from "../registry/registry.ts";

export const defaultPathTemplate = "{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro";

/** What a path says. */
export interface FileName {
  readonly type: ExportType;
  readonly window: Window;
  readonly partition: number;
  /** 0 for the first. */
  readonly part: number;
}

const digitTokens = { "{YYYY}": 4, "{MM}": 2, "{dd}": 2, "{hh}": 2, "{mm}": 2 } as const;
type DigitToken = keyof typeof digitTokens;
const tokens = ["{type}", "{hub}", ...Object.keys(digitTokens), "{NN}"];
const required = ["{YYYY}", "{MM}", "{dd}", "{hh}", "{mm}", "{NN}"];
/** Azure's limit for a blob name, less room for a long hub name and a part. */
const templateCharsMax = 512;
const partitionMax = 99;
export const partMax = 999;
/** Option `hub-name`. */
const hubCharsMax = 50;
const longestName: FileName = { type: "deviceTemplates", window: 0, partition: partitionMax, part: partMax };

/** A piece of a template: one token, or literal text. */
function pieces(template: string): string[] {
  return template.split(/(\{[^{}]*\})/).filter((piece) => piece !== "");
}

/**
 * Refuses a template that is not well-formed or not injective.
 *
 * @throws ColdpathError `path-template`, field `pathTemplate`.
 */
export function checkPathTemplate(template: string, types: readonly ExportType[]): void {
  const refuse = (what: string, hint: string): never => {
    throw new ColdpathError("invalid", "path-template", `The path template ${JSON.stringify(template)} ${what}.`, {
      field: "pathTemplate",
      hint: `${hint} The default is ${defaultPathTemplate}.`,
    });
  };
  if (template.length > templateCharsMax) refuse(`has more than ${templateCharsMax} characters`, "Shorten it.");
  const parts = pieces(template);
  for (const [index, piece] of parts.entries()) {
    if (tokens.includes(piece)) continue;
    if (/[{}]/.test(piece)) refuse(`has an unknown token ${piece}`, `Use only ${tokens.join(" ")}.`);
    if (!/^[A-Za-z0-9 ._=\-/]+$/.test(piece)) {
      refuse(
        `has characters that not every store allows (${JSON.stringify(piece)})`,
        "Use letters, digits, space and . _ = - /",
      );
    }
    // A digit behind {NN} could be read as part of it.
    if (parts[index - 1] === "{NN}" && /^[0-9_]/.test(piece))
      refuse(`has ${JSON.stringify(piece[0])} right behind {NN}`, "Put another character between them.");
  }
  for (const [index, piece] of parts.entries()) {
    const next = parts[index + 1];
    if (piece === "{NN}" && next !== undefined && tokens.includes(next))
      refuse(`has ${next} right behind {NN}`, "Put a literal such as / or . between them.");
  }
  for (const one of required) {
    if (!parts.includes(one)) refuse(`lacks ${one}, so that two files would get one name`, `Add ${one}.`);
    if (parts.filter((piece) => piece === one).length > 1) refuse(`has ${one} twice`, "Use it once.");
  }
  if (types.length > 1 && !parts.includes("{type}")) {
    refuse("lacks {type} although several types are exported", "Add {type}, or export one type only.");
  }
  if (parts.filter((piece) => piece === "{type}").length > 1) refuse("has {type} twice", "Use it once.");
  const segments = template.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".." || segment.endsWith("."))) {
    refuse("has an empty segment, or one that ends in a dot", "Give every part between slashes a name.");
  }
  if (segments[0] === ".coldpath")
    refuse("starts with .coldpath, which Coldpath keeps for itself", "Use another folder.");
  // E5: what no destination takes would stop the export at its first file.
  const problem = pathProblem(printPath(template, "h".repeat(hubCharsMax), longestName));
  if (problem !== null) {
    refuse(`gives a path that ${problem}`, "Give each part between slashes a short name without a space at its end.");
  }
}

/** The path of a file. Hub names are checked when they are made (`[A-Za-z0-9-]`), so they need no escaping. */
export function printPath(template: string, hub: string, name: FileName): string {
  const iso = new Date(windowStartMs(name.window)).toISOString();
  const values: Readonly<Record<string, string>> = {
    "{type}": name.type,
    "{hub}": hub,
    "{YYYY}": iso.slice(0, 4),
    "{MM}": iso.slice(5, 7),
    "{dd}": iso.slice(8, 10),
    "{hh}": iso.slice(11, 13),
    "{mm}": iso.slice(14, 16),
    "{NN}": String(name.partition).padStart(2, "0") + (name.part === 0 ? "" : `_${String(name.part).padStart(3, "0")}`),
  };
  if (name.partition > partitionMax || name.part > partMax)
    throw new RangeError("a path has two digits for the partition and three for the part");
  return pieces(template)
    .map((piece) => values[piece] ?? piece)
    .join("");
}

/**
 * What the paths of a type start with: all before the first token of time; with a day, also the date, as far as it stands in
 * the order of a date.
 *
 * @param day  any window of the day, or null.
 */
export function pathPrefix(template: string, hub: string, type: ExportType, day: Window | null): string {
  const iso = day === null ? "" : new Date(windowStartMs(day)).toISOString();
  const date = [
    ["{YYYY}", iso.slice(0, 4)],
    ["{MM}", iso.slice(5, 7)],
    ["{dd}", iso.slice(8, 10)],
  ] as const;
  let prefix = "";
  let dateParts = 0;
  for (const piece of pieces(template)) {
    const value = piece === "{type}" ? type : piece === "{hub}" ? hub : tokens.includes(piece) ? null : piece;
    const next = date[dateParts];
    if (value !== null) prefix += value;
    else if (day !== null && next !== undefined && next[0] === piece) {
      prefix += next[1];
      dateParts++;
    } else break;
  }
  return prefix;
}

/** The file that a path names, or null when the template never prints it. `type` when the template does not say it. */
export function parsePath(template: string, hub: string, path: string, type?: ExportType): FileName | null {
  const groups: string[] = [];
  const pattern = pieces(template).map((piece) => {
    if (!tokens.includes(piece)) return escape(piece);
    if (piece === "{hub}") return escape(hub);
    groups.push(piece);
    if (piece === "{type}") return `(${exportTypes.join("|")})`;
    if (piece === "{NN}") return `(\\d{2}(?:_\\d{3})?)`;
    return `(\\d{${digitTokens[piece as DigitToken]}})`;
  });
  const match = new RegExp(`^${pattern.join("")}$`).exec(path);
  if (match === null) return null;
  const value = (token: string): string => match[groups.indexOf(token) + 1] ?? "";
  const timeMs = Date.parse(
    `${value("{YYYY}")}-${value("{MM}")}-${value("{dd}")}T${value("{hh}")}:${value("{mm}")}:00Z`,
  );
  const found = groups.includes("{type}") ? (value("{type}") as ExportType) : type;
  if (Number.isNaN(timeMs) || found === undefined) return null;
  const [partition = "", part = "0"] = value("{NN}").split("_");
  const name: FileName = { type: found, window: windowOf(timeMs), partition: Number(partition), part: Number(part) };
  return printPath(template, hub, name) === path ? name : null; // 2026-02-30 is no window
}

/**
 * What paths of a type look like: one pattern for a window's first file, one for its further parts. NUL stands for any
 * digit; every other character is itself.
 */
export function pathPatterns(template: string, hub: string, type: ExportType): readonly string[] {
  return ["00", "00_000"].map((number) =>
    pieces(template)
      .map((piece) => {
        if (piece === "{type}") return type;
        if (piece === "{hub}") return hub;
        // Literals cannot contain NUL.
        if (piece === "{NN}") return number.replaceAll("0", anyDigit);
        return piece in digitTokens ? anyDigit.repeat(digitTokens[piece as DigitToken]) : piece;
      })
      .join(""),
  );
}
export const anyDigit = "\0";

/** Whether `text` could be, from its first character to its last, the beginning of what `pattern` stands for. */
export function beginsPattern(pattern: string, text: string): boolean {
  return text.length <= pattern.length && Array.from(text).every((char, at) => meets(pattern[at], char));
}

/**
 * Whether two templates could print the same path for one type. Compared piece by piece as patterns of characters, so
 * `{MM}/{dd}` and `{dd}/{MM}` overlap: they would meet on some days.
 */
export function templatesOverlap(one: string, other: string, hub: string, type: ExportType): boolean {
  return pathPatterns(one, hub, type).some((a) =>
    pathPatterns(other, hub, type).some((b) => a.length === b.length && beginsPattern(a, b)),
  );
}

function meets(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a === anyDigit && isDigit(b)) || (b === anyDigit && isDigit(a));
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= "0" && char <= "9";
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
