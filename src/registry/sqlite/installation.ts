// The installation: made once a data directory, with its id, hub name, secret, and the policy `device`.

import { randomBytes, randomUUID } from "node:crypto";
import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { ColdpathError, messageOf } from "../../lib/errors.ts";
import { keyPairOf } from "../access-key.ts";
import { registryError } from "../errors.ts";
import type { Installation } from "../registry.ts";
import { insertPolicy } from "./credentials.ts";
import type { Database } from "./database.ts";
import type { InstallationRow } from "./schema.ts";
import {
  adoptNextSecretKey,
  makeSecretKey,
  nextSecretKeyFile,
  readSecretKey,
  removeKeyFile,
  secretKeyFile,
} from "./secret-key.ts";
import { type SecretBox, secretBox } from "./secrets.ts";

const hubNameDefault = "coldpath";
const secretBytes = 32;

export interface OpenedInstallation {
  readonly installation: Installation;
  readonly secrets: SecretBox;
}

/**
 * Reads the installation, or makes it on a fresh data directory.
 *
 * A new key is made only while nothing is sealed: a registry without its key is refused, never given another one.
 *
 * @param givenKey  used instead of the key file, which is then neither made nor read.
 */
export async function openInstallation(
  database: Database,
  directory: string,
  hubName: string | undefined,
  givenKey: Buffer | undefined,
  clock: Clock,
): Promise<OpenedInstallation> {
  if (hubName !== undefined) checkHubName(hubName);
  const row = await database.reader.selectFrom("installation").selectAll().executeTakeFirst();
  if (row === undefined) {
    const file = secretKeyFile(directory);
    const secrets = secretBox(givenKey ?? readSecretKey(file) ?? makeKey(file));
    return { secrets, installation: await makeInstallation(database, secrets, hubName ?? hubNameDefault, clock) };
  }
  if (hubName !== undefined && hubName !== row.hub_name) {
    throw registryError(
      "hub-name-fixed",
      `The data directory ${directory} belongs to the hub "${row.hub_name}"; it cannot be started as "${hubName}".`,
      {
        field: "hub-name",
        hint: `Start it with --hub-name ${row.hub_name} (or without the option), or use a new --data-dir for "${hubName}".`,
      },
    );
  }
  const { secrets, secret } = givenKey === undefined ? openWithFile(row, directory) : openWithGiven(row, givenKey);
  return { secrets, installation: { id: row.id, hubName: row.hub_name, secret } };
}

interface Opened {
  readonly secrets: SecretBox;
  readonly secret: Buffer;
}

/** Whether `key` opens this registry, and with it all of its secrets: a rotation changes all of them or none. */
export function openWith(row: InstallationRow, key: Buffer): Opened | null {
  const secrets = secretBox(key);
  try {
    const secret = secrets.open(row.secret, installationIdentity(row.id));
    assert(secret.length === secretBytes, "what was sealed comes back whole");
    return { secrets, secret };
  } catch (thrown) {
    if (thrown instanceof ColdpathError && thrown.code === "secret-altered") return null;
    throw thrown;
  }
}

/**
 * Reads the installation and changes nothing, also where a rotation of the key was cut short.
 *
 * @throws ColdpathError `secret-key-missing`, `secret-key-wrong`, `registry-unreadable`.
 */
export async function readInstallation(
  database: Database,
  directory: string,
  givenKey: Buffer | undefined,
): Promise<OpenedInstallation> {
  const row = await database.reader.selectFrom("installation").selectAll().executeTakeFirst();
  if (row === undefined) throw registryError("registry-unreadable", `The registry in ${directory} is empty.`);
  const keys =
    givenKey === undefined
      ? [secretKeyFile(directory), nextSecretKeyFile(directory)].map(readSecretKey).filter((key) => key !== null)
      : [givenKey];
  for (const key of keys) {
    const opened = openWith(row, key);
    if (opened === null) continue;
    return { secrets: opened.secrets, installation: { id: row.id, hubName: row.hub_name, secret: opened.secret } };
  }
  if (keys.length === 0) {
    throw registryError("secret-key-missing", `There is no key for the secrets of the registry in ${directory}.`);
  }
  throw registryError("secret-key-wrong", `The key does not open the secrets of the registry in ${directory}.`);
}

/** Finds out how far a rotation came that was cut short, and ends it either way. */
function openWithFile(row: InstallationRow, directory: string): Opened {
  const file = secretKeyFile(directory);
  const nextFile = nextSecretKeyFile(directory);
  const key = readSecretKey(file);
  const next = readSecretKey(nextFile);
  const opened = key === null ? null : openWith(row, key);
  if (opened !== null) {
    if (next !== null) removeKeyFile(nextFile);
    return opened;
  }
  const openedByNext = next === null ? null : openWith(row, next);
  if (openedByNext !== null) {
    adoptNextSecretKey(directory);
    return openedByNext;
  }
  if (key === null) {
    throw registryError("secret-key-missing", `The key file ${file} is missing, but the registry holds secrets.`);
  }
  throw registryError("secret-key-wrong", `The key in ${file} does not open this registry's secrets.`);
}

function openWithGiven(row: InstallationRow, key: Buffer): Opened {
  const opened = openWith(row, key);
  if (opened !== null) return opened;
  throw registryError("secret-key-wrong", "The secret key that was given does not open this registry's secrets.", {
    field: "secret-key",
    hint: "Give the one it was last rotated to, or none when it still is in the file secret.key; `coldpath secret rotate` changes it.",
  });
}

async function makeInstallation(
  database: Database,
  secrets: SecretBox,
  hubName: string,
  clock: Clock,
): Promise<Installation> {
  const installation: Installation = { id: randomUUID(), hubName, secret: randomBytes(secretBytes) };
  const createdAt = new Date(clock.nowMs()).toISOString();
  const secret = secrets.seal(installation.secret, installationIdentity(installation.id));
  await database.change(async (change) => {
    await change
      .insertInto("installation")
      .values({ id: installation.id, hub_name: hubName, secret, created_at: createdAt })
      .execute();
    await insertPolicy(change, secrets, "device", keyPairOf({}), createdAt);
  });
  return installation;
}

function makeKey(file: string): Buffer {
  try {
    return makeSecretKey(file);
  } catch (cause) {
    throw registryError("data-dir-unusable", `The key file ${file} cannot be made: ${messageOf(cause)}.`, {
      field: "data-dir",
      cause,
    });
  }
}

export function installationIdentity(installationId: string): string {
  return `installation:${installationId}`;
}

/** As IoT Hub's names: it stands in host names and in the paths of exported files. */
function checkHubName(hubName: string): void {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/.test(hubName)) return;
  throw registryError(
    "input-invalid",
    `The hub name ${JSON.stringify(hubName)} must be 1 to 50 letters, digits or '-', and not start or end with '-'.`,
    { field: "hub-name" },
  );
}
