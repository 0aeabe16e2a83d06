// The creation of devices: one or many in one change.

import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { must } from "../../lib/assert.ts";
import { ColdpathError } from "../../lib/errors.ts";
import { keyPairOf, printKeyPair } from "../access-key.ts";
import { deviceAuthenticationOf } from "../device-authentication.ts";
import { deviceIdOf, templateIdOf, templateVersionOf } from "../device-id.ts";
import { registryError } from "../errors.ts";
import { booleanOf, nameOf } from "../input.ts";
import { valuesAtCreation } from "../property-values.ts";
import type { Device, DeviceOutcome, DeviceTemplate, NewDevice } from "../registry.ts";
import { takeGenerationIds, takeRevisions } from "./counters.ts";
import type { Change, Reader, Tell } from "./database.ts";
import { authenticationColumns, deviceFromRow, deviceIdentity, deviceNameCharsMax, searchText } from "./device-row.ts";
import type { DeviceRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";
import { usableTemplate } from "./templates.ts";

/** Rows a statement, and devices a turn: some 10 ms. SQLite takes 32,766 parameters; a row has 16. */
const sliceRows = 200;

export interface Creation {
  readonly change: Change;
  readonly tell: Tell;
  readonly secrets: SecretBox;
  readonly nowMs: number;
}

/** Makes all of them or, thrown out of the change, none. */
export async function createDevices(
  devices: readonly NewDevice[],
  { change, tell, secrets, nowMs }: Creation,
): Promise<readonly Device[]> {
  const generationIds = await takeGenerationIds(change, nowMs, devices.length);
  const revisionFirst = await takeRevisions(change, devices.length);
  const templates = templateCache(change);
  const created: Device[] = [];
  const ids = new Set<string>();
  for (let first = 0; first < devices.length; first += sliceRows) {
    const rows: DeviceRow[] = [];
    for (const [at, device] of devices.slice(first, first + sliceRows).entries()) {
      const index = first + at;
      const generationId = must(generationIds[index], "one id for each device");
      const row = await atIndex(devices.length, index, async () => {
        const row = await newRow(device, generationId, nowMs, templates, secrets);
        if (ids.has(row.id)) throw deviceExists(row.id);
        return row;
      });
      ids.add(row.id);
      rows.push({ ...row, revision: revisionFirst + index });
    }
    const existing = await firstExisting(change, rows);
    if (existing !== null) {
      await atIndex(devices.length, first + existing.index, () => Promise.reject(deviceExists(existing.id)));
    }
    await change.insertInto("devices").values(rows).execute();
    created.push(...rows.map(deviceFromRow));
    // SQLite answers within the turn: without this a large batch would stop the whole server meanwhile.
    if (first + sliceRows < devices.length) await setImmediate();
  }
  for (const { id } of created) tell({ kind: "device-created", deviceId: id });
  return created;
}

/** Makes those that can be made, and says of each what became of it. One slice: the caller's bound is 1,000. */
export async function createEachDevice(
  devices: readonly NewDevice[],
  { change, tell, secrets, nowMs }: Creation,
): Promise<readonly DeviceOutcome[]> {
  if (devices.length === 0) return [];
  const generationIds = await takeGenerationIds(change, nowMs, devices.length);
  const checked = await checkEach(devices, { db: change, secrets, nowMs }, (index) =>
    must(generationIds[index], "one id for each device"),
  );
  const rows = checked.flatMap((row) => (row instanceof ColdpathError ? [] : [row]));
  const revisionFirst = rows.length === 0 ? 0 : await takeRevisions(change, rows.length);
  for (let first = 0; first < rows.length; first += sliceRows) {
    const slice = rows.slice(first, first + sliceRows);
    const values = slice.map((row, at) => ({ ...row, revision: revisionFirst + first + at }));
    await change.insertInto("devices").values(values).execute();
    await setImmediate();
  }
  for (const { id } of rows) tell({ kind: "device-created", deviceId: id });
  return checked.map((row) => (row instanceof ColdpathError ? row : deviceFromRow(row)));
}

/** What `createEachDevice` would answer. */
export async function tryDevices(
  devices: readonly NewDevice[],
  reading: Pick<Creation, "secrets" | "nowMs"> & { readonly db: Reader },
): Promise<readonly DeviceOutcome[]> {
  const checked = await checkEach(devices, reading, () => "0");
  return checked.map((row) => (row instanceof ColdpathError ? row : deviceFromRow(row)));
}

async function checkEach(
  devices: readonly NewDevice[],
  { db, secrets, nowMs }: Pick<Creation, "secrets" | "nowMs"> & { readonly db: Reader },
  generationIdAt: (index: number) => string,
): Promise<readonly (DeviceRow | ColdpathError)[]> {
  const templates = templateCache(db);
  const ids = new Set<string>();
  const checked: (DeviceRow | ColdpathError)[] = [];
  for (let first = 0; first < devices.length; first += sliceRows) {
    if (first > 0) await setImmediate();
    const rows: (DeviceRow | ColdpathError)[] = [];
    for (const [at, device] of devices.slice(first, first + sliceRows).entries()) {
      try {
        rows.push(await newRow(device, generationIdAt(first + at), nowMs, templates, secrets));
      } catch (error) {
        if (!(error instanceof ColdpathError)) throw error;
        rows.push(error);
      }
    }
    const wanted = rows.flatMap((row) => (row instanceof ColdpathError ? [] : [row.id]));
    const existing = await db.selectFrom("devices").select("id").where("id", "in", wanted).execute();
    for (const { id } of existing) ids.add(id);
    for (const row of rows) {
      const isThere = !(row instanceof ColdpathError) && ids.has(row.id);
      checked.push(isThere ? deviceExists(row.id) : row);
      if (!(row instanceof ColdpathError)) ids.add(row.id);
    }
  }
  return checked;
}

type Templates = (id: string, version: string | undefined) => Promise<DeviceTemplate>;

function templateCache(db: Reader): Templates {
  const known = new Map<string, Promise<DeviceTemplate>>();
  return (id, version) => {
    const key = JSON.stringify([id, version]);
    const template = known.get(key) ?? usableTemplate(db, id, version);
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
  const { authentication: given = { type: "sas" } } = device;
  const authentication = deviceAuthenticationOf(given, "authentication");
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
    ...authenticationColumns(authentication),
    revision: 0, // the caller sets it
    etag: 1,
    created_at: new Date(nowMs).toISOString(),
  };
}

async function firstExisting(
  change: Change,
  rows: readonly DeviceRow[],
): Promise<{ readonly id: string; readonly index: number } | null> {
  const ids = rows.map(({ id }) => id);
  const found = await change.selectFrom("devices").select("id").where("id", "in", ids).executeTakeFirst();
  return found === undefined ? null : { id: found.id, index: ids.indexOf(found.id) };
}

function deviceExists(id: string): ColdpathError {
  return registryError("device-exists", `The device ${id} exists.`, { field: "id" });
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
