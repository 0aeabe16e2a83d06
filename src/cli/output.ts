// What many commands print and ask alike.

import type { OptionTable } from "../config/option.ts";
import { ColdpathError } from "../lib/errors.ts";
import { UsageError } from "./errors.ts";
import type { Cell } from "./table.ts";
import type { Style, Terminal } from "./terminal.ts";

export const jsonOption = {
  json: { group: "Options", type: "boolean", isFlagOnly: true, description: "Print JSON instead, errors too." },
} as const satisfies OptionTable;

export const yesOption = {
  yes: { group: "Options", type: "boolean", isFlagOnly: true, description: "Do it without asking." },
} as const satisfies OptionTable;

/**
 * Returns when the answer is yes.
 *
 * @throws UsageError when nobody can be asked; ColdpathError `declined`.
 */
export async function confirm(
  command: string,
  question: string,
  { yes }: { readonly yes: boolean | undefined },
  terminal: Terminal,
): Promise<void> {
  if (yes === true) return;
  if (!terminal.canAsk) throw new UsageError(command, `${command} asks first; without a terminal, give --yes.`);
  const answer = await terminal.ask(`${question} [y/N] `);
  if (!/^y(?:es)?$/i.test(answer.trim())) {
    throw new ColdpathError("conflict", "declined", "Nothing was changed.");
  }
}

/** `3.4 MiB`, `16 GiB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  const digits = Number.isInteger(value) || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[power]}`;
}

/** `1 file`, `2 files`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** `3 min 20 s`: the two largest units. */
export function durationText(ms: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1000],
  ] as const;
  const first = units.findIndex(([, size]) => ms >= size);
  if (first < 0) return `${Math.round(ms)} ms`;
  let rest = ms;
  return units
    .slice(first, first + 2)
    .flatMap(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? [] : [`${count} ${unit}`];
    })
    .join(" ");
}

/** A state, in the colour of how well it is. */
export function stateCell(state: string): Cell {
  const style = styleOfState.get(state);
  return style === undefined ? state : { text: state, style };
}

const styleOfState: ReadonlyMap<string, Style> = new Map([
  ["healthy", "green"],
  ["ok", "green"],
  ["sound", "green"],
  ["retrying", "yellow"],
  ["draining", "yellow"],
  ["starting", "yellow"],
  ["warning", "yellow"],
  ["stopped", "red"],
  ["failed", "red"],
  ["problem", "red"],
] as const);

/** As `stateCell`, outside a table. */
export function stateText(state: string, terminal: Terminal): string {
  const style = styleOfState.get(state);
  return style === undefined ? state : terminal.style(style, state);
}
