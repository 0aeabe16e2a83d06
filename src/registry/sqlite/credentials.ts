// Keys: of devices and of hub policies, sealed at rest (A2), and the fast look-up at every connection.

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../lib/clock.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { accessKeyOf, keyPairOf, newAccessKey, parseKeyPair, printKeyPair } from "../access-key.ts";
import { deviceAuthenticationOf, nextThumbprints } from "../device-authentication.ts";
import { registryError } from "../errors.ts";
import { objectOf } from "../input.ts";
import type { CredentialCalls, DeviceAuthentication, KeyChange, KeyPair } from "../registry.ts";
import type { Change, Database, Tell } from "./database.ts";
import { authenticationColumns, authenticationOfRow, deviceIdentity, requireDevice } from "./device-row.ts";
import type { DeviceRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

type CredentialRow = Pick<
  DeviceRow,
  "enabled" | "generation_id" | "access_keys" | "authentication" | "thumbprint_primary" | "thumbprint_secondary"
>;

/** No row has it. */
const decoyIdentity = "decoy";

export function credentialsIn(database: Database, secrets: SecretBox, clock: Clock): CredentialCalls {
  // Raw and prepared: asked at every connection, and Kysely takes six times as long.
  const lookUp = database.rawReader.prepare(
    "select enabled, generation_id, access_keys, authentication, thumbprint_primary, thumbprint_secondary from devices where id = ?",
  );
  const open = (sealed: Uint8Array, identity: string): KeyPair =>
    parseKeyPair(secrets.open(sealed, identity).toString("utf8"));

  // A1: an id that does not exist is answered after the same work as one that does.
  const decoy = secrets.seal(printKeyPair(keyPairOf({})), decoyIdentity);

  return {
    async deviceKeys(id) {
      const row = await requireDevice(database.reader, id);
      return open(row.access_keys, deviceIdentity(row));
    },

    async setDeviceKeys(id, wanted) {
      return await database.change(async (change, tell) => {
        const row = await requireDevice(change, id);
        const present = open(row.access_keys, deviceIdentity(row));
        const keys = nextKeys(present, wanted);
        if (isSameSecret(printKeyPair(keys), printKeyPair(present))) return present;
        await change
          .updateTable("devices")
          .set({ access_keys: secrets.seal(printKeyPair(keys), deviceIdentity(row)), etag: row.etag + 1 })
          .where("id", "=", id)
          .execute();
        tell({ kind: "device-changed", deviceId: id, access: true });
        return keys;
      });
    },

    async setDeviceAuthentication(id, given) {
      const wanted = deviceAuthenticationOf(given, "authentication");
      return await database.change(async (change, tell) => {
        return await authenticateBy(change, tell, await requireDevice(change, id), wanted);
      });
    },

    async setDeviceThumbprints(id, given) {
      const thumbprints = objectOf(given, "", ["primaryThumbprint", "secondaryThumbprint"]);
      return await database.change(async (change, tell) => {
        const row = await requireDevice(change, id);
        const present = authenticationOfRow(row);
        if (present.type !== "x509-thumbprint") {
          throw registryError("input-invalid", `The device ${id} signs in by ${present.type}: it has no thumbprints.`, {
            hint: "Set how it signs in as a whole, with the type x509-thumbprint and its thumbprints.",
          });
        }
        return await authenticateBy(change, tell, row, nextThumbprints(present, thumbprints, ""));
      });
    },

    // oxlint-disable-next-line typescript/require-await -- synchronous here, not in every adapter
    async deviceCredentials(id) {
      const row = lookUp.get(id) as CredentialRow | undefined;
      if (row === undefined) {
        open(decoy, decoyIdentity);
        return null;
      }
      const { enabled, generation_id } = row;
      const keys = open(row.access_keys, deviceIdentity({ id, generation_id }));
      const authentication = authenticationOfRow(row);
      return { deviceId: id, enabled: enabled === 1, generationId: generation_id, authentication, ...keys };
    },

    async createPolicy(name, keys = {}) {
      return await database.change(async (change, tell) => {
        const createdAt = new Date(clock.nowMs()).toISOString();
        await insertPolicy(change, secrets, name, keyPairOf(keys), createdAt);
        tell({ kind: "policy-changed", name });
        return { name, createdAt };
      });
    },

    async deletePolicy(name) {
      await database.change(async (change, tell) => {
        const { numDeletedRows } = await change.deleteFrom("hub_policies").where("name", "=", name).executeTakeFirst();
        if (numDeletedRows === 0n) throw noPolicy(name);
        tell({ kind: "policy-changed", name });
      });
    },

    async policies() {
      const rows = await database.reader
        .selectFrom("hub_policies")
        .select(["name", "created_at"])
        .orderBy("name")
        .execute();
      return rows.map((row) => ({ name: row.name, createdAt: row.created_at }));
    },

    async policyKeys(name) {
      const row = await database.reader
        .selectFrom("hub_policies")
        .select("access_keys")
        .where("name", "=", name)
        .executeTakeFirst();
      if (row !== undefined) return open(row.access_keys, policyIdentity(name));
      open(decoy, decoyIdentity);
      return null;
    },

    async setPolicyKeys(name, wanted) {
      return await database.change(async (change, tell) => {
        const row = await change
          .selectFrom("hub_policies")
          .select("access_keys")
          .where("name", "=", name)
          .executeTakeFirst();
        if (row === undefined) throw noPolicy(name);
        const present = open(row.access_keys, policyIdentity(name));
        const keys = nextKeys(present, wanted);
        if (isSameSecret(printKeyPair(keys), printKeyPair(present))) return present;
        await change
          .updateTable("hub_policies")
          .set({ access_keys: secrets.seal(printKeyPair(keys), policyIdentity(name)) })
          .where("name", "=", name)
          .execute();
        tell({ kind: "policy-changed", name });
        return keys;
      });
    },
  };
}

/** D1: whoever is connected comes again, and gets in by what is there now. */
async function authenticateBy<T extends DeviceAuthentication>(
  change: Change,
  tell: Tell,
  row: DeviceRow,
  wanted: T,
): Promise<T> {
  if (isDeepStrictEqual(authenticationOfRow(row), wanted)) return wanted;
  const set = { ...authenticationColumns(wanted), etag: row.etag + 1 };
  await change.updateTable("devices").set(set).where("id", "=", row.id).execute();
  tell({ kind: "device-changed", deviceId: row.id, access: true });
  return wanted;
}

function noPolicy(name: string): Error {
  return registryError("policy-not-found", `There is no hub policy ${JSON.stringify(name)}.`);
}

export async function insertPolicy(
  change: Change,
  secrets: SecretBox,
  name: string,
  keys: KeyPair,
  createdAt: string,
): Promise<void> {
  if (typeof name !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw registryError("input-invalid", "name must be 1 to 64 letters, digits, '_' or '-'.", { field: "name" });
  }
  const existing = await change.selectFrom("hub_policies").select("name").where("name", "=", name).executeTakeFirst();
  if (existing !== undefined) {
    throw registryError("policy-exists", `The hub policy ${name} exists.`, { field: "name" });
  }
  const sealed = secrets.seal(printKeyPair(keys), policyIdentity(name));
  await change.insertInto("hub_policies").values({ name, access_keys: sealed, created_at: createdAt }).execute();
}

export function policyIdentity(name: string): string {
  return `policy:${name}`;
}

export function nextKeys(present: KeyPair, wanted: KeyChange): KeyPair {
  if (wanted === "regenerate-primary") return { ...present, primaryKey: newAccessKey() };
  if (wanted === "regenerate-secondary") return { ...present, secondaryKey: newAccessKey() };
  const { primaryKey, secondaryKey } = objectOf(wanted, "keys", ["primaryKey", "secondaryKey"]);
  return {
    primaryKey: primaryKey === undefined ? present.primaryKey : accessKeyOf(primaryKey, "primaryKey"),
    secondaryKey: secondaryKey === undefined ? present.secondaryKey : accessKeyOf(secondaryKey, "secondaryKey"),
  };
}
