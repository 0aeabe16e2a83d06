// CSV as RFC 4180 has it: CRLF, quotes where needed, one header.
//
// Cells hold what devices sent, and spreadsheets run a cell that starts with = + - @, tab or carriage return as a formula.
// Such a cell gets an apostrophe in front, unless it is a number. https://owasp.org/www-community/attacks/CSV_Injection

export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(text: string): string {
  const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text);
  const safe = /^[=+\-@\t\r]/.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
