// A small real file system, mounted: ext4 in a file. Needs root; see "mount" in needs.ts.

import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Large enough for a journal and its segments ahead, small enough to fill in seconds. */
const bytes = 48 * 1024 * 1024;

export class SmallDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #image: string;

  private constructor(path: string, image: string) {
    this.path = path;
    this.#image = image;
  }

  /** Makes one and mounts it. */
  static make(path: string): SmallDisk {
    const disk = new SmallDisk(path, `${path}.ext4`);
    mkdirSync(path, { recursive: true });
    closeSync(openSync(disk.#image, "w"));
    truncateSync(disk.#image, bytes);
    run("mkfs.ext4", "-q", "-F", "-m", "0", disk.#image);
    disk.mount();
    return disk;
  }

  /** Why none can be made here, or null. */
  static reasonImpossible(): string | null {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-mount-"));
    try {
      SmallDisk.make(join(directory, "disk")).remove();
      return null;
    } catch (error) {
      const [line = ""] = error instanceof Error ? error.message.trim().split("\n").slice(-1) : [];
      return `a small file system cannot be mounted, which needs root: ${line}`;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  mount(): void {
    run("mount", "-o", "loop", this.#image, this.path);
  }

  /** At once, whoever uses it. */
  unmount(): void {
    run("umount", "--lazy", this.path);
  }

  /** From now on nothing can be written, or again. */
  makeReadOnly(isReadOnly: boolean): void {
    // The kernel refuses while a file is open for writing: for a moment, when an export is being written.
    for (let turn = 0; ; turn++) {
      const { status, stderr } = spawnSync("mount", ["-o", `remount,${isReadOnly ? "ro" : "rw"}`, this.path]);
      if (status === 0) return;
      if (turn === 200) throw new Error(String(stderr));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }

  /** Somebody else writes until nothing is left, or deletes that again. */
  fill(): void {
    const chunk = Buffer.alloc(1024 * 1024, 1);
    const file = openSync(join(this.path, "filler"), "w");
    try {
      for (let size = chunk.length; size >= 1024; size >>= 1) {
        try {
          for (;;) writeSync(file, chunk, 0, size);
        } catch {
          // Full for this size.
        }
      }
    } finally {
      closeSync(file);
    }
  }

  clear(): void {
    rmSync(join(this.path, "filler"), { force: true });
  }

  /** The device loses most of what is on it: what is written or read there fails. */
  breakDown(): void {
    const device = execFileSync("findmnt", ["-n", "-o", "SOURCE", this.path], { encoding: "utf8" }).trim();
    truncateSync(this.#image, bytes / 16);
    run("losetup", "--set-capacity", device);
  }

  remove(): void {
    spawnSync("umount", ["--lazy", this.path]);
    rmSync(this.#image, { force: true });
  }
}

function run(command: string, ...argv: readonly string[]): void {
  execFileSync(command, argv, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
}
