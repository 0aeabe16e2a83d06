// Temporary files: `.coldpath/tmp/{kind}-{32 hexadecimal digits}.tmp`, one for each attempt, and the removal of those
// that dead attempts left behind.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { ownDirectory } from "../object-path.ts";
import type { Directories } from "./directories.ts";
import { isAbsent } from "./file-error.ts";
import type { LimitedFiles } from "./limited-files.ts";

export type TemporaryKind = "put" | "label" | "probe";

/** Only what we made: a stranger's file in our directory stays. */
const namePattern = /^(?:put|label|probe)-[0-9a-f]{32}\.tmp$/;

export class TemporaryFiles {
  readonly #files: LimitedFiles;
  readonly #directories: Directories;
  readonly #leftoverAgeMs: number;
  #isSwept = false;

  constructor(files: LimitedFiles, directories: Directories, leftoverAgeMs: number) {
    this.#files = files;
    this.#directories = directories;
    this.#leftoverAgeMs = leftoverAgeMs;
  }

  /** A name nobody has, in a directory that exists. The first call removes leftovers. */
  async next(kind: TemporaryKind): Promise<string> {
    const directory = await this.#directories.ensure([ownDirectory, "tmp"]);
    if (!this.#isSwept) {
      this.#isSwept = true;
      await this.#sweep(directory);
    }
    return join(directory, `${kind}-${randomUUID().replaceAll("-", "")}.tmp`);
  }

  /** Removes a file that is no longer needed. What cannot be removed now is a leftover for a later start. */
  async discard(file: string): Promise<void> {
    if (this.#files.isHanging) return; // it would hang, too
    try {
      await this.#files.unlink(file);
    } catch {
      // Absent after a rename; otherwise the outcome of the put is more important than its litter.
    }
  }

  /**
   * Another process may be writing here too, so only files are removed that nobody has written to for `leftoverAgeMs`.
   * Were one of them alive after all, its put fails for now and is tried again: nothing is lost.
   */
  async #sweep(directory: string): Promise<void> {
    // Real time, not the window clock: the file system on the other side stamps real time.
    const before = Date.now() - this.#leftoverAgeMs;
    for (const name of await this.#files.readdir(directory)) {
      if (!namePattern.test(name)) continue;
      const file = join(directory, name);
      try {
        const stat = await this.#files.lstat(file);
        if (stat.isFile() && stat.mtimeMs < before) await this.#files.unlink(file);
      } catch (thrown) {
        if (!isAbsent(thrown)) throw thrown;
      }
    }
  }
}
