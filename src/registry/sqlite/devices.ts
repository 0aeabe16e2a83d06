// Devices in SQLite: creation, changes, migration and deletion, of one or of many. Lists of them: device-pages.ts.
//
// What is exported (name, template, values) raises the row's revision when it really changes (S1); `enabled` and keys
// raise its etag only. Settings are in the device's twin, too: both change in one transaction (twins.ts).

import { setImmediate } from "node:timers/promises";
import { must } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { ColdpathError } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";
import { booleanOf, nameOf } from "../input.ts";
import { valuesMigrated, valuesPatched } from "../property-values.ts";
import { reportedPropertiesOf } from "../reported-value.ts";
import type { Device, DeviceCalls, DevicePatch, NewDevice } from "../registry.ts";
import type { Change, Database, Tell } from "./database.ts";
import { createDevices, createEachDevice, tryDevices } from "./device-creation.ts";
import { devicePagesIn } from "./device-pages.ts";
import { deviceFromRow, deviceNameCharsMax, deviceNotFound, requireDevice, valuesFromRow } from "./device-row.ts";
import { valueColumns, writeDevice } from "./device-write.ts";
import { checkEtag } from "./etag.ts";
import { forgetRegistrationsOf } from "./registration-row.ts";
import type { SecretBox } from "./secrets.ts";
import { usableTemplate } from "./templates.ts";
import { followSettings } from "./twins.ts";

/** One call of `createDevices` is one transaction. */
const batchDevicesMax = 10_000;
/** So is one of those that answer for each device by itself. */
const eachDevicesMax = 1_000;
/** Of them in one turn: some 10 ms. */
const eachDevicesTurn = 50;

export function devicesIn(database: Database, secrets: SecretBox, clock: Clock): DeviceCalls {
  const create = (devices: readonly NewDevice[]): Promise<readonly Device[]> =>
    database.change((change, tell) => createDevices(devices, { change, tell, secrets, nowMs: clock.nowMs() }));

  const at = (): string => new Date(clock.nowMs()).toISOString();
  const pages = devicePagesIn(database);

  /** Each by itself, in one transaction; a refusal is that one's outcome. */
  const each = async <T>(
    ids: readonly string[],
    work: (change: Change, tell: Tell, id: string) => Promise<T>,
  ): Promise<readonly (T | ColdpathError)[]> => {
    checkBatch(ids, "ids", eachDevicesMax);
    return await database.change(async (change, tell) => {
      const outcomes: (T | ColdpathError)[] = [];
      for (const [index, id] of ids.entries()) {
        // SQLite answers within the turn: without this a large batch would stop the whole server meanwhile.
        if (index % eachDevicesTurn === eachDevicesTurn - 1) await setImmediate();
        try {
          outcomes.push(await work(change, tell, id));
        } catch (error) {
          // It refuses before it writes, so nothing of this one has to be taken back.
          if (!(error instanceof ColdpathError)) throw error;
          outcomes.push(error);
        }
      }
      return outcomes;
    });
  };

  return {
    async createDevice(device) {
      const [created] = await create([device]);
      return must(created, "one device asked for, one made");
    },

    async createDevices(devices) {
      if (devices.length === 0) return [];
      checkBatch(devices, "devices", batchDevicesMax);
      return await create(devices);
    },

    async createEachDevice(devices, isTrial = false) {
      checkBatch(devices, "devices", eachDevicesMax);
      const nowMs = clock.nowMs();
      if (isTrial) return await tryDevices(devices, { db: database.reader, secrets, nowMs });
      return await database.change((change, tell) => createEachDevice(devices, { change, tell, secrets, nowMs }));
    },

    async updateDevice(id, patch, etag) {
      return await database.change((change, tell) => update(change, tell, at(), id, patch, etag));
    },

    async migrateDevice(id, templateVersion, etag) {
      return await database.change((change, tell) => migrate(change, tell, at(), id, templateVersion, etag));
    },

    async deleteDevice(id) {
      await database.change((change, tell) => remove(change, tell, id));
    },

    async updateEachDevice(ids, patch) {
      return await each(ids, (change, tell, id) => update(change, tell, at(), id, patch));
    },

    async migrateEachDevice(ids, templateVersion) {
      return await each(ids, (change, tell, id) => migrate(change, tell, at(), id, templateVersion));
    },

    async deleteEachDevice(ids) {
      return await each(ids, remove);
    },

    async device(id) {
      return deviceFromRow(await requireDevice(database.reader, id));
    },

    devices: (query) => pages.page(query),
    countDevices: (filter = {}) => pages.count(filter),
  };
}

async function update(
  change: Change,
  tell: Tell,
  at: string,
  id: string,
  patch: DevicePatch,
  etag?: number,
): Promise<Device> {
  const row = await requireDevice(change, id);
  checkEtag(row, etag, `device ${id}`);
  const template = await usableTemplate(change, row.template_id, row.template_version);
  const name = patch.name === undefined ? row.name : nameOf(patch.name, "name", deviceNameCharsMax);
  const enabled = patch.enabled === undefined ? row.enabled : booleanOf(patch.enabled, "enabled") ? 1 : 0;
  const values = valuesPatched(template, valuesFromRow(row), patch);
  const access = row.enabled === 1 && enabled === 0;
  const columns = valueColumns(row, values);
  if (columns.property_values !== undefined) await followSettings(change, tell, row, template, template, values, at);
  return await writeDevice(change, tell, row, { name, enabled, ...columns }, access);
}

async function migrate(
  change: Change,
  tell: Tell,
  at: string,
  id: string,
  version: string,
  etag?: number,
): Promise<Device> {
  const row = await requireDevice(change, id);
  checkEtag(row, etag, `device ${id}`);
  const from = await usableTemplate(change, row.template_id, row.template_version);
  const to = await usableTemplate(change, row.template_id, version);
  if (from.version === to.version) return deviceFromRow(row);
  const migrated = valuesMigrated(from, to, valuesFromRow(row));
  const reported = await followSettings(change, tell, row, from, to, migrated, at);
  // What the device has said already, and only the new version has a place for.
  const device = reportedPropertiesOf(
    to.properties.device,
    migrated.properties.device,
    reported,
    Object.keys(reported),
  );
  const values = { ...migrated, properties: { ...migrated.properties, device } };
  const set = { template_version: to.version, property_values: JSON.stringify(values) };
  return await writeDevice(change, tell, row, set, false);
}

async function remove(change: Change, tell: Tell, id: string): Promise<null> {
  await forgetRegistrationsOf(change, tell, id);
  const { numDeletedRows } = await change.deleteFrom("devices").where("id", "=", id).executeTakeFirst();
  if (numDeletedRows === 0n) throw deviceNotFound(id);
  tell({ kind: "device-deleted", deviceId: id });
  return null;
}

function checkBatch(batch: readonly unknown[], field: string, max: number): void {
  if (batch.length <= max) return;
  throw registryError("input-invalid", `${batch.length} devices at once; at most ${max}.`, {
    field,
    hint: `Give them in batches of ${max}.`,
  });
}
