import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { propertyValueOf } from "./property-value.ts";
import { valuesAtCreation, valuesMigrated, valuesPatched } from "./property-values.ts";
import type { FieldDefinition, TemplateContent } from "./registry.ts";

const content = templateOf({
  location: { name: "Location", dataType: "string", initialValue: "Seattle" },
  tempThresh: { name: "Threshold", dataType: "double", minValue: -10, maxValue: 40, initialValue: 30 },
  size: {
    name: "Size",
    dataType: "enum",
    values: [
      { value: "s", name: "Small" },
      { value: "l", name: "Large" },
    ],
  },
  place: { name: "Place", dataType: "location" },
});

function templateOf(cloud: Record<string, FieldDefinition>): TemplateContent {
  return {
    measurements: { telemetry: {}, states: {}, events: {} },
    settings: { device: { fanSpeed: { name: "Fan", dataType: "double", initialValue: 0 } } },
    properties: { cloud, device: { lastReboot: { name: "Last Reboot", dataType: "dateTime" } } },
  };
}

const errorOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return null;
};

describe("values at creation", () => {
  test("are the initial ones; what the device reports has none", () => {
    expect(valuesAtCreation(content, {})).toEqual({
      properties: { cloud: { location: "Seattle", tempThresh: 30 }, device: {} },
      settings: { device: { fanSpeed: 0 } },
    });
  });

  test("given ones override the initial ones, null leaves a field without a value", () => {
    const values = valuesAtCreation(content, { properties: { cloud: { tempThresh: 20, location: null } } });
    expect(values.properties.cloud).toEqual({ tempThresh: 20 });
  });

  test.each([
    [{ properties: { cloud: { tempThresh: 41 } } }, "properties.cloud.tempThresh", "value-invalid"],
    [{ properties: { cloud: { tempThresh: -11 } } }, "properties.cloud.tempThresh", "value-invalid"],
    [{ properties: { cloud: { tempThresh: Number.NaN } } }, "properties.cloud.tempThresh", "value-invalid"],
    [{ properties: { cloud: { tempThresh: "20" } } }, "properties.cloud.tempThresh", "value-invalid"],
    [{ properties: { cloud: { size: "xl" } } }, "properties.cloud.size", "value-invalid"],
    [{ properties: { cloud: { location: "x".repeat(4097) } } }, "properties.cloud.location", "value-invalid"],
    [{ properties: { cloud: { location: "\ud800" } } }, "properties.cloud.location", "value-invalid"],
    [{ properties: { cloud: { place: { lon: 181, lat: 0 } } } }, "properties.cloud.place.lon", "value-invalid"],
    [{ properties: { cloud: { place: { lon: 1, lat: 0, z: 1 } } } }, "properties.cloud.place.z", "value-invalid"],
    [{ properties: { cloud: { unknown: 1 } } }, "properties.cloud.unknown", "field-unknown"],
    [{ properties: { cloud: { constructor: 1 } } }, "properties.cloud.constructor", "field-unknown"],
    [{ settings: { device: { fanSpeed: true } } }, "settings.device.fanSpeed", "value-invalid"],
    [{ properties: { device: { lastReboot: "yesterday" } } }, "properties.device.lastReboot", "value-invalid"],
    [{ properties: { cluod: {} } }, "properties.cluod", "field-unknown"],
    [{ properties: { cloud: [] } }, "properties.cloud", "input-invalid"],
  ])("R8: %j is refused by the name %s", (given, field, code) => {
    expect(errorOf(() => valuesAtCreation(content, given as never))).toMatchObject({ kind: "invalid", field, code });
  });

  test("R8: an unknown field is refused naming the known ones", () => {
    expect(() => valuesAtCreation(content, { settings: { device: { fan: 1 } } })).toThrow(/known: fanSpeed/);
  });

  test("M1: an unknown field's name is told in short, and as text that UTF-8 can hold", () => {
    // Found by test/fuzz: the error was as long as the request, and held half characters.
    for (const name of ["x".repeat(100_000), "a\ud800"]) {
      for (const given of [
        { settings: { device: { [name]: 1 } } },
        { [name]: 1 },
        { properties: { cloud: { [name]: 1 } } },
      ]) {
        let message = "";
        try {
          valuesAtCreation(content, given);
        } catch (error) {
          ({ message } = error as Error);
        }
        expect(message.isWellFormed()).toBe(true);
        expect(message.length).toBeLessThan(400);
        if (!(name in given)) expect(message).not.toBe("");
      }
    }
  });
});

