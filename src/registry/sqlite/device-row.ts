// A device as a row: its columns, its values, what its keys are sealed for.

import { registryError } from "../errors.ts";
import type { Device, DeviceValues } from "../registry.ts";
import type { Reader } from "./database.ts";
import type { DeviceRow } from "./schema.ts";

/** The column of Microsoft's own reader of the exported files. */
export const deviceNameCharsMax = 200;

/** The columns of a Device; neither keys nor what serves only the database. */
export const deviceColumns = [
  "id",
  "name",
  "simulated",
  "template_id",
  "template_version",
  "property_values",
  "enabled",
  "generation_id",
  "etag",
  "created_at",
] as const satisfies readonly (keyof DeviceRow)[];

export function deviceFromRow(row: Pick<DeviceRow, (typeof deviceColumns)[number]>): Device {
  return {
    id: row.id,
    name: row.name,
    simulated: row.simulated === 1,
    templateId: row.template_id,
    templateVersion: row.template_version,
    ...valuesFromRow(row),
    enabled: row.enabled === 1,
    generationId: row.generation_id,
    etag: row.etag,
    createdAt: row.created_at,
  };
}

export async function requireDevice(db: Reader, id: string): Promise<DeviceRow> {
  const row = await db.selectFrom("devices").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw deviceNotFound(id);
  return row;
}

/** What a device's keys are sealed for: a later device of the same id has another generation. */
export function deviceIdentity(device: Pick<DeviceRow, "id" | "generation_id">): string {
  return `device:${device.id}:${device.generation_id}`;
}

export function valuesFromRow(row: Pick<DeviceRow, "property_values">): DeviceValues {
  return JSON.parse(row.property_values) as DeviceValues;
}

/** Id and name in lower case: the search compares without regard to case. */
export function searchText(id: string, name: string): string {
  return `${id}\n${name}`.toLowerCase();
}

export function deviceNotFound(id: string): Error {
  return registryError("device-not-found", `There is no device ${JSON.stringify(id)}.`);
}
