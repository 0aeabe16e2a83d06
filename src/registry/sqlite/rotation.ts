// Rotation of the secret key: everything sealed is sealed again, all of it or nothing.
//
// Owns:      the list of what is sealed, and the order of steps that a crash may interrupt anywhere.
// Does not:  run beside a server: it takes the directory's lock.
//
//   1  a new file key is written as `secret.key.next` and synced        crash: the former key opens; `next` is removed later
//   2  one transaction seals everything with the new key                crash: SQLite rolls back, or has committed
//   3  `secret.key.next` becomes `secret.key`, or the file goes away    crash: the next start, or rotation, does it
//   4  the file is rewritten                                            crash: old sealed bytes stay in free pages
//
// A2: after step 4 nothing that the former key opens is left in the directory. Copies made before are another matter: who
// has one and the former key reads it.

import path from "node:path";
import { must } from "../../lib/assert.ts";
import { type ColdpathError, messageOf } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";
import { policyIdentity } from "./credentials.ts";
import { type Change, Database, refuseNewerRegistry } from "./database.ts";
import { deviceIdentity } from "./device-row.ts";
import { enrollmentIdentity, groupIdentity } from "./attestation.ts";
import { installationIdentity, openWith } from "./installation.ts";
import { lockDirectory } from "./lock.ts";
import { moduleIdentity } from "./modules.ts";
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
import { storageIdentity } from "./storage-accounts.ts";

const rowsPerTurn = 500;

export interface RotationOptions {
  readonly directory: string;
  /** The key that opens everything now; left out: the one in `secret.key`. */
  readonly presentKey?: Buffer | undefined;
  /** The key to seal with; left out: a random one, in `secret.key`. */
  readonly nextKey?: Buffer | undefined;
  /** As in SqliteRegistryOptions: opening may migrate. */
  readonly beforeOpening?: ((directory: string) => Promise<void>) | undefined;
  /** For tests: told after each step that a crash could follow. */
  readonly onStep?: ((step: string) => void) | undefined;
}

export interface Rotation {
  /** How many rows were sealed again. */
  readonly sealed: number;
  /** False when an earlier rotation to this key had only to be tidied up. */
  readonly wasNeeded: boolean;
  /** Why bytes sealed with the former key may still be in free pages of the database; null when none are. */
  readonly leftovers: string | null;
}

/**
 * @throws ColdpathError `data-dir-in-use`, `registry-unreadable`, `registry-newer`, `secret-key-missing`, `secret-key-wrong`,
 *         `secret-altered`. Then nothing was changed.
 */
export async function rotateSecretKey(options: RotationOptions): Promise<Rotation> {
  const directory = path.resolve(options.directory);
  const unlock = lockDirectory(directory);
  let database: Database | undefined;
  try {
    const file = path.join(directory, "registry.db");
    refuseNewerRegistry(file);
    await options.beforeOpening?.(directory);
    database = await Database.open(file);
    return await rotate(database, directory, options);
  } finally {
    await database?.close();
    unlock();
  }
}

async function rotate(database: Database, directory: string, options: RotationOptions): Promise<Rotation> {
  const { presentKey, nextKey, onStep = () => {} } = options;
  const row = await database.reader.selectFrom("installation").selectAll().executeTakeFirst();
  if (row === undefined) throw registryError("registry-unreadable", `${directory} holds no installation.`);

  const present = openPresent(row, directory, presentKey);
  if (present === null) {
    // Perhaps an earlier call was cut short after its transaction: then only tidying up is left.
    const isDone =
      nextKey === undefined ? openPresent(row, directory, undefined) !== null : openWith(row, nextKey) !== null;
    if (!isDone) throw wrongKey(directory, presentKey);
    if (nextKey === undefined) return { sealed: 0, wasNeeded: false, leftovers: await rewrite(database) };
    return { sealed: 0, wasNeeded: false, leftovers: await tidyUp(database, directory, nextKey, onStep) };
  }
  const next = secretBox(nextKey ?? makeSecretKey(nextSecretKeyFile(directory)));
  onStep("the next key is on disk");
  const sealed = await database.change(async (change) => await sealAll(change, present, next, onStep));
  onStep("everything is sealed again");
  return { sealed, wasNeeded: true, leftovers: await tidyUp(database, directory, nextKey, onStep) };
}

/** The box that opens what is there; null when the key is another. */
function openPresent(row: InstallationRow, directory: string, given: Buffer | undefined): SecretBox | null {
  if (given !== undefined) return openWith(row, given)?.secrets ?? null;
  const file = readSecretKey(secretKeyFile(directory));
  const opened = file === null ? null : openWith(row, file);
  if (opened !== null) return opened.secrets;
  // An earlier rotation to a file key that was cut short before its last step: end it, and go on from there.
  const next = readSecretKey(nextSecretKeyFile(directory));
  const openedByNext = next === null ? null : openWith(row, next);
  if (openedByNext !== null) adoptNextSecretKey(directory);
  return openedByNext?.secrets ?? null;
}

