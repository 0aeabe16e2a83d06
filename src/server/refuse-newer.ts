// A data directory that a newer Coldpath has used is refused as it was found: everything in it that has a format is
// looked at before anything is migrated, recovered or removed.

import { join } from "node:path";
import { refuseNewerSnapshots } from "../export/snapshot-stage.ts";
import { refuseNewerJournal } from "../journal/file/newer.ts";

/**
 * All but the registry, which looks at itself. Give it to `openSqliteRegistry` as `beforeOpening`.
 *
 * @throws ColdpathError of kind `fatal`: `journal-newer`, `snapshot-newer`.
 */
export async function refuseNewer(dataDir: string): Promise<void> {
  await refuseNewerJournal(join(dataDir, "journal"));
  await refuseNewerSnapshots(join(dataDir, "snapshots"));
}
