// Tables of text: aligned columns under headings; cells that are too long for the terminal are cut with an ellipsis.

import { stripVTControlCharacters } from "node:util";
import type { Terminal } from "./terminal.ts";

const gap = "  ";
const cellWidthMin = 6;
/** Rows that decide the layout of a long table. */
const layoutRows = 200;

type Screen = Pick<Terminal, "columns" | "isScreen" | "style">;

/** Rows under headings, without the last line's end. Columns of numbers stand right. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[], screen: Screen): string {
  const layout = layOut(headings, rows, screen);
  return [renderHead(headings, layout, screen), ...rows.map((row) => renderRow(row, layout, screen))].join("\n");
}

/** A table of many rows: laid out from the first ones, then written as they come. */
export class TableStream {
  readonly #headings: readonly string[];
  readonly #terminal: Terminal;
  #first: (readonly string[])[] = [];
  #layout: readonly Column[] | null = null;

  constructor(headings: readonly string[], terminal: Terminal) {
    this.#headings = headings;
    this.#terminal = terminal;
  }

  async add(row: readonly string[]): Promise<void> {
    if (this.#layout !== null) {
      await this.#terminal.write(`${renderRow(row, this.#layout, this.#terminal)}\n`);
      return;
    }
    this.#first.push(row);
    if (this.#first.length >= layoutRows) await this.#start();
  }

  async end(): Promise<void> {
    if (this.#layout === null && this.#first.length > 0) await this.#start();
  }

  async #start(): Promise<void> {
    const layout = layOut(this.#headings, this.#first, this.#terminal);
    this.#layout = layout;
    const lines = this.#first.map((row) => renderRow(row, layout, this.#terminal));
    this.#first = [];
    await this.#terminal.write(`${[renderHead(this.#headings, layout, this.#terminal), ...lines].join("\n")}\n`);
  }
}

interface Column {
  readonly width: number;
  readonly isRight: boolean;
}

function layOut(headings: readonly string[], rows: readonly (readonly string[])[], screen: Screen): readonly Column[] {
  const wanted = headings.map((heading, column) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(oneLine(row[column] ?? ""))), widthOf(heading)),
  );
  const widths = screen.isScreen ? fitWidths(wanted, screen.columns) : wanted;
  return headings.map((_, column) => ({
    width: widths[column] ?? 0,
    isRight: isNumeric(rows.map((row) => row[column] ?? "")),
  }));
}

/** Only numbers, where there is anything. */
function isNumeric(cells: readonly string[]): boolean {
  const filled = cells.filter((cell) => cell !== "–");
  return filled.length > 0 && filled.every((cell) => /^-?\d+(?:\.\d+)?$/.test(cell));
}

function renderHead(headings: readonly string[], layout: readonly Column[], screen: Screen): string {
  return screen.style(
    "bold",
    renderRow(
      headings.map((heading) => heading.toUpperCase()),
      layout,
      screen,
    ),
  );
}

function renderRow(cells: readonly string[], layout: readonly Column[], screen: Screen): string {
  return layout
    .map(({ width, isRight }, column) => {
      const text = oneLine(cells[column] ?? "");
      // A pipe wants all of it, a screen a straight line.
      const cell = screen.isScreen ? cutTo(text, width) : text;
      const padding = " ".repeat(Math.max(0, width - widthOf(cell)));
      return isRight ? padding + cell : cell + padding;
    })
    .join(gap)
    .trimEnd();
}

/** Widths that fit: the widest columns give way first. */
export function fitWidths(wanted: readonly number[], columns: number): readonly number[] {
  const widths = [...wanted];
  let over = widths.reduce((sum, width) => sum + width, 0) + gap.length * (widths.length - 1) - columns;
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] ?? 0;
    if (width <= cellWidthMin) break;
    widths[widest] = width - 1;
    over--;
  }
  return widths;
}

/** `name: value` lines, values aligned; for one thing. */
export function renderFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length)) + 1;
  return fields
    .map(([name, value]) => `${`${name}:`.padEnd(width)} ${value.replaceAll("\n", `\n${" ".repeat(width + 1)}`)}`)
    .join("\n");
}

/** A cell's text on one line, free of what would move the cursor: cells may hold what devices sent. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f-\u009f]/.test(text) && !text.startsWith("\u001b[")
    ? // eslint-disable-next-line no-control-regex
      text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    : text;
}

function widthOf(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}

function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const characters = Array.from(stripVTControlCharacters(text));
  return `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}
