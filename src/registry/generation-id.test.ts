import fc from "fast-check";
import { expect, test } from "vitest";
import { nextGenerationIds } from "./generation-id.ts";

test("a generation id is the moment in .NET ticks", () => {
  // The seed's sample device, to the millisecond.
  expect(nextGenerationIds("0", Date.parse("2018-05-08T18:49:09.164Z"), 1)).toEqual(["636614021491640000"]);
});

test("D1: generation ids strictly increase, whatever the clock does", () => {
  const clock = fc.integer({ min: 0, max: Date.parse("2200-01-01T00:00:00Z") });
  fc.assert(
    fc.property(fc.array(fc.tuple(clock, fc.integer({ min: 1, max: 3 })), { maxLength: 20 }), (calls) => {
      const all: string[] = [];
      for (const [nowMs, count] of calls) all.push(...nextGenerationIds(all.at(-1) ?? "0", nowMs, count));
      for (const [index, id] of all.entries()) {
        expect(id).toMatch(/^\d{18}$/);
        if (index > 0) expect(BigInt(id) > BigInt(all[index - 1]!)).toBe(true);
      }
    }),
  );
});
