// A copy of a registry for a backup: of one moment, also while a server writes to it.
//
// SQLite's online backup in one step: it holds a read transaction, so writers go on beside it, and what they write
// meanwhile is not in it. (In several steps it would start again whenever another process writes.)

import { existsSync } from "node:fs";
import path from "node:path";
import { DatabaseSync, backup } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";
import { migrations } from "./migrations/migrations.ts";
import { openReadOnly } from "./database.ts";
import { readSecretKey } from "./secret-key.ts";
import { secretBox } from "./secrets.ts";

/** What a copied registry says of itself. */
export interface RegistryIdentity {
  readonly installationId: string;
  readonly hubName: string;
  /** Names, in order: a version that does not know all of them cannot read it. */
  readonly migrations: readonly string[];
}

export interface CopiedRegistry extends RegistryIdentity {
  /** That opens its secrets; null when the directory does not have it: it is given to the server from elsewhere. */
  readonly key: Buffer | null;
}

/** All pages in one step. */
const pagesAtOnce = 2 ** 31 - 1;

/**
 * Copies the registry of a data directory to the file `to`, with the key that opens it.
 *
 * @throws ColdpathError `registry-unreadable`.
 */
export async function copyRegistry(directory: string, to: string): Promise<CopiedRegistry> {
  const file = path.join(directory, "registry.db");
  if (!existsSync(file)) throw registryError("registry-unreadable", `There is no registry in ${directory}.`);
  // Before and after: the key may be changed meanwhile.
  const keys = keysIn(directory);
  let source: DatabaseSync | undefined;
  try {
    source = openReadOnly(file);
    await backup(source, to, { rate: pagesAtOnce });
  } catch (cause) {
    throw registryError("registry-unreadable", `The registry ${file} cannot be copied: ${messageOf(cause)}.`, {
      cause,
    });
  } finally {
    source?.close();
  }
  keys.push(...keysIn(directory));
  return { ...examineRegistry(to), key: keys.find((key) => opensRegistry(to, key)) ?? null };
}

/**
 * What a registry file that nobody uses says of itself, when its pages are whole.
 *
 * @throws ColdpathError `registry-unreadable`.
 */
export function examineRegistry(file: string): RegistryIdentity {
  return reading(file, (connection) => {
    const [check] = connection.prepare("pragma integrity_check(1)").all();
    if (check?.["integrity_check"] !== "ok") throw new Error(`its check says ${JSON.stringify(check)}`);
    const row = connection.prepare("select id, hub_name from installation").get();
    if (row === undefined) throw new Error("it has no installation");
    const names = connection.prepare("select name from kysely_migration order by name").all();
    return {
      installationId: String(row["id"]),
      hubName: String(row["hub_name"]),
      migrations: names.map(({ name }) => String(name)),
    };
  });
}

/** The first migration of these that this version does not know, or null. */
export function unknownMigration(names: readonly string[]): string | null {
  return names.find((name) => !Object.hasOwn(migrations, name)) ?? null;
}

/** Whether `key` opens the secrets of a registry file that nobody uses. */
export function opensRegistry(file: string, key: Buffer): boolean {
  return reading(file, (connection) => {
    const row = connection.prepare("select id, secret from installation").get();
    if (row === undefined) return false;
    try {
      secretBox(key).open(row["secret"] as Uint8Array, `installation:${String(row["id"])}`);
      return true;
    } catch (error) {
      if (codeOf(error) === "secret-altered") return false;
      throw error;
    }
  });
}

function reading<T>(file: string, work: (connection: DatabaseSync) => T): T {
  let connection: DatabaseSync | undefined;
  try {
    // Nobody writes, so SQLite needs no files beside it and makes none.
    connection = new DatabaseSync(new URL(`${pathToFileURL(file).href}?immutable=1`), { readOnly: true });
    return work(connection);
  } catch (cause) {
    throw registryError("registry-unreadable", `The registry ${file} is damaged: ${messageOf(cause)}.`, { cause });
  } finally {
    connection?.close();
  }
}

/** While a key is changed there may be two. */
function keysIn(directory: string): Buffer[] {
  const names = ["secret.key", "secret.key.next"];
  return names.map((name) => readSecretKey(path.join(directory, name))).filter((key) => key !== null);
}
