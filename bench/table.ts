// Tables of a benchmark at a terminal: a title, a width and a cell for each column, rows as they come.

export interface Column<R> {
  readonly title: string;
  readonly width: number;
  readonly cell: (row: R) => string | number;
}

/** A column of numbers with so many decimals. */
export function decimals<R>(title: string, width: number, places: number, value: (row: R) => number): Column<R> {
  return { title, width, cell: (row) => value(row).toFixed(places) };
}

/** A column of what is printed as it is. */
export function plain<R>(title: string, width: number, cell: (row: R) => string | number): Column<R> {
  return { title, width, cell };
}

/** Prints the titles at once. @returns what prints a row. */
export function printTable<R>(columns: readonly Column<R>[]): (row: R) => void {
  const print = (cells: readonly (string | number)[]): void => {
    const padded = cells.map((cell, index) => {
      const width = columns[index]?.width ?? 0;
      return index === 0 ? String(cell).padEnd(width) : String(cell).padStart(width);
    });
    console.log(padded.join(" "));
  };
  print(columns.map(({ title }) => title));
  return (row) => print(columns.map(({ cell }) => cell(row)));
}
