// Tables of text: aligned columns under headings; cells that are too long for the terminal are cut with an ellipsis.

import type { Style, Terminal } from "./terminal.ts";

const gap = "  ";
const cellWidthMin = 6;
/** Rows that decide the layout of a long table. */
const layoutRows = 200;

/** Text, or text that stands out. Cells may hold what devices sent: no text of a cell moves the cursor or has a colour. */
export type Cell = string | { readonly text: string; readonly style: Style };

type Screen = Pick<Terminal, "columns" | "isScreen" | "style">;

/** Rows under headings, without the last line's end. Columns of numbers stand right. */
export function renderTable(headings: readonly string[], rows: readonly (readonly Cell[])[], screen: Screen): string {
  const layout = layOut(headings, rows, screen);
  return [renderHead(headings, layout, screen), ...rows.map((row) => renderRow(row, layout, screen))].join("\n");
}

/** A table of many rows: laid out from the first ones, then written as they come. */
export class TableStream {
  readonly #headings: readonly string[];
  readonly #terminal: Terminal;
  #first: (readonly Cell[])[] = [];
  #layout: readonly Column[] | null = null;

  constructor(headings: readonly string[], terminal: Terminal) {
    this.#headings = headings;
    this.#terminal = terminal;
  }

  async add(row: readonly Cell[]): Promise<void> {
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

function layOut(headings: readonly string[], rows: readonly (readonly Cell[])[], screen: Screen): readonly Column[] {
  const wanted = headings.map((heading, column) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(textOf(row[column]))), widthOf(heading)),
  );
  const widths = screen.isScreen ? fitWidths(wanted, screen.columns) : wanted;
  return headings.map((_, column) => ({
    width: widths[column] ?? 0,
    isRight: isNumeric(rows.map((row) => textOf(row[column]))),
  }));
}

/** Only numbers, or sizes, where there is anything. */
function isNumeric(cells: readonly string[]): boolean {
  const filled = cells.filter((cell) => cell !== "–");
  return filled.length > 0 && filled.every((cell) => /^-?\d+(?:\.\d+)?(?: [KMGT]?i?B)?$/.test(cell));
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

function renderRow(cells: readonly Cell[], layout: readonly Column[], screen: Screen): string {
  return layout
    .map(({ width, isRight }, column) => {
      const cell = cells[column] ?? "";
      // A pipe wants all of it, a screen a straight line.
      const text = screen.isScreen ? cutTo(textOf(cell), width) : textOf(cell);
      const padding = " ".repeat(Math.max(0, width - widthOf(text)));
      const shown = styled(cell, text, screen);
      return isRight ? padding + shown : shown + padding;
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

/** `name: value` lines, values aligned; for one thing. A value may have several lines. */
export function renderFields(fields: readonly (readonly [name: string, value: Cell])[], screen: Screen): string {
  const width = Math.max(...fields.map(([name]) => name.length)) + 1;
  return fields
    .map(([name, value]) => {
      const lines = (typeof value === "string" ? value : value.text).split("\n").map(oneLine);
      return `${`${name}:`.padEnd(width)} ${styled(value, lines.join(`\n${" ".repeat(width + 1)}`), screen)}`;
    })
    .join("\n");
}

function styled(cell: Cell, text: string, screen: Screen): string {
  return typeof cell === "string" ? text : screen.style(cell.style, text);
}

function textOf(cell: Cell | undefined): string {
  return cell === undefined ? "" : oneLine(typeof cell === "string" ? cell : cell.text);
}

/** Without anything that moves the cursor. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " "); // eslint-disable-line no-control-regex
}

function widthOf(text: string): number {
  return Array.from(text).length;
}

function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return `${Array.from(text)
    .slice(0, Math.max(0, width - 1))
    .join("")}…`;
}
