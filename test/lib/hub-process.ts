// The real server in a process of its own, on ports of its own, in a directory of the test's: started, killed, stopped.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerAddress } from "../../src/server/data-files.ts";

const root = join(import.meta.dirname, "../..");

export class HubProcess {
  readonly dataDir: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  output = "";

  private constructor(dataDir: string, child: ChildProcess) {
    this.dataDir = dataDir;
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    // A test runner that dies takes its servers along.
    const killChild = (): void => void child.kill("SIGKILL");
    process.once("exit", killChild);
    child.once("exit", () => process.off("exit", killChild));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
  }

  /** Starts and waits until it listens. Every port is any free one. */
  static async start(dataDir: string, ...flags: string[]): Promise<HubProcess> {
    const hub = HubProcess.launch(dataDir, ...flags);
    await hub.listening();
    return hub;
  }

  /** Starts it and does not wait: for who wants to kill it on the way up, or expects that it refuses. */
  static launch(dataDir: string, ...flags: string[]): HubProcess {
    const ports = [
      "--mqtt-port=0",
      "--mqtts-port=0",
      "--amqps-port=0",
      "--https-port=0",
      "--web-port=0",
      "--host=127.0.0.1",
    ];
    const argv = [
      "--max-semi-space-size=8",
      join(root, "src/main.ts"),
      "serve",
      `--data-dir=${dataDir}`,
      ...ports,
      ...flags,
    ];
    const child = spawn(process.execPath, argv, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FORCE_COLOR: "0" },
    });
    return new HubProcess(dataDir, child);
  }

  /** Resolves when it listens; an exception with its output when it ended instead. */
  async listening(): Promise<void> {
    for (let turn = 0; turn < 2400; turn++) {
      if (existsSync(this.#addressPath) && this.address.pid === this.#child.pid) return;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`the server did not start:\n${this.output}`);
  }

  /** The exit code; null when a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#exited;
  }

  get #addressPath(): string {
    return join(this.dataDir, "server.json");
  }

  get address(): ServerAddress {
    return JSON.parse(readFileSync(this.#addressPath, "utf8")) as ServerAddress;
  }

  get adminToken(): string {
    return readFileSync(join(this.dataDir, "admin.token"), "utf8").trim();
  }

  /** One call of the REST API; its answer, or an exception that quotes it. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.address.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.adminToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  /** SIGSTOP: the process stands still, as on a machine that hangs or a virtual machine that is paused. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** SIGCONT. */
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** SIGKILL: no farewell. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** SIGTERM. @returns the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return await this.#exited;
  }
}
