// Whether a newer Coldpath has written to a journal: looked at before anything else is opened or changed, so that such a
// data directory is refused as it was found. Reads only, also where the journal is damaged: that is for recovery to tell.

import { join } from "node:path";
import { unusable } from "../errors.ts";
import { type Disk, nodeDisk } from "../../lib/disk.ts";
import { readFloor } from "./floor.ts";
import { isTableNewer } from "./partition-table.ts";
import { decodeSegmentHeader, sealCopyAt } from "./segment-format.ts";

/** @throws ColdpathError `journal-newer`. No error when there is no journal. */
export async function refuseNewerJournal(directory: string, disk: Disk = nodeDisk): Promise<void> {
  const names = await disk.list(directory);
  if (names.includes("partitions.json") && (await isTableNewer(disk, directory))) {
    throw newer(`${join(directory, "partitions.json")} was written by a newer Coldpath.`);
  }
  for (const name of names.filter((one) => /^\d{1,9}$/.test(one))) {
    const partition = join(directory, name);
    await readFloor(disk, partition); // refuses by itself
    for (const segment of await disk.list(partition)) {
      if (!segment.endsWith(".seg")) continue;
      const path = join(partition, segment);
      const version = await newerVersionOf(disk, path);
      if (version !== null) throw newer(`${path} has format version ${version}, written by a newer Coldpath.`);
    }
  }
}

async function newerVersionOf(disk: Disk, path: string): Promise<number | null> {
  const file = await disk.open(path, "read");
  try {
    const block = Buffer.alloc(sealCopyAt);
    const header = decodeSegmentHeader(block.subarray(0, await file.read(block, 0)));
    return header.kind === "newer" ? header.version : null;
  } finally {
    await file.close();
  }
}

function newer(message: string): Error {
  return unusable("journal-newer", message, "Start the version of Coldpath that wrote it, or a later one.");
}
