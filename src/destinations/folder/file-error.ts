// What a file system's error means: temporary or permanent, and what to do.
//
// Decided by errno. What is not in the table is temporary: trying again harms nothing, and the cause is shown.

import { codeOf } from "../../lib/errors.ts";
import { DestinationError, type Failure } from "../destination.ts";
import { permanent, temporary } from "../failure.ts";

interface Meaning {
  readonly kind: Failure["kind"];
  readonly sentence: string;
  readonly hint: string;
}

const space = "Free space there, or let older files be moved away; the export goes on by itself.";
const server = "Check that the disk or file server is well and mounted; the export goes on by itself.";
const rights = "Give the user that Coldpath runs as the right to read and write there.";

const meanings: Readonly<Record<string, Meaning>> = {
  ENOSPC: { kind: "temporary", sentence: "no space is left on the device", hint: space },
  EDQUOT: { kind: "temporary", sentence: "the disk quota is used up", hint: space },
  EMFILE: {
    kind: "temporary",
    sentence: "this process has too many open files",
    hint: "Raise the limit of open files (ulimit -n).",
  },
  ENFILE: {
    kind: "temporary",
    sentence: "this machine has too many open files",
    hint: "Raise the limit of open files (fs.file-max).",
  },
  EIO: {
    kind: "temporary",
    sentence: "the device reported an input/output error",
    hint: "Check the disk and the kernel log.",
  },
  EBUSY: { kind: "temporary", sentence: "it is in use", hint: server },
  EAGAIN: { kind: "temporary", sentence: "it is busy", hint: server },
  ETIMEDOUT: { kind: "temporary", sentence: "the file server did not answer in time", hint: server },
  ESTALE: { kind: "temporary", sentence: "the file server forgot the file handle", hint: server },
  ENOENT: { kind: "temporary", sentence: "something on the way vanished meanwhile", hint: server },
  EACCES: { kind: "permanent", sentence: "permission was denied", hint: rights },
  EPERM: { kind: "permanent", sentence: "the operation is not permitted", hint: rights },
  EROFS: {
    kind: "permanent",
    sentence: "the file system is read-only",
    hint: "Mount it for writing, or choose another directory.",
  },
  ENOTDIR: {
    kind: "permanent",
    sentence: "a file is in the way where a directory is needed",
    hint: "Remove or rename that file, or change the path template.",
  },
  EISDIR: {
    kind: "permanent",
    sentence: "a directory is in the way where a file is needed",
    hint: "Remove or rename that directory, or change the path template.",
  },
  ENAMETOOLONG: {
    kind: "permanent",
    sentence: "the name is too long for the file system",
    hint: "Choose a shorter directory, hub name or path template.",
  },
  ELOOP: {
    kind: "permanent",
    sentence: "a symbolic link is in the way",
    hint: "Replace the symbolic link by a real directory or file.",
  },
  EINVAL: {
    kind: "permanent",
    sentence: "the file system does not allow this name or operation",
    hint: "Choose a directory on a local disk, or another path template.",
  },
  EFBIG: {
    kind: "permanent",
    sentence: "the file is too large for the file system",
    hint: "Lower file-bytes-max, or choose another file system.",
  },
};

/**
 * The failure that `thrown` stands for, or rethrows it when it is no file system's (a programmer's error).
 *
 * @param operation  what was tried, as "write measurements/…/00.avro in /srv/lake/iot".
 */
export function fileFailure(thrown: unknown, operation: string): Failure {
  if (thrown instanceof DestinationError) return thrown.failure;
  const code = codeOf(thrown);
  if (code === undefined || !(thrown instanceof Error) || !("syscall" in thrown)) throw thrown;
  const meaning = meanings[code] ?? {
    kind: "temporary",
    sentence: "the file system refused",
    hint: "Look the code up (man errno) and check the directory.",
  };
  const build = meaning.kind === "temporary" ? temporary : permanent;
  return build(code, `cannot ${operation}: ${meaning.sentence} (${code})`, meaning.hint);
}

/** As `fileFailure`, for what throws. */
export function fileError(thrown: unknown, operation: string): DestinationError {
  return thrown instanceof DestinationError ? thrown : new DestinationError(fileFailure(thrown, operation), thrown);
}

/** True when `thrown` says that nothing is there. */
export function isAbsent(thrown: unknown): boolean {
  return codeOf(thrown) === "ENOENT";
}
