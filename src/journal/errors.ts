// The journal's error codes, with what an operator reads.

import { ColdpathError } from "../lib/errors.ts";

/** A closed segment does not hold what was acknowledged (J3). Nothing is cut; the operator decides. */
export function corrupt(what: string, cause?: unknown): ColdpathError {
  return new ColdpathError("conflict", "journal-corrupt", `The journal is damaged: ${what}.`, {
    hint: "Keep the file. `coldpath journal check` shows the extent; restore the file from a backup, or discard the window's backlog to let it go with a recorded gap.",
    cause,
  });
}

export function trimmed(what: string): ColdpathError {
  return new ColdpathError("not-found", "journal-trimmed", `The journal no longer holds ${what}.`, {});
}

/** The process cannot go on with this journal. */
export function unusable(code: string, what: string, hint: string, cause?: unknown): ColdpathError {
  return new ColdpathError("fatal", code, what, { hint, cause });
}
