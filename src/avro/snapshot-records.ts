// The records of `devices` and `deviceTemplates` files: the seed's shapes, encoded by avsc.
//
// Revision 2018-09 adds `deviceId` to devices; `id` = `deviceId` = `connectionDeviceId` in both, because that is the
// key that readers join by. Maps are always present, an unset value is null, whole numbers are doubles.

import avro from "avsc";
import { schemaName, schemaText } from "./schemas.ts";

type Value =
  | null
  | boolean
  | number
  | string
  | { readonly lon: number; readonly lat: number; readonly alt?: number | undefined };
type Values = Readonly<Record<string, Value>>;

/** What of a device is exported. */
export interface DeviceState {
  readonly id: string;
  readonly name: string;
  readonly simulated: boolean;
  readonly templateId: string;
  readonly templateVersion: string;
  readonly properties: { readonly cloud: Values; readonly device: Values };
  readonly settings: { readonly device: Values };
}

interface Field {
  readonly name: string;
  readonly dataType: string;
}
type Fields<T> = Readonly<Record<string, T>>;

/** What of a device template version is exported. */
export interface TemplateState {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly measurements: {
    readonly telemetry: Fields<
      Field & { readonly minValue?: number | undefined; readonly maxValue?: number | undefined }
    >;
    readonly states: Fields<{ readonly name: string }>;
    readonly events: Fields<{ readonly name: string; readonly category: string }>;
  };
  readonly settings: { readonly device: Fields<Field & { readonly initialValue?: Value | undefined }> };
  readonly properties: {
    readonly cloud: Fields<Field & { readonly initialValue?: Value | undefined }>;
    readonly device: Fields<Field>;
  };
}

export function deviceEncoder(formatRevision: "2018-07" | "2018-09"): (device: DeviceState) => Buffer {
  const type = avro.Type.forSchema(JSON.parse(schemaText(schemaName("devices", formatRevision))));
  return (device) =>
    type.toBuffer({
      id: device.id,
      deviceId: device.id, // not in 2018-07's schema, and then not written
      name: device.name,
      simulated: device.simulated,
      deviceTemplate: { id: device.templateId, version: device.templateVersion },
      properties: {
        cloud: mapValues(device.properties.cloud, plain),
        device: mapValues(device.properties.device, plain),
      },
      settings: { device: mapValues(device.settings.device, plain) },
    });
}

export function templateEncoder(formatRevision: "2018-07" | "2018-09"): (template: TemplateState) => Buffer {
  const type = avro.Type.forSchema(JSON.parse(schemaText(schemaName("deviceTemplates", formatRevision))));
  const field = (value: Field & { readonly initialValue?: Value | undefined }): object => ({
    dataType: value.dataType,
    name: value.name,
    initialValue: plain(value.initialValue ?? null),
  });
  return (template) =>
    type.toBuffer({
      id: template.id,
      name: template.name,
      version: template.version,
      measurements: {
        telemetry: mapValues(template.measurements.telemetry, (value) => ({
          dataType: value.dataType,
          name: value.name,
          minValue: value.minValue ?? null,
          maxValue: value.maxValue ?? null,
        })),
        states: mapValues(template.measurements.states, (value) => ({ dataType: "enum", name: value.name })),
        events: mapValues(template.measurements.events, (value) => ({ name: value.name, category: value.category })),
      },
      settings: { device: mapValues(template.settings.device, field) },
      properties: {
        cloud: mapValues(template.properties.cloud, field),
        device: mapValues(template.properties.device, (value) => ({ dataType: value.dataType, name: value.name })),
      },
    });
}

/** A location is a map of doubles: an altitude that is not known has no entry. */
function plain(value: Value): unknown {
  if (typeof value !== "object" || value === null) return value;
  return value.alt === undefined
    ? { lon: value.lon, lat: value.lat }
    : { lon: value.lon, lat: value.lat, alt: value.alt };
}

function mapValues<T>(fields: Readonly<Record<string, T>>, encode: (value: T) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, encode(value)]));
}
