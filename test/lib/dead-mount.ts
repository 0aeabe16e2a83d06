// A file system whose server is gone: FUSE with nobody behind it. Every look at it hangs until the test lets it go; then
// it fails with ENOTCONN, and the directory below is there again. Needs root; see "mount" in needs.ts.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

export class DeadMount {
  readonly #path: string;
  readonly #holder: ChildProcess;

  private constructor(path: string, holder: ChildProcess) {
    this.#path = path;
    this.#holder = holder;
  }

  /** Mounts it over the directory `path`. */
  static async over(path: string): Promise<DeadMount> {
    const options = "fd=3,rootmode=40000,user_id=0,group_id=0,allow_other";
    const script = `exec 3<>/dev/fuse && mount -i -t fuse -o ${options} none "$0" && echo mounted && read -r _`;
    const holder = spawn("bash", ["-c", script, path], { stdio: ["pipe", "pipe", "inherit"] });
    const [said] = (await Promise.race([once(holder.stdout, "data"), once(holder, "exit")])) as [unknown];
    if (!String(said).startsWith("mounted")) throw new Error(`nothing could be mounted over ${path}`);
    return new DeadMount(path, holder);
  }

  /** What hangs fails now. Safe to call twice. */
  async letGo(): Promise<void> {
    if (this.#holder.exitCode !== null) return;
    spawnSync("umount", ["--lazy", this.#path]);
    const ended = once(this.#holder, "exit");
    this.#holder.stdin?.end("\n");
    await ended;
  }
}
