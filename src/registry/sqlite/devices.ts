// Devices in SQLite: creation, changes, migration, deletion, and the pages an administrator sees.
//
// What is exported (name, template, values) raises the row's revision when it really changes (S1); `enabled` and keys
// raise its etag only.

import { randomUUID } from "node:crypto";
import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import { must } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { ColdpathError } from "../../lib/errors.ts";
import { keyPairOf, printKeyPair } from "../access-key.ts";
import { deviceIdOf, templateIdOf, templateVersionOf } from "../device-id.ts";
import { registryError } from "../errors.ts";
import { booleanOf, canonicalJson, integerOf, nameOf } from "../input.ts";
import { valuesAtCreation, valuesMigrated, valuesPatched } from "../property-values.ts";
import type { Device, DeviceQuery, DeviceTemplate, DeviceValues, NewDevice, Registry } from "../registry.ts";
import { takeGenerationIds, takeRevisions } from "./counters.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { checkEtag } from "./etag.ts";
import type { DeviceRow, Tables } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";
import { usableTemplate } from "./templates.ts";

/** The column of Microsoft's own reader of the exported files. */
const deviceNameCharsMax = 200;
/** One call of `createDevices` is one transaction. */
const batchDevicesMax = 10_000;
/** 13 parameters a row; SQLite takes 32,766 in a statement. */
const insertRowsMax = 200;

type DeviceCalls = Pick<
  Registry,
  | "createDevice"
  | "createDevices"
  | "updateDevice"
  | "migrateDevice"
  | "deleteDevice"
  | "device"
  | "devices"
  | "countDevices"
>;

export function devicesIn(database: Database, secrets: SecretBox, clock: Clock): DeviceCalls {
  const createAll = async (devices: readonly NewDevice[], change: Change, tell: Tell): Promise<readonly Device[]> => {
    const nowMs = clock.nowMs();
    const generationIds = await takeGenerationIds(change, nowMs, devices.length);
    const templates = templateCache(change);
    const rows: DeviceRow[] = [];
    for (const [index, device] of devices.entries()) {
      const generationId = must(generationIds[index], "one id for each device");
      rows.push(await atIndex(devices.length, index, () => newRow(device, generationId, nowMs, templates, secrets)));
    }
    await refuseExisting(change, rows);
    const revisionFirst = await takeRevisions(change, rows.length);
    for (const [index, row] of rows.entries()) row.revision = revisionFirst + index;
    for (let at = 0; at < rows.length; at += insertRowsMax) {
      await change
        .insertInto("devices")
        .values(rows.slice(at, at + insertRowsMax))
        .execute();
    }
    for (const row of rows) tell({ kind: "device-created", deviceId: row.id });
    return rows.map(deviceFromRow);
  };

  return {
    async createDevice(device) {
      const [created] = await database.change((change, tell) => createAll([device], change, tell));
      return must(created, "one device asked for, one made");
    },

    async createDevices(devices) {
      if (devices.length === 0) return [];
      if (devices.length > batchDevicesMax) {
        throw registryError("input-invalid", `${devices.length} devices at once; at most ${batchDevicesMax}.`, {
          field: "devices",
          hint: `Create them in batches of ${batchDevicesMax}.`,
        });
      }
      return await database.change((change, tell) => createAll(devices, change, tell));
    },

    async updateDevice(id, patch, etag) {
      return await database.change(async (change, tell) => {
        const row = await requireDevice(change, id);
        checkEtag(row, etag, `device ${id}`);
        const template = await usableTemplate(change, row.template_id, row.template_version);
        const name = patch.name === undefined ? row.name : nameOf(patch.name, "name", deviceNameCharsMax);
        const enabled = patch.enabled === undefined ? row.enabled : booleanOf(patch.enabled, "enabled") ? 1 : 0;
        const values = valuesPatched(template, valuesFromRow(row), patch);
        const access = row.enabled === 1 && enabled === 0;
        return await write(change, tell, row, { name, enabled, ...valueColumns(row, values) }, access);
      });
    },

    async migrateDevice(id, templateVersion, etag) {
      return await database.change(async (change, tell) => {
        const row = await requireDevice(change, id);
        checkEtag(row, etag, `device ${id}`);
        const from = await usableTemplate(change, row.template_id, row.template_version);
        const to = await usableTemplate(change, row.template_id, templateVersion);
        if (from.version === to.version) return deviceFromRow(row);
        const values = valuesMigrated(from, to, valuesFromRow(row));
        const set = { template_version: to.version, property_values: JSON.stringify(values) };
        return await write(change, tell, row, set, false);
      });
    },

    async deleteDevice(id) {
      await database.change(async (change, tell) => {
        const { numDeletedRows } = await change.deleteFrom("devices").where("id", "=", id).executeTakeFirst();
        if (numDeletedRows === 0n) throw deviceNotFound(id);
        tell({ kind: "device-deleted", deviceId: id });
      });
    },

    async device(id) {
      return deviceFromRow(await requireDevice(database.reader, id));
    },

    async devices(query) {
      const limit = query.limit === undefined ? 100 : integerOf(query.limit, "limit", 1, 1000);
      let select = database.reader.selectFrom("devices").select(deviceColumns).where(matching(query)).orderBy("id");
      if (query.after !== undefined) select = select.where("id", ">", query.after);
      const rows = await select.limit(limit + 1).execute();
      const items = rows.slice(0, limit).map(deviceFromRow);
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },

    async countDevices(query = {}) {
      const { devices } = await database.reader
        .selectFrom("devices")
        .where(matching(query))
        .select((eb) => eb.fn.countAll<number>().as("devices"))
        .executeTakeFirstOrThrow();
      return devices;
    },
  };
}

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

