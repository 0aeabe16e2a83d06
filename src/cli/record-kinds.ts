// The kinds of exported files, by the schema in their header.

export const recordKinds = ["measurements", "devices", "deviceTemplates"] as const;
export type RecordKind = (typeof recordKinds)[number];

/** The full names of our schemas' records; other writers' files have others. */
const kindOfName: ReadonlyMap<string, RecordKind> = new Map([
  ["Microsoft.Azure.Devices.Message", "measurements"],
  ["IotCentral.DataExport.Device", "devices"],
  ["IotCentral.DataExport.DeviceTemplate", "deviceTemplates"],
]);

/** One of `recordKinds`, else the name in the schema. */
export function kindOf(schemaText: string): string {
  const schema = JSON.parse(schemaText) as { readonly name?: string; readonly namespace?: string };
  const { name = "", namespace } = schema;
  const full = namespace === undefined || name.includes(".") ? name : `${namespace}.${name}`;
  return kindOfName.get(full) ?? (full === "" ? "other" : full);
}
