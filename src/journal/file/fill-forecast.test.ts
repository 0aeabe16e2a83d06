import { expect, test } from "vitest";
import { FillForecast } from "./fill-forecast.ts";

const minuteMs = 60_000;

/** A forecast that saw `owed(minute)` at the end of each minute. */
function forecastOf(minutes: number, owed: (minute: number) => number): FillForecast {
  const forecast = new FillForecast();
  for (let minute = 0; minute <= minutes; minute++) forecast.observe(minute * minuteMs, owed(minute));
  return forecast;
}

test("what grows steadily is full when the room is used up", () => {
  expect(forecastOf(30, (minute) => minute * 1000).untilFullMs(60_000)).toBe(60 * minuteMs);
});

test("only the last ten minutes count: an export that stops after a quiet day is noticed", () => {
  expect(forecastOf(600, (minute) => Math.max(0, minute - 590) * 1000).untilFullMs(60_000)).toBe(60 * minuteMs);
});

test("minutes that are owed until they are written are no growth", () => {
  expect(forecastOf(30, (minute) => (minute % 2) * 1000).untilFullMs(1)).toBeNull();
});

test("what shrinks, or was seen too shortly, is not forecast", () => {
  expect(forecastOf(30, (minute) => 1e6 - minute).untilFullMs(1)).toBeNull();
  expect(forecastOf(2, (minute) => minute * 1e9).untilFullMs(1)).toBeNull();
  expect(new FillForecast().untilFullMs(1)).toBeNull();
});

test("M1: what it remembers is bounded, however often it is told", () => {
  const forecast = new FillForecast();
  for (let call = 0; call < 60_000; call++) forecast.observe(call * 60, call);
  expect(forecast.samples).toBeLessThan(35);
  expect(forecast.untilFullMs(1000)).toBe(60_000);
});
