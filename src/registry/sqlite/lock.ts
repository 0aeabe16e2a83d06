// The lock on a data directory: one server at a time.
//
// An exclusive transaction on an empty database of its own, held as long as the server runs. The operating system frees
// it with the process, however that ends, so nothing is left to clean up after SIGKILL.

import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";

/** SQLITE_BUSY. https://www.sqlite.org/rescode.html#busy */
const busy = 5;

/**
 * Takes the lock. Returns a function that frees it; calling that again does nothing.
 *
 * @throws  ColdpathError `data-dir-in-use` when another process (or another call in this one) holds it.
 */
export function lockDirectory(directory: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path.join(directory, "lock.db"), { timeout: 0 });
    database.exec("begin exclusive");
  } catch (cause) {
    database?.close();
    if (typeof cause === "object" && cause !== null && "errcode" in cause && cause.errcode === busy) {
      throw registryError("data-dir-in-use", `Another Coldpath server runs on the data directory ${directory}.`, {
        field: "data-dir",
        cause,
      });
    }
    throw registryError("data-dir-unusable", `The data directory ${directory} cannot be locked: ${messageOf(cause)}.`, {
      field: "data-dir",
      cause,
    });
  }
  const held = database;
  return () => {
    if (held.isOpen) held.close();
  };
}
