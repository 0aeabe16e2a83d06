import { describe, expect, test } from "vitest";
import { templateContentOf, templateLimits } from "./template-content.ts";

const double = { name: "N", dataType: "double" };
const refusal = (part: object): unknown => {
  try {
    templateContentOf(part);
  } catch (error) {
    return error;
  }
  return null;
};
const telemetry = (definitions: object): object => ({ measurements: { telemetry: definitions } });
const cloud = (definitions: object): object => ({ properties: { cloud: definitions } });

describe("template content", () => {
  test("of the seed's vending machine is taken as it is", () => {
    const machine = {
      measurements: {
        telemetry: { humidity: { name: "Humidity", dataType: "double", unit: "%", minValue: 0, maxValue: 100 } },
        states: { connectivity: { name: "Connectivity", values: [{ value: "connected", name: "Connected" }] } },
        events: { opened: { name: "Door Opened", category: "informational" } },
      },
      settings: { device: { fanSpeed: { name: "Fan Speed", dataType: "double", initialValue: 0 } } },
      properties: {
        cloud: { maintCon: { name: "Maintenance Contract", dataType: "boolean", initialValue: true } },
        device: { lastReboot: { name: "Last Reboot", dataType: "dateTime" } },
      },
    };
    expect(templateContentOf(machine)).toEqual(machine);
  });

  test("left out is empty", () => {
    expect(templateContentOf({})).toEqual({
      measurements: { telemetry: {}, states: {}, events: {} },
      settings: { device: {} },
      properties: { cloud: {}, device: {} },
    });
  });

  test("an initial date is stored in the normal form", () => {
    const given = cloud({ since: { name: "Since", dataType: "dateTime", initialValue: "2020-01-01" } });
    expect(templateContentOf(given).properties.cloud["since"]?.initialValue).toBe("2020-01-01T00:00:00.000Z");
  });

  test.each([
    [telemetry({ "a-b": double }), "measurements.telemetry.a-b"],
    [telemetry({ ["x".repeat(65)]: double }), `measurements.telemetry.${"x".repeat(65)}`],
    [JSON.parse('{"measurements":{"telemetry":{"__proto__":{}}}}') as object, "measurements.telemetry.__proto__"],
    [telemetry({ a: { name: "N" } }), "measurements.telemetry.a.dataType"],
    [telemetry({ a: { dataType: "double" } }), "measurements.telemetry.a.name"],
    [telemetry({ a: { ...double, name: "x".repeat(201) } }), "measurements.telemetry.a.name"],
    [telemetry({ a: { ...double, colour: "red" } }), "measurements.telemetry.a.colour"],
    [telemetry({ a: { name: "N", dataType: "enum" } }), "measurements.telemetry.a.dataType"],
    [telemetry({ a: { ...double, minValue: 2, maxValue: 1 } }), "measurements.telemetry.a.minValue"],
    [telemetry({ a: { name: "N", dataType: "string", minValue: 2 } }), "measurements.telemetry.a.minValue"],
    [{ measurements: { states: { a: { name: "A", values: [] } } } }, "measurements.states.a.values"],
    [
      {
        measurements: {
          states: {
            a: {
              name: "A",
              values: [
                { value: "x", name: "X" },
                { value: "x", name: "Y" },
              ],
            },
          },
        },
      },
      "measurements.states.a.values",
    ],
    [{ measurements: { events: { a: { name: "A", category: "fatal" } } } }, "measurements.events.a.category"],
    [cloud({ a: { name: "A", dataType: "enum" } }), "properties.cloud.a.values"],
    [cloud({ a: { ...double, values: [{ value: "x", name: "X" }] } }), "properties.cloud.a.values"],
    [cloud({ a: { ...double, maxValue: 3, initialValue: 4 } }), "properties.cloud.a.initialValue"],
    [{ properties: { device: { a: { ...double, initialValue: 4 } } } }, "properties.device.a.initialValue"],
    [{ measurement: {}, measurements: { telemetries: {} } }, "measurements.telemetries"],
  ])("R8: %j is refused by its field", (part, field) => {
    expect(refusal(part)).toMatchObject({ kind: "invalid", field });
  });

  test("a field name stands for one of telemetry, state and event: they share one JSON body", () => {
    const part = { measurements: { telemetry: { a: double }, events: { a: { name: "A", category: "error" } } } };
    expect(refusal(part)).toMatchObject({ field: "measurements.events.a" });
  });

  test("a setting and a device property do not share a name, a setting and a cloud property may", () => {
    expect(refusal({ settings: { device: { a: double } }, properties: { device: { a: double } } })).toMatchObject({
      field: "properties.device.a",
    });
    expect(refusal({ settings: { device: { a: double } }, properties: { cloud: { a: double } } })).toBeNull();
  });

  test("is bounded", () => {
    const fields = (count: number): object =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, double]));
    expect(refusal(telemetry(fields(templateLimits.fields)))).toBeNull();
    expect(refusal(telemetry(fields(templateLimits.fields + 1)))).toMatchObject({ code: "input-invalid" });
    const long = { name: "N", dataType: "string", initialValue: "x".repeat(4096) };
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`f${at}`, long]));
    expect(refusal(cloud(many))).toMatchObject({ code: "input-invalid" });
  });
});
