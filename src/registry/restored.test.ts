import fc from "fast-check";
import { expect, test } from "vitest";
import { exportTypes, type ExportDefinition, type Tenure } from "./registry.ts";
import { owedRange } from "./restored.ts";
import { isOwed } from "./tenure.ts";

test("The range of owed windows is that of asking window by window, whatever the tenures and definitions", () => {
  const window = fc.integer({ min: 0, max: 30 });
  const definitions = fc.array(fc.record({ windowFirst: window, types: fc.subarray([...exportTypes]) }), {
    maxLength: 4,
  });
  const tenures = fc.array(fc.record({ windowFirst: window, windowLast: fc.option(window) }), { maxLength: 4 });
  fc.assert(
    fc.property(
      definitions,
      tenures,
      window,
      window,
      fc.constantFrom(...exportTypes),
      (defs, tens, from, below, type) => {
        const schedule = {
          definitions: defs.map((one, index) => ({ ...one, version: index + 1 })) as unknown as ExportDefinition[],
          tenures: tens.map((one, index) => ({ ...one, number: index + 1 })) as Tenure[],
        };
        const owed = Array.from({ length: Math.max(0, below - from) }, (_, index) => from + index).filter((one) =>
          isOwed(schedule, one, type),
        );
        const range = owed.length === 0 ? null : { windowFirst: owed[0], windowLast: owed.at(-1) };
        expect(owedRange(schedule, type, from, below)).toEqual(range);
      },
    ),
    { numRuns: 2000 },
  );
});
