// Kysely on node:sqlite: the three differences from better-sqlite3, for which Kysely's dialect was written.

import { type Dialect, SqliteAdapter, SqliteDialect } from "kysely";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { assert } from "../../lib/assert.ts";

/** A dialect on an open connection. Closing stays with whoever opened it: never call Kysely's `destroy`. */
export function nodeSqliteDialect(connection: DatabaseSync): Dialect {
  const dialect = new SqliteDialect({
    database: {
      close: () => {},
      prepare(sql) {
        const statement = connection.prepare(sql);
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...bindable(parameters)),
          run: (parameters) => statement.run(...bindable(parameters)),
          iterate: (parameters) => statement.iterate(...bindable(parameters)),
        };
      },
    },
  });
  return {
    createDriver: () => dialect.createDriver(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createAdapter: () => new TransactionalDdlAdapter(),
  };
}

/** SQLite does run DDL in transactions, so a migration that was killed half-way leaves nothing behind. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

function bindable(parameters: readonly unknown[]): SQLInputValue[] {
  // node:sqlite binds a Date as NULL without a word.
  assert(!parameters.some((value) => value instanceof Date), "times are bound as ISO text, never as Date");
  return parameters as SQLInputValue[];
}
