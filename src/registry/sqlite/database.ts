// The registry's database: its connections, its one queue of changes, and who is told of them.
//
// Owns:      the SQLite connections and their pragmas, migrations, who is told of changes.
// Does not:  know devices, exports or any other table's meaning. The order of changes, and which share a commit: change-queue.ts.
//
// Invariants:
//   S1  Changes run one at a time, each in a transaction; a revision is taken inside it, so revisions commit in order.
//   D2  `change` resolves after the commit is durable (WAL, synchronous=FULL); then, in order of the changes, the events go
//       out.
//   -   Readers have connections of their own: they see committed states only, and a long change never blocks them.

import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { assert } from "../../lib/assert.ts";
import { ColdpathError, messageOf } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";
import { type Change, ChangeQueue, type Tell } from "./change-queue.ts";
import { nodeSqliteDialect } from "./dialect.ts";
import { migrations } from "./migrations/migrations.ts";
import type { Tables } from "./schema.ts";

const busyTimeoutMs = 5_000;

export type { Change, Tell } from "./change-queue.ts";
export type Reader = Kysely<Tables>;

export class Database {
  readonly file: string;
  /** Committed states, one statement at a time: two statements may see two states. */
  readonly reader: Reader;
  /** The same connection, for prepared statements on the hot path. */
  readonly rawReader: DatabaseSync;
  readonly #rawWriter: DatabaseSync;
  readonly #listeners = new Set<Tell>();
  readonly #changes: ChangeQueue;
  #isClosed = false;

  private constructor(file: string, rawWriter: DatabaseSync, writer: Kysely<Tables>, rawReader: DatabaseSync) {
    this.file = file;
    this.#rawWriter = rawWriter;
    this.rawReader = rawReader;
    this.#changes = new ChangeQueue(writer, rawWriter, (event) => {
      for (const listener of this.#listeners) listener(event);
    });
    this.reader = new Kysely<Tables>({ dialect: nodeSqliteDialect(this.rawReader) });
  }

  /** Opens or makes the database and brings it to this version's schema. Throws ColdpathError `fatal`. */
  static async open(file: string): Promise<Database> {
    const rawWriter = openWriter(file);
    try {
      const writer = new Kysely<Tables>({ dialect: nodeSqliteDialect(rawWriter) });
      await migrate(file, writer);
      return new Database(file, rawWriter, writer, openReadOnly(file));
    } catch (error) {
      rawWriter.close();
      throw error;
    }
  }

  /**
   * Opens a database that this version has made, to be read only: beside a running server, or without one; then nothing is
   * made beside the file, so that it does not matter as which user. A change throws.
   *
   * @throws ColdpathError `registry-newer`, `registry-older`, `registry-unreadable`.
   */
  static openToRead(file: string): Database {
    refuseNewerRegistry(file);
    const connections: DatabaseSync[] = [];
    try {
      const connect = hasWal(file) ? openReadOnly : openImmutable;
      const rawReader = connect(file);
      connections.push(rawReader);
      const rawWriter = connect(file);
      connections.push(rawWriter);
      const done = rawReader.prepare("select name from kysely_migration").all();
      const names = new Set(done.map(({ name }) => String(name)));
      if (Object.keys(migrations).some((name) => !names.has(name))) {
        throw registryError("registry-older", `The registry ${file} was made by an older Coldpath.`);
      }
      return new Database(file, rawWriter, new Kysely<Tables>({ dialect: nodeSqliteDialect(rawWriter) }), rawReader);
    } catch (cause) {
      for (const connection of connections) connection.close();
      if (cause instanceof ColdpathError) throw cause;
      throw registryError("registry-unreadable", `The registry ${file} cannot be read: ${messageOf(cause)}.`, {
        cause,
      });
    }
  }

  /**
   * Runs `work` in a transaction, after all changes asked for before; those that wait share one commit. Keep it short.
   *
   * @param work  may throw: then nothing is changed and nobody is told.
   */
  change<T>(work: (change: Change, tell: Tell) => Promise<T>): Promise<T> {
    assert(!this.#isClosed, "nobody uses a closed registry");
    return this.#changes.add(work);
  }

  /**
   * Resolves when all changes asked for before are done. What is read then shows every change that began before the
   * call, so "window W is closed" followed by this and a read shows all that was decided while W was open.
   */
  async settled(): Promise<void> {
    await this.#changes.settled();
  }

  /**
   * Writes the whole file anew and empties the WAL: nothing that was changed or deleted stays behind in free pages.
   * Takes as much free disk as the file has.
   */
  async rewrite(): Promise<void> {
    await this.settled();
    this.#rawWriter.exec("vacuum");
    this.#rawWriter.exec("pragma wal_checkpoint(truncate)");
  }

  subscribe(listener: Tell): () => void {
    // A wrapper, so that one function subscribed twice ends twice.
    const told: Tell = (event) => listener(event);
    this.#listeners.add(told);
    return () => this.#listeners.delete(told);
  }

  /** Lets running changes finish. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.settled();
    this.rawReader.close();
    this.#rawWriter.close();
  }
}

/** A further connection that cannot write. */
export function openReadOnly(file: string): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
}

