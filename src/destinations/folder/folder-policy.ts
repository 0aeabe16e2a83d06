// Which directories of this machine may be a container: judged on the real path, after symbolic links.
//
// Never: the server's data directory (an export would give its secrets away, or write between its files), except the
// folder of the sample; the kernel's own file systems. With `storage-folders`, nothing outside the folders named.

import { join, relative, sep } from "node:path";
import { ColdpathError } from "../../lib/errors.ts";

export interface FolderPolicy {
  /** Real path of the server's data directory; left out: there is none to keep out of. */
  readonly dataDirectory?: string | undefined;
  /** Real paths: a container must lie below one of them. Left out: anywhere. */
  readonly folders?: readonly string[] | undefined;
}

/** Where the sample exports to. */
const sampleFolder = "lake";
const kernelDirectories = ["/proc", "/sys", "/dev"];

/**
 * Throws ColdpathError `folder-forbidden`, field `settings.path`, unless exports may use `directory`.
 *
 * @param directory  absolute, without symbolic links on the way.
 */
export function requireAllowed(directory: string, policy: FolderPolicy): void {
  const { dataDirectory, folders } = policy;
  if (dataDirectory !== undefined && !isWithin(directory, join(dataDirectory, sampleFolder))) {
    if (isWithin(directory, dataDirectory) || isWithin(dataDirectory, directory)) {
      throw forbidden(directory, `is, holds or lies in the server's data directory ${dataDirectory}`, elsewhere);
    }
  }
  const kernel = kernelDirectories.find((one) => isWithin(directory, one));
  if (kernel !== undefined) throw forbidden(directory, `lies in ${kernel}, which is no disk`, elsewhere);
  if (folders !== undefined && !folders.some((folder) => isWithin(directory, folder))) {
    throw forbidden(
      directory,
      `lies in none of the folders of --storage-folders (${folders.join(",")})`,
      "Choose a directory below one of them, or have whoever runs the server add this one.",
    );
  }
}

const elsewhere = "Choose a directory of its own for the lake, e.g. /srv/lake.";

function isWithin(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way !== ".." && !way.startsWith(`..${sep}`);
}

function forbidden(directory: string, what: string, hint: string): ColdpathError {
  return new ColdpathError("invalid", "folder-forbidden", `The directory ${directory} ${what}.`, {
    field: "settings.path",
    hint,
  });
}
