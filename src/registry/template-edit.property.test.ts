import fc from "fast-check";
import { expect, test } from "vitest";
import type { TemplateContent } from "./device-template.ts";
import { propertyValueOf } from "./property-value.ts";
import { valuesAtCreation, valuesMigrated, valuesPatched } from "./property-values.ts";
import { templateContentOf } from "./template-content.ts";
import { breaksOf } from "./template-edit.ts";

// Few names, types and values, so that two templates have much in common.
const bounds = fc
  .tuple(fc.constantFrom(undefined, 0, 1, 2), fc.constantFrom(undefined, 2, 3, 4))
  .map(([minValue, maxValue]) => ({ minValue, maxValue }));
const values = fc
  .subarray(["a", "b", "c"], { minLength: 1 })
  .chain((texts) => fc.shuffledSubarray(texts, { minLength: texts.length }))
  .chain((texts) => fc.constantFrom("x", "y").map((name) => texts.map((value) => ({ value, name }))));
const text = fc.constantFrom("One", "Two");
const unit = fc.constantFrom(undefined, "bar");
const field = fc.oneof(
  fc
    .record({ name: text, dataType: fc.constant("double"), unit, initialValue: fc.constantFrom(undefined, 2) })
    .chain((one) => bounds.map((limits) => ({ ...one, ...limits }))),
  fc.record({ name: text, dataType: fc.constant("enum"), values }),
  fc.record({ name: text, dataType: fc.constantFrom("string", "boolean"), unit }),
);
const deviceProperty = fc.oneof(
  fc.record({ name: text, dataType: fc.constant("enum"), values }),
  fc.record({ name: text, dataType: fc.constantFrom("double", "string") }),
);
const telemetry = fc.oneof(
  bounds.map((limits) => ({ name: "T", dataType: "double", ...limits })),
  fc.record({ name: text, dataType: fc.constantFrom("string", "boolean"), unit }),
);
const named = <T>(names: readonly string[], one: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.subarray([...names]).chain((some) => fc.record(Object.fromEntries(some.map((name) => [name, one]))) as never);

const content: fc.Arbitrary<TemplateContent> = fc
  .record({
    measurements: fc.record({
      telemetry: named(["t1", "t2", "constructor"], telemetry),
      states: named(["s1"], fc.record({ name: text, values })),
      events: named(["e1"], fc.record({ name: text, category: fc.constantFrom("error", "warning") })),
    }),
    settings: fc.record({ device: named(["p1", "toString"], field) }),
    properties: fc.record({ cloud: named(["c1"], field), device: named(["d1"], deviceProperty) }),
  })
  .map((given) => templateContentOf(given));

/** Edits are small: one section of a template is another's. */
const pair = fc
  .tuple(content, content, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
  .map(([before, other, taken]) => {
    const [measurements, settings, cloud, device] = taken;
    const after: TemplateContent = {
      measurements: measurements === true ? other.measurements : before.measurements,
      settings: settings === true ? other.settings : before.settings,
      properties: {
        cloud: cloud === true ? other.properties.cloud : before.properties.cloud,
        device: device === true ? other.properties.device : before.properties.device,
      },
    };
    return [before, after] as const;
  });

const given = (definition: { readonly dataType: string }): readonly unknown[] =>
  ({ double: [-1, 0, 1, 2, 3, 4, 5], enum: ["a", "b", "c"], string: ["", "x"], boolean: [true, false] })[
    definition.dataType
  ] ?? [];
const fits = (definition: Parameters<typeof propertyValueOf>[0], value: unknown): boolean => {
  try {
    propertyValueOf(definition, value, "v");
    return true;
  } catch {
    return false;
  }
};

test("An edit that breaks nothing leaves every value good that was good, whatever the device", () => {
  let inPlace = 0;
  fc.assert(
    fc.property(pair, fc.infiniteStream(fc.nat()), ([before, after], choices) => {
      if (breaksOf(before, after).length > 0) return;
      inPlace++;
      const chosen = (definitions: Readonly<Record<string, Parameters<typeof fits>[0]>>) =>
        Object.fromEntries(
          Object.entries(definitions).flatMap(([name, definition]) => {
            const good = given(definition).filter((value) => fits(definition, value));
            return good.length === 0 ? [] : [[name, good[Number(choices.next().value) % good.length]]];
          }),
        ) as Record<string, never>;
      const patch = {
        settings: { device: chosen(before.settings.device) },
        properties: { cloud: chosen(before.properties.cloud), device: chosen(before.properties.device) },
      };
      const device = valuesAtCreation(before, patch);
      expect(valuesMigrated(before, after, device)).toEqual(device);
      expect(valuesPatched(after, device, patch)).toEqual(device);
      for (const [name, was] of Object.entries(before.measurements.telemetry)) {
        const is = after.measurements.telemetry[name];
        for (const value of given(was)) if (fits(was, value)) expect(is !== undefined && fits(is, value)).toBe(true);
      }
      for (const [name, was] of Object.entries(before.measurements.states)) {
        const known = after.measurements.states[name]?.values.map(({ value }) => value);
        expect(known).toEqual(expect.arrayContaining(was.values.map(({ value }) => value)));
      }
      expect(after.measurements.events).toMatchObject(
        Object.fromEntries(Object.keys(before.measurements.events).map((name) => [name, {}])),
      );
    }),
    { numRuns: 3000 },
  );
  expect(inPlace).toBeGreaterThan(300);
});

test("What is called a break is one: the field is gone, new to devices, of another type, or refuses a value it took", () => {
  fc.assert(
    fc.property(pair, ([before, after]) => {
      for (const { field: path, message } of breaksOf(before, after)) {
        expect(message.startsWith(`${path} `)).toBe(true);
        const [section = "", kind = "", name = "", part] = path.split(".");
        const definitionIn = (content: TemplateContent) => {
          const group = (content as unknown as Record<string, Record<string, Record<string, never>>>)[section]?.[kind];
          return group !== undefined && Object.hasOwn(group, name) ? group[name] : undefined;
        };
        const [was, is] = [definitionIn(before), definitionIn(after)] as (Record<string, never> | undefined)[];
        if (part === undefined) expect((was === undefined) !== (is === undefined)).toBe(true);
        else if (part === "dataType") expect(was?.["dataType"]).not.toBe(is?.["dataType"]);
        else if (part === "values") {
          const listed = (one: typeof was) =>
            ((one?.["values"] ?? []) as { value: string }[]).map(({ value }) => value);
          expect(listed(was).some((value) => !listed(is).includes(value))).toBe(true);
        } else
          expect(given(was as never).some((value) => fits(was as never, value) && !fits(is as never, value))).toBe(
            true,
          );
      }
    }),
    { numRuns: 2000 },
  );
});

test("Nothing breaks itself, and edits in place add up to one", () => {
  let chains = 0;
  fc.assert(
    fc.property(pair, content, ([first, second], third) => {
      expect(breaksOf(first, first)).toEqual([]);
      const last = { ...second, measurements: third.measurements };
      if (breaksOf(first, second).length > 0 || breaksOf(second, last).length > 0) return;
      chains++;
      expect(breaksOf(first, last)).toEqual([]);
    }),
    { numRuns: 3000 },
  );
  expect(chains).toBeGreaterThan(50);
});

test.each([
  ["a name, a unit and an initial value", { name: "Other", unit: "l", initialValue: 2 }, []],
  ["wider bounds", { minValue: -5, maxValue: 50 }, []],
  ["no bounds", { minValue: undefined, maxValue: undefined }, []],
  ["a higher minimum", { minValue: 1 }, ["settings.device.fan.minValue was 0 and would rise to 1."]],
  ["a lower maximum", { maxValue: 9 }, ["settings.device.fan.maxValue was 10 and would fall to 9."]],
  [
    "another type",
    { dataType: "string", minValue: undefined, maxValue: undefined },
    ["settings.device.fan.dataType was double and would be string."],
  ],
])("%s of a setting", (_what, change, messages) => {
  const fan = { name: "Fan", dataType: "double", minValue: 0, maxValue: 10 };
  const of = (one: object): TemplateContent => templateContentOf({ settings: { device: { fan: one } } });
  expect(breaksOf(of(fan), of({ ...fan, ...change })).map(({ message }) => message)).toEqual(messages);
});
