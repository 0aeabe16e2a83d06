// The disk, as the journal and the stage see it: the few operations whose order and durability their invariants rest on.
//
// An interface of our own so that the simulation can put a disk under them that tears writes, loses what was not synced
// and fails when it is told to. `nodeDisk` is the real one.

import { type FileHandle, mkdir, open, readdir, rename, rm, statfs } from "node:fs/promises";
import { fdatasync, writev } from "node:fs";
import { dirname, resolve } from "node:path";
import { codeOf } from "./errors.ts";

export interface DiskFile {
  /** Writes all of the buffers, back to back, at a position. Not durable before `sync`. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Reads up to `target.length` bytes; fewer only at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Returns after everything written is on stable storage. A failure is final: the page cache may have dropped it. */
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Disk {
  /** `create` makes or empties a file, `update` and `read` need it to exist. */
  open(path: string, mode: "create" | "update" | "read"): Promise<DiskFile>;
  /** Names in a directory, sorted; empty when there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
  /** Makes a directory and its parents, durably; also when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Replaces `to` atomically, also over a power cut. Durable after `syncDirectory` of both directories. */
  rename(from: string, to: string): Promise<void>;
  /** No error when it does not exist. */
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** What the file system of a path has for us, and in all. */
  room(path: string): Promise<DiskRoom>;
}

export interface DiskRoom {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export const nodeDisk: Disk = {
  open: async (path, mode) => nodeFile(await open(path, { create: "w+", update: "r+", read: "r" }[mode], 0o640)),

  async list(directory) {
    try {
      return (await readdir(directory)).sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  },

  async makeDirectory(path) {
    const first = await mkdir(path, { recursive: true });
    // Every directory that was made is an entry of its parent: sync from the leaf up to the parent of the first. One that
    // is there already may have been made by a process that died before it could sync.
    for (let at = resolve(path); ; at = dirname(at)) {
      await syncDirectory(dirname(at));
      if (first === undefined || at === resolve(first) || dirname(at) === at) break;
    }
  },

  async room(path) {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },

  rename,
  remove: (path) => rm(path, { force: true }),
  syncDirectory,
};

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function nodeFile(handle: FileHandle): DiskFile {
  const { fd } = handle;
  return {
    write: (buffers, position) =>
      // The callback form: half the cost of FileHandle's, and this runs once a frame.
      new Promise((resolve, reject) => {
        const step = (rest: readonly Uint8Array[], at: number): void => {
          writev(fd, rest, at, (error, written) => {
            if (error !== null) return reject(error);
            const left = dropBytes(rest, written);
            return left.length === 0 ? resolve() : step(left, at + written);
          });
        };
        step(buffers, position);
      }),
    async read(target, position) {
      let have = 0;
      while (have < target.length) {
        const { bytesRead } = await handle.read(target, have, target.length - have, position + have);
        if (bytesRead === 0) break;
        have += bytesRead;
      }
      return have;
    },
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
      }),
    truncate: (bytes) => handle.truncate(bytes),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

function dropBytes(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const buffer of buffers) {
    if (skip >= buffer.length) skip -= buffer.length;
    else {
      rest.push(skip === 0 ? buffer : buffer.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}
