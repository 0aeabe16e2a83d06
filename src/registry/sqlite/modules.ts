// Modules in SQLite: their making and end, their keys, and the fast look-up at every connection. Their twins: module-twins.ts.

import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { keyPairOf, parseKeyPair, printKeyPair } from "../access-key.ts";
import { deviceIdOf } from "../device-id.ts";
import { registryError } from "../errors.ts";
import { objectOf } from "../input.ts";
import type { KeyPair, Module, ModuleCalls } from "../registry.ts";
import { takeGenerationIds } from "./counters.ts";
import { nextKeys } from "./credentials.ts";
import type { Database, Reader } from "./database.ts";
import { requireDevice } from "./device-row.ts";
import type { ModuleRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

const modulesOfDeviceMax = 50;
/** No row has it. */
const decoyIdentity = "decoy-module";

export type ModuleIdentityCalls = Omit<ModuleCalls, "moduleTwin" | "reportModuleTwin" | "patchModuleDesired">;

export function modulesIn(database: Database, secrets: SecretBox, clock: Clock): ModuleIdentityCalls {
  // Raw and prepared, as a device's credentials.
  const lookUp = database.rawReader.prepare(
    `select modules.generation_id, modules.access_keys, devices.enabled, devices.generation_id as device_generation_id
      from modules join devices on devices.id = modules.device_id where modules.device_id = ? and modules.id = ?`,
  );
  const open = (sealed: Uint8Array, identity: string): KeyPair =>
    parseKeyPair(secrets.open(sealed, identity).toString("utf8"));
  // A1: an id that does not exist is answered after the same work as one that does.
  const decoy = secrets.seal(printKeyPair(keyPairOf({})), decoyIdentity);

  return {
    async modules(deviceId) {
      await requireDevice(database.reader, deviceId);
      const rows = await database.reader
        .selectFrom("modules")
        .selectAll()
        .where("device_id", "=", deviceId)
        .orderBy("id")
        .execute();
      return rows.map(moduleFromRow);
    },

    async module(deviceId, moduleId) {
      return moduleFromRow(await requireModule(database.reader, deviceId, moduleId));
    },

    async createModule(deviceId, given) {
      const { id: givenId, ...givenKeys } = objectOf(given, "", ["id", "primaryKey", "secondaryKey"]);
      const id = deviceIdOf(givenId, "id");
      const keys = keyPairOf(givenKeys);
      return await database.change(async (change, tell) => {
        await requireDevice(change, deviceId);
        const existing = await change.selectFrom("modules").select("id").where("device_id", "=", deviceId).execute();
        if (existing.some((one) => one.id === id)) {
          throw registryError("module-exists", `The module ${deviceId}/${id} exists.`, { field: "id" });
        }
        if (existing.length >= modulesOfDeviceMax) {
          throw registryError("modules-too-many", `The device ${deviceId} has ${existing.length} modules.`);
        }
        const nowMs = clock.nowMs();
        const [generationId] = await takeGenerationIds(change, nowMs, 1);
        const identity = { device_id: deviceId, id, generation_id: must(generationId, "one is asked for") };
        const row: ModuleRow = {
          ...identity,
          access_keys: secrets.seal(printKeyPair(keys), moduleIdentity(identity)),
          desired: null,
          reported: null,
          created_at: new Date(nowMs).toISOString(),
        };
        await change.insertInto("modules").values(row).execute();
        tell({ kind: "module-changed", deviceId, moduleId: id, access: false });
        return moduleFromRow(row);
      });
    },

    async deleteModule(deviceId, moduleId) {
      await database.change(async (change, tell) => {
        await requireModule(change, deviceId, moduleId);
        await change.deleteFrom("modules").where("device_id", "=", deviceId).where("id", "=", moduleId).execute();
        await change
          .deleteFrom("mqtt_sessions")
          .where("device_id", "=", deviceId)
          .where("module_id", "=", moduleId)
          .execute();
        tell({ kind: "module-changed", deviceId, moduleId, access: true });
      });
    },

    async moduleKeys(deviceId, moduleId) {
      const row = await requireModule(database.reader, deviceId, moduleId);
      return open(row.access_keys, moduleIdentity(row));
    },

    async setModuleKeys(deviceId, moduleId, wanted) {
      return await database.change(async (change, tell) => {
        const row = await requireModule(change, deviceId, moduleId);
        const present = open(row.access_keys, moduleIdentity(row));
        const keys = nextKeys(present, wanted);
        if (isSameSecret(printKeyPair(keys), printKeyPair(present))) return present;
        await change
          .updateTable("modules")
          .set({ access_keys: secrets.seal(printKeyPair(keys), moduleIdentity(row)) })
          .where("device_id", "=", deviceId)
          .where("id", "=", moduleId)
          .execute();
        tell({ kind: "module-changed", deviceId, moduleId, access: true });
        return keys;
      });
    },

    // oxlint-disable-next-line typescript/require-await -- synchronous here, not in every adapter
    async moduleCredentials(deviceId, moduleId) {
      const row = lookUp.get(deviceId, moduleId) as unknown as CredentialRow | undefined;
      if (row === undefined) {
        open(decoy, decoyIdentity);
        return null;
      }
      const { generation_id, device_generation_id: deviceGenerationId } = row;
      const keys = open(row.access_keys, moduleIdentity({ device_id: deviceId, id: moduleId, generation_id }));
      return { enabled: row.enabled === 1, generationId: generation_id, deviceGenerationId, ...keys };
    },
  };
}

interface CredentialRow {
  readonly generation_id: string;
  readonly access_keys: Uint8Array;
  readonly enabled: number;
  readonly device_generation_id: string;
}

/** What a module's keys are sealed for: a later module of the same id has another generation. */
export function moduleIdentity(row: Pick<ModuleRow, "device_id" | "id" | "generation_id">): string {
  // No id has a slash.
  return `module:${row.device_id}/${row.id}:${row.generation_id}`;
}

/** Throws `device-not-found`, `module-not-found`. */
export async function requireModule(db: Reader, deviceId: string, moduleId: string): Promise<ModuleRow> {
  const row = await db
    .selectFrom("modules")
    .selectAll()
    .where("device_id", "=", deviceId)
    .where("id", "=", moduleId)
    .executeTakeFirst();
  if (row !== undefined) return row;
  await requireDevice(db, deviceId);
  throw moduleNotFound(deviceId, moduleId);
}

export function moduleNotFound(deviceId: string, moduleId: string): Error {
  return registryError("module-not-found", `The device ${deviceId} has no module ${JSON.stringify(moduleId)}.`);
}

function moduleFromRow(row: ModuleRow): Module {
  return { deviceId: row.device_id, id: row.id, generationId: row.generation_id, createdAt: row.created_at };
}
