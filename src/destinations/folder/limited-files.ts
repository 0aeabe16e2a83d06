// File operations bounded in time and number, for a folder whose disk or file server does not answer any more.
//
// A file operation that hangs cannot be ended: it holds one of the process's threads until the kernel lets it go. So each
// is waited for no longer than a storage request may take, and an account's directory holds few threads:
//
//   -   16 operations run at once; the others wait for their turn, in the same time limit.
//   -   Once four hang, every further one is refused at once, until one of the four has ended.
//
// Counted for each directory in the whole process, however often the account is opened: the threads are the process's.
// What ends late is not lost: a file that was opened is closed, and a name that was made is found by the next attempt.

import { DestinationError } from "../destination.ts";
import { temporary } from "../failure.ts";
import type { Files, OpenFile } from "./files.ts";

const atOnceMax = 16;
const hangingMax = 4;

export interface LimitedFiles extends Files {
  /** An operation on the account's directory did not end in time, and has not ended since. */
  readonly isHanging: boolean;
}

/**
 * `files` for the account in `directory`: each operation ends within `timeoutMs`, if need be with the temporary failure
 * `timeout`. Closing a file that something hangs on is not waited for.
 */
export function limitedFiles(files: Files, directory: string, timeoutMs: number): LimitedFiles {
  const run: Run = (operation, onLate) => operationsIn(directory).run(timeoutMs, operation, onLate);
  const limit = <F extends (...given: never[]) => Promise<unknown>>(operation: F): F =>
    ((...given: Parameters<F>) => run(() => operation(...given))) as F;
  const closeLate = (file: OpenFile): void => void file.close().catch(() => {});
  return {
    get isHanging() {
      return (accounts.get(directory)?.hanging ?? 0) > 0;
    },
    lstat: limit(files.lstat),
    link: limit(files.link),
    mkdir: limit(files.mkdir),
    open: async (path, flags) => limitedFile(await run(() => files.open(path, flags), closeLate), directory, run),
    readFile: limit(files.readFile),
    readdir: limit(files.readdir),
    realpath: limit(files.realpath),
    rename: limit(files.rename),
    unlink: limit(files.unlink),
  };
}

type Run = <T>(operation: () => Promise<T>, onLate?: (value: T) => void) => Promise<T>;

function limitedFile(file: OpenFile, directory: string, run: Run): OpenFile {
  const underWay = new Set<Promise<unknown>>();
  const limit = <F extends (...given: never[]) => Promise<unknown>>(operation: F): F =>
    ((...given: Parameters<F>) =>
      run(() => {
        const running = operation.apply(file, given);
        const ended: Promise<unknown> = running.catch(() => {}).then(() => underWay.delete(ended));
        underWay.add(ended);
        return running;
      })) as F;
  return {
    read: limit(file.read),
    stat: limit(file.stat),
    sync: limit(file.sync),
    write: limit(file.write),
    writeFile: limit(file.writeFile),
    close: async () => {
      const isRefusing = accounts.get(directory)?.isRefusing ?? false;
      if (underWay.size === 0 && !isRefusing) return await run(() => file.close());
      // Not waited for, and not forgotten: when what hangs on it has ended.
      void Promise.all(underWay)
        .then(() => file.close())
        .catch(() => {});
    },
  };
}

/** Those with an operation under way, by their directories. */
const accounts = new Map<string, Operations>();

function operationsIn(directory: string): Operations {
  const operations = accounts.get(directory) ?? new Operations(directory);
  accounts.set(directory, operations);
  return operations;
}

function timeoutError(message: string): DestinationError {
  return new DestinationError(
    temporary(
      "timeout",
      message,
      "Check that the disk or file server is well and mounted; the export goes on by itself.",
    ),
  );
}

/** Those on one account's directory. */
class Operations {
  readonly #directory: string;
  readonly #waiting = new Set<() => void>();
  #running = 0;
  hanging = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get isRefusing(): boolean {
    return this.hanging >= hangingMax;
  }

  /**
   * @param onLate  takes what came out of an operation that nobody waits for any more.
   * @throws what `operation` throws; DestinationError `timeout`.
   */
  run<T>(timeoutMs: number, operation: () => Promise<T>, onLate: (value: T) => void = () => {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.isRefusing) {
        const message = `${this.hanging} file operations in ${this.#directory} hang: no other is begun until one of them ends`;
        reject(timeoutError(message));
        return;
      }
      let isRunning = false;
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        if (isRunning) this.hanging++;
        else this.#waiting.delete(begin);
        reject(timeoutError(`a file operation in ${this.#directory} did not end within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      const ended = (): void => {
        clearTimeout(timer);
        if (isLate) this.hanging--;
        this.#running--;
        const [next] = this.#waiting;
        if (next !== undefined) {
          this.#waiting.delete(next);
          next();
        } else if (this.#running === 0) accounts.delete(this.#directory);
      };
      const begin = (): void => {
        isRunning = true;
        this.#running++;
        operation().then(
          (value) => {
            ended();
            if (isLate) onLate(value);
            else resolve(value);
          },
          (error: unknown) => {
            ended();
            reject(error); // heard by nobody when it is late
          },
        );
      };
      if (this.#running < atOnceMax) begin();
      else this.#waiting.add(begin);
    });
  }
}
