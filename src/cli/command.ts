// A command: one verb of the command line, declared once. Its arguments are checked and its help is written from the
// declaration, so that neither can disagree with the other.
//
// Options come from the server's option table (src/config) or have the same form: flag > COLDPATH_ environment > file >
// default, one parser, one way to say what is wrong.

import { resolveOptions } from "../config/resolve.ts";
import type { OptionTable, Values } from "../config/option.ts";
import { UsageError, type ExitCode } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** What a command is given when it runs. */
export interface Call<T extends OptionTable> {
  readonly values: Values<T>;
  /** The arguments that are no options, as many as `arguments` says. */
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface CommandSpec<T extends OptionTable> {
  /** Its words: `device list`. */
  readonly name: string;
  /** One line, no full stop. */
  readonly purpose: string;
  /** `ID` is required, `[ID]` may be left out, `FILE…` is one or more (last only). */
  readonly arguments?: readonly string[];
  /** Part of the usage line that options need beyond `[options]`: `--template T`. */
  readonly usage?: string;
  /** More that a user should know: paragraphs, one a line. */
  readonly details?: string;
  readonly options: T;
  /** Options that may be given more than once: they arrive as one text, see `repeatedOf`. */
  readonly repeatable?: readonly (keyof T & string)[];
  /** Two real ones: a command line and what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** What its exit codes mean, where that is more special than the usual. */
  readonly exitCodes?: Partial<Record<ExitCode, string>>;
  /** Nothing returned is 0. */
  readonly run: (call: Call<T>) => Promise<ExitCode | void>;
}

/** A declared command, whatever its options. */
export interface Command extends Omit<CommandSpec<OptionTable>, "run" | "repeatable"> {
  readonly kind: "command";
  readonly run: (
    flags: readonly string[],
    terminal: Terminal,
    environment: Readonly<Record<string, string | undefined>>,
  ) => Promise<ExitCode>;
}

/** Commands that share a noun: `device list`, `device create`, … */
export interface CommandFamily {
  readonly kind: "family";
  readonly name: string;
  readonly purpose: string;
  readonly details?: string;
  readonly commands: readonly Command[];
  readonly examples: readonly (readonly [line: string, meaning: string])[];
}

export function command<const T extends OptionTable>(spec: CommandSpec<T>): Command {
  const { run, repeatable = [], ...rest } = spec;
  return {
    kind: "command",
    ...rest,
    run: async (flags, terminal, environment) => {
      const { values, positionals, notices } = resolveOptions(spec.options, {
        flags: joinRepeated(flags, repeatable),
        environment,
      });
      checkPositionals(spec.name, spec.arguments ?? [], positionals);
      for (const notice of notices) terminal.complain(`coldpath: ${notice}`);
      return (await run({ values, positionals, terminal, environment })) ?? 0;
    },
  };
}

export function usageOf(spec: Pick<Command, "name" | "arguments" | "usage" | "options">): string {
  const parts = ["coldpath", spec.name, ...(spec.arguments ?? [])];
  if (spec.usage !== undefined) parts.push(spec.usage);
  if (Object.keys(spec.options).length > 0) parts.push("[options]");
  return parts.join(" ");
}

/** The values of a repeatable option. */
export function repeatedOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(separator);
}

/** No argument of a program can contain it. */
const separator = "\0";

/** `--property a=1 --property b=2` becomes one `--property`, where the first stood. */
function joinRepeated(flags: readonly string[], names: readonly string[]): readonly string[] {
  if (names.length === 0) return flags;
  const joined: string[] = [];
  const places = new Map<string, number>();
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] ?? "";
    if (flag === "--") return [...joined, ...flags.slice(i)];
    const name = names.find((known) => flag === `--${known}` || flag.startsWith(`--${known}=`));
    const inline = name !== undefined && flag.includes("=") ? flag.slice(name.length + 3) : undefined;
    const value = inline ?? flags[i + 1];
    if (name === undefined || value === undefined) {
      joined.push(flag);
      continue;
    }
    if (inline === undefined) i++;
    const place = places.get(name);
    if (place === undefined) places.set(name, joined.push(`--${name}=${value}`) - 1);
    else joined[place] += separator + value;
  }
  return joined;
}

function checkPositionals(name: string, forms: readonly string[], positionals: readonly string[]): void {
  const required = forms.filter((form) => !form.startsWith("["));
  if (positionals.length < required.length) {
    const missing = (required[positionals.length] ?? "").replace("…", "");
    throw new UsageError(name, `${name} needs ${missing}: coldpath ${name} ${forms.join(" ")}`, missing);
  }
  const isOpen = forms.at(-1)?.includes("…") === true;
  if (positionals.length > forms.length && !isOpen) {
    const [first] = positionals.slice(forms.length);
    const takes = forms.length === 0 ? "no argument" : `only ${forms.join(" ")}`;
    throw new UsageError(name, `${name} takes ${takes}; ${JSON.stringify(first)} is one too many.`);
  }
}
