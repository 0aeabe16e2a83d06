// The folder: a destination that is a directory of this machine, or of a file server mounted there.
//
// Owns:      final names, temporary files, side records, the durability of all of them.
// Does not:  create the container's directory (createContainer does: a disk that is not mounted must not be replaced by
//            an empty directory), retry, know what the bytes mean.
//
//   E5  A file gets its final name when all of it is on stable storage, in one step, and only when nothing has that name.
//
// The steps of a put, and what a crash after each leaves:
//   1  write `.coldpath/tmp/put-….tmp`, fsync         a leftover, removed by a later start
//   2  make and sync the directories of the path      empty directories
//   3  hard link to the final name                    the whole object (its bytes were synced in 1)
//   4  sync the directory                             the object, durable; only now is it `created`, or `exists`
//   5  unlink the temporary file, write the label     the object without label, which the port allows
//
// Weaker where the file system has no hard links (SMB, FUSE): see claim-name.ts and root-lock.ts.

import { constants, type BigIntStats } from "node:fs";
import { basename, join } from "node:path";
import { assert, must } from "../../lib/assert.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type {
  Destination,
  Failure,
  HeadOutcome,
  Label,
  LevelRequest,
  ListedLevel,
  ListedObject,
  ProbeStep,
  PutOutcome,
  PutRequest,
} from "../destination.ts";
import { DestinationError } from "../destination.ts";
import { orAborted, permanent, probeStep, temporary, throwIfAborted } from "../failure.ts";
import { ownDirectory, pathProblem, refusePath } from "../object-path.ts";
import { chunksOf, labelOf, SourceError } from "../put-source.ts";
import { claimName } from "./claim-name.ts";
import { Directories } from "./directories.ts";
import { fileError, fileFailure, isAbsent } from "./file-error.ts";
import type { OpenFile } from "./files.ts";
import type { LimitedFiles } from "./limited-files.ts";
import { listDirectory, listObjects } from "./object-list.ts";
import { RootLock } from "./root-lock.ts";
import { SideRecords } from "./side-record.ts";
import { TemporaryFiles } from "./temporary-files.ts";

export interface FolderDestinationOptions {
  readonly files: LimitedFiles;
  readonly log: Log;
  readonly leftoverAgeMs: number;
  readonly lockStaleMs: number;
}

/** Bytes of one read; bounds the memory of `read`. */
const readBytes = 256 * 1024;

const probeSteps = ["find the directory", "create a temporary file", "read it back", "list the directory"] as const;
const nothing: ListedLevel = { folders: [], files: [], next: null };

export class FolderDestination implements Destination {
  readonly root: string;
  readonly #directory: string;
  readonly #files: LimitedFiles;
  readonly #log: Log;
  readonly #directories: Directories;
  readonly #temporaryFiles: TemporaryFiles;
  readonly #sideRecords: SideRecords;
  readonly #lock: RootLock;

  /** @param directory  canonical: absolute, without symbolic links. */
  constructor(directory: string, options: FolderDestinationOptions) {
    this.root = `folder:${directory}`;
    this.#directory = directory;
    this.#files = options.files;
    this.#log = options.log;
    this.#directories = new Directories(options.files, directory);
    this.#temporaryFiles = new TemporaryFiles(options.files, this.#directories, options.leftoverAgeMs);
    this.#sideRecords = new SideRecords(options.files, this.#directories, directory);
    this.#lock = new RootLock(options.files, join(directory, ownDirectory, "put.lock"), options.lockStaleMs);
  }

  async put(request: PutRequest): Promise<PutOutcome> {
    const refused = refusePath(request.path);
    if (refused !== null) return refused;
    const operation = `write ${request.path} in ${this.#directory}`;
    return await this.#outcomeOf(request.signal, operation, this.#put(request, operation));
  }

