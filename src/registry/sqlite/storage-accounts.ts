// Storage accounts in SQLite: settings in the clear, the secret sealed (A2).

import { randomUUID } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { registryError } from "../errors.ts";
import { canonicalJson, nameOf, objectOf } from "../input.ts";
import type { StorageAccount, StorageAccountCalls, StorageSettings } from "../registry.ts";
import { sasFactsOf } from "../storage-sas.ts";
import { storagePlace, storageSettingsOf } from "../storage-settings.ts";
import type { Database, Reader } from "./database.ts";
import { checkEtag } from "./etag.ts";
import type { StorageAccountRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

const nameCharsMax = 200;

export function storageAccountsIn(database: Database, secrets: SecretBox, clock: Clock): StorageAccountCalls {
  const open = (row: StorageAccountRow): string | null =>
    row.secret === null ? null : secrets.open(row.secret, storageIdentity(row.id)).toString("utf8");
  const seal = (secret: string | null, id: string): Uint8Array | null =>
    secret === null ? null : secrets.seal(secret, storageIdentity(id));

  /** One secret that cannot be opened any more keeps nobody from seeing the accounts, and from replacing it. */
  const openOrNull = (row: StorageAccountRow): string | null => {
    try {
      return open(row);
    } catch {
      return null;
    }
  };
  const accountFromRow = (row: StorageAccountRow): StorageAccount => {
    const settings = JSON.parse(row.settings) as StorageSettings;
    return {
      id: row.id,
      name: row.name,
      settings,
      hasSecret: row.secret !== null,
      sas: settings.kind === "folder" ? null : sasFactsOf(settings, openOrNull(row)),
      etag: row.etag,
      createdAt: row.created_at,
    };
  };

  return {
    async createStorageAccount(account) {
      const id = randomUUID();
      const name = nameOf(account.name, "name", nameCharsMax);
      const secret = account.secret ?? null;
      const settings = storageSettingsOf(account.settings, secret);
      const row: StorageAccountRow = {
        id,
        name,
        settings: JSON.stringify(settings),
        secret: seal(secret, id),
        etag: 1,
        created_at: new Date(clock.nowMs()).toISOString(),
      };
      return await database.change(async (change, tell) => {
        await refuseName(change, name, id);
        await change.insertInto("storage_accounts").values(row).execute();
        tell({ kind: "storage-changed", storageAccountId: id });
        return accountFromRow(row);
      });
    },

    async updateStorageAccount(id, account, etag) {
      const name = nameOf(account.name, "name", nameCharsMax);
      return await database.change(async (change, tell) => {
        const row = await requireAccount(change, id);
        checkEtag(row, etag, `storage account ${row.name}`);
        const before = accountFromRow(row).settings;
        // A secret serves one way of signing in: after a change of that it is asked for again.
        const isSameSignIn = signInOf(before) === signInOf(objectOf(account.settings, "settings"));
        const secret = account.secret !== undefined ? account.secret : isSameSignIn ? open(row) : null;
        const settings = storageSettingsOf(account.settings, secret);
        const present = open(row);
        const isSameText =
          secret === null || present === null ? present === null && secret === null : isSameSecret(secret, present);
        const isSame = canonicalJson(settings) === canonicalJson(before) && isSameText;
        if (isSame && name === row.name) return accountFromRow(row);
        await refuseName(change, name, id);
        // E2: an export's definition is immutable, so the place it names is too.
        if (storagePlace(settings) !== storagePlace(before)) await refuseInUse(change, row, "moved to another place");
        const set = { name, settings: JSON.stringify(settings), etag: row.etag + 1, secret: seal(secret, id) };
        await change.updateTable("storage_accounts").set(set).where("id", "=", id).execute();
        tell({ kind: "storage-changed", storageAccountId: id });
        return accountFromRow({ ...row, ...set });
      });
    },

    async deleteStorageAccount(id) {
      await database.change(async (change, tell) => {
        await refuseInUse(change, await requireAccount(change, id), "deleted");
        await change.deleteFrom("storage_accounts").where("id", "=", id).execute();
        tell({ kind: "storage-changed", storageAccountId: id });
      });
    },

    async storageAccount(id) {
      return accountFromRow(await requireAccount(database.reader, id));
    },

    async storageAccounts() {
      const rows = await database.reader.selectFrom("storage_accounts").selectAll().orderBy("name").execute();
      return rows.map(accountFromRow);
    },

    async storageSecret(id) {
      return open(await requireAccount(database.reader, id));
    },
  };
}

async function requireAccount(db: Reader, id: string): Promise<StorageAccountRow> {
  const row = await db.selectFrom("storage_accounts").selectAll().where("id", "=", id).executeTakeFirst();
  if (row !== undefined) return row;
  throw registryError("storage-not-found", `There is no storage account ${JSON.stringify(id)}.`);
}

export function storageIdentity(id: string): string {
  return `storage:${id}`;
}

function signInOf({ kind, auth }: { readonly kind?: unknown; readonly auth?: unknown }): string {
  return JSON.stringify([kind, auth]);
}

async function refuseName(db: Reader, name: string, id: string): Promise<void> {
  const other = await db
    .selectFrom("storage_accounts")
    .select("id")
    .where("name", "=", name)
    .where("id", "<>", id)
    .executeTakeFirst();
  if (other !== undefined) {
    throw registryError("storage-exists", `There is a storage account "${name}".`, { field: "name" });
  }
}

async function refuseInUse(db: Reader, account: StorageAccountRow, what: string): Promise<void> {
  const using = await db
    .selectFrom("export_definitions")
    .innerJoin("exports", "exports.id", "export_definitions.export_id")
    .select("exports.name")
    .distinct()
    .where("storage_account_id", "=", account.id)
    .orderBy("exports.name")
    .execute();
  if (using.length === 0) return;
  const names = using.map(({ name }) => `"${name}"`).join(", ");
  throw registryError(
    "storage-in-use",
    `The storage account "${account.name}" cannot be ${what}: the export${using.length > 1 ? "s" : ""} ${names} use${using.length > 1 ? "" : "s"} it.`,
  );
}
