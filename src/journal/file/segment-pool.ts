// Recycled files: a trimmed segment's file is kept and overwritten by a later segment. Rewriting blocks that exist takes
// half the time of growing a file (docs/decisions/0002), and a full disk cannot refuse it.
//
// The pool is bounded by `bytesMax`; beyond it files are deleted. A recycled file's former frames cannot be taken for
// frames of its next segment: segment-format.ts.

import { join } from "node:path";
import { codeOf } from "../../lib/errors.ts";
import type { Disk } from "../../lib/disk.ts";

export interface FreeFile {
  readonly path: string;
  readonly bytes: number;
}

export class SegmentPool {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #bytesMax: number;
  #free: FreeFile[] = [];
  #number = 0;

  private constructor(disk: Disk, directory: string, bytesMax: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#bytesMax = bytesMax;
  }

  static async open(disk: Disk, directory: string, bytesMax: number): Promise<SegmentPool> {
    await disk.makeDirectory(directory);
    await disk.syncDirectory(directory);
    const pool = new SegmentPool(disk, directory, bytesMax);
    for (const name of await disk.list(directory)) {
      if (!name.endsWith(".free")) continue;
      const path = join(directory, name);
      const file = await disk.open(path, "read");
      const bytes = await file.size();
      await file.close();
      pool.#number = Math.max(pool.#number, Number.parseInt(name, 10) || 0);
      if (pool.bytes + bytes > bytesMax) await disk.remove(path);
      else pool.#free.push({ path, bytes });
    }
    return pool;
  }

  get bytes(): number {
    return this.#free.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** A file to overwrite, of about `bytesWanted` or the largest there is; null when the pool is empty. */
  take(bytesWanted: number): FreeFile | null {
    let best = -1;
    for (const [index, file] of this.#free.entries()) {
      const bestBytes = this.#free[best]?.bytes ?? -1;
      const fits = file.bytes >= bytesWanted;
      const isBetter = bestBytes >= bytesWanted ? fits && file.bytes < bestBytes : file.bytes > bestBytes;
      if (isBetter) best = index;
    }
    return best < 0 ? null : (this.#free.splice(best, 1)[0] as FreeFile);
  }

  /** What `take` gave and nobody could use. */
  giveBack(file: FreeFile): void {
    this.#free.push(file);
  }

  /** After a file that was taken has its new name. */
  async syncDirectory(): Promise<void> {
    await this.#disk.syncDirectory(this.#directory);
  }

  /**
   * Takes a trimmed segment's file. When this resolves, its old name is gone for good, so that no crash can bring back
   * the name with other content. It is no error when the file is lost.
   */
  async give(path: string, directory: string, bytes: number): Promise<void> {
    if (this.bytes + bytes > this.#bytesMax) {
      await this.#disk.remove(path);
      await this.#disk.syncDirectory(directory);
      return;
    }
    this.#number++;
    const free = join(this.#directory, `${String(this.#number).padStart(8, "0")}.free`);
    try {
      await this.#disk.rename(path, free);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return;
      throw error;
    }
    await this.#disk.syncDirectory(directory);
    await this.#disk.syncDirectory(this.#directory);
    this.#free.push({ path: free, bytes });
  }

  /** Deletes what is kept, to make room. Returns the bytes it freed. */
  async shrink(): Promise<number> {
    const freed = this.bytes;
    for (const file of this.#free.splice(0)) await this.#disk.remove(file.path);
    return freed;
  }
}
