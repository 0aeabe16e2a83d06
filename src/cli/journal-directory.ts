// The journal that the journal commands work on, and whether a server uses it now.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { serverOptions } from "../config/options.ts";
import type { OptionTable } from "../config/option.ts";
import { ColdpathError } from "../lib/errors.ts";
import { windowStartMs, type Window } from "../lib/window.ts";

export const dataDirOption = {
  "data-dir": {
    group: "Options",
    type: "path",
    default: serverOptions["data-dir"].default,
    description: "The server's data directory; the journal is in its folder journal.",
  },
} as const satisfies OptionTable;

/** @throws ColdpathError `journal-not-found`. */
export function journalDirectory(dataDir: string): string {
  const directory = join(dataDir, "journal");
  if (existsSync(directory)) return directory;
  throw new ColdpathError("not-found", "journal-not-found", `There is no journal in ${dataDir}.`, {
    hint: "Name the server's data directory with --data-dir (COLDPATH_DATA_DIR).",
  });
}

/** Whether a server holds the data directory now. */
export async function isInUse(dataDir: string): Promise<boolean> {
  if (!existsSync(join(dataDir, "lock.db"))) return false;
  // Loaded here: SQLite is needed for nothing else.
  const { lockDirectory } = await import("../registry/sqlite/lock.ts");
  try {
    lockDirectory(dataDir)();
    return false;
  } catch (error) {
    // A lock that we may not even try says nothing; who may not write only reads.
    return error instanceof ColdpathError && error.code === "data-dir-in-use";
  }
}

/** A window as `--window` takes it: `2026-01-02T03:04`. */
export function minuteText(window: Window): string {
  return new Date(windowStartMs(window)).toISOString().slice(0, 16);
}
