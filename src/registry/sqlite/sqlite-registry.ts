// The registry on SQLite: opens a data directory's files and puts the port together from its parts.
//
// Owns:      `registry.db`, `secret.key` (mode 600) and `lock.db` in the data directory, and their life.
// Does not:  know a single table: each part beside this file knows its own.
//
// Invariants: those of the port (../registry.ts).

import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { ColdpathError, messageOf } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";
import type { Registry } from "../registry.ts";
import { apiTokensIn } from "./api-tokens.ts";
import { auditIn } from "./audit.ts";
import { auditLogIn } from "./audit-log.ts";
import { caCertificatesIn } from "./ca-certificates.ts";
import { cloudMessagesIn } from "./cloud-messages.ts";
import { credentialsIn } from "./credentials.ts";
import { Database, refuseNewerRegistry } from "./database.ts";
import { devicesIn } from "./devices.ts";
import { enrollmentGroupsIn } from "./enrollment-groups.ts";
import { enrollmentProofsIn } from "./enrollment-proofs.ts";
import { enrollmentsIn } from "./enrollments.ts";
import { exportsIn } from "./exports.ts";
import { idScopesIn } from "./id-scopes.ts";
import { openInstallation, readInstallation } from "./installation.ts";
import { lockDirectory } from "./lock.ts";
import { mqttSessionsIn } from "./mqtt-sessions.ts";
import { modulesIn } from "./modules.ts";
import { moduleTwinsIn } from "./module-twins.ts";
import { progressIn } from "./progress.ts";
import { registrationClaimsIn } from "./registration-claims.ts";
import { registrationsIn } from "./registrations.ts";
import { sessionsIn } from "./sessions.ts";
import { snapshotsIn } from "./snapshots.ts";
import { storageAccountsIn } from "./storage-accounts.ts";
import { templatesIn } from "./templates.ts";
import { syncDirectory } from "./sync.ts";
import { twinsIn } from "./twins.ts";
import { usersIn } from "./users.ts";
import { openSqliteView } from "./view.ts";

export interface SqliteRegistryOptions {
  /** The data directory; made when it does not exist. */
  readonly directory: string;
  /** Left out: the one it has, or `coldpath` for a new one. */
  readonly hubName?: string | undefined;
  /** 32 bytes, kept elsewhere. Left out: the file `secret.key` in the directory, made with it. */
  readonly secretKey?: Buffer | undefined;
  readonly clock: Clock;
  /**
   * Called with the lock held, when the registry is known to be none of a newer version, before anything is made or
   * migrated: may refuse by throwing what else of the directory must not be touched.
   */
  readonly beforeOpening?: ((directory: string) => Promise<void>) | undefined;
}

/**
 * Opens the registry of a data directory, making it at the first start, and holds the directory's lock until `close`.
 *
 * @throws  ColdpathError `fatal`: `data-dir-in-use`, `data-dir-unusable`, `registry-newer`, `registry-unreadable`,
 *          `hub-name-fixed`, `secret-key-missing`, `secret-key-wrong`.
 */
export async function openSqliteRegistry(options: SqliteRegistryOptions): Promise<Registry> {
  const { hubName, clock } = options;
  const directory = path.resolve(options.directory);
  makeDirectory(directory);
  const unlock = lockDirectory(directory);
  let database: Database | undefined;
  try {
    const file = path.join(directory, "registry.db");
    refuseNewerRegistry(file);
    await options.beforeOpening?.(directory);
    const opened = await Database.open(file);
    database = opened;
    const { installation, secrets } = await openInstallation(opened, directory, hubName, options.secretKey, clock);
    return {
      installation,
      ...templatesIn(opened, clock),
      ...devicesIn(opened, secrets, clock),
      ...twinsIn(opened, clock),
      ...cloudMessagesIn(opened, clock),
      ...mqttSessionsIn(opened),
      ...modulesIn(opened, secrets, clock),
      ...moduleTwinsIn(opened, clock),
      ...credentialsIn(opened, secrets, clock),
      ...idScopesIn(opened, installation.id),
      ...enrollmentGroupsIn(opened, secrets, clock),
      ...enrollmentsIn(opened, secrets, clock),
      ...enrollmentProofsIn(opened, secrets),
      ...registrationClaimsIn(opened, secrets, clock),
      ...registrationsIn(opened, secrets, clock),
      ...caCertificatesIn(opened, clock),
      ...storageAccountsIn(opened, secrets, clock),
      ...exportsIn(opened, clock),
      ...progressIn(opened),
      ...snapshotsIn(opened),
      ...auditIn(opened),
      ...usersIn(opened, clock),
      ...sessionsIn(opened),
      ...apiTokensIn(opened),
      ...auditLogIn(opened),
      openView: () => openSqliteView(opened.file),
      subscribe: (listener) => opened.subscribe(listener),
      close: async () => {
        await opened.close();
        unlock();
      },
    };
  } catch (error) {
    await database?.close();
    unlock();
    throw error;
  }
}

/** What can be asked of a registry that somebody else may be writing to. */
export type ReadRegistry = Pick<
  Registry,
  "installation" | "exports" | "cuts" | "auditFacts" | "storageAccount" | "storageSecret" | "close"
>;

/**
 * Opens the registry of a data directory to read it, whether a server runs there or not. It must have been opened by this
 * version before.
 *
 * @throws ColdpathError `fatal`: `registry-newer`, `registry-older`, `registry-unreadable`, `secret-key-missing`,
 *         `secret-key-wrong`.
 */
export async function readSqliteRegistry(
  options: Pick<SqliteRegistryOptions, "directory" | "secretKey" | "clock">,
): Promise<ReadRegistry> {
  const directory = path.resolve(options.directory);
  const database = Database.openToRead(path.join(directory, "registry.db"));
  try {
    const { installation, secrets } = await readInstallation(database, directory, options.secretKey);
    return {
      installation,
      ...exportsIn(database, options.clock),
      ...auditIn(database),
      ...storageAccountsIn(database, secrets, options.clock),
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

function makeDirectory(directory: string): void {
  try {
    // One by one: where a parent takes no directories at all (/proc), Node's recursive form tries for ever.
    if (existsSync(directory)) return;
    if (path.dirname(directory) !== directory) makeDirectory(path.dirname(directory));
    mkdirSync(directory, { mode: 0o700 });
    // D2: a new directory is durable when its parent is synced.
    syncDirectory(path.dirname(directory));
  } catch (cause) {
    if (cause instanceof ColdpathError) throw cause;
    throw registryError("data-dir-unusable", `The data directory ${directory} cannot be made: ${messageOf(cause)}.`, {
      field: "data-dir",
      cause,
    });
  }
}
