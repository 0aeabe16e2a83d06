// One value of a property or setting, checked against its definition.

import type { DataType, EnumValue, Location, PropertyValue } from "./device-template.ts";
import { registryError } from "./errors.ts";
import { kindOf, listed, shownKey } from "./input.ts";

const valueCharsMax = 4096;

/** What a setting's, a cloud and a device property's definition have in common. */
export interface ValueDefinition {
  readonly dataType: DataType;
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
  readonly values?: readonly EnumValue[] | undefined;
}

/**
 * The value as it is stored and exported.
 *
 * @param field  its path, for the error: `properties.cloud.tempThresh`.
 * @throws  ColdpathError `value-invalid`.
 */
export function propertyValueOf(
  definition: ValueDefinition,
  input: unknown,
  field: string,
): Exclude<PropertyValue, null> {
  switch (definition.dataType) {
    case "double":
      return doubleOf(definition, input, field);
    case "boolean":
      if (typeof input === "boolean") return input;
      throw refused(field, "true or false", input);
    case "string":
      if (typeof input === "string" && input.length <= valueCharsMax && input.isWellFormed()) return input;
      throw refused(field, `text of at most ${valueCharsMax} characters`, input);
    case "dateTime": {
      const text = typeof input === "string" ? normalDateTime(input) : null;
      if (text !== null) return text;
      throw refused(field, 'an ISO 8601 date and time with zone, such as "2026-01-02T03:04:05.678Z"', input);
    }
    case "enum": {
      const allowed = (definition.values ?? []).map((each) => each.value);
      if (typeof input === "string" && allowed.includes(input)) return input;
      throw refused(field, `one of ${listed(allowed)}`, input);
    }
    case "location":
      return locationOf(input, field);
  }
}

function doubleOf(definition: ValueDefinition, input: unknown, field: string): number {
  if (typeof input !== "number" || !Number.isFinite(input)) throw refused(field, "a finite number", input);
  const { minValue, maxValue } = definition;
  if (minValue !== undefined && input < minValue) {
    throw registryError("value-invalid", `${field} is ${input}, below its minimum ${minValue}.`, { field });
  }
  if (maxValue !== undefined && input > maxValue) {
    throw registryError("value-invalid", `${field} is ${input}, above its maximum ${maxValue}.`, { field });
  }
  return input;
}

/** `YYYY-MM-DDTHH:mm:ss.sssZ`, or null when `text` names no moment. A date alone is its midnight in UTC. */
function normalDateTime(text: string): string | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(text);
  if (match === null) return null;
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) return null;
  // Date.parse takes 30 February for 2 March.
  const daysInMonth = new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).getUTCDate();
  if (Number(match[1]) >= 100 && Number(match[3]) > daysInMonth) return null;
  const normal = new Date(timeMs).toISOString();
  return normal.length === 24 ? normal : null;
}

function locationOf(input: unknown, field: string): Location {
  const expected = "a location { lon: -180..180, lat: -90..90, alt: metres, if known }";
  if (typeof input !== "object" || input === null || Array.isArray(input)) throw refused(field, expected, input);
  for (const key of Object.keys(input)) {
    if (!["lon", "lat", "alt"].includes(key)) {
      const path = `${field}.${shownKey(key)}`;
      throw registryError("value-invalid", `${path} does not exist; a location has lon, lat and alt.`, { field: path });
    }
  }
  const { lon, lat, alt } = input as Record<string, unknown>;
  const coordinate = (part: string, value: unknown, bound: number): number => {
    if (typeof value === "number" && Math.abs(value) <= bound) return value;
    throw refused(`${field}.${part}`, `a number from ${-bound} to ${bound}`, value);
  };
  const place = { lon: coordinate("lon", lon, 180), lat: coordinate("lat", lat, 90) };
  if (alt === undefined || alt === null) return place;
  if (typeof alt !== "number" || !Number.isFinite(alt)) throw refused(`${field}.alt`, "a finite number", alt);
  return { ...place, alt };
}

function refused(field: string, expected: string, input: unknown): Error {
  const got = typeof input === "string" || typeof input === "number" ? JSON.stringify(input) : kindOf(input);
  return registryError("value-invalid", `${field} must be ${expected}, not ${shortened(got)}.`, { field });
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57).toWellFormed()}...`;
}
