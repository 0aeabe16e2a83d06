// What an operator reads about options: the help of a command, and the reference page.

import { formOf, variableOf } from "./option.ts";
import type { Option, OptionTable } from "./option.ts";

/** Columns; a terminal of the usual width shows it unbroken. */
const helpWidth = 100;
const helpIndent = 8;

/** The options part of a command's help: by group, each with its default and variable. Test-only ones are left out. */
export function renderOptions(table: OptionTable): string {
  const lines: string[] = [];
  let group = "";
  for (const [name, option] of Object.entries(table)) {
    if (option.isTestOnly === true) continue;
    if (option.group !== group) {
      if (lines.length > 0) lines.push("");
      group = option.group;
      lines.push(`${group}:`);
    }
    lines.push(`  ${flagOf(name, option)}`);
    const facts = [
      ...(option.default === undefined ? [] : [`Default: ${option.default}.`]),
      ...(option.isFlagOnly === true ? [] : [`Environment: ${variableOf(name)}.`]),
    ];
    for (const line of wrap(`${option.description} ${facts.join(" ")}`.trim(), helpWidth - helpIndent)) {
      lines.push(" ".repeat(helpIndent) + line);
    }
  }
  return lines.join("\n");
}

/** The reference page, docs/reference/config.md. A test says when the checked-in file is out of date. */
export function renderReference(table: OptionTable): string {
  const lines = [
    "# Options of the server",
    "",
    "<!-- Generated from src/config/options.ts. To write it again: npm run docs:config -->",
    "",
    "A flag wins over its environment variable, that over the configuration file (`--config`), that over the default. In",
    'the file, names are the flags without their dashes: `{"mqtt-port": 1884, "public-host": ["hub.example.com"]}`. An',
    "empty variable counts as not set. Sizes take B, KiB, MiB, GiB, TiB (or kB, MB, …, in thousands), durations ms, s, min,",
    "h, d. Relative paths are relative to the working directory. A true-or-false option `--x` is turned off by `--no-x`.",
  ];
  for (const group of new Set(Object.values(table).map((option) => option.group))) {
    const rows = Object.entries(table).flatMap(([name, option]) =>
      option.group === group ? [referenceRow(name, option)] : [],
    );
    lines.push("", `## ${group}`, "", ...alignTable([["Option", "Environment", "Default", "Meaning"], ...rows]));
  }
  return `${lines.join("\n")}\n`;
}

function referenceRow(name: string, option: Option): readonly string[] {
  return [
    `\`--${name}\``,
    option.isFlagOnly === true ? "–" : `\`${variableOf(name)}\``,
    option.default === undefined ? "–" : `\`${option.default}\``,
    `${option.description}${limitsOf(option)}`.replaceAll("|", "\\|"),
  ];
}

/** What a reader of the page cannot guess from the default. */
function limitsOf(option: Option): string {
  switch (option.type) {
    case "integer":
    case "number":
    case "bytes":
    case "duration":
      return ` From ${option.min} to ${option.max}.`;
    case "string":
    case "enum":
    case "instant":
      return ` Takes ${formOf(option)}.`;
    default:
      return "";
  }
}

/** Padded as the formatter pads it, so that the page passes the format check. */
function alignTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const render = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [render(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(render)];
}

/** `--mqtt-port PORT`; a boolean that is on by default shows how to turn it off. */
function flagOf(name: string, option: Option): string {
  if (option.type === "boolean") return option.default === "true" ? `--[no-]${name}` : `--${name}`;
  return `--${name} ${placeholderOf(option)}`;
}

function placeholderOf(option: Option): string {
  switch (option.type) {
    case "enum":
      return option.values.join("|");
    case "hosts":
      return "HOST[,HOST…]";
    case "networks":
      return "NETWORK[,NETWORK…]";
    case "paths":
      return "PATH[,PATH…]";
    case "integer":
    case "number":
      return "N";
    case "string":
      return "TEXT";
    case "instant":
      return "TIME";
    default:
      return option.type.toUpperCase();
  }
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
