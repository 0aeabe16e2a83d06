// Data directories that must not be started, and stay as they were found: a newer Coldpath has used them (everything in them
// that has a format is looked at before anything is migrated, recovered or removed), or a restore was cut short.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { restoringFolder } from "../backup/backup.ts";
import { refuseNewerSnapshots } from "../export/snapshot-stage.ts";
import { refuseNewerJournal } from "../journal/file/newer.ts";
import { ColdpathError } from "../lib/errors.ts";

/**
 * All but a newer registry, which looks at itself. Give it to `openSqliteRegistry` as `beforeOpening`.
 *
 * @throws ColdpathError of kind `fatal`: `journal-newer`, `snapshot-newer`, `restore-unfinished`.
 */
export async function refuseToStart(dataDir: string): Promise<void> {
  if (existsSync(join(dataDir, restoringFolder))) {
    throw new ColdpathError("fatal", "restore-unfinished", `A restore into ${dataDir} was cut short.`, {
      field: "data-dir",
      hint: "Run it again: with --registry-only as it is; else empty the directory first.",
    });
  }
  await refuseNewerJournal(join(dataDir, "journal"));
  await refuseNewerSnapshots(join(dataDir, "snapshots"));
}
