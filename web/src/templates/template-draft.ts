// What stands in the editor of a device template, and what is sent of it. Pure. Numbers are kept as they are typed: what is
// none goes to the server as text, and its message comes back to the very field.

import type { Schema } from "../api/client.ts";

export type DeviceTemplate = Schema<"DeviceTemplate">;
type Content = Pick<DeviceTemplate, "name" | "modelId" | "measurements" | "settings" | "properties">;

export const dataTypes = ["double", "string", "boolean", "dateTime", "enum", "location"] as const;
export type DataType = (typeof dataTypes)[number];
export const dataTypeNames: Readonly<Record<DataType, string>> = {
  double: "Number",
  string: "Text",
  boolean: "Yes/no",
  dateTime: "Date and time",
  enum: "Choice",
  location: "Location",
};
export const categories = ["informational", "warning", "error"] as const;
export type Category = (typeof categories)[number];

export interface ValueRow {
  readonly key: number;
  readonly value: string;
  readonly name: string;
}

/** Any field of a template; each section uses some of it. */
export interface FieldRow {
  /** Only for the page: a row's own, whatever its field is called. */
  readonly key: number;
  readonly field: string;
  readonly name: string;
  readonly dataType: DataType;
  readonly unit: string;
  readonly minValue: string;
  readonly maxValue: string;
  readonly values: readonly ValueRow[];
  readonly initialValue: string;
  readonly category: Category;
  /** Added here and now: it takes the focus. */
  readonly isNew: boolean;
}

export const sectionIds = ["telemetry", "states", "events", "settings", "cloud", "device"] as const;
export type SectionId = (typeof sectionIds)[number];
export type Part = "unit" | "bounds" | "values" | "initialValue" | "category" | "dataType";

export interface SectionKind {
  readonly id: SectionId;
  /** As in the server's errors. */
  readonly path: string;
  readonly title: string;
  readonly about: string;
  /** One of it: "telemetry field". */
  readonly one: string;
  readonly parts: readonly Part[];
}

export const sections: readonly SectionKind[] = [
  {
    id: "telemetry",
    path: "measurements.telemetry",
    title: "Telemetry",
    about: "Values that a device measures and sends, such as a temperature.",
    one: "telemetry",
    parts: ["dataType", "unit", "bounds"],
  },
  {
    id: "states",
    path: "measurements.states",
    title: "States",
    about: "Which of several states a device is in, such as a door that is open or closed.",
    one: "state",
    parts: ["values"],
  },
  {
    id: "events",
    path: "measurements.events",
    title: "Events",
    about: "Things that happen at a device at a moment, such as a failure of its fan.",
    one: "event",
    parts: ["category"],
  },
  {
    id: "settings",
    path: "settings.device",
    title: "Settings",
    about: "What people set here and the device takes over, such as the speed of its fan.",
    one: "setting",
    parts: ["dataType", "unit", "bounds", "initialValue", "values"],
  },
  {
    id: "cloud",
    path: "properties.cloud",
    title: "Cloud properties",
    about: "What people note about a device and the device never learns, such as where it stands.",
    one: "cloud property",
    parts: ["dataType", "unit", "bounds", "initialValue", "values"],
  },
  {
    id: "device",
    path: "properties.device",
    title: "Device properties",
    about: "What a device reports of itself, such as the version of its firmware.",
    one: "device property",
    parts: ["dataType", "values"],
  },
];

export type SettingForm = NonNullable<DeviceTemplate["settings"]["form"]>;

export interface TemplateDraft {
  readonly name: string;
  /** What its devices say they are; empty: nothing. */
  readonly modelId: string;
  readonly settingForm: SettingForm;
  readonly rows: Readonly<Record<SectionId, readonly FieldRow[]>>;
}

let lastKey = 0;

export function emptyRow(section: SectionId): FieldRow {
  return {
    key: ++lastKey,
    field: "",
    name: "",
    dataType: section === "states" ? "enum" : "double",
    unit: "",
    minValue: "",
    maxValue: "",
    values: section === "states" ? [emptyValue()] : [],
    initialValue: "",
    category: "informational",
    isNew: true,
  };
}

export function emptyValue(): ValueRow {
  return { key: ++lastKey, value: "", name: "" };
}

export function draftOf({ name, modelId, measurements, settings, properties }: Content): TemplateDraft {
  return {
    name,
    modelId: modelId ?? "",
    settingForm: settings.form ?? "wrapped",
    rows: {
      telemetry: rowsOf("telemetry", measurements.telemetry),
      states: rowsOf("states", measurements.states),
      events: rowsOf("events", measurements.events),
      settings: rowsOf("settings", settings.device),
      cloud: rowsOf("cloud", properties.cloud),
      device: rowsOf("device", properties.device),
    },
  };
}

type Definition = Partial<Schema<"FieldDefinition">> & { readonly name: string; readonly category?: Category };

function rowsOf(section: SectionId, definitions: Readonly<Record<string, Definition>>): readonly FieldRow[] {
  return Object.entries(definitions).map(([field, definition]) => ({
    ...emptyRow(section),
    field,
    name: definition.name,
    ...(definition.dataType === undefined ? {} : { dataType: definition.dataType }),
    unit: definition.unit ?? "",
    minValue: definition.minValue === undefined ? "" : String(definition.minValue),
    maxValue: definition.maxValue === undefined ? "" : String(definition.maxValue),
    values: (definition.values ?? []).map(({ value, name }) => ({ ...emptyValue(), value, name })),
    initialValue: initialText(definition.initialValue),
    ...(definition.category === undefined ? {} : { category: definition.category }),
    isNew: false,
  }));
}

