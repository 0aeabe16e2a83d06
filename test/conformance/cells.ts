// Makes tests of rows: one for each cell, which passes when the cell is as rows.ts says.

import { beforeAll, describe, expect, test } from "vitest";
import type { Row } from "./rows.ts";
import { type FoundCell, complaintOf, expectedOf, featuresOf, tryRows } from "./suite.ts";
import { titleOf } from "./table.ts";

const rowsAtATime = 3;
const rowMsMax = 400_000;

/** To be called where tests are made. Nothing is tried before the first of them is run. */
export function testRows(rows: readonly Row[]): void {
  let tried: ReturnType<typeof tryRows>;
  beforeAll(() => {
    tried = tryRows(rows, rowsAtATime);
  });
  for (const row of rows) {
    describe(`${row.kind}, ${titleOf(row)}`, () => {
      let cells: readonly FoundCell[];
      beforeAll(async () => {
        cells = (await tried.get(row)) ?? [];
      }, rowMsMax);
      test.each(
        featuresOf(row).map((feature) => ({ feature, title: `${feature.title}: ${expectedOf(row, feature)}` })),
      )("$title", ({ feature }) => {
        const cell = cells.find((one) => one.feature === feature);
        expect(cell).toBeDefined();
        const complaint = complaintOf(cell as FoundCell);
        if (complaint !== null) throw complaint;
      });
    });
  }
}
