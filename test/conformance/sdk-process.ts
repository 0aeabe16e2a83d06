// A process with an unmodified SDK in it, as a conformance test drives it: calls, and events to wait for.
//
// Owns:      the process, what was said over its pipes (driver-protocol.ts), the bounds of waiting.
// Does not:  know what an answer should be.

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Calls, Events } from "./driver-protocol.ts";
import type { Detour } from "./gate.ts";
import { gateVariable, hubHost } from "./gate-address.ts";
import { javaCommand } from "./java-command.ts";
import { pythonPath } from "../lib/needs.ts";

export const languages = ["Node.js", "Python", "Java"] as const;
export type Language = (typeof languages)[number];

/** Long enough for an SDK that waits ten seconds between its attempts, on a machine that is busy. */
const waitMs = 60_000;

const commands: Readonly<Record<Language, (detour: Detour) => readonly string[]>> = {
  "Node.js": () => [
    process.execPath,
    "--import",
    join(import.meta.dirname, "standard-ports.ts"),
    join(import.meta.dirname, "sdk-driver.ts"),
  ],
  Python: () => [pythonPath, join(import.meta.dirname, "sdk_driver.py")],
  Java: ({ address }) => javaCommand(address),
};

interface Told {
  readonly event: keyof Events;
  readonly client: string;
  readonly value: unknown;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class SdkProcess {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, Waiting>();
  readonly #told: Told[] = [];
  readonly #watchers = new Set<() => void>();
  #lastCall = 0;
  #isEnded = false;
  #errorText = "";

  /** @param options.extraCaPath  for what has no option for an authority of its own (provisioning in Node.js). */
  constructor(options: {
    readonly language: Language;
    readonly detour: Detour;
    readonly extraCaPath?: string | undefined;
  }) {
    const { detour, extraCaPath } = options;
    const [command = "", ...words] = commands[options.language](detour);
    this.#child = spawn(command, words, {
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...process.env,
        [gateVariable]: JSON.stringify({ host: hubHost, ports: detour.ports }),
        ...(extraCaPath === undefined ? {} : { NODE_EXTRA_CA_CERTS: extraCaPath, SSL_CERT_FILE: extraCaPath }),
      },
    });
    const killChild = (): void => void this.#child.kill("SIGKILL");
    process.once("exit", killChild);
    this.#child.stdin?.on("error", () => {}); // "exit" follows
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-4000);
    });
    if (this.#child.stdout) createInterface({ input: this.#child.stdout }).on("line", (line) => this.#heard(line));
    this.#child.once("exit", () => {
      process.off("exit", killChild);
      this.#isEnded = true;
      for (const { reject } of this.#calls.values()) reject(new Error(`the SDK's process ended: ${this.#errorText}`));
      this.#calls.clear();
      for (const look of this.#watchers) look();
    });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  async call<N extends keyof Calls>(name: N, client: string, asked: Calls[N]["asked"]): Promise<Calls[N]["answer"]> {
    const call = ++this.#lastCall;
    const answered = new Promise<unknown>((resolve, reject) => this.#calls.set(call, { resolve, reject }));
    this.#child.stdin?.write(`${JSON.stringify({ call, do: name, client, ...asked })}\n`);
    try {
      return (await bounded(answered, () => `${name} was not answered`)) as Calls[N]["answer"];
    } finally {
      this.#calls.delete(call);
    }
  }

  /** What `client` was told so far. */
  events<E extends keyof Events>(event: E, client: string): readonly Events[E][] {
    return this.#told
      .filter((told) => told.event === event && told.client === client)
      .map(({ value }) => value as Events[E]);
  }

  /** The events of a kind so far, as soon as they are enough. */
  async until<E extends keyof Events>(
    event: E,
    client: string,
    areEnough: (events: readonly Events[E][]) => boolean,
  ): Promise<readonly Events[E][]> {
    let look = (): void => {};
    const happened = new Promise<void>((resolve, reject) => {
      look = () => {
        if (areEnough(this.events(event, client))) resolve();
        else if (this.#isEnded) reject(new Error(`the SDK's process ended: ${this.#errorText}`));
      };
    });
    this.#watchers.add(look);
    look();
    try {
      await bounded(happened, () => {
        const errors = [...this.events("error", client), ...this.events("error", "")];
        return `waited for ${event}, heard ${JSON.stringify(this.events(event, client))}; errors: ${errors.join("; ")}`;
      });
    } finally {
      this.#watchers.delete(look);
    }
    return this.events(event, client);
  }

  async end(): Promise<void> {
    if (this.#isEnded) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  #heard(line: string): void {
    const said = JSON.parse(line) as Told | { call: number; result?: unknown; error?: string };
    if ("event" in said) {
      this.#told.push(said);
      for (const look of this.#watchers) look();
      return;
    }
    const waiting = this.#calls.get(said.call);
    if (said.error === undefined) waiting?.resolve(said.result);
    else waiting?.reject(new Error(said.error));
  }
}

/** `what`, or an exception when it takes too long. */
async function bounded<T>(what: Promise<T>, sentence: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${sentence()} (after ${waitMs / 1000} s)`)), waitMs);
  });
  try {
    return await Promise.race([what, late]);
  } finally {
    clearTimeout(timer);
  }
}
