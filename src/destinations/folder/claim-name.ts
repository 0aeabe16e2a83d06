// Claiming a final name for a complete temporary file: all at once, and only when nothing is there (E5).

import { codeOf } from "../../lib/errors.ts";
import { isAbsent } from "./file-error.ts";
import type { Files } from "./files.ts";
import type { RootLock } from "./root-lock.ts";

/** What file systems without hard links answer: vfat, SMB, FUSE. EPERM may also mean forbidden: then rename says so. */
const linkUnsupported = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "EXDEV", "ENOSYS", "EMLINK"]);

/**
 * Gives `temporaryFile` the name `finalFile`, or leaves both as they are when that name is taken.
 *
 * By hard link, which the file system does atomically against everybody; where it has none, by a look and a rename under
 * `lock`.
 */
export async function claimName(
  files: Files,
  temporaryFile: string,
  finalFile: string,
  lock: RootLock,
): Promise<"created" | "exists"> {
  try {
    await files.link(temporaryFile, finalFile);
    return "created";
  } catch (thrown) {
    const code = codeOf(thrown);
    // An NFS client whose first LINK succeeded with the answer lost sends it again and is told EEXIST by its own link.
    if (code === "EEXIST") return (await isSameFile(files, temporaryFile, finalFile)) ? "created" : "exists";
    if (code === undefined || !linkUnsupported.has(code)) throw thrown;
  }
  return await lock.hold(async () => {
    if (await exists(files, finalFile)) return "exists";
    await files.rename(temporaryFile, finalFile);
    return "created";
  });
}

async function exists(files: Files, file: string): Promise<boolean> {
  try {
    await files.lstat(file);
    return true;
  } catch (thrown) {
    if (isAbsent(thrown)) return false;
    throw thrown;
  }
}

async function isSameFile(files: Files, left: string, right: string): Promise<boolean> {
  const [one, other] = await Promise.all([files.lstat(left, { bigint: true }), files.lstat(right, { bigint: true })]);
  return one.ino === other.ino && one.dev === other.dev && one.nlink > 1n;
}
