// The installation: made once a data directory, with its id, hub name, secret, and the policy `device`.

import { randomBytes, randomUUID } from "node:crypto";
import path from "node:path";
import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { keyPairOf } from "../access-key.ts";
import { registryError } from "../errors.ts";
import type { Installation } from "../registry.ts";
import { insertPolicy } from "./credentials.ts";
import type { Database } from "./database.ts";
import type { InstallationRow } from "./schema.ts";
import { type SecretBox, makeSecretKey, readSecretKey, secretBox } from "./secrets.ts";

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
 */
export async function openInstallation(
  database: Database,
  directory: string,
  hubName: string | undefined,
  clock: Clock,
): Promise<OpenedInstallation> {
  if (hubName !== undefined) checkHubName(hubName);
  const keyFile = path.join(directory, "secret.key");
  const row = await database.reader.selectFrom("installation").selectAll().executeTakeFirst();
  if (row === undefined) {
    const secrets = secretBox(readSecretKey(keyFile) ?? makeKey(keyFile));
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
  const key = readSecretKey(keyFile);
  if (key === null) {
    throw registryError("secret-key-missing", `The key file ${keyFile} is missing, but the registry holds secrets.`);
  }
  const secrets = secretBox(key);
  return { secrets, installation: { id: row.id, hubName: row.hub_name, secret: openSecret(row, secrets, keyFile) } };
}

async function makeInstallation(
  database: Database,
  secrets: SecretBox,
  hubName: string,
  clock: Clock,
): Promise<Installation> {
  const installation: Installation = { id: randomUUID(), hubName, secret: randomBytes(secretBytes) };
  const createdAt = new Date(clock.nowMs()).toISOString();
  const secret = secrets.seal(installation.secret, identityOf(installation.id));
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

function openSecret(row: InstallationRow, secrets: SecretBox, keyFile: string): Buffer {
  let secret: Buffer;
  try {
    secret = secrets.open(row.secret, identityOf(row.id));
  } catch (cause) {
    throw registryError("secret-key-wrong", `The key in ${keyFile} does not open this registry's secrets.`, { cause });
  }
  assert(secret.length === secretBytes, "what was sealed comes back whole");
  return secret;
}

function identityOf(installationId: string): string {
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