type Templates = (id: string, version: string | undefined) => Promise<DeviceTemplate>;

function templateCache(change: Change): Templates {
  const known = new Map<string, Promise<DeviceTemplate>>();
  return (id, version) => {
    const key = JSON.stringify([id, version]);
    const template = known.get(key) ?? usableTemplate(change, id, version);
    known.set(key, template);
    return template;
  };
}

async function newRow(
  device: NewDevice,
  generationId: string,
  nowMs: number,
  templates: Templates,
  secrets: SecretBox,
): Promise<DeviceRow> {
  const id = device.id === undefined ? randomUUID() : deviceIdOf(device.id, "id");
  const name = device.name === undefined ? id : nameOf(device.name, "name", deviceNameCharsMax);
  const simulated = device.simulated !== undefined && booleanOf(device.simulated, "simulated");
  const enabled = device.enabled === undefined || booleanOf(device.enabled, "enabled");
  const keys = keyPairOf(device);
  const templateId = templateIdOf(device.templateId, "templateId");
  const { templateVersion } = device;
  const template = await templates(
    templateId,
    templateVersion === undefined ? undefined : templateVersionOf(templateVersion, "templateVersion"),
  );
  const identity = { id, generation_id: generationId };
  return {
    ...identity,
    name,
    simulated: simulated ? 1 : 0,
    template_id: template.id,
    template_version: template.version,
    enabled: enabled ? 1 : 0,
    property_values: JSON.stringify(valuesAtCreation(template, device)),
    search_text: searchText(id, name),
    access_keys: secrets.seal(printKeyPair(keys), deviceIdentity(identity)),
    revision: 0,
    etag: 1,
    created_at: new Date(nowMs).toISOString(),
  };
}

async function refuseExisting(change: Change, rows: readonly DeviceRow[]): Promise<void> {
  const seen = new Set<string>();
  for (const [index, { id }] of rows.entries()) {
    if (seen.has(id)) throw deviceExists(id, rows.length, index);
    seen.add(id);
  }
  for (let at = 0; at < rows.length; at += insertRowsMax) {
    const ids = rows.slice(at, at + insertRowsMax).map((row) => row.id);
    const found = await change.selectFrom("devices").select("id").where("id", "in", ids).executeTakeFirst();
    if (found === undefined) continue;
    throw deviceExists(
      found.id,
      rows.length,
      rows.findIndex((row) => row.id === found.id),
    );
  }
}

function deviceExists(id: string, devices: number, index: number): Error {
  return registryError("device-exists", `The device ${id} exists.`, { field: devices > 1 ? `[${index}].id` : "id" });
}

function deviceNotFound(id: string): Error {
  return registryError("device-not-found", `There is no device ${JSON.stringify(id)}.`);
}

/** Names the device of a batch in the error: `[3].properties.cloud.tempThresh`. */
async function atIndex<T>(devices: number, index: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (devices === 1 || !(error instanceof ColdpathError)) throw error;
    const { kind, code, message, hint, field } = error;
    throw new ColdpathError(kind, code, `Device ${index + 1} of ${devices}: ${message}`, {
      field: field === undefined ? `[${index}]` : `[${index}].${field}`,
      hint,
      cause: error,
    });
  }
}

/** Writes what really changes; the row as it was when nothing does. */
async function write(
  change: Change,
  tell: Tell,
  row: DeviceRow,
  set: Partial<DeviceRow>,
  access: boolean,
): Promise<Device> {
  const isChanged = (key: keyof DeviceRow): boolean => set[key] !== undefined && set[key] !== row[key];
  const isExported = isChanged("name") || isChanged("template_version") || isChanged("property_values");
  if (!isExported && !isChanged("enabled")) return deviceFromRow(row);
  const next: DeviceRow = { ...row, ...set, etag: row.etag + 1 };
  next.search_text = searchText(next.id, next.name);
  if (isExported) next.revision = await takeRevisions(change, 1);
  const { id: _id, ...columns } = next;
  await change.updateTable("devices").set(columns).where("id", "=", row.id).execute();
  tell({ kind: "device-changed", deviceId: row.id, access });
  return deviceFromRow(next);
}

/** The column only when the values differ, not only their order. */
function valueColumns(row: DeviceRow, values: DeviceValues): { property_values?: string } {
  if (canonicalJson(valuesFromRow(row)) === canonicalJson(values)) return {};
  return { property_values: JSON.stringify(values) };
}

function valuesFromRow(row: Pick<DeviceRow, "property_values">): DeviceValues {
  return JSON.parse(row.property_values) as DeviceValues;
}

function searchText(id: string, name: string): string {
  return `${id}\n${name}`.toLowerCase();
}

function matching(query: Pick<DeviceQuery, "templateId" | "simulated" | "search">) {
  return (eb: ExpressionBuilder<Tables, "devices">) => {
    const all: Expression<SqlBool>[] = [];
    if (query.templateId !== undefined) all.push(eb("template_id", "=", query.templateId));
    if (query.simulated !== undefined) all.push(eb("simulated", "=", query.simulated ? 1 : 0));
    if (query.search !== undefined && query.search !== "") {
      const term = query.search.toLowerCase();
      all.push(eb(eb.fn<number>("instr", ["search_text", eb.val(term)]), ">", 0));
    }
    return eb.and(all);
  };
}
