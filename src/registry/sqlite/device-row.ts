// A device as a row: its columns, its values, what its keys are sealed for.

import { must } from "../../lib/assert.ts";
import { registryError } from "../errors.ts";
import type { Device, DeviceAuthentication, DeviceValues } from "../registry.ts";
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
  "authentication",
  "thumbprint_primary",
  "thumbprint_secondary",
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
    authentication: authenticationOfRow(row),
    generationId: row.generation_id,
    etag: row.etag,
    createdAt: row.created_at,
  };
}

type AuthenticationColumns = Pick<DeviceRow, "authentication" | "thumbprint_primary" | "thumbprint_secondary">;

export function authenticationOfRow(row: AuthenticationColumns): DeviceAuthentication {
  const { authentication: type, thumbprint_primary, thumbprint_secondary: secondaryThumbprint } = row;
  if (type !== "x509-thumbprint") return { type };
  return { type, primaryThumbprint: must(thumbprint_primary, "a thumbprint stands with it"), secondaryThumbprint };
}

export function authenticationColumns(authentication: DeviceAuthentication): AuthenticationColumns {
  const { type } = authentication;
  const isByThumbprint = type === "x509-thumbprint";
  return {
    authentication: type,
    thumbprint_primary: isByThumbprint ? authentication.primaryThumbprint : null,
    thumbprint_secondary: isByThumbprint ? authentication.secondaryThumbprint : null,
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
