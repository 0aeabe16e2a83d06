// Watches an execution from a thread of its own, which goes on when the main thread is in a loop without end.
//
// Wall time alone would accuse a busy machine: an execution hangs when it takes more than a second of wall time and of the
// process's own CPU time, or is still not done after half a minute. An execution whose memory runs away is stopped, too.
// What is found is written as a file; then the process is killed, since nothing else stops a loop.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker, isMainThread, workerData } from "node:worker_threads";

export const hangMs = 1000;
const stuckMs = 30_000;
const bytesMax = 1 << 20;
/** Words before the input: number of the execution (odd while it runs), length of the input. */
const headWords = 2;

interface Orders {
  readonly shared: SharedArrayBuffer;
  readonly directory: string;
  readonly rssMax: number;
}

export class Watchdog {
  readonly #words: Int32Array;
  readonly #input: Uint8Array;
  readonly #worker: Worker;

  constructor(directory: string, rssMax: number) {
    const shared = new SharedArrayBuffer(headWords * 4 + bytesMax);
    this.#words = new Int32Array(shared, 0, headWords);
    this.#input = new Uint8Array(shared, headWords * 4);
    const orders: Orders = { shared, directory, rssMax };
    this.#worker = new Worker(new URL(import.meta.url), { workerData: orders, execArgv: [] });
    this.#worker.unref();
  }

  begin(input: Uint8Array): void {
    this.#input.set(input);
    this.#words[1] = input.length;
    Atomics.add(this.#words, 0, 1);
  }

  end(): void {
    Atomics.add(this.#words, 0, 1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function watch({ shared, directory, rssMax }: Orders): void {
  const words = new Int32Array(shared, 0, headWords);
  let seen = 0;
  let sinceMs = 0;
  let cpu = process.cpuUsage();
  setInterval(() => {
    const now = Atomics.load(words, 0);
    if (now !== seen) {
      seen = now;
      sinceMs = performance.now();
      cpu = process.cpuUsage();
    }
    if (now % 2 === 0) return;
    const wallMs = performance.now() - sinceMs;
    const { user, system } = process.cpuUsage(cpu);
    const isHanging = wallMs > hangMs && (user + system) / 1000 > hangMs;
    const rss = process.memoryUsage.rss();
    if (!isHanging && wallMs < stuckMs && rss < rssMax) return;
    const kind = rss >= rssMax ? "memory" : "hang";
    const input = Buffer.from(new Uint8Array(shared, headWords * 4, words[1])); // a copy, also for `write`
    const path = join(directory, `${kind}-${now}-${process.pid}`);
    writeFileSync(path, input);
    writeFileSync(
      `${path}.txt`,
      kind === "memory"
        ? `the process took ${(rss / 2 ** 20).toFixed(0)} MiB\n`
        : `not done after ${wallMs.toFixed(0)} ms, ${((user + system) / 1000).toFixed(0)} ms of them CPU\n`,
    );
    process.kill(process.pid, "SIGKILL");
  }, 50);
}

if (!isMainThread) watch(workerData as Orders);
