// The records of snapshots, derived a second time from the documents, and a text by which two values compare.

import type { State } from "./registry-truth.ts";

type Fields = Record<string, Record<string, unknown>>;

/** docs/formats.md, "Devices" and "Device templates". */
export function recordOf({ type, record }: State, formatRevision: string): unknown {
  if (type === "devices") {
    const device = record as Record<string, unknown>;
    return formatRevision === "2018-09" ? { ...device, deviceId: device["id"] } : device;
  }
  const { id, name, version, content } = record as {
    id: string;
    name: string;
    version: string;
    content: {
      measurements: Record<string, Fields>;
      settings: Record<string, Fields>;
      properties: Record<string, Fields>;
    };
  };
  const map = (fields: Fields | undefined, to: (field: Record<string, unknown>) => unknown): unknown =>
    Object.fromEntries(Object.entries(fields ?? {}).map(([key, field]) => [key, to(field)]));
  const setting = (field: Record<string, unknown>): unknown => ({
    dataType: field["dataType"],
    name: field["name"],
    initialValue: field["initialValue"] ?? null,
  });
  const { measurements, settings, properties } = content;
  return {
    id,
    name,
    version,
    measurements: {
      telemetry: map(measurements["telemetry"], (field) => ({
        dataType: field["dataType"],
        name: field["name"],
        minValue: field["minValue"] ?? null,
        maxValue: field["maxValue"] ?? null,
      })),
      states: map(measurements["states"], (field) => ({ dataType: "enum", name: field["name"] })),
      events: map(measurements["events"], (field) => ({ name: field["name"], category: field["category"] })),
    },
    settings: { device: map(settings["device"], setting) },
    properties: {
      cloud: map(properties["cloud"], setting),
      device: map(properties["device"], (field) => ({ dataType: field["dataType"], name: field["name"] })),
    },
  };
}

/** Equal for equal values, whatever the order of their keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