/** The former key goes only here, after the commit. */
async function tidyUp(
  database: Database,
  directory: string,
  nextKey: Buffer | undefined,
  onStep: (step: string) => void,
): Promise<string | null> {
  if (nextKey === undefined) adoptNextSecretKey(directory);
  else for (const file of [secretKeyFile(directory), nextSecretKeyFile(directory)]) removeKeyFile(file);
  onStep("the former key is gone");
  return await rewrite(database);
}

async function rewrite(database: Database): Promise<string | null> {
  try {
    await database.rewrite();
    return null;
  } catch (thrown) {
    return messageOf(thrown); // no room for a second copy: the rotation is done all the same
  }
}

/** Everything that `SecretBox.seal` ever wrote. A test looks for blobs that are missing here. */
async function sealAll(
  change: Change,
  present: SecretBox,
  next: SecretBox,
  onStep: (step: string) => void,
): Promise<number> {
  const again = (sealed: Uint8Array, identity: string): Uint8Array =>
    next.seal(present.open(sealed, identity), identity);
  let count = 0;

  const installation = must(
    await change.selectFrom("installation").selectAll().executeTakeFirst(),
    "it was read before",
  );
  const secret = again(installation.secret, installationIdentity(installation.id));
  await change.updateTable("installation").set({ secret }).execute();
  count++;
  for (const row of await change.selectFrom("hub_policies").select(["name", "access_keys"]).execute()) {
    const access_keys = again(row.access_keys, policyIdentity(row.name));
    await change.updateTable("hub_policies").set({ access_keys }).where("name", "=", row.name).execute();
    count++;
  }
  for (const row of await change.selectFrom("enrollment_groups").select(["id", "access_keys"]).execute()) {
    if (row.access_keys === null) continue;
    const access_keys = again(row.access_keys, groupIdentity(row.id));
    await change.updateTable("enrollment_groups").set({ access_keys }).where("id", "=", row.id).execute();
    count++;
  }
  for (const row of await change.selectFrom("enrollments").select(["registration_id", "access_keys"]).execute()) {
    if (row.access_keys === null) continue;
    const { registration_id: id } = row;
    const access_keys = again(row.access_keys, enrollmentIdentity(id));
    await change.updateTable("enrollments").set({ access_keys }).where("registration_id", "=", id).execute();
    count++;
  }
  for (const row of await change.selectFrom("storage_accounts").select(["id", "secret"]).execute()) {
    if (row.secret === null) continue;
    const resealed = again(row.secret, storageIdentity(row.id));
    await change.updateTable("storage_accounts").set({ secret: resealed }).where("id", "=", row.id).execute();
    count++;
  }
  for (const row of await change
    .selectFrom("modules")
    .select(["device_id", "id", "generation_id", "access_keys"])
    .execute()) {
    const access_keys = again(row.access_keys, moduleIdentity(row));
    await change
      .updateTable("modules")
      .set({ access_keys })
      .where("device_id", "=", row.device_id)
      .where("id", "=", row.id)
      .execute();
    count++;
  }
  onStep("half of it is sealed again");
  for (let after = "", isMore = true; isMore;) {
    const rows = await change
      .selectFrom("devices")
      .select(["id", "generation_id", "access_keys"])
      .where("id", ">", after)
      .orderBy("id")
      .limit(rowsPerTurn)
      .execute();
    for (const row of rows) {
      const access_keys = again(row.access_keys, deviceIdentity(row));
      await change.updateTable("devices").set({ access_keys }).where("id", "=", row.id).execute();
    }
    count += rows.length;
    after = rows.at(-1)?.id ?? "";
    isMore = rows.length === rowsPerTurn;
  }
  return count;
}

function wrongKey(directory: string, given: Buffer | undefined): ColdpathError {
  if (given !== undefined) {
    return registryError("secret-key-wrong", "The present secret key that was given does not open this registry.", {
      field: "secret-key",
      hint: "Give the key that the server was last started with. Nothing was changed.",
    });
  }
  const file = secretKeyFile(directory);
  if (readSecretKey(file) === null) {
    return registryError("secret-key-missing", `There is no ${file}, and no present secret key was given.`, {
      hint: "Give the key that the server was last started with, in COLDPATH_SECRET_KEY or by --secret-key-command. Nothing was changed.",
    });
  }
  return registryError("secret-key-wrong", `The key in ${file} does not open this registry. Nothing was changed.`);
}
