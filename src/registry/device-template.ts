// Device templates: the types of data, what a template defines, and the calls for its versions.
//
// A version is a draft until it is published; from then on only edits that break nothing are made in place. Checks:
// template-content.ts; what breaks: template-edit.ts.

export const dataTypes = ["double", "string", "boolean", "dateTime", "enum", "location"] as const;
export type DataType = (typeof dataTypes)[number];

export const settingForms = ["wrapped", "bare"] as const;
/** How settings are sent to devices; `wrapped` is that of 2018 (setting-sync.ts). */
export type SettingForm = (typeof settingForms)[number];

export const eventCategories = ["informational", "warning", "error"] as const;
export type EventCategory = (typeof eventCategories)[number];

/** `lon` -180..180, `lat` -90..90, `alt` in metres. */
export interface Location {
  readonly lon: number;
  readonly lat: number;
  readonly alt?: number | undefined;
}

/** A value of a property or setting. Numbers are finite; a dateTime is an ISO 8601 string with milliseconds and Z. */
export type PropertyValue = null | boolean | number | string | Location;

export interface TelemetryDefinition {
  readonly name: string;
  readonly dataType: DataType;
  readonly unit?: string | undefined;
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
}

export interface EnumValue {
  readonly value: string;
  readonly name: string;
}

export interface StateDefinition {
  readonly name: string;
  /** 1..100, values distinct. */
  readonly values: readonly EnumValue[];
}

export interface EventDefinition {
  readonly name: string;
  readonly category: EventCategory;
}

/** A setting or a cloud property. */
export interface FieldDefinition {
  readonly name: string;
  readonly dataType: DataType;
  readonly unit?: string | undefined;
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
  /** Required for dataType `enum`, forbidden otherwise. */
  readonly values?: readonly EnumValue[] | undefined;
  readonly initialValue?: PropertyValue | undefined;
}

/** A property that the device reports: it has no initial value. */
export interface DevicePropertyDefinition {
  readonly name: string;
  readonly dataType: DataType;
  readonly values?: readonly EnumValue[] | undefined;
}

/** Keys are field names: what stands in the device's JSON, `[A-Za-z_][A-Za-z0-9_]*`, at most 64 characters. */
export interface TemplateContent {
  /** What devices of it say they are when they are provisioned, e.g. `dtmi:com:example:Thermostat;1`. */
  readonly modelId?: string | undefined;
  readonly measurements: {
    readonly telemetry: Readonly<Record<string, TelemetryDefinition>>;
    readonly states: Readonly<Record<string, StateDefinition>>;
    readonly events: Readonly<Record<string, EventDefinition>>;
  };
  readonly settings: {
    /** How they are sent to devices; `wrapped`, that of 2018, when left out. */
    readonly form?: SettingForm | undefined;
    readonly device: Readonly<Record<string, FieldDefinition>>;
  };
  readonly properties: {
    readonly cloud: Readonly<Record<string, FieldDefinition>>;
    readonly device: Readonly<Record<string, DevicePropertyDefinition>>;
  };
}

/** One version of one template. Drafts are neither exported nor used by devices. */
export interface DeviceTemplate extends TemplateContent {
  readonly id: string;
  /** `major.minor.patch`. */
  readonly version: string;
  readonly name: string;
  readonly published: boolean;
  /** Grows with each change of this row; given back to detect a stale edit. */
  readonly etag: number;
  readonly createdAt: string;
}

export interface NewTemplate extends TemplateContent {
  /** A GUID when left out. */
  readonly id?: string | undefined;
  readonly name: string;
  /** "1.0.0" when left out. */
  readonly version?: string | undefined;
  /** Left as a draft unless true. */
  readonly publish?: boolean | undefined;
}

/** What an edit of a published version takes away. */
export interface TemplateBreak {
  /** Its path: `settings.device.fanSpeed.maxValue`. */
  readonly field: string;
  /** What it would break, as a sentence. */
  readonly message: string;
}

/** A new GUID, or the next version of the template that has the id (`version` itself, where that is free). */
export const templatePlaces = ["refuse", "new-id", "new-version"] as const;
export type TemplatePlace = (typeof templatePlaces)[number];

/** Device templates by id and version. */
export interface TemplateCalls {
  /** @param whenExists  what becomes of it when its id is in use: refused (when left out), or made in another place. */
  createTemplate(template: NewTemplate, whenExists?: TemplatePlace): Promise<DeviceTemplate>;
  /**
   * Replaces name and content. Of a published version only where nothing breaks, else conflict `template-edit-breaking`; its
   * revision rises, so that the next snapshot has it (S1). Changes nothing, and tells nobody, when all is already so.
   */
  updateTemplate(id: string, version: string, content: NewTemplate, etag?: number): Promise<DeviceTemplate>;
  /** What `updateTemplate` would refuse; nothing of a draft. */
  templateBreaks(id: string, version: string, content: TemplateContent): Promise<readonly TemplateBreak[]>;
  publishTemplate(id: string, version: string, etag?: number): Promise<DeviceTemplate>;
  /** A new version (draft unless `publish`) of an existing template. */
  createTemplateVersion(id: string, template: NewTemplate & { readonly version: string }): Promise<DeviceTemplate>;
  /** All versions when `version` is left out. Conflict `template-in-use` while a device uses it. */
  deleteTemplate(id: string, version?: string): Promise<void>;
  /** The newest published version (else the newest draft) when `version` is left out. */
  template(id: string, version?: string): Promise<DeviceTemplate>;
  /** All versions of all templates, by id, then version. */
  templates(): Promise<readonly DeviceTemplate[]>;
}
