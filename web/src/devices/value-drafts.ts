// What somebody types into a form of properties or settings, and what of it is sent. Pure.
//
// A draft is the text of its inputs. Only fields that were touched have one, and only those are sent. What cannot be read as the
// field's type is sent as it was typed: the server says what is wrong with it, and the form shows that at the field.

import type { Schema } from "../api/client.ts";

export type FieldDefinition = Pick<
  Schema<"FieldDefinition">,
  "name" | "dataType" | "unit" | "minValue" | "maxValue" | "values"
>;
export type PropertyValue = Schema<"PropertyValue">;
export type Values = Readonly<Record<string, PropertyValue>>;

export interface PlaceDraft {
  readonly lat: string;
  readonly lon: string;
  readonly alt: string;
}
/** Text of an input, a switch, or a place; null clears the field. */
export type Draft = string | boolean | PlaceDraft | null;
export type Drafts = Readonly<Record<string, Draft>>;

export function draftOf({ dataType }: FieldDefinition, value: PropertyValue | undefined): Draft {
  if (value === undefined || value === null) return dataType === "location" ? { lat: "", lon: "", alt: "" } : null;
  if (typeof value === "object") {
    return { lat: String(value.lat), lon: String(value.lon), alt: value.alt === undefined ? "" : String(value.alt) };
  }
  if (typeof value === "boolean") return value;
  // As <input type="datetime-local"> wants it, in UTC.
  if (dataType === "dateTime") return String(value).replace(/(?:\.000)?Z$/, "");
  return String(value);
}

/** What is sent for a draft: null clears. */
export function valueOfDraft({ dataType }: FieldDefinition, draft: Draft): PropertyValue {
  if (draft === null || typeof draft === "boolean") return draft;
  if (typeof draft === "object") {
    const { lat, lon, alt } = draft;
    if (lat.trim() === "" && lon.trim() === "" && alt.trim() === "") return null;
    const place = { lat: numberOf(lat), lon: numberOf(lon), ...(alt.trim() === "" ? {} : { alt: numberOf(alt) }) };
    return place as Schema<"Location">;
  }
  if (dataType === "string") return draft === "" ? null : draft;
  if (draft.trim() === "") return null;
  if (dataType === "double") return numberOf(draft);
  if (dataType === "dateTime") return /Z$|[+-]\d\d:\d\d$/.test(draft) ? draft : `${draft}Z`;
  return draft;
}

/** The merge patch of a section. */
export function patchOf(
  definitions: Readonly<Record<string, FieldDefinition>>,
  drafts: Drafts,
): Record<string, PropertyValue> {
  return Object.fromEntries(
    Object.entries(drafts).flatMap(([field, draft]) => {
      const definition = Object.hasOwn(definitions, field) ? definitions[field] : undefined;
      return definition === undefined ? [] : [[field, valueOfDraft(definition, draft)]];
    }),
  );
}

/** Touched fields whose stored value is another now than when one began. */
export function conflictsOf(drafts: Drafts, base: Values, now: Values): readonly string[] {
  return Object.keys(drafts).filter((field) => JSON.stringify(base[field]) !== JSON.stringify(now[field]));
}

/** The number, or what was typed. */
function numberOf(text: string): number | string {
  const trimmed = text.trim();
  const value = Number(trimmed);
  return trimmed !== "" && Number.isFinite(value) ? value : trimmed;
}
