// X1: what a stranger does. A fresh clone, `npm ci`, `npm start` by the machine's own npm; the files of the first minute;
// what the server printed, run as printed; Ctrl-C and SIGTERM. In real time.
//
// The clone has what is committed (in CI: the checkout), not what lies uncommitted in the working tree.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lakeFiles } from "../lib/lake.ts";
import { needs } from "../lib/needs.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "coldpath-clone-"));
const clone = join(directory, "clone");
const dataDir = join(directory, "data");
const lake = join(dataDir, "lake", "iot");
const env = strangersEnvironment();

/** The environment of a shell, without what npm and Vitest put into that of a test. */
function strangersEnvironment(): NodeJS.ProcessEnv {
  const own = /^(npm_(?!config_)|npm_config_local_prefix|INIT_CWD|NODE|VITE|TEST$|COLDPATH_)/;
  const kept = Object.entries(process.env).filter(([name]) => !own.test(name));
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((one) => !one.includes("node_modules"));
  // A checkout may belong to another user than the one who runs its tests.
  const gitConfig = join(directory, "gitconfig");
  writeFileSync(gitConfig, "[safe]\n\tdirectory = *\n");
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter), GIT_CONFIG_GLOBAL: gitConfig };
}

/** `npm start` in the clone, in a process group of its own as a terminal makes one. */
class Start {
  readonly exited: Promise<number | null>;
  output = "";
  readonly #npm: ChildProcess;

