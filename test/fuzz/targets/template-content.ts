// Device templates and the values of devices, as JSON of anyone: taken clean, or refused with the field.
//
// The input: four texts with a NUL between them, each JSON: the content, values at creation, a patch, another content.

import fc from "fast-check";
import avro from "avsc";
import { deviceEncoder, schemaName, schemaText, templateEncoder } from "../../../src/avro/avro.ts";
import { ColdpathError } from "../../../src/lib/errors.ts";
import { deviceIdOf, templateIdOf, templateVersionOf, versionRank } from "../../../src/registry/device-id.ts";
import { canonicalJson } from "../../../src/registry/input.ts";
import {
  type GivenValues,
  valuesAtCreation,
  valuesMigrated,
  valuesPatched,
} from "../../../src/registry/property-values.ts";
import type { DeviceValues, TemplateContent } from "../../../src/registry/registry.ts";
import { templateContentOf } from "../../../src/registry/template-content.ts";
import { type Target, claim } from "../engine/target.ts";

const encodeDevice = deviceEncoder("2018-09");
const encodeTemplate = templateEncoder("2018-09");
const deviceType = avro.Type.forSchema(JSON.parse(schemaText(schemaName("devices", "2018-09"))));
const templateType = avro.Type.forSchema(JSON.parse(schemaText(schemaName("deviceTemplates", "2018-09"))));

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** What it gives, or null when it refuses by the field. */
function taken<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ColdpathError)) throw error;
    claim(error.kind === "invalid" && error.field !== undefined, () => `it names no field: ${error.message}`);
    claim(error.message.length < 1000 && error.message.isWellFormed(), "M1: an error as long as its input");
    return null;
  }
}

function texts(...values: unknown[]): Buffer {
  return Buffer.from(values.map((value) => JSON.stringify(value)).join("\0"));
}

const content = {
  measurements: {
    telemetry: { humidity: { name: "Humidity", dataType: "double", unit: "%", minValue: 0, maxValue: 100 } },
    states: { connectivity: { name: "Connectivity", values: [{ value: "connected", name: "Connected" }] } },
    events: { opened: { name: "Door Opened", category: "informational" } },
  },
  settings: { device: { fanSpeed: { name: "Fan Speed", dataType: "double", initialValue: 0, maxValue: 3 } } },
  properties: {
    cloud: {
      maintCon: { name: "Maintenance Contract", dataType: "boolean", initialValue: true },
      place: { name: "Place", dataType: "location", initialValue: { lon: 1, lat: 2, alt: 3 } },
      level: {
        name: "Level",
        dataType: "enum",
        values: [
          { value: "a", name: "A" },
          { value: "b", name: "B" },
        ],
      },
      built: { name: "Built", dataType: "dateTime", initialValue: "2018-02-28" },
    },
    device: { lastReboot: { name: "Last Reboot", dataType: "dateTime" }, note: { name: "Note", dataType: "string" } },
  },
};
const field = fc.record(
  {
    name: fc.constantFrom("N", "", "é", 1),
    dataType: fc.constantFrom("double", "boolean", "string", "dateTime", "location", "enum", "x"),
    minValue: fc.double(),
    initialValue: fc.oneof(fc.double(), fc.boolean(), fc.string(), fc.constant({ lon: 0, lat: 0 })),
    values: fc.constantFrom([{ value: "a", name: "A" }], [], [{}]),
  },
  { requiredKeys: ["name", "dataType"] },
);
const fields = fc.dictionary(fc.constantFrom("a", "b", "constructor", "__proto__", "x-y", "toString"), field);

