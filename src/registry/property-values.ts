// A device's values: what its template defines, checked, with initial values, merge patches and migration.
//
// Stored values never hold null: a cleared property is absent. They stand in the template's order.

import { registryError } from "./errors.ts";
import { listed, objectOf, objectOrEmpty, own, shownKey } from "./input.ts";
import { propertyValueOf, type ValueDefinition } from "./property-value.ts";
import type { DeviceValues, PropertyValue, TemplateContent } from "./registry.ts";

const sections = ["properties.cloud", "properties.device", "settings.device"] as const;
type Section = (typeof sections)[number];

type Definition = ValueDefinition & { readonly initialValue?: PropertyValue | undefined };
type Definitions = Readonly<Record<string, Definition>>;
type Values = Readonly<Record<string, PropertyValue>>;

/** Values as they come in: any section may be left out, null clears. */
export interface GivenValues {
  readonly properties?: { readonly cloud?: Values | undefined; readonly device?: Values | undefined } | undefined;
  readonly settings?: { readonly device?: Values | undefined } | undefined;
}

/** A new device's values: the template's initial ones, overridden by those given. */
export function valuesAtCreation(content: TemplateContent, given: GivenValues): DeviceValues {
  const patch = patchOf(given);
  return assembled((section) => {
    const definitions = definitionsOf(content, section);
    return merged(definitions, initialValues(definitions), patch[section], section);
  });
}

/** Merge patch: fields left out stay, null clears. Unknown fields and values that do not fit are refused by name. */
export function valuesPatched(content: TemplateContent, current: DeviceValues, given: GivenValues): DeviceValues {
  const patch = patchOf(given);
  return assembled((section) =>
    merged(definitionsOf(content, section), valuesOf(current, section), patch[section], section),
  );
}

/**
 * The values after a move from one version of a template to another: those whose field has the same data type in both
 * stay as they are (a cleared one stays cleared), new fields get their initial value, the rest is dropped. A value that
 * the new version does not allow any more (bounds, enum) counts as a new field's.
 */
export function valuesMigrated(from: TemplateContent, to: TemplateContent, current: DeviceValues): DeviceValues {
  return assembled((section) => {
    const values = valuesOf(current, section);
    const before = definitionsOf(from, section);
    const kept = Object.entries(definitionsOf(to, section)).map(([name, definition]) => {
      const value = own(values, name);
      const isSame = own(before, name)?.dataType === definition.dataType;
      const stays = isSame && (value === undefined || fits(definition, value));
      return [name, stays ? value : definition.initialValue] as const;
    });
    return Object.fromEntries(kept.filter((entry): entry is [string, PropertyValue] => entry[1] !== undefined));
  });
}

function merged(definitions: Definitions, base: Values, patch: Record<string, unknown>, section: Section): Values {
  for (const name of Object.keys(patch)) {
    if (own(definitions, name) === undefined) {
      const known = listed(Object.keys(definitions));
      const path = `${section}.${shownKey(name)}`;
      throw registryError("field-unknown", `${path} is not in the device template; known: ${known}.`, { field: path });
    }
  }
  const entries = Object.entries(definitions).map(([name, definition]): [string, PropertyValue | undefined] => {
    const input = own(patch, name);
    if (input === undefined) return [name, own(base, name)];
    return [name, input === null ? undefined : propertyValueOf(definition, input, `${section}.${name}`)];
  });
  return Object.fromEntries(entries.filter((entry): entry is [string, PropertyValue] => entry[1] !== undefined));
}

function initialValues(definitions: Definitions): Values {
  const entries = Object.entries(definitions).map(([name, definition]) => [name, definition.initialValue] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, PropertyValue] => entry[1] !== undefined));
}

function fits(definition: Definition, value: PropertyValue): boolean {
  try {
    propertyValueOf(definition, value, "");
    return true;
  } catch {
    return false;
  }
}

function patchOf(given: GivenValues): Record<Section, Record<string, unknown>> {
  const properties = objectOrEmpty(given.properties, "properties", ["cloud", "device"]);
  const settings = objectOrEmpty(given.settings, "settings", ["device"]);
  const section = (input: unknown, field: Section): Record<string, unknown> =>
    input === undefined ? {} : objectOf(input, field);
  return {
    "properties.cloud": section(properties["cloud"], "properties.cloud"),
    "properties.device": section(properties["device"], "properties.device"),
    "settings.device": section(settings["device"], "settings.device"),
  };
}

function definitionsOf(content: TemplateContent, section: Section): Definitions {
  switch (section) {
    case "properties.cloud":
      return content.properties.cloud;
    case "properties.device":
      return content.properties.device;
    case "settings.device":
      return content.settings.device;
  }
}

function valuesOf(values: DeviceValues, section: Section): Values {
  switch (section) {
    case "properties.cloud":
      return values.properties.cloud;
    case "properties.device":
      return values.properties.device;
    case "settings.device":
      return values.settings.device;
  }
}

function assembled(of: (section: Section) => Values): DeviceValues {
  return {
    properties: { cloud: of("properties.cloud"), device: of("properties.device") },
    settings: { device: of("settings.device") },
  };
}
