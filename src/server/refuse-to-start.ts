// Data directories that must not be started, and stay as they were found: a newer Coldpath has used them (everything in them
// that has a format is looked at before anything is migrated, recovered or removed), a restore was cut short, or the registry is gone
// while its journal is there: a new, empty one would owe what was acknowledged to nobody.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { restoringFolder } from "../backup/backup.ts";
import { refuseNewerSnapshots } from "../export/snapshot-stage.ts";
import { refuseNewerJournal } from "../journal/file/newer.ts";
import { ColdpathError } from "../lib/errors.ts";
import { holdsInstallation } from "../registry/sqlite/database.ts";

/**
 * All but a newer registry, which looks at itself. Give it to `openSqliteRegistry` as `beforeOpening`.
 *
 * @throws ColdpathError of kind `fatal`: `journal-newer`, `snapshot-newer`, `restore-unfinished`, `registry-missing`.
 */
export async function refuseToStart(dataDir: string): Promise<void> {
  if (existsSync(join(dataDir, restoringFolder))) {
    throw new ColdpathError("fatal", "restore-unfinished", `A restore into ${dataDir} was cut short.`, {
      field: "data-dir",
      hint: "Run it again: with --registry-only as it is; else empty the directory first.",
    });
  }
  // The registry is made before the journal, so a first start that was cut short never looks like this.
  const registry = join(dataDir, "registry.db");
  if (existsSync(join(dataDir, "journal", "partitions.json")) && !holdsInstallation(registry)) {
    throw new ColdpathError(
      "fatal",
      "registry-missing",
      `The registry ${registry} is ${existsSync(registry) ? "empty" : "gone"}, its journal is there.`,
      {
        field: "data-dir",
        hint: "Put it back (registry.db and registry.db-wal belong together), or run `coldpath restore BACKUP --registry-only`; without a backup, move the journal away to begin anew.",
      },
    );
  }
  await refuseNewerJournal(join(dataDir, "journal"));
  await refuseNewerSnapshots(join(dataDir, "snapshots"));
}
