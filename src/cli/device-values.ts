// `--property location=Oslo --setting fanSpeed=3`: text to values, by the data types of the device's template.

import type { DataType, PropertyValue, TemplateContent } from "../registry/registry.ts";
import { UsageError } from "./errors.ts";

export interface Assignments {
  readonly properties: readonly string[];
  readonly settings: readonly string[];
}

/** A part of a new device, or of a patch. */
export interface ValueChange {
  readonly properties?: { readonly cloud: Readonly<Record<string, PropertyValue>> };
  readonly settings?: { readonly device: Readonly<Record<string, PropertyValue>> };
}

/**
 * What the assignments change. Names and values that do not fit are left for the server to refuse: it names the field.
 *
 * @param command  for the error: whose help says more.
 */
export function readAssignments(
  command: string,
  template: TemplateContent,
  { properties, settings }: Assignments,
): ValueChange {
  const read = (
    assignments: readonly string[],
    fields: Readonly<Record<string, { readonly dataType: DataType }>>,
  ): Readonly<Record<string, PropertyValue>> =>
    Object.fromEntries(
      assignments.map((text) => {
        const equals = text.indexOf("=");
        if (equals < 0) return [text, null];
        if (equals === 0) throw new UsageError(command, `${text} has no name: give NAME=VALUE.`);
        const name = text.slice(0, equals);
        const dataType = Object.hasOwn(fields, name) ? fields[name]?.dataType : undefined;
        return [name, valueOf(text.slice(equals + 1), dataType)];
      }),
    );
  return {
    ...(properties.length === 0 ? {} : { properties: { cloud: read(properties, template.properties.cloud) } }),
    ...(settings.length === 0 ? {} : { settings: { device: read(settings, template.settings.device) } }),
  };
}

/** Text that is not of the type stays text, for the server's error to show it. */
function valueOf(text: string, dataType: DataType | undefined): PropertyValue {
  switch (dataType) {
    case "double":
      return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "location":
      try {
        return JSON.parse(text) as PropertyValue;
      } catch {
        return text;
      }
    case "string":
    case "dateTime":
    case "enum":
    case undefined:
      return text;
  }
}
