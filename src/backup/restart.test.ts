import fc from "fast-check";
import { expect, test } from "vitest";
import { windowMs, windowOf } from "../lib/window.ts";
import { restartAfter } from "./restart.ts";

test("B2: a restored hub starts above every window and offset of the former one, also of one whose time was ahead", () => {
  const ms = fc.integer({ min: Date.parse("2026-01-01"), max: Date.parse("2030-01-01") });
  const life = fc.record({
    createdMs: ms,
    livedMs: fc.integer({ min: 0, max: 400 * 24 * 3_600_000 }),
    restoredAfterMs: fc.integer({ min: 0, max: 24 * 3_600_000 }),
    aheadWindows: fc.integer({ min: 0, max: 1_000_000 }),
    offsetNext: fc.integer({ min: 0, max: 2 ** 45 }),
    recordsASecond: fc.integer({ min: 0, max: 4_000_000 }),
  });
  fc.assert(
    fc.property(life, ({ createdMs, livedMs, restoredAfterMs, aheadWindows, offsetNext, recordsASecond }) => {
      const mark = { partition: 3, isRetired: false, windowNext: windowOf(createdMs) + aheadWindows, offsetNext };
      const { windowNext, marks } = restartAfter([mark], createdMs, createdMs + livedMs + restoredAfterMs);
      // At its end: the wall clock, or where it had crept to at half speed.
      const crept = mark.windowNext + livedMs / windowMs / 2;
      expect(windowNext).toBeGreaterThan(Math.max(windowOf(createdMs + livedMs), Math.floor(crept)));
      expect(marks[0]).toMatchObject({ partition: 3, windowNext });
      const used = offsetNext + (livedMs / 1000) * recordsASecond;
      expect(marks[0]?.offsetNext).toBeGreaterThan(used);
      expect(Number.isSafeInteger(marks[0]?.offsetNext)).toBe(true);
    }),
  );
});

test("B2: a clock that is behind the backup does not lead back", () => {
  const createdMs = Date.parse("2026-03-04T05:06:30.000Z");
  const mark = { partition: 0, isRetired: false, windowNext: windowOf(createdMs), offsetNext: 9 };
  const { windowNext, marks } = restartAfter([mark], createdMs, createdMs - 3_600_000);
  expect(windowNext).toBe(windowOf(createdMs) + 1);
  expect(marks[0]?.offsetNext).toBeGreaterThan(9 + 2 ** 32);
});
