// Device twins in SQLite: one row a device, made at the first change.

import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { own } from "../input.ts";
import { registryError } from "../errors.ts";
import { reportedPropertiesOf } from "../reported-value.ts";
import type { DeviceTemplate, DeviceTwin, DeviceValues, TwinCalls } from "../registry.ts";
import { settingsPatch } from "../setting-sync.ts";
import { type JsonObject, type TwinSection, mergeDiff, patchedSection, untouchedSection } from "../twin-section.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { deviceNotFound, valuesFromRow } from "./device-row.ts";
import { valueColumns, writeDevice } from "./device-write.ts";
import type { DeviceRow } from "./schema.ts";
import { usableTemplate } from "./templates.ts";

type TwinnedRow = DeviceRow & { readonly desired: string | null; readonly reported: string | null };

export function twinsIn(database: Database, clock: Clock): TwinCalls {
  const at = (): string => new Date(clock.nowMs()).toISOString();
  return {
    async deviceTwin(deviceId) {
      const row = await requireTwinned(database.reader, deviceId);
      // A published version keeps the form of its settings, so it is no matter when it is read.
      return twinOf(row, await usableTemplate(database.reader, row.template_id, row.template_version));
    },

    async reportTwin(deviceId, generationId, patch) {
      return await database.change(async (change, tell) => {
        const row = await requireTwinned(change, deviceId);
        if (row.generation_id !== generationId) throw deviceNotFound(deviceId);
        const template = await usableTemplate(change, row.template_id, row.template_version);
        const twin = twinOf(row, template);
        const reported = patchedSection(twin.reported, "reported", patch, at());
        await keep(change, { ...twin, reported });
        const values = valuesFromRow(row);
        const device = reportedPropertiesOf(
          template.properties.device,
          values.properties.device,
          reported.content,
          Object.keys(patch as JsonObject),
        );
        const columns = valueColumns(row, { ...values, properties: { ...values.properties, device } });
        await writeDevice(change, tell, rowOnly(row), columns, false);
        // Also what the template does not know is shown on the device's page.
        if (columns.property_values === undefined) tell({ kind: "device-changed", deviceId, access: false });
        return reported.version;
      });
    },

    async patchDesired(deviceId, patch) {
      return await database.change(async (change, tell) => {
        const row = await requireTwinned(change, deviceId);
        const template = await usableTemplate(change, row.template_id, row.template_version);
        const twin = twinOf(row, template);
        const name = Object.keys(patch ?? {}).find((key) => own(template.settings.device, key) !== undefined);
        if (name !== undefined) {
          throw registryError("twin-invalid", `desired.${name} is a setting of the device template.`, {
            field: `desired.${name}`,
            hint: "Change it as a setting of the device.",
          });
        }
        const next = patchedSection(twin.desired, "desired", patch, at());
        const really = mergeDiff(twin.desired.content, next.content);
        if (really === null) return twin;
        return await keepDesired(change, tell, twin, next, really);
      });
    },
  };
}

/**
 * The part of desired that is settings follows them, in the transaction that changes them.
 *
 * @returns what the device has reported.
 */
export async function followSettings(
  change: Change,
  tell: Tell,
  was: DeviceRow,
  from: DeviceTemplate,
  to: DeviceTemplate,
  { settings }: DeviceValues,
  at: string,
): Promise<JsonObject> {
  const twin = twinOf(await requireTwinned(change, was.id), from);
  const patch = settingsPatch(twin.desired.content, from.settings, to.settings, settings.device);
  if (patch !== null) {
    await keepDesired(change, tell, twin, patchedSection(twin.desired, "desired", patch, at), patch);
  }
  return twin.reported.content;
}

export async function desiredIn(db: Reader, deviceId: string): Promise<TwinSection> {
  const row = await requireTwinned(db, deviceId);
  if (row.desired !== null) return JSON.parse(row.desired) as TwinSection;
  return firstDesired(row, await usableTemplate(db, row.template_id, row.template_version));
}

async function keepDesired(
  change: Change,
  tell: Tell,
  twin: DeviceTwin,
  desired: TwinSection,
  patch: JsonObject,
): Promise<DeviceTwin> {
  const next = { ...twin, desired };
  await keep(change, next);
  const { deviceId, generationId } = twin;
  tell({ kind: "desired-changed", deviceId, generationId, patch, version: desired.version });
  return next;
}

async function keep(change: Change, twin: DeviceTwin): Promise<void> {
  const sections = { desired: JSON.stringify(twin.desired), reported: JSON.stringify(twin.reported) };
  await change
    .insertInto("device_twins")
    .values({ device_id: twin.deviceId, ...sections })
    .onConflict((conflict) => conflict.column("device_id").doUpdateSet(sections))
    .execute();
}

/** One statement, so one state. */
async function requireTwinned(db: Reader, deviceId: string): Promise<TwinnedRow> {
  const row = await db
    .selectFrom("devices")
    .leftJoin("device_twins", "device_twins.device_id", "devices.id")
    .selectAll("devices")
    .select(["device_twins.desired", "device_twins.reported"])
    .where("devices.id", "=", deviceId)
    .executeTakeFirst();
  if (row === undefined) throw deviceNotFound(deviceId);
  return row;
}

function rowOnly({ desired: _desired, reported: _reported, ...row }: TwinnedRow): DeviceRow {
  return row;
}

function twinOf(row: TwinnedRow, template: DeviceTemplate): DeviceTwin {
  return {
    deviceId: row.id,
    generationId: row.generation_id,
    desired: row.desired === null ? firstDesired(row, template) : (JSON.parse(row.desired) as TwinSection),
    reported: row.reported === null ? untouchedSection : (JSON.parse(row.reported) as TwinSection),
  };
}

/** The settings that the device was made with are the first version. */
function firstDesired(row: DeviceRow, template: DeviceTemplate): TwinSection {
  const patch = settingsPatch({}, { device: {} }, template.settings, valuesFromRow(row).settings.device);
  if (patch === null) return untouchedSection;
  const section = patchedSection({ ...untouchedSection, version: 0 }, "desired", patch, row.created_at);
  return must(section.version === 1 ? section : null, "the first patch makes the first version");
}