/** Without a WAL all is in the file, and nobody writes: SQLite needs no files beside it, and makes none. */
function openImmutable(file: string): DatabaseSync {
  return new DatabaseSync(new URL(`${pathToFileURL(file).href}?immutable=1`), { readOnly: true });
}

/** A server that runs has a WAL, and so has one that was killed. */
export function hasWal(file: string): boolean {
  return existsSync(`${file}-wal`);
}

function openWriter(file: string): DatabaseSync {
  let connection: DatabaseSync | undefined;
  try {
    // SQLite makes its files as readable as the umask allows; this one, and with it its WAL, is for the owner only.
    closeSync(openSync(file, "a", 0o600));
    connection = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: busyTimeoutMs });
    const mode = connection.prepare("pragma journal_mode = wal").get()?.["journal_mode"];
    if (mode !== "wal") throw new Error(`its file system does not allow WAL mode (journal mode is ${String(mode)})`);
    connection.exec("pragma synchronous = full");
    return connection;
  } catch (cause) {
    connection?.close();
    throw registryError("registry-unreadable", `The registry ${file} cannot be opened: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/**
 * Looks whether a newer version has migrated the database, and changes nothing: a connection that can write would move
 * the WAL into the file when it closes. Hold the directory's lock. Damage is for `Database.open` to tell.
 *
 * @throws ColdpathError `registry-newer`.
 */
export function refuseNewerRegistry(file: string): void {
  const unknown = unknownMigrationOf(file);
  if (unknown === null) return;
  throw registryError(
    "registry-newer",
    `The registry ${file} was made by a newer Coldpath: it has migration ${unknown}, which this version does not know.`,
  );
}

function unknownMigrationOf(file: string): string | null {
  if (!existsSync(file) || statSync(file).size === 0) return null;
  let connection: DatabaseSync | undefined;
  try {
    connection = openToLook(file);
    const names = connection.prepare("select name from kysely_migration order by name").all();
    return names.map(({ name }) => String(name)).find((name) => !Object.hasOwn(migrations, name)) ?? null;
  } catch {
    return null;
  } finally {
    connection?.close();
  }
}

/**
 * Whether a registry's file holds a hub, without changing it. A young one stands in `registry.db-wal` as a whole, so a file
 * that lost that can be in order and empty. What cannot be read counts as one: opening it says more.
 */
export function holdsInstallation(file: string): boolean {
  if (!existsSync(file) || statSync(file).size === 0) return false;
  let connection: DatabaseSync | undefined;
  try {
    connection = openToLook(file);
    return connection.prepare("select 1 from installation").get() !== undefined;
  } catch (error) {
    return !messageOf(error).includes("no such table");
  } finally {
    connection?.close();
  }
}

function openToLook(file: string): DatabaseSync {
  const wal = statSync(`${file}-wal`, { throwIfNoEntry: false });
  const isWhole = wal === undefined || wal.size === 0;
  return isWhole ? openImmutable(file) : openReadOnly(file);
}

async function migrate(file: string, db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw registryError("registry-unreadable", `The registry ${file} cannot be migrated: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}