export const target: Target = {
  bytesMax: 3000,
  seeds: () => [
    texts(content, { properties: { cloud: { level: "b" } } }, { settings: { device: { fanSpeed: null } } }, content),
    texts({}, {}, {}, {}),
    texts(
      content,
      { properties: { cloud: { place: { lon: -180, lat: 90 }, built: "2026-01-02T03:04:05.678+02:00" } } },
      { properties: { device: { note: "x" } } },
      { properties: { cloud: { level: content.properties.cloud.level } } },
    ),
    texts({ measurements: { telemetry: { a: { name: "a", dataType: "enum" } } } }, [], null, 1),
    texts("dev-1", "template:1", "1.2.3", content),
  ],
  grammar: fc
    .tuple(
      fc.record({ settings: fc.record({ device: fields }), properties: fc.record({ cloud: fields, device: fields }) }),
      fc.record({ properties: fc.record({ cloud: fc.dictionary(fc.constantFrom("a", "b"), fc.jsonValue()) }) }),
    )
    .map(([given, values]) => texts(given, values, values, given)),
  dictionary: [
    '"__proto__":',
    '{"name":"N","dataType":"double"}',
    '"initialValue":',
    "1e400",
    "-0",
    "\\ud800",
    '"2018-02-30"',
    "\0",
  ],
  run: (input) => {
    const [first, second, third, fourth] = input.toString("utf8").split("\0").map(parsed);
    for (const [check, value] of [
      [deviceIdOf, first],
      [templateIdOf, second],
      [templateVersionOf, third],
    ] as const) {
      const id = taken(() => check(value, "id"));
      claim(id === null || id === value, "an id is changed");
    }
    if (typeof third === "string" && versionRank(third) !== null)
      claim(/^[0-9.]{5,17}$/.test(third), "a version that is none");

    const contentOf = (value: unknown): TemplateContent | null => taken(() => templateContentOf(value as object));
    const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
    const template = isObject(first) ? contentOf(first) : null;
    if (template === null) return;
    const again = templateContentOf(JSON.parse(JSON.stringify(template)) as object);
    claim(JSON.stringify(again) === JSON.stringify(template), "content changes when it is saved again");
    claim(canonicalJson(again) === canonicalJson(template), "equal content has two canonical texts");
    const encoded = encodeTemplate({ id: "t", name: "T", version: "1.0.0", ...template });
    const shown = templateType.fromBuffer(encoded) as {
      measurements: { telemetry: object };
      properties: { cloud: object };
    };
    claim(
      Object.keys(shown.properties.cloud).length === Object.keys(template.properties.cloud).length &&
        Object.keys(shown.measurements.telemetry).length === Object.keys(template.measurements.telemetry).length,
      "S2: a field is lost in the export",
    );

    const checkValues = (values: DeviceValues, of: TemplateContent): void => {
      const { cloud, device } = values.properties;
      claim(
        Object.keys(cloud).every((name) => Object.hasOwn(of.properties.cloud, name)),
        "a value of no field",
      );
      const decoded = deviceType.fromBuffer(
        encodeDevice({ id: "d", name: "D", simulated: false, templateId: "t", templateVersion: "1.0.0", ...values }),
      ) as { properties: { cloud: Record<string, unknown>; device: object }; settings: { device: object } };
      claim(
        Object.keys(decoded.properties.cloud).join() === Object.keys(cloud).join(),
        "S2: a value is lost in the export",
      );
      claim(
        Object.keys(decoded.properties.device).length === Object.keys(device).length,
        "S2: a value is lost in the export",
      );
      const same = valuesPatched(of, values, {});
      claim(JSON.stringify(same) === JSON.stringify(values), "an empty patch changes values");
    };
    const values =
      taken(() => valuesAtCreation(template, (second ?? {}) as GivenValues)) ?? valuesAtCreation(template, {});
    checkValues(values, template);
    const patched = taken(() => valuesPatched(template, values, (third ?? {}) as GivenValues)) ?? values;
    checkValues(patched, template);
    const other = isObject(fourth) ? contentOf(fourth) : null;
    if (other === null) return;
    const moved = valuesMigrated(template, other, patched);
    checkValues(moved, other);
    const back = valuesMigrated(template, template, patched);
    claim(JSON.stringify(back) === JSON.stringify(patched), "a move to the same template changes values");
  },
};