  async #put(request: PutRequest, operation: string): Promise<PutOutcome> {
    let temporaryFile: string | undefined;
    try {
      throwIfAborted(request.signal, operation);
      await this.#directories.requireRoot();
      temporaryFile = await this.#temporaryFiles.next("put");
      const stat = await this.#writeWhole(temporaryFile, request, operation);
      const label = labelOf(request);
      throwIfAborted(request.signal, operation);
      const segments = request.path.split("/");
      const directory = await this.#directories.ensure(segments.slice(0, -1));
      const file = join(directory, basename(request.path));
      throwIfAborted(request.signal, operation);
      const outcome = await claimName(this.#files, temporaryFile, file, this.#lock);
      // Also when it exists: whoever linked it may have lost power, or its sync, before this step.
      await this.#directories.sync(directory);
      if (outcome === "exists") return (await this.#notAFile(request.path, file)) ?? { kind: "exists" };
      await this.#writeLabel(request.path, stat, label);
      return { kind: "created" };
    } catch (thrown) {
      if (thrown instanceof SourceError) throw thrown.cause;
      return fileFailure(thrown, operation);
    } finally {
      if (temporaryFile !== undefined) await this.#temporaryFiles.discard(temporaryFile);
    }
  }

  async head(path: string, signal?: AbortSignal): Promise<HeadOutcome> {
    const refused = refusePath(path);
    if (refused !== null) return refused;
    const operation = `look at ${path} in ${this.#directory}`;
    return await this.#outcomeOf(signal, operation, this.#head(path, operation, signal));
  }

  async #head(path: string, operation: string, signal: AbortSignal | undefined): Promise<HeadOutcome> {
    try {
      throwIfAborted(signal, operation);
      await this.#directories.requireRoot();
      if (!(await this.#directories.exist(path.split("/").slice(0, -1)))) return { kind: "absent" };
      const file = join(this.#directory, path);
      const stat = await this.#files.lstat(file, { bigint: true });
      if (!stat.isFile()) return notAFileFailure(file);
      return { kind: "found", bytes: Number(stat.size), label: await this.#sideRecords.read(path, stat) };
    } catch (thrown) {
      return isAbsent(thrown) ? { kind: "absent" } : fileFailure(thrown, operation);
    }
  }

  async *read(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const operation = `read ${path} in ${this.#directory}`;
    const refused = refusePath(path);
    if (refused !== null) throw new DestinationError(refused);
    let opening: Promise<OpenFile> | undefined;
    try {
      throwIfAborted(signal, operation);
      opening = this.#openToRead(path);
      const handle = await orAborted(signal, operation, opening);
      const { size } = await orAborted(signal, operation, handle.stat());
      for (let position = 0; position < size;) {
        throwIfAborted(signal, operation);
        const chunk = Buffer.allocUnsafe(Math.min(readBytes, size - position));
        const { bytesRead } = await orAborted(signal, operation, handle.read(chunk, 0, chunk.byteLength, position));
        if (bytesRead === 0) throw new DestinationError(shortRead(operation, position, size));
        position += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    } catch (thrown) {
      throw fileError(thrown, operation);
    } finally {
      // Also one that is opened after an abort; what fails here was told above, or does not matter to a reader.
      const closing = opening?.then((handle) => handle.close()).catch(() => {});
      if (signal?.aborted !== true) await closing;
    }
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    try {
      await orAborted(signal, `listing ${this.#directory}`, this.#directories.requireRoot());
      yield* listObjects(this.#files, this.#directory, prefix, signal);
    } catch (thrown) {
      throw fileError(thrown, `list ${JSON.stringify(prefix)} in ${this.#directory}`);
    }
  }

  async listLevel(request: LevelRequest): Promise<ListedLevel> {
    const { prefix, signal } = request;
    const operation = `list ${JSON.stringify(prefix)} in ${this.#directory}`;
    const segments = prefix.split("/").slice(0, -1);
    try {
      if (segments.length > 0 && pathProblem(segments.join("/")) !== null) return nothing;
      throwIfAborted(signal, operation);
      await orAborted(signal, operation, this.#directories.requireRoot());
      if (!(await orAborted(signal, operation, this.#directories.exist(segments)))) return nothing;
      return await listDirectory(this.#files, this.#directory, request);
    } catch (thrown) {
      if (codeOf(thrown) === "ENOTDIR") return nothing; // below a file
      throw fileError(thrown, operation);
    }
  }

  async probe(signal?: AbortSignal): Promise<readonly ProbeStep[]> {
    const steps: ProbeStep[] = [];
    const operation = `trying ${this.#directory}`;
    const ended = await this.#outcomeOf(signal, operation, this.#probe(steps, signal));
    // A file system that hangs: what was found until then, and where it is waited for.
    if (ended !== null) steps[steps.length] = probeStep.failed("wait for the file system", ended);
    const known = new Set(steps.map(({ step }) => step));
    return [...steps, ...probeSteps.filter((step) => !known.has(step)).map(probeStep.notTried)];
  }

  async #probe(steps: ProbeStep[], signal: AbortSignal | undefined): Promise<null> {
    const [find, create, read, list] = probeSteps;
    const attempt = async (step: string, right: string, work: () => Promise<void>): Promise<boolean> => {
      try {
        throwIfAborted(signal, `trying ${this.#directory}`);
        await work();
        steps.push(probeStep.ok(step));
        return true;
      } catch (thrown) {
        const failure = fileFailure(thrown, `${step} in ${this.#directory}`);
        const isRight = failure.code === "EACCES" || failure.code === "EPERM";
        steps.push(probeStep.failed(step, failure, isRight ? `${right} on ${this.#directory} for ${ownUser()}` : null));
        return false;
      }
    };
    if (!(await attempt(find, "search (x)", () => this.#directories.requireRoot()))) return null;
    let temporaryFile: string | undefined;
    try {
      const isWritten = await attempt(create, "write and search (wx)", async () => {
        temporaryFile = await this.#temporaryFiles.next("probe");
        await this.#writeProbe(temporaryFile);
      });
      if (isWritten) {
        await attempt(read, "read (r)", async () => {
          await this.#files.readFile(must(temporaryFile, "it was written"), {
            flag: constants.O_RDONLY | constants.O_NOFOLLOW,
          });
        });
      }
      await attempt(list, "read (r)", async () => void (await this.#files.readdir(this.#directory)));
    } finally {
      if (temporaryFile !== undefined) await this.#temporaryFiles.discard(temporaryFile);
    }
    return null;
  }

  /** What `work` comes to, or the failure that it was aborted. */
  async #outcomeOf<T>(signal: AbortSignal | undefined, operation: string, work: Promise<T>): Promise<T | Failure> {
    try {
      return await orAborted(signal, operation, work);
    } catch (thrown) {
      if (signal?.aborted === true && thrown instanceof DestinationError) return thrown.failure;
      throw thrown;
    }
  }

  /** Step 1: all of the source's bytes, on stable storage. */
  async #writeWhole(file: string, request: PutRequest, operation: string): Promise<BigIntStats> {
    const handle = await this.#files.open(file, "wx");
    try {
      let bytes = 0;
      throwIfAborted(request.signal, operation);
      for await (const chunk of chunksOf(request.bytes)) {
        throwIfAborted(request.signal, operation);
        await writeAll(handle, chunk);
        throwIfAborted(request.signal, operation); // before the source is asked again
        bytes += chunk.byteLength;
      }
      assert(bytes > 0, `E5: no empty object is ever written, ${request.path} would be`);
      await handle.sync();
      const stat = await handle.stat({ bigint: true });
      // A file server that loses writes without an error would else hand out a partial object.
      if (stat.size !== BigInt(bytes)) throw new DestinationError(shortWrite(operation, bytes, stat.size));
      return stat;
    } finally {
      await handle.close();
    }
  }

  async #writeProbe(file: string): Promise<void> {
    const handle = await this.#files.open(file, "wx");
    try {
      await writeAll(handle, Buffer.from("coldpath\n"));
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Step 5. The object is whole and durable without it, so a failure here does not undo `created`. */
  async #writeLabel(path: string, stat: BigIntStats, label: Label): Promise<void> {
    let temporaryFile: string | undefined;
    try {
      temporaryFile = await this.#temporaryFiles.next("label");
      await this.#sideRecords.write(path, stat, label, temporaryFile);
    } catch (thrown) {
      if (temporaryFile !== undefined) await this.#temporaryFiles.discard(temporaryFile);
      this.#log.warn(
        { root: this.root, path, code: codeOf(thrown), cause: messageOf(thrown) },
        "The side record of an exported file could not be written; the file itself is complete.",
      );
    }
  }

  async #openToRead(path: string): Promise<OpenFile> {
    await this.#directories.requireRoot();
    const file = join(this.#directory, path);
    try {
      if (await this.#directories.exist(path.split("/").slice(0, -1))) {
        // A symbolic link under the final name is refused here (ELOOP); non-blocking, or a pipe would hang us.
        const handle = await this.#files.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          if ((await handle.stat()).isFile()) return handle;
          throw new DestinationError(notAFileFailure(file));
        } catch (thrown) {
          await handle.close();
          throw thrown;
        }
      }
    } catch (thrown) {
      if (!isAbsent(thrown)) throw thrown;
    }
    throw new DestinationError(
      permanent(
        "object-not-found",
        `there is no file ${file}`,
        "Check the name; list the container to see what is there.",
      ),
    );
  }

  async #notAFile(path: string, file: string): Promise<Failure | null> {
    const found = await this.head(path);
    if (found.kind === "found") return null;
    // It was there a moment ago: somebody else removes files here. The next attempt finds the name free.
    if (found.kind === "absent")
      return temporary("name-changed", `${file} vanished while it was looked at`, "Try again.");
    return found;
  }
}

/** Whose rights count. */
function ownUser(): string {
  const id = process.getuid?.();
  return id === undefined ? "the user that Coldpath runs as" : `the user that Coldpath runs as (id ${id})`;
}

async function writeAll(handle: OpenFile, chunk: Uint8Array): Promise<void> {
  for (let position = 0; position < chunk.byteLength;) {
    const { bytesWritten } = await handle.write(chunk, position, chunk.byteLength - position);
    position += bytesWritten;
  }
}

function notAFileFailure(file: string): Failure {
  return permanent(
    "not-a-file",
    `${file} exists and is not a regular file`,
    "Remove or rename it: an exported file belongs under this name.",
  );
}

function shortWrite(operation: string, bytes: number, found: bigint): Failure {
  return temporary(
    "short-write",
    `cannot ${operation}: ${bytes} bytes were written, the file system kept ${found}`,
    "Check the disk or file server; the export tries again.",
  );
}

function shortRead(operation: string, position: number, bytes: number): Failure {
  return temporary(
    "short-read",
    `cannot ${operation}: it ended at byte ${position} of ${bytes}`,
    "Somebody may be cutting the file; look at it and try again.",
  );
}
