// Devices in SQLite: changes, migration, deletion, and the pages an administrator sees.
//
// What is exported (name, template, values) raises the row's revision when it really changes (S1); `enabled` and keys
// raise its etag only.

import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import { must } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { registryError } from "../errors.ts";
import { booleanOf, canonicalJson, integerOf, nameOf } from "../input.ts";
import { valuesMigrated, valuesPatched } from "../property-values.ts";
import type { Device, DeviceCalls, DeviceQuery, DeviceValues, NewDevice } from "../registry.ts";
import { takeRevisions } from "./counters.ts";
import type { Change, Database, Tell } from "./database.ts";
import { createDevices } from "./device-creation.ts";
import {
  deviceColumns,
  deviceFromRow,
  deviceNameCharsMax,
  deviceNotFound,
  requireDevice,
  searchText,
  valuesFromRow,
} from "./device-row.ts";
import { checkEtag } from "./etag.ts";
import type { DeviceRow, Tables } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";
import { usableTemplate } from "./templates.ts";

/** One call of `createDevices` is one transaction. */
const batchDevicesMax = 10_000;

export function devicesIn(database: Database, secrets: SecretBox, clock: Clock): DeviceCalls {
  const create = (devices: readonly NewDevice[]): Promise<readonly Device[]> =>
    database.change((change, tell) => createDevices(devices, { change, tell, secrets, nowMs: clock.nowMs() }));

  return {
    async createDevice(device) {
      const [created] = await create([device]);
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
      return await create(devices);
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