  constructor() {
    const ports = ["--mqtt-port", "0", "--mqtts-port", "0", "--amqps-port=0", "--https-port=0", "--web-port=0"];
    this.#npm = spawn("npm", ["start", "--", "--data-dir", dataDir, ...ports], {
      cwd: clone,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = new Promise((resolve) => this.#npm.once("exit", (code) => resolve(code)));
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
  }

  /** Waits until the server has printed what it has to say. */
  async ready(): Promise<void> {
    // The first start builds the page.
    const endMs = performance.now() + 120_000;
    while (!existsSync(join(dataDir, "server.json")) || !this.output.includes("Stop with Ctrl-C")) {
      if (this.#npm.exitCode !== null || performance.now() > endMs)
        throw new Error(`it did not start:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Of the server itself, below npm. */
  get serverPid(): number {
    return (JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pid: number }).pid;
  }

  /** To npm alone, as a service manager does. */
  signalNpm(signal: NodeJS.Signals): void {
    this.#npm.kill(signal);
  }

  /** To the whole group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-(this.#npm.pid as number), signal);
  }

  /** Ends all of it, whatever is left. */
  async end(): Promise<void> {
    try {
      this.signalGroup("SIGKILL");
    } catch {
      // ESRCH: nothing is left
    }
    await this.exited;
  }
}

let running: Start | null = null;
let startedMs = 0;

beforeAll(async () => {
  await execute("git", ["clone", "--quiet", "--no-hardlinks", root, clone], { env });
  await execute("npm", ["ci", "--prefer-offline"], { cwd: clone, env, maxBuffer: 16 * 1024 * 1024 });
  startedMs = performance.now();
  running = new Start();
  await running.ready();
}, 400_000);

afterAll(async () => {
  await running?.end();
  // Ninety thousand files: minutes on a slow disk.
  rmSync(directory, { recursive: true, force: true });
}, 400_000);

/** The printed block under a heading, up to the blank line; without the indentation that all its lines share. */
function printed(heading: string): string {
  const lines = (running?.output ?? "").split("\n");
  const first = lines.findIndex((line) => line.trim().startsWith(heading));
  expect(first, `the server prints ${heading}`).toBeGreaterThanOrEqual(0);
  const block = lines.slice(first + 1);
  return block.slice(0, block.indexOf("")).join("\n");
}

/** What `./coldpath read` prints, a record a line. */
async function read(...places: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await execute("./coldpath", ["read", ...places], { cwd: clone, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** How many messages the tests sent as the sample's real device. */
let sent = 0;

test("The printed Node.js snippet sends as it stands", async () => {
  const user = join(directory, "user");
  mkdirSync(user);
  symlinkSync(join(clone, "node_modules"), join(user, "node_modules"));
  const snippet = printed("Node.js (npm install");
  expect(snippet).toContain(printed("Send as the device").trim());
  writeFileSync(join(user, "send.cjs"), `${snippet}\n`);
  await execute("node", ["send.cjs"], { cwd: user, env, timeout: 60_000 });
  sent++;
});

needs("mosquitto_pub")("The printed mosquitto_pub command", () => {
  test("sends", async () => {
    await execute("sh", ["-c", printed("mosquitto_pub:")], { cwd: directory, env, timeout: 60_000 });
    sent++;
  });
});

test("X1: within three minutes all three kinds of files are at the documented paths, and ./coldpath read reads them", async () => {
  const types = ["measurements", "devices", "deviceTemplates"];
  const isThere = (type: string): boolean => lakeFiles(join(lake, type)).length > 0;
  while (!types.every(isThere)) {
    expect(performance.now() - startedMs).toBeLessThan(180_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  for (const path of lakeFiles(lake)) {
    expect(relative(lake, path)).toMatch(
      /^(measurements|devices|deviceTemplates)\/coldpath\/\d{4}\/\d\d\/\d\d\/\d\d\/\d\d\/00\.avro$/,
    );
  }

  const [template, ...more] = await read(join(lake, "deviceTemplates"));
  expect(more).toEqual([]);
  expect(template).toMatchObject({ name: "Refrigerated Vending Machine", version: "1.0.0" });

  const [firstSnapshot] = lakeFiles(join(lake, "devices"));
  const devices = await read(firstSnapshot as string);
  expect(devices.filter(({ simulated }) => simulated === true)).toHaveLength(10);
  expect(devices.filter(({ simulated }) => simulated === false)).toMatchObject([{ id: "my-device" }]);
  expect(devices.every(({ deviceTemplate }) => (deviceTemplate as { id: string }).id === template?.["id"])).toBe(true);

  const known = new Set(devices.map(({ id }) => id));
  const senderOf = (record: Record<string, unknown>): string =>
    (record["SystemProperties"] as Record<string, string>)["connectionDeviceId"] as string;
  // What was sent just before a minute's end may stand in the next one's file.
  let measurements = await read(join(lake, "measurements"));
  const own = (): typeof measurements => measurements.filter((record) => senderOf(record) === "my-device");
  while (own().length < sent) {
    expect(performance.now() - startedMs).toBeLessThan(180_000);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    measurements = await read(join(lake, "measurements"));
  }
  expect(measurements.every((record) => known.has(senderOf(record)))).toBe(true);
  expect(new Set(measurements.map(senderOf)).size).toBeGreaterThan(1);
  expect(own().map(({ Body }) => Body)).toEqual(Array.from({ length: sent }, () => ({ humidity: 42 })));
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH
  }
};

test("SIGTERM to npm reaches the server, which stops in order: exit code 0, and nothing is left running", async () => {
  const start = running as Start;
  const { serverPid } = start;
  start.signalNpm("SIGTERM");
  expect(await start.exited, start.output).toBe(0);
  expect(isAlive(serverPid)).toBe(false);
  expect(start.output).toContain('"message":"Stopped."');
});

test("Ctrl-C under npm start, which the server hears twice, stops it in order too; the second start makes no second sample", async () => {
  const before = lakeFiles(lake);
  running = new Start();
  await running.ready();
  expect(running.output).not.toContain("The sample:");
  const { serverPid } = running;
  running.signalGroup("SIGINT");
  expect(await running.exited, running.output).toBe(0);
  expect(isAlive(serverPid)).toBe(false);
  expect(running.output).toContain('"message":"Stopped."');
  expect(lakeFiles(lake)).toEqual(expect.arrayContaining(before));
});
