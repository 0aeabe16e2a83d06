// What a device reports as a property, as the registry keeps it and exports have it. Pure.
//
// A device is not asked to fit the template: what it says is kept in its twin as it came. What an exported file shows of it is
// the value of the property's type when it fits, else the nearest that the format can hold (docs/formats.md "Devices").

import type { Location, PropertyValue } from "./device-template.ts";
import { own } from "./input.ts";
import { type ValueDefinition, propertyValueOf } from "./property-value.ts";
import type { Json, JsonObject } from "./twin-section.ts";

export interface ReportedValue {
  /** Null when the device has removed it. */
  readonly value: PropertyValue;
  /** Whether it is of the type, and within the bounds, that the template gives the property. */
  readonly fits: boolean;
}

/** @param reported  as it stands in the reported section; undefined when it does not. */
export function reportedValue(definition: ValueDefinition, reported: Json | undefined): ReportedValue {
  if (reported === undefined || reported === null) return { value: null, fits: true };
  const candidates = [reported, ...wrapped(reported)];
  for (const candidate of candidates) {
    const value = fitting(definition, candidate);
    if (value !== null) return { value, fits: true };
  }
  return { value: held(candidates.at(-1) ?? reported), fits: false };
}

/**
 * The device properties after a report, in the template's order.
 *
 * @param values    as they were.
 * @param reported  the whole reported section.
 * @param names     of what the report was about; the others stay as they are.
 */
export function reportedPropertiesOf(
  definitions: Readonly<Record<string, ValueDefinition>>,
  values: Readonly<Record<string, PropertyValue>>,
  reported: JsonObject,
  names: readonly string[],
): Readonly<Record<string, PropertyValue>> {
  const told = new Set(names);
  const entries = Object.entries(definitions).map(([name, definition]) => {
    const value = told.has(name) ? reportedValue(definition, own(reported, name)).value : own(values, name);
    return [name, value ?? null] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== null));
}

/** `{"value": 3}`: some devices report properties in the form of settings. */
function wrapped(reported: Json): readonly Json[] {
  if (typeof reported !== "object" || reported === null || Array.isArray(reported)) return [];
  const value = own(reported as JsonObject, "value");
  return value === undefined || value === null ? [] : [value];
}

function fitting(definition: ValueDefinition, candidate: Json): PropertyValue {
  const place = definition.dataType === "location" ? placeOf(candidate) : candidate;
  try {
    return propertyValueOf(definition, place, "");
  } catch {
    return null;
  }
}

/** Also `{"longitude": …}` is a place; what else a device says of it is left to its twin. */
function placeOf(candidate: Json): Json {
  if (typeof candidate !== "object" || candidate === null || Array.isArray(candidate)) return candidate;
  const { lon, lat, alt, longitude, latitude, altitude } = candidate as Readonly<Record<string, Json>>;
  return { lon: lon ?? longitude ?? null, lat: lat ?? latitude ?? null, alt: alt ?? altitude ?? null };
}

/** In a union of boolean, double, string and a map of doubles that readers know as a location. */
function held(value: Json): Exclude<PropertyValue, Location> {
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return JSON.stringify(value);
}
