import fc from "fast-check";
import { expect, test } from "vitest";
import type { DataType, EventCategory, TemplateContent } from "../registry/registry.ts";
import { eventCategories } from "../registry/registry.ts";
import { propertyValueOf } from "../registry/property-value.ts";
import { templateContentOf } from "../registry/template-content.ts";
import { randomOf } from "./random.ts";
import { SimulatedDevice } from "./simulated-device.ts";

const startMs = Date.parse("2026-01-02T03:04:05.678Z");
const values = fc
  .uniqueArray(
    fc.string({ minLength: 1, maxLength: 10 }).filter((text) => text.trim() !== "" && text.trim() === text),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((texts) => texts.map((value) => ({ value, name: "n" })));
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const telemetry = fc.oneof(
  fc.tuple(fc.option(finite), fc.option(finite)).map(([one, other]) => {
    const isTurned = one !== null && other !== null && one > other;
    return {
      name: "t",
      dataType: "double" as const,
      minValue: isTurned ? other : one,
      maxValue: isTurned ? one : other,
    };
  }),
  fc.constantFrom("string", "boolean", "dateTime", "location").map((dataType) => ({ name: "t", dataType })),
);
const deviceProperty = fc.oneof(
  fc
    .constantFrom<DataType>("double", "string", "boolean", "dateTime", "location")
    .map((dataType) => ({ name: "p", dataType })),
  values.map((list) => ({ name: "p", dataType: "enum" as const, values: list })),
);
const named = <T>(prefix: string, one: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc
    .array(one, { maxLength: 4 })
    .map((list) => Object.fromEntries(list.map((each, index) => [`${prefix}${index}`, each])));

/** Any template that the registry would take. */
const content: fc.Arbitrary<TemplateContent> = fc
  .record({
    telemetry: named("t", telemetry),
    states: named(
      "s",
      values.map((list) => ({ name: "s", values: list })),
    ),
    events: named(
      "e",
      fc.constantFrom<EventCategory>(...eventCategories).map((category) => ({ name: "e", category })),
    ),
    device: named("p", deviceProperty),
  })
  .map(({ device, ...measurements }) => templateContentOf({ measurements, properties: { device } }));

test("Whatever the template, every value is within its bounds and of its type, through JSON too", () => {
  fc.assert(
    fc.property(content, fc.integer(), (template, seed) => {
      const device = new SimulatedDevice(template, randomOf(seed, "dev"));
      const { telemetry, states, events } = template.measurements;
      for (let turn = 0; turn < 60; turn++) {
        const next = device.nextBody(startMs + turn * 1000);
        const body = JSON.parse(JSON.stringify(next)) as Record<string, unknown> | null;
        const always = [...Object.keys(telemetry), ...Object.keys(states)];
        if (body === null) {
          expect(always).toEqual([]);
          continue;
        }
        expect(Object.keys(body).slice(0, always.length)).toEqual(always);
        for (const [name, value] of Object.entries(body)) {
          const [measured, state, event] = [telemetry[name], states[name], events[name]];
          if (measured !== undefined) expect(propertyValueOf(measured, value, name)).toEqual(value);
          else if (state !== undefined) expect(state.values.map((one) => one.value)).toContain(value);
          else expect([event !== undefined, value]).toEqual([true, "triggered"]);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("Whatever the template, what a device reports fits it; first all that is missing, then seldom one", () => {
  fc.assert(
    fc.property(content, fc.integer(), (template, seed) => {
      const device = new SimulatedDevice(template, randomOf(seed, "dev"));
      const definitions = template.properties.device;
      const first = device.nextReport(startMs, {});
      expect(Object.keys(first ?? {})).toEqual(Object.keys(definitions));
      let reports = 0;
      for (let turn = 0; turn < 500; turn++) {
        const report = turn === 0 ? first : device.nextReport(startMs + turn, first ?? {});
        if (report === null) continue;
        reports++;
        for (const [name, value] of Object.entries(report)) {
          const definition = definitions[name];
          expect(definition && propertyValueOf(definition, value, name)).toEqual(value);
        }
      }
      expect(reports).toBeLessThan(15);
    }),
    { numRuns: 60 },
  );
});

const cooler = templateContentOf({
  measurements: {
    telemetry: { temp: { name: "T", dataType: "double", minValue: -20, maxValue: 10 } },
    states: { mode: { name: "M", values: ["a", "b", "c"].map((value) => ({ value, name: value })) } },
    events: { opened: { name: "O", category: "informational" }, failed: { name: "F", category: "error" } },
  },
});

function bodies(seed: number, deviceId: string, turns: number): readonly Record<string, unknown>[] {
  const device = new SimulatedDevice(cooler, randomOf(seed, deviceId));
  return Array.from({ length: turns }, (_, turn) => device.nextBody(startMs + turn) ?? {});
}

test("Numbers walk in small steps and see the whole range", () => {
  const temps = bodies(1, "dev", 3000).map(({ temp }) => Number(temp));
  const steps = temps.slice(1).map((temp, index) => Math.abs(temp - (temps[index] ?? 0)));
  expect(Math.max(...steps)).toBeLessThanOrEqual(30 * 0.04 + 1e-9);
  expect(Math.min(...temps)).toBeLessThan(-15);
  expect(Math.max(...temps)).toBeGreaterThan(5);
});

test("States mostly stay, take each value in time; events are rare, errors the rarest", () => {
  const all = bodies(1, "dev", 5000);
  const changes = all.slice(1).filter(({ mode }, index) => mode !== all[index]?.["mode"]).length;
  expect(changes).toBeGreaterThan(75);
  expect(changes).toBeLessThan(300);
  expect(new Set(all.map(({ mode }) => mode)).size).toBe(3);
  const opened = all.filter((body) => "opened" in body).length;
  const failed = all.filter((body) => "failed" in body).length;
  expect(opened).toBeGreaterThan(150);
  expect(opened).toBeLessThan(400);
  expect(failed).toBeGreaterThan(5);
  expect(failed).toBeLessThan(80);
});

test("The same seed and device say the same, another one something else", () => {
  expect(bodies(1, "dev", 20)).toEqual(bodies(1, "dev", 20));
  expect(bodies(1, "dev", 20)).not.toEqual(bodies(1, "other", 20));
  expect(bodies(1, "dev", 20)).not.toEqual(bodies(2, "dev", 20));
});
