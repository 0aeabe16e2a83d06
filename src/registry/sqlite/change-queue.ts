// The queue of changes: one at a time, in the order in which they were asked for. Those that wait share a commit.
//
// Owns:      the order, which changes are committed together, and what each caller is told.
// Does not:  open connections, know listeners, or know what a change is about.
//
// A commit is a sync of the disk, and the whole server stands still meanwhile: a thousand devices that report at once would
// wait for a thousand of them. So a commit takes along what waits, each change in a savepoint of its own.
//
// Invariants:
//   S1  Changes run one at a time, each on top of those before it. One that throws takes back what it did, and only that.
//   D2  A change resolves, or rejects, and its events are told, after the commit it belongs to. A commit that fails fails all of
//       its changes.
//   M1  A commit has at most `changesMax` changes, and takes no more when it is `gatherMs` old.

import type { Kysely, Transaction } from "kysely";
import type { DatabaseSync } from "node:sqlite";
import type { RegistryEvent } from "../registry.ts";
import type { Tables } from "./schema.ts";

export type Change = Transaction<Tables>;
export type Tell = (event: RegistryEvent) => void;

const changesMax = 500;
/** Long enough for some dozens; devices' messages are not read meanwhile. */
const gatherMs = 10;

interface Waiting {
  /** Runs the change. @returns how the caller is told, once it is committed. */
  readonly run: (change: Change, tell: Tell) => Promise<() => void>;
  readonly fail: (error: unknown) => void;
  readonly events: RegistryEvent[];
  /** Known when it ran. */
  answer: () => void;
}

const unanswered = (): void => {};

export class ChangeQueue {
  readonly #writer: Kysely<Tables>;
  readonly #connection: DatabaseSync;
  readonly #tell: Tell;
  readonly #waiting: Waiting[] = [];
  #isRunning = false;
  #tail: Promise<unknown> = Promise.resolve();

  /** @param connection  the one behind `writer`. @param tell  is given the events, in order of the changes. */
  constructor(writer: Kysely<Tables>, connection: DatabaseSync, tell: Tell) {
    this.#writer = writer;
    this.#connection = connection;
    this.#tell = tell;
  }

  add<T>(work: (change: Change, tell: Tell) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = async (change: Change, tell: Tell): Promise<() => void> => {
      const value = await work(change, tell);
      return () => resolve(value);
    };
    this.#waiting.push({ run, fail: reject, events: [], answer: unanswered });
    this.#tail = promise.catch(() => {});
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#commitNext();
    }
    return promise;
  }

  /** Resolves when all changes that were asked for are committed, or failed. */
  async settled(): Promise<void> {
    await this.#tail;
  }

  /** Behind what came in the same turn of the event loop: what devices ask for at once comes from many sockets. */
  #commitNext(): void {
    setImmediate(() => {
      void this.#commitTogether().then((tellAll) => {
        this.#isRunning = this.#waiting.length > 0;
        if (this.#isRunning) this.#commitNext();
        tellAll();
      });
    });
  }

  /** Never rejects. @returns what is to be told. */
  async #commitTogether(): Promise<() => void> {
    const gathered: Waiting[] = [];
    let broken: { readonly cause: unknown } | null = null;
    try {
      await this.#writer.transaction().execute(async (change) => {
        const sinceMs = performance.now();
        for (;;) {
          const next = gathered.length < changesMax ? this.#waiting.shift() : undefined;
          if (next === undefined) break;
          gathered.push(next);
          try {
            await this.#carryOut(next, change);
          } catch (cause) {
            broken = { cause }; // what Kysely throws then is that it cannot roll back
            throw cause;
          }
          if (performance.now() - sinceMs >= gatherMs) break;
        }
      });
    } catch (error) {
      const { cause } = broken ?? { cause: error };
      // It did not begin: the first one is told why, or all would wait for ever.
      if (gathered.length === 0) gathered.push(...this.#waiting.splice(0, 1));
      return () => {
        for (const { fail } of gathered) fail(cause);
      };
    }
    return () => {
      for (const { events, answer } of gathered) {
        for (const event of events) this.#tell(event);
        answer();
      }
    };
  }

  async #carryOut(waiting: Waiting, change: Change): Promise<void> {
    this.#connection.exec("savepoint change");
    try {
      waiting.answer = await waiting.run(change, (event) => waiting.events.push(event));
      this.#connection.exec("release change");
    } catch (error) {
      // A full disk, for one, has SQLite give up the whole transaction: what ran before is undone, too.
      if (!this.#connection.isTransaction) throw error;
      this.#connection.exec("rollback to change; release change");
      waiting.events.length = 0;
      waiting.answer = () => waiting.fail(error);
    }
  }
}
