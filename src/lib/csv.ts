// CSV as RFC 4180 has it: CRLF, quotes where needed, one header.
//
// Cells hold what devices sent or somebody typed, and spreadsheets run a cell that starts with = + - @, their full-width forms, tab, carriage
// return or line feed as a formula. Such a cell gets an apostrophe in front, unless it is a number; so does one that starts
// with apostrophes and then one of these. So a program undoes it with one rule: where apostrophes stand in front of one of
// these characters, drop the first. https://owasp.org/www-community/attacks/CSV_Injection

export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(text: string): string {
  const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text);
  const safe = /^'*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What stood in a cell before `csvLine` made it safe for spreadsheets. */
export function csvPlain(cell: string): string {
  return /^'+[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(cell) ? cell.slice(1) : cell;
}
