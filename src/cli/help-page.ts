// Help pages, all of one shape: purpose, usage, what to know, options with default and environment name, examples, exit
// codes. Written from the declarations; at most 100 columns.

import { renderOptions } from "../config/help.ts";
import type { Command, CommandFamily } from "./command.ts";
import { usageOf } from "./command.ts";
import type { ExitCode } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** Columns, as options are rendered. */
const pageWidth = 100;

const usualExitCodes: Readonly<Record<ExitCode, string>> = {
  0: "Done.",
  1: "The operation failed, or what it was given is invalid.",
  2: "The command line is not understood, or the process cannot run.",
};

export function renderCommandHelp(spec: Command): string {
  return join([
    `coldpath ${spec.name}: ${spec.purpose}`,
    `Usage: ${usageOf(spec)}`,
    paragraphs(spec.details),
    renderOptions(spec.options),
    examplesOf(spec.examples),
    exitCodesOf(spec.exitCodes),
  ]);
}

export function renderFamilyHelp(family: CommandFamily): string {
  return join([
    `coldpath ${family.name}: ${family.purpose}`,
    `Usage: coldpath ${family.name} COMMAND [options]`,
    paragraphs(family.details),
    `Commands:\n${twoColumns(family.commands.map((one) => [memberOf(family, one), one.purpose]))}`,
    renderOptions(sharedOptions(family)),
    `Options of one command: coldpath help ${family.name} COMMAND`,
    examplesOf(family.examples),
    exitCodesOf({}),
  ]);
}

/** The whole program, its commands under the headings given. */
export function renderOverview(
  version: string,
  sections: readonly { readonly title: string; readonly entries: readonly (readonly [string, string])[] }[],
): string {
  const width = Math.max(...sections.flatMap((section) => section.entries.map(([name]) => name.length)));
  return join([
    `coldpath ${version}: an IoT hub whose devices' data lands in your data lake every minute`,
    "Usage: coldpath COMMAND [options]",
    ...sections.map(({ title, entries }) => `${title}:\n${twoColumns(entries, width)}`),
    `Environment:\n${twoColumns(
      [
        ["COLDPATH_…", "Every option has a variable; a command's help names it. A flag wins over it."],
        ["COLDPATH_LOG_LEVEL=debug", "Shows where in the program an error happened."],
        ["NO_COLOR", "No colours."],
      ],
      24,
    )}`,
    examplesOf([
      ["coldpath serve", "start the server; on a fresh directory with a sample"],
      ["coldpath read ./data/lake/iot --limit 5", "look at what it exported"],
      ["coldpath help device create", "everything about one command"],
    ]),
    exitCodesOf({}),
  ]);
}

/** Headings stand out on a screen; elsewhere the text is plain. */
export function styleHelp(terminal: Terminal, text: string): string {
  return text
    .replace(/^(Usage:|[A-Z][A-Za-z ]*:$)/gm, (heading) => terminal.style("bold", heading))
    .replace(/^ {2}(--\S+)/gm, (line, flag: string) => line.replace(flag, terminal.style("cyan", flag)));
}

/** Options that every command of the family has. */
function sharedOptions(family: CommandFamily): Command["options"] {
  const [first, ...rest] = family.commands;
  return Object.fromEntries(
    Object.entries(first?.options ?? {}).filter(([name]) => rest.every((one) => Object.hasOwn(one.options, name))),
  );
}

function examplesOf(examples: Command["examples"]): string {
  const lines = examples.map(([line, meaning]) => `  ${line}\n        ${meaning}`);
  return `Examples:\n${lines.join("\n")}`;
}

function exitCodesOf(special: Partial<Record<ExitCode, string>> = {}): string {
  const codes = [0, 1, 2] as const;
  return `Exit codes:\n${codes.map((code) => `  ${code}  ${special[code] ?? usualExitCodes[code]}`).join("\n")}`;
}

/** `create [ID]`: a command's words and arguments, without the family's. */
function memberOf({ name }: CommandFamily, one: Command): string {
  return [one.name.slice(name.length + 1), ...(one.arguments ?? [])].join(" ");
}

function twoColumns(rows: readonly (readonly [string, string])[], widthMin = 0): string {
  const width = Math.max(widthMin, ...rows.map(([left]) => left.length));
  const indent = `\n${" ".repeat(width + 4)}`;
  return rows
    .map(([left, right]) => `  ${left.padEnd(width)}  ${wrap(right, pageWidth - width - 4).join(indent)}`.trimEnd())
    .join("\n");
}

/** Paragraphs, of one line each in the declaration, broken at the width of a page. */
function paragraphs(text = ""): string {
  return text
    .split("\n")
    .flatMap((paragraph) => wrap(paragraph, pageWidth))
    .join("\n");
}

function wrap(text: string, width: number): readonly string[] {
  return text.match(new RegExp(`(?!\\s).{1,${width}}(?=\\s|$)|\\S+`, "g")) ?? [""];
}

function join(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join("\n\n");
}
