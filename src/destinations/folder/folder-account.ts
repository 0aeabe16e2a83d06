// The folder as a storage account: its subdirectories are the containers.

import { dirname, join, resolve } from "node:path";
import { codeOf, ColdpathError } from "../../lib/errors.ts";
import { silentLog, type Log } from "../../lib/log.ts";
import { type Destination, DestinationError, type StorageAccess } from "../destination.ts";
import { orAborted, throwIfAborted } from "../failure.ts";
import { pathProblem } from "../object-path.ts";
import { Directories } from "./directories.ts";
import { fileError, isAbsent } from "./file-error.ts";
import { nodeFiles, type Files } from "./files.ts";
import { FolderDestination, type FolderDestinationOptions } from "./folder-destination.ts";
import { type FolderPolicy, requireAllowed } from "./folder-policy.ts";
import { limitedFiles } from "./limited-files.ts";

export interface FolderOptions {
  /** Longest wait for one file operation. Default 60 s. */
  readonly requestTimeoutMs?: number | undefined;
  readonly log?: Log | undefined;
  /** A temporary file untouched for this long belongs to a dead attempt. Default one hour. */
  readonly leftoverAgeMs?: number | undefined;
  /** Without hard links: a lock unchanged for this long belongs to a dead process. Default 30 s. */
  readonly lockStaleMs?: number | undefined;
  /** For tests: a file system that fails. */
  readonly files?: Files | undefined;
  /** Where containers may be. Default: anywhere but in the kernel's file systems. */
  readonly folderPolicy?: FolderPolicy | undefined;
}

const defaultRequestTimeoutMs = 60_000;

/**
 * Opens the directory `path` as a storage account. Nothing is created or looked for yet.
 *
 * @throws ColdpathError `invalid` when `path` is empty.
 */
export function openFolder(path: string, options: FolderOptions = {}): StorageAccess {
  if (path.trim() === "" || path.includes("\0")) {
    throw new ColdpathError("invalid", "invalid-directory", "the folder's path is empty", {
      field: "settings.path",
      hint: "Give the directory that holds the containers, e.g. /srv/lake.",
    });
  }
  const directory = resolve(path);
  return new FolderAccount(directory, options.folderPolicy ?? {}, {
    files: limitedFiles(options.files ?? nodeFiles, directory, options.requestTimeoutMs ?? defaultRequestTimeoutMs),
    log: options.log ?? silentLog,
    leftoverAgeMs: options.leftoverAgeMs ?? 3_600_000,
    lockStaleMs: options.lockStaleMs ?? 30_000,
  });
}

class FolderAccount implements StorageAccess {
  readonly #directory: string;
  readonly #policy: FolderPolicy;
  readonly #options: FolderDestinationOptions;

  constructor(directory: string, policy: FolderPolicy, options: FolderDestinationOptions) {
    this.#directory = directory;
    this.#policy = policy;
    this.#options = options;
  }

  async container(name: string, signal?: AbortSignal): Promise<Destination> {
    requireContainerName(name);
    const operation = `find the directory ${name} in ${this.#directory}`;
    throwIfAborted(signal, operation);
    return new FolderDestination(await orAborted(signal, operation, this.#allowed(name)), this.#options);
  }

  async listContainers(signal?: AbortSignal): Promise<readonly string[]> {
    const operation = `list the directories in ${this.#directory}`;
    throwIfAborted(signal, operation);
    return await orAborted(signal, operation, this.#list(operation));
  }

  /** Makes the account's own directory too when it is missing: this is the one place where somebody asks for it. */
  async createContainer(name: string, signal?: AbortSignal): Promise<boolean> {
    requireContainerName(name);
    const operation = `create the directory ${name} in ${this.#directory}`;
    throwIfAborted(signal, operation);
    return await orAborted(signal, operation, this.#create(name, operation, signal));
  }

  async #list(operation: string): Promise<readonly string[]> {
    // A listing of names only, and yet: of the data directory, or outside of what is allowed, it is nobody's business.
    await this.#allowed("any");
    try {
      const entries = await this.#options.files.readdir(this.#directory, { withFileTypes: true });
      const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
      return names.filter((name) => containerNameProblem(name) === null).sort();
    } catch (thrown) {
      // An account whose directory nobody made yet holds no container; createContainer makes both.
      if (isAbsent(thrown)) return [];
      throw fileError(thrown, operation);
    }
  }

  async #create(name: string, operation: string, signal: AbortSignal | undefined): Promise<boolean> {
    await this.#allowed(name);
    const { files } = this.#options;
    try {
      const parent = await existingAncestor(files, this.#directory);
      const missing = this.#directory.slice(parent.length).split("/").filter(Boolean);
      const directories = new Directories(files, parent);
      if (await directories.exist([...missing, name])) return false;
      throwIfAborted(signal, operation);
      await directories.ensure([...missing, name]);
      return true;
    } catch (thrown) {
      throw fileError(thrown, operation);
    }
  }

  async close(): Promise<void> {}

  /** The canonical directory of the container. Looked up anew each time: links and mounts change. */
  async #allowed(name: string): Promise<string> {
    try {
      const directory = await canonicalDirectory(this.#options.files, this.#directory, name);
      requireAllowed(directory, this.#policy);
      return directory;
    } catch (thrown) {
      if (thrown instanceof ColdpathError) throw thrown;
      throw fileError(thrown, `find the directory ${name} in ${this.#directory}`);
    }
  }
}

function requireContainerName(name: string): void {
  const problem = containerNameProblem(name);
  if (problem === null) return;
  throw new ColdpathError(
    "invalid",
    "invalid-container-name",
    `the container name ${JSON.stringify(name)} ${problem}`,
    {
      field: "container",
      hint: "Use a plain directory name, e.g. iot: letters, digits, dots, hyphens; not beginning with a dot.",
    },
  );
}

/** One segment, visible, and without what other systems refuse in names. */
function containerNameProblem(name: string): string | null {
  if (name.startsWith(".")) return "begins with a dot";
  if (/[/:*?"<>|]/.test(name)) return "has a character that directories should not have";
  if (name.length > 128) return "has more than 128 characters";
  return pathProblem(name);
}

/** The directory without symbolic links on the way to the account: one directory, one root, by which overlaps are found. */
async function canonicalDirectory(files: Files, account: string, name: string): Promise<string> {
  const parent = await existingAncestor(files, account);
  const directory = join(await files.realpath(parent), account.slice(parent.length), name);
  try {
    // On a file system that ignores case the real name is the one on the disk. A link is left as it is, and refused later.
    return (await files.lstat(directory)).isSymbolicLink() ? directory : await files.realpath(directory);
  } catch (thrown) {
    if (codeOf(thrown) !== undefined) return directory;
    throw thrown;
  }
}

async function existingAncestor(files: Files, directory: string): Promise<string> {
  for (let ancestor = directory; ; ancestor = dirname(ancestor)) {
    try {
      await files.realpath(ancestor);
      return ancestor;
    } catch (thrown) {
      // No answer in time says nothing about what exists.
      if (thrown instanceof DestinationError || ancestor === dirname(ancestor)) throw thrown;
    }
  }
}
