import { expect, test } from "vitest";
import { Rates, minutesKept, secondsKept } from "./rates.ts";

/** A hub that takes 10 messages of 100 bytes a second, on a clock that the test moves. */
function bench(startMs = Date.parse("2026-01-02T03:04:58.000Z")) {
  const now = { wallMs: startMs, flowMs: 500 };
  const totals = { messages: 1000, bytes: 5, rejections: 0, connected: 3 };
  const rates = new Rates({ totals: () => ({ ...totals }), nowMs: () => now.wallMs, monotonicMs: () => now.flowMs });
  const second = (ms = 1000): void => {
    now.wallMs += ms;
    now.flowMs += ms;
    totals.messages += 10;
    totals.bytes += 1000;
    rates.tick();
  };
  return { rates, now, totals, second };
}

test("seconds hold what came in them, not what was before the start", () => {
  const { rates, second, now } = bench();
  second();
  expect(rates.seconds).toEqual([
    { atMs: now.wallMs, spanMs: 1000, messages: 10, bytes: 1000, rejections: 0, connected: 3 },
  ]);
});

test("M1: five minutes of seconds and three hours of minutes are kept", () => {
  const { rates, second } = bench();
  for (let index = 0; index < 5 * 3600; index++) second();
  expect(rates.seconds).toHaveLength(secondsKept);
  expect(rates.minutes).toHaveLength(minutesKept);
  expect(rates.minutes.at(-1)).toMatchObject({ messages: 600, spanMs: 60_000 });
  expect(new Set(rates.minutes.map(({ atMs }) => atMs % 60_000))).toEqual(new Set([0]));
});

test("a minute is told when it is over, and the first one may be short", () => {
  const { rates, second } = bench();
  second(); // 03:04:59
  expect(rates.minutes).toEqual([]);
  second(); // 03:05:00
  expect(rates.minutes).toMatchObject([{ messages: 10, atMs: Date.parse("2026-01-02T03:05:00Z") }]);
});

test("a process that stood still, and a clock that was moved, lose no message and make no rate of their own", () => {
  const { rates, second, now } = bench();
  second();
  second(90_000);
  expect(rates.seconds.at(-1)).toMatchObject({ spanMs: 90_000, messages: 10 });
  now.wallMs -= 3_600_000;
  second();
  expect(rates.seconds.at(-1)).toMatchObject({ spanMs: 1000, messages: 10 });
  now.wallMs += 60_000;
  second();
  const all = rates.minutes.reduce((sum, { messages }) => sum + messages, 0);
  expect(all).toBe(30); // the minute of the last second runs
});
