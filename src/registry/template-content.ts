// Template content: what a device template may define, within bounds.
//
// Telemetry, states and events travel in one JSON body, so a field name stands for one of them only. A setting and a
// device property share the reported twin, so they do not share names either.

import { registryError } from "./errors.ts";
import { kindOf, nameOf, objectOf, objectOrEmpty, oneOf } from "./input.ts";
import { propertyValueOf } from "./property-value.ts";
import {
  type DataType,
  type DevicePropertyDefinition,
  type EnumValue,
  type EventDefinition,
  type FieldDefinition,
  type StateDefinition,
  type TelemetryDefinition,
  type TemplateContent,
  dataTypes,
  type SettingForm,
  eventCategories,
  settingForms,
} from "./registry.ts";

/** A template goes out as one record a version and is held in memory by readers: it stays small. */
export const templateLimits = {
  fields: 300,
  displayNameChars: 200,
  unitChars: 100,
  enumValues: 100,
  contentChars: 512 * 1024,
  modelIdChars: 256,
} as const;

const telemetryTypes = dataTypes.filter((dataType) => dataType !== "enum");

/**
 * The content, clean: known keys only, in the order of definition. A section left out is empty.
 *
 * @throws  ColdpathError `input-invalid`, `field-unknown` or, for an initial value, `value-invalid`.
 */
export function templateContentOf(input: {
  readonly modelId?: unknown;
  readonly measurements?: unknown;
  readonly settings?: unknown;
  readonly properties?: unknown;
}): TemplateContent {
  const measurements = objectOrEmpty(input.measurements, "measurements", ["telemetry", "states", "events"]);
  const settings = objectOrEmpty(input.settings, "settings", ["form", "device"]);
  const properties = objectOrEmpty(input.properties, "properties", ["cloud", "device"]);
  const { modelId } = input;
  const content: TemplateContent = {
    ...(modelId === undefined || modelId === null || modelId === ""
      ? {}
      : { modelId: nameOf(modelId, "modelId", templateLimits.modelIdChars) }),
    measurements: {
      telemetry: definitionsOf(measurements["telemetry"], "measurements.telemetry", telemetryOf),
      states: definitionsOf(measurements["states"], "measurements.states", stateOf),
      events: definitionsOf(measurements["events"], "measurements.events", eventOf),
    },
    settings: {
      // What is left out says the same, and content that says the same is the same.
      ...(settingFormOf(settings["form"]) === "bare" ? { form: "bare" as const } : {}),
      device: definitionsOf(settings["device"], "settings.device", fieldOf),
    },
    properties: {
      cloud: definitionsOf(properties["cloud"], "properties.cloud", fieldOf),
      device: definitionsOf(properties["device"], "properties.device", devicePropertyOf),
    },
  };
  checkNames(content);
  checkSize(content);
  return content;
}

function definitionsOf<T>(
  input: unknown,
  field: string,
  definitionOf: (input: unknown, field: string) => T,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(objectOrEmpty(input, field)).map(([name, definition]) => {
      const path = `${field}.${name}`;
      // `__proto__` as a key would set an object's prototype somewhere down the line.
      if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) || name === "__proto__") {
        throw registryError(
          "input-invalid",
          `${field}: "${name.slice(0, 64).toWellFormed()}" is no field name: a letter or _, then letters, digits and _, at most 64.`,
          { field: path, hint: "Use the key that the device writes into its JSON." },
        );
      }
      return [name, definitionOf(definition, path)];
    }),
  );
}

function settingFormOf(input: unknown): SettingForm {
  return input === undefined ? "wrapped" : oneOf(settingForms, input, "settings.form");
}

function telemetryOf(input: unknown, field: string): TelemetryDefinition {
  const given = objectOf(input, field, ["name", "dataType", "unit", "minValue", "maxValue"]);
  if (given["dataType"] === "enum") {
    throw registryError("input-invalid", `${field}.dataType cannot be enum.`, {
      field: `${field}.dataType`,
      hint: "Define it under measurements.states, with its values.",
    });
  }
  const dataType = oneOf(telemetryTypes, given["dataType"], `${field}.dataType`);
  return { name: displayNameOf(given, field), dataType, ...unitOf(given, field), ...boundsOf(given, dataType, field) };
}

function stateOf(input: unknown, field: string): StateDefinition {
  const given = objectOf(input, field, ["name", "values"]);
  return { name: displayNameOf(given, field), values: enumValuesOf(given["values"], `${field}.values`) };
}

function eventOf(input: unknown, field: string): EventDefinition {
  const given = objectOf(input, field, ["name", "category"]);
  return {
    name: displayNameOf(given, field),
    category: oneOf(eventCategories, given["category"], `${field}.category`),
  };
}

function fieldOf(input: unknown, field: string): FieldDefinition {
  const keys = ["name", "dataType", "unit", "minValue", "maxValue", "values", "initialValue"];
  const given = objectOf(input, field, keys);
  const dataType = oneOf(dataTypes, given["dataType"], `${field}.dataType`);
  const definition: FieldDefinition = {
    name: displayNameOf(given, field),
    dataType,
    ...unitOf(given, field),
    ...boundsOf(given, dataType, field),
    ...choicesOf(given, dataType, field),
  };
  const initialValue = given["initialValue"];
  if (initialValue === undefined || initialValue === null) return definition;
  return { ...definition, initialValue: propertyValueOf(definition, initialValue, `${field}.initialValue`) };
}

