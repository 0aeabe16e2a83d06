import fc from "fast-check";
import { expect, test } from "vitest";
import { csvLine } from "./csv.ts";

/** A plain reader of RFC 4180: one line's cells. */
function cellsOf(line: string): readonly string[] {
  const cells: string[] = [];
  for (const [, quoted, plain] of line.slice(0, -2).matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)) {
    cells.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
  }
  return cells;
}

/** As it is documented. */
const undo = (cell: string): string => cell.replace(/^'('*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n])/, "$1");

test.each([
  ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"],
  ["-2+3", "'-2+3"],
  ["\t=1", "'\t=1"],
  ["\uff1d1", "'\uff1d1"],
  ["'=1", "''=1"],
  ["-2", "-2"],
  ["+1.5e-3", "+1.5e-3"],
  ["-.5", "-.5"],
  ["a=b", "a=b"],
  ["'quoted'", "'quoted'"],
  ["-Infinity", "'-Infinity"],
])("the cell %j is written %j", (cell, written) => expect(csvLine([cell])).toBe(`${written}\r\n`));

test("no cell that is no number begins as a formula does, and all are found again by the documented rule", () => {
  const start = fc.constantFrom("", "=", "+", "-", "@", "\t", "\r", "\n", "'", "''", "\uff0b", "\uff20", '"', "1", " ");
  const cell = fc
    .tuple(start, start, fc.oneof(fc.string(), fc.double().map(String), fc.constant("")))
    .map((all) => all.join(""));
  fc.assert(
    // The first cell is never empty: an empty line has no cells for a plain reader.
    fc.property(fc.array(cell, { minLength: 1, maxLength: 5 }), (some) => {
      const cells = ["first", ...some];
      const written = cellsOf(csvLine(cells));
      expect(written.map(undo)).toEqual(cells);
      for (const one of written)
        if (!/^[+-]?[\d.]/.test(one)) expect(one).not.toMatch(/^[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/);
    }),
    { numRuns: 2_000 },
  );
});