describe("date and time", () => {
  const normal = (text: string): unknown => propertyValueOf({ dataType: "dateTime" }, text, "f");

  test.each([
    ["2018-02-09T22:22:47.156Z", "2018-02-09T22:22:47.156Z"],
    ["2018-02-09T22:22:47Z", "2018-02-09T22:22:47.000Z"],
    ["2018-02-09T22:22:47.1567890+01:00", "2018-02-09T21:22:47.156Z"],
    ["2018-02-09T22:22Z", "2018-02-09T22:22:00.000Z"],
    ["2018-02-09", "2018-02-09T00:00:00.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ])("%s is stored as %s", (text, expected) => {
    expect(normal(text)).toBe(expected);
  });

  test.each([
    "2018-02-30T00:00:00Z",
    "2023-02-29",
    "2018-02-09T22:22:47",
    "2018-02-09T25:00:00Z",
    "9 Feb 2018",
    "1518214967156",
    "",
  ])("R8: %j names no moment", (text) => {
    expect(errorOf(() => normal(text))).toMatchObject({ code: "value-invalid" });
  });

  test("any moment of four-digit years comes back as itself", () => {
    const years = {
      min: new Date("0000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    };
    fc.assert(fc.property(fc.date(years), (date) => normal(date.toISOString()) === date.toISOString()));
  });
});

describe("merge patch", () => {
  const current = valuesAtCreation(content, {});

  test("changes what is named, clears what is null and leaves the rest", () => {
    const values = valuesPatched(content, current, {
      properties: { cloud: { location: null, size: "l" }, device: { lastReboot: "2018-02-09T22:22:47Z" } },
    });
    expect(values).toEqual({
      properties: { cloud: { tempThresh: 30, size: "l" }, device: { lastReboot: "2018-02-09T22:22:47.000Z" } },
      settings: { device: { fanSpeed: 0 } },
    });
  });

  test("an empty patch and its own values change nothing", () => {
    expect(valuesPatched(content, current, {})).toEqual(current);
    expect(valuesPatched(content, current, current)).toEqual(current);
  });
});

describe("migration", () => {
  const migrated = (to: TemplateContent, cloud: Record<string, never> | object) =>
    valuesMigrated(
      content,
      to,
      valuesPatched(content, valuesAtCreation(content, {}), { properties: { cloud } as never }),
    ).properties.cloud;

  test("keeps values of the same type, adds initial values of new fields and drops the rest", () => {
    const to = templateOf({
      tempThresh: { name: "Threshold", dataType: "double", initialValue: 1 },
      owner: { name: "Owner", dataType: "string", initialValue: "me" },
      location: { name: "Place", dataType: "location" },
    });
    expect(migrated(to, { tempThresh: 20 })).toEqual({ tempThresh: 20, owner: "me" });
  });

  test("leaves a cleared value cleared", () => {
    expect(migrated(content, { tempThresh: null })).toEqual({ location: "Seattle" });
  });

  test("takes the initial value where the new version forbids the old one", () => {
    const to = templateOf({
      tempThresh: { name: "Threshold", dataType: "double", maxValue: 10, initialValue: 5 },
      size: { name: "Size", dataType: "enum", values: [{ value: "m", name: "Medium" }] },
    });
    expect(migrated(to, { tempThresh: 20, size: "l" })).toEqual({ tempThresh: 5 });
  });
});