function devicePropertyOf(input: unknown, field: string): DevicePropertyDefinition {
  if (typeof input === "object" && input !== null && "initialValue" in input) {
    throw registryError("field-unknown", `${field}.initialValue: the device reports this property.`, {
      field: `${field}.initialValue`,
      hint: "Remove it, or make this a cloud property or a setting.",
    });
  }
  const given = objectOf(input, field, ["name", "dataType", "values"]);
  const dataType = oneOf(dataTypes, given["dataType"], `${field}.dataType`);
  return { name: displayNameOf(given, field), dataType, ...choicesOf(given, dataType, field) };
}

function displayNameOf(given: Record<string, unknown>, field: string): string {
  return nameOf(given["name"], `${field}.name`, templateLimits.displayNameChars);
}

function unitOf(given: Record<string, unknown>, field: string): { unit?: string } {
  const unit = given["unit"];
  return unit === undefined || unit === "" ? {} : { unit: nameOf(unit, `${field}.unit`, templateLimits.unitChars) };
}

function boundsOf(
  given: Record<string, unknown>,
  dataType: DataType,
  field: string,
): { minValue?: number; maxValue?: number } {
  const bound = (key: "minValue" | "maxValue"): number | undefined => {
    const value = given[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "number" && Number.isFinite(value) && dataType === "double") return value;
    const message =
      dataType === "double"
        ? `${field}.${key} must be a finite number, not ${kindOf(value)}.`
        : `${field}.${key}: only double fields have bounds, this is ${dataType}.`;
    throw registryError("input-invalid", message, { field: `${field}.${key}` });
  };
  const [minValue, maxValue] = [bound("minValue"), bound("maxValue")];
  if (minValue !== undefined && maxValue !== undefined && minValue > maxValue) {
    throw registryError("input-invalid", `${field}.minValue ${minValue} is above maxValue ${maxValue}.`, {
      field: `${field}.minValue`,
    });
  }
  return { ...(minValue === undefined ? {} : { minValue }), ...(maxValue === undefined ? {} : { maxValue }) };
}

function choicesOf(
  given: Record<string, unknown>,
  dataType: DataType,
  field: string,
): { values?: readonly EnumValue[] } {
  if (dataType === "enum") return { values: enumValuesOf(given["values"], `${field}.values`) };
  if (given["values"] === undefined) return {};
  throw registryError("input-invalid", `${field}.values: only enum fields have values, this is ${dataType}.`, {
    field: `${field}.values`,
  });
}

function enumValuesOf(input: unknown, field: string): readonly EnumValue[] {
  if (!Array.isArray(input) || input.length === 0 || input.length > templateLimits.enumValues) {
    throw registryError("input-invalid", `${field} must list 1 to ${templateLimits.enumValues} values.`, {
      field,
      hint: 'List each as { "value": "open", "name": "Open" }.',
    });
  }
  const values = input.map((each: unknown, index): EnumValue => {
    const given = objectOf(each, `${field}[${index}]`, ["value", "name"]);
    return {
      value: nameOf(given["value"], `${field}[${index}].value`, templateLimits.displayNameChars),
      name: nameOf(given["name"], `${field}[${index}].name`, templateLimits.displayNameChars),
    };
  });
  const twice = values.find(({ value }, index) => values.findIndex((other) => other.value === value) < index);
  if (twice !== undefined) {
    throw registryError("input-invalid", `${field} has the value "${twice.value}" twice.`, { field });
  }
  return values;
}

function checkNames({ measurements, settings, properties }: TemplateContent): void {
  const exclude = (groups: Readonly<Record<string, object>>, why: string): void => {
    const seen = new Map<string, string>();
    for (const [group, definitions] of Object.entries(groups)) {
      for (const name of Object.keys(definitions)) {
        const other = seen.get(name);
        if (other !== undefined) {
          throw registryError("input-invalid", `${group}.${name} is also defined in ${other}: ${why}.`, {
            field: `${group}.${name}`,
            hint: "Rename or remove one of the two.",
          });
        }
        seen.set(name, group);
      }
    }
  };
  exclude(
    {
      "measurements.telemetry": measurements.telemetry,
      "measurements.states": measurements.states,
      "measurements.events": measurements.events,
    },
    "they share one JSON body",
  );
  exclude(
    { "settings.device": settings.device, "properties.device": properties.device },
    "they share the reported twin",
  );
}

function checkSize(content: TemplateContent): void {
  const { measurements, settings, properties } = content;
  const groups = [
    measurements.telemetry,
    measurements.states,
    measurements.events,
    settings.device,
    properties.cloud,
    properties.device,
  ];
  const fields = groups.reduce((sum, group) => sum + Object.keys(group).length, 0);
  if (fields > templateLimits.fields) {
    throw registryError("input-invalid", `The template has ${fields} fields; at most ${templateLimits.fields}.`, {
      field: "measurements",
      hint: "Split it into several templates, or leave out fields nobody reads.",
    });
  }
  const chars = JSON.stringify(content).length;
  if (chars > templateLimits.contentChars) {
    throw registryError(
      "input-invalid",
      `The template is ${chars} characters of JSON; at most ${templateLimits.contentChars}.`,
      { field: "measurements", hint: "Shorten names, values and initial values." },
    );
  }
}
