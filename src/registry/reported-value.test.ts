import { describe, expect, test } from "vitest";
import { reportedValue } from "./reported-value.ts";

const place = { lon: 7.5, lat: 51.5 };

describe("what fits the template", () => {
  test.each([
    ["double", 3.5, 3.5],
    ["boolean", false, false],
    ["string", "1.2", "1.2"],
    ["dateTime", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"],
    ["location", place, place],
    ["location", { longitude: 7.5, latitude: 51.5, altitude: 90, accuracy: 3 }, { ...place, alt: 90 }],
    ["double", { value: 3.5 }, 3.5],
  ] as const)("%s from %j", (dataType, reported, value) => {
    expect(reportedValue({ dataType }, reported)).toEqual({ value, fits: true });
  });

  test("nothing, once the device has removed it", () => {
    expect(reportedValue({ dataType: "double" }, undefined)).toEqual({ value: null, fits: true });
  });
});

describe("what does not fit is held as the format can, and told", () => {
  test.each([
    ["double", "warm", "warm"],
    ["boolean", 1, 1],
    ["string", true, true],
    ["dateTime", "yesterday", "yesterday"],
    ["location", { lon: 700, lat: 51.5 }, '{"lon":700,"lat":51.5}'],
    ["double", [1, 2], "[1,2]"],
    ["double", { value: "warm" }, "warm"],
  ] as const)("%s from %j", (dataType, reported, value) => {
    expect(reportedValue({ dataType }, reported)).toEqual({ value, fits: false });
  });

  test("beyond its bounds, and an enum's value that is none", () => {
    expect(reportedValue({ dataType: "double", maxValue: 5 }, 6)).toEqual({ value: 6, fits: false });
    const values = [{ value: "on", name: "On" }];
    expect(reportedValue({ dataType: "enum", values }, "off")).toEqual({ value: "off", fits: false });
  });
});
