// The directories of a container: walked without following symbolic links, made durably.
//
// Owns:      which directories exist below a container's root, and that their names survive a power loss.
// Does not:  know objects.
//
//   E5  A name can lead nowhere but below the root: a component that is a symbolic link is refused, whoever made it. (An
//       intruder who can swap directories for links between our look and our use already owns the lake; this keeps a
//       link laid by mistake from spreading an export over other directories.)
//
// A directory counts as durable only when this process has synced its parent: one found there may have been made by a
// run that lost power before its own sync.

import { join } from "node:path";
import { must } from "../../lib/assert.ts";
import { codeOf } from "../../lib/errors.ts";
import { DestinationError } from "../destination.ts";
import { permanent } from "../failure.ts";
import { isAbsent } from "./file-error.ts";
import type { Files } from "./files.ts";

/** A day of minutes, roughly; forgetting one costs an extra sync. */
const durableMax = 2_000;

export class Directories {
  readonly #files: Files;
  readonly #root: string;
  readonly #durable = new Set<string>();

  constructor(files: Files, root: string) {
    this.#files = files;
    this.#root = root;
  }

  /** Throws DestinationError `container-not-found` unless the root is a directory. It is never made here. */
  async requireRoot(): Promise<void> {
    try {
      if (await this.#isDirectory(this.#root)) return;
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOTDIR") throw thrown;
    }
    throw new DestinationError(
      permanent(
        "container-not-found",
        `the directory ${this.#root} does not exist`,
        "Create the container (or mount its disk), or choose another one for the export.",
      ),
    );
  }

  /** True when every directory of `segments` exists. */
  async exist(segments: readonly string[]): Promise<boolean> {
    let directory = this.#root;
    for (const segment of segments) {
      directory = join(directory, segment);
      if (!(await this.#isDirectory(directory))) return false;
    }
    return true;
  }

  /** Makes what is missing of `segments`, durably, and returns the full path of the last. The root must exist. */
  async ensure(segments: readonly string[]): Promise<string> {
    let directory = this.#root;
    for (const segment of segments) {
      const parent = directory;
      directory = join(parent, segment);
      const exists = await this.#isDirectory(directory);
      if (!exists) await this.#make(directory);
      if (exists && this.#durable.has(directory)) continue;
      await this.sync(parent);
      this.#remember(directory);
    }
    return directory;
  }

  /** Makes the entries of `directory` survive a power loss, as far as the file system can. */
  async sync(directory: string): Promise<void> {
    const handle = await this.#files.open(directory, "r");
    try {
      await handle.sync();
    } catch (thrown) {
      // Network and user-space file systems without a sync of directories say so with one of these; they promise less.
      if (!["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(codeOf(thrown) ?? "")) throw thrown;
    } finally {
      await handle.close();
    }
  }

  async #make(directory: string): Promise<void> {
    try {
      await this.#files.mkdir(directory);
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw thrown;
      await this.#isDirectory(directory);
    }
  }

  async #isDirectory(directory: string): Promise<boolean> {
    try {
      const stat = await this.#files.lstat(directory);
      if (stat.isDirectory()) return true;
      if (!stat.isSymbolicLink()) throw Object.assign(new Error(`not a directory: ${directory}`), notDirectory);
    } catch (thrown) {
      if (isAbsent(thrown)) return false;
      throw thrown;
    }
    throw new DestinationError(
      permanent(
        "symbolic-link",
        `${directory} is a symbolic link, and exports do not follow them`,
        "Replace the link by a real directory or a bind mount, or make the link's target the storage account's directory.",
      ),
    );
  }

  #remember(directory: string): void {
    if (this.#durable.size >= durableMax) {
      this.#durable.delete(must(this.#durable.values().next().value, "a full set has a first member"));
    }
    this.#durable.add(directory);
  }
}

const notDirectory = { code: "ENOTDIR", syscall: "lstat" };
