// The lock of a container's root, for file systems without hard links: one put at a time looks and renames.
//
// Weaker than a hard link, and documented so (docs/operating.md): it keeps Coldpath from overwriting Coldpath, not from
// overwriting a stranger who writes the same name between our look and our rename; and a holder that sleeps for longer
// than `staleMs` in between loses the lock without knowing.
//
// A lock whose content has not changed for `staleMs` of *our own* monotonic time belongs to a dead process and is
// broken. Times of the file server are not believed.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { codeOf } from "../../lib/errors.ts";
import { DestinationError } from "../destination.ts";
import { isAbsent } from "./file-error.ts";
import type { Files } from "./files.ts";

const pollMs = 25;

export class RootLock {
  readonly #files: Files;
  readonly #file: string;
  readonly #staleMs: number;

  constructor(files: Files, file: string, staleMs: number) {
    this.#files = files;
    this.#file = file;
    this.#staleMs = staleMs;
  }

  /** Runs `action` while no other put holds the lock. Waits as long as the holders keep changing. */
  async hold<T>(action: () => Promise<T>): Promise<T> {
    const token = `${hostname()} ${process.pid} ${randomUUID()}\n`;
    let seen: string | null = null;
    let seenSinceMs = 0;
    while (!(await this.#take(token))) {
      const holder = await this.#holder();
      const nowMs = performance.now();
      if (holder === null || holder !== seen) {
        seen = holder;
        seenSinceMs = nowMs;
      } else if (nowMs - seenSinceMs > this.#staleMs) {
        await this.#break(holder);
        seen = null;
      }
      await pause(pollMs);
    }
    let isLeft = false;
    try {
      return await action();
    } catch (thrown) {
      // What did not end in time may still rename: the lock stays until it is stale.
      isLeft = thrown instanceof DestinationError && thrown.failure.code === "timeout";
      throw thrown;
    } finally {
      // Only our own: we may have lost it while asleep.
      if (!isLeft && (await this.#holder()) === token) await this.#files.unlink(this.#file);
    }
  }

  async #take(token: string): Promise<boolean> {
    try {
      const handle = await this.#files.open(this.#file, "wx");
      try {
        await handle.writeFile(token);
      } catch (thrown) {
        await this.#files.unlink(this.#file);
        throw thrown;
      } finally {
        await handle.close();
      }
      return true;
    } catch (thrown) {
      if (codeOf(thrown) === "EEXIST") return false;
      throw thrown;
    }
  }

  async #holder(): Promise<string | null> {
    try {
      return await this.#files.readFile(this.#file, "utf8");
    } catch (thrown) {
      if (isAbsent(thrown)) return null;
      throw thrown;
    }
  }

  async #break(holder: string): Promise<void> {
    if ((await this.#holder()) !== holder) return;
    try {
      await this.#files.unlink(this.#file);
    } catch (thrown) {
      if (!isAbsent(thrown)) throw thrown;
    }
  }
}