function initialText(value: Schema<"PropertyValue"> | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return String(value);
  return [value.lon, value.lat, ...(value.alt === undefined ? [] : [value.alt])].join(", ");
}

/** What is sent. Fields whose name is empty or taken are left out: `problemsOf` says so before. */
export function contentOf({ name, modelId, settingForm, rows }: TemplateDraft): Content {
  const section = (id: SectionId) => {
    const kind = sections.find((one) => one.id === id)!;
    return Object.fromEntries(
      rows[id].filter(({ field }) => field.trim() !== "").map((row) => [row.field.trim(), definitionOf(kind, row)]),
    );
  };
  return {
    name: name.trim(),
    ...(modelId.trim() === "" ? {} : { modelId: modelId.trim() }),
    measurements: { telemetry: section("telemetry"), states: section("states"), events: section("events") },
    settings: { ...(settingForm === "bare" ? { form: settingForm } : {}), device: section("settings") },
    properties: { cloud: section("cloud"), device: section("device") },
  } as unknown as Content;
}

function definitionOf({ id, parts }: SectionKind, row: FieldRow): object {
  const has = (part: Part): boolean => parts.includes(part);
  const isEnum = id === "states" || (has("values") && row.dataType === "enum");
  const isNumber = row.dataType === "double";
  return {
    name: row.name.trim(),
    ...(has("dataType") ? { dataType: row.dataType } : {}),
    ...(has("unit") && row.unit.trim() !== "" ? { unit: row.unit.trim() } : {}),
    ...(has("bounds") && isNumber ? { ...bound("minValue", row.minValue), ...bound("maxValue", row.maxValue) } : {}),
    ...(isEnum ? { values: row.values.map(({ value, name }) => ({ value: value.trim(), name: name.trim() })) } : {}),
    ...(has("initialValue") ? initial(row) : {}),
    ...(has("category") ? { category: row.category } : {}),
  };
}

function bound(key: "minValue" | "maxValue", text: string): object {
  return text.trim() === "" ? {} : { [key]: numberOr(text) };
}

function numberOr(text: string): number | string {
  const value = Number(text.trim().replace(",", "."));
  return Number.isFinite(value) ? value : text;
}

function initial({ dataType, initialValue }: FieldRow): object {
  const text = initialValue.trim();
  if (text === "") return {};
  switch (dataType) {
    case "double":
      return { initialValue: numberOr(text) };
    case "boolean":
      return { initialValue: text === "true" ? true : text === "false" ? false : text };
    case "location": {
      const [lon, lat, alt, ...more] = text.split(/[,;\s]+/).map(Number);
      const isPlace = lon !== undefined && lat !== undefined && more.length === 0;
      return { initialValue: isPlace ? { lon, lat, ...(alt === undefined ? {} : { alt }) } : text };
    }
    case "string":
    case "dateTime":
    case "enum":
      return { initialValue: text };
  }
}

/** What only the page can see: two rows of one name would be one. By the row's key. */
export function problemsOf({ rows }: TemplateDraft): ReadonlyMap<number, string> {
  const problems = new Map<number, string>();
  for (const id of sectionIds) {
    const seen = new Set<string>();
    for (const { key, field } of rows[id]) {
      const name = field.trim();
      if (name === "") problems.set(key, "Give the name of the key in the device's JSON.");
      else if (seen.has(name)) problems.set(key, "Another row has this field name.");
      seen.add(name);
    }
  }
  return problems;
}

/** As the server counts them. */
const modelIdCharsMax = 256;

/** What is wrong with the model id, or null. */
export function modelIdProblem({ modelId }: Pick<TemplateDraft, "modelId">): string | null {
  const { length } = modelId.trim();
  return length > modelIdCharsMax ? `These are ${length} characters; at most ${modelIdCharsMax}.` : null;
}

/** Whether two drafts hold the same, whatever their rows' keys. */
export function isSameDraft(a: TemplateDraft, b: TemplateDraft): boolean {
  return textOf(a) === textOf(b);
}

function textOf(draft: TemplateDraft): string {
  return JSON.stringify(draft, (key, value: unknown) => (key === "key" || key === "isNew" ? undefined : value));
}

/** Where in the editor a path of the server's stands: `settings.device.fanSpeed.maxValue`. */
export interface ErrorPlace {
  readonly key: number;
  /** Below the field: `maxValue`, `values[1].name`; empty for the field itself. */
  readonly part: string;
}

export function placeOf(path: string, { rows }: TemplateDraft): ErrorPlace | null {
  for (const { id, path: section } of sections) {
    if (!path.startsWith(`${section}.`)) continue;
    const below = path.slice(section.length + 1);
    // The longest name first: a name that somebody typed may hold a dot.
    const row = rows[id]
      .filter(({ field }) => below === field.trim() || below.startsWith(`${field.trim()}.`))
      .toSorted((a, b) => b.field.length - a.field.length)[0];
    if (row !== undefined) return { key: row.key, part: below.slice(row.field.trim().length + 1) };
  }
  return null;
}

/** A field name for a display name: `Door opened` → `doorOpened`. */
export function fieldNameFor(name: string): string {
  const words =
    name
      .normalize("NFKD")
      .replaceAll(/\p{M}/gu, "")
      .match(/[A-Za-z0-9]+/g) ?? [];
  const joined = words.map((word, at) => (at === 0 ? lowerFirst(word) : upperFirst(word))).join("");
  return (/^[0-9]/.test(joined) ? `_${joined}` : joined).slice(0, 64);
}

function lowerFirst(word: string): string {
  return word === word.toUpperCase() ? word.toLowerCase() : word.slice(0, 1).toLowerCase() + word.slice(1);
}

function upperFirst(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
