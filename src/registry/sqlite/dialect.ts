// Kysely on node:sqlite: the differences from better-sqlite3, for which Kysely's dialect was written, and prepared statements
// that are used again: to prepare one takes longer than most take to run.

import { type Dialect, SqliteAdapter, SqliteDialect } from "kysely";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { assert } from "../../lib/assert.ts";

/** Of a connection, those used last; what changes and questions use are some dozens. */
const statementsMax = 200;
/** A longer one writes or asks for many rows at once. M1: it is not kept, nor is what was bound to it. */
const keptCharsMax = 2_000;

/** A dialect on an open connection. Closing stays with whoever opened it: never call Kysely's `destroy`. */
export function nodeSqliteDialect(connection: DatabaseSync): Dialect {
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const statement = statements.get(sql) ?? connection.prepare(sql);
    if (sql.length > keptCharsMax) return statement;
    statements.delete(sql);
    statements.set(sql, statement);
    if (statements.size > statementsMax) statements.delete(statements.keys().next().value ?? "");
    return statement;
  };
  const dialect = new SqliteDialect({
    database: {
      close: () => {},
      prepare(sql) {
        const statement = prepared(sql);
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...bindable(parameters)),
          run: (parameters) => statement.run(...bindable(parameters)),
          // Of its own: while it goes on, the same text may be asked again.
          iterate: (parameters) => connection.prepare(sql).iterate(...bindable(parameters)),
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
