// What a suite needs of the machine beyond Node and npm.
//
//     needs("python")("pandas reads the files", () => { test(…) });
//
// takes the place of `describe`. Where the tool is there, it is `describe`. Where it is missing, the suite is skipped and
// `npm test` says so in its closing lines, with the reason and the command that installs it: never silently. With
// COLDPATH_TEST_REQUIRE=all a missing tool is a failing test: that is how .ci/run proves that nothing was left out.
//
// Owns:      the list of tools, where each is looked for, the paths that tests start them by.
// Does not:  install anything (tools/setup-machine.sh does).

import { appendFileSync, existsSync, globSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test } from "vitest";
import { SmallDisk } from "./small-disk.ts";

export const setupCommand = "npm run setup:machine";

/** Names the file to which skipped suites are appended, one JSON object a line. Set by test/run.ts. */
export const skippedFileVariable = "COLDPATH_TEST_SKIPPED_FILE";
export const requireVariable = "COLDPATH_TEST_REQUIRE";

const root = join(import.meta.dirname, "../..");

/** The interpreter of the project's own virtual environment, with what tools/requirements.txt names. */
export const pythonPath = join(root, ".venv/bin/python");

const jarFolder = "/usr/share/java";
const jars = [
  "avro",
  "jackson-core-asl",
  "jackson-mapper-asl",
  "slf4j-api",
  "slf4j-nop",
  "commons-compress",
  "snappy-java",
  "xz",
  "paranamer",
].map((name) => join(jarFolder, `${name}.jar`));

/** For `java -cp` and `javac -cp`: Apache Avro 1.8 and what it loads at run time. */
export const javaClassPath = jars.join(delimiter);

/** What tools/java-libraries.xml names, and what that needs. */
const javaLibraries = join(root, ".java-libs");
export const javaSdkClassPath = join(javaLibraries, "*");

/** Each tool, with what says why it cannot be used, or null when it can. */
const tools = {
  mosquitto_pub: () => commandMissing("mosquitto_pub"),
  mosquitto_sub: () => commandMissing("mosquitto_sub"),
  openssl: () => commandMissing("openssl"),
  curl: () => commandMissing("curl"),
  chromium: () => commandMissing("chromium"),
  java: () => commandMissing("java") ?? commandMissing("javac") ?? fileMissing(jars),
  "java-sdk": () => {
    const missing = commandMissing("java") ?? commandMissing("javac");
    if (missing !== null) return missing;
    const wanted = readFileSync(join(root, "tools/java-libraries.xml"), "utf8");
    const marker = join(javaLibraries, "java-libraries.xml");
    return existsSync(marker) && readFileSync(marker, "utf8") === wanted
      ? null
      : "there is no .java-libs as tools/java-libraries.xml wants it";
  },
  "port-443": () => port443Impossible(),
  python: () => {
    if (!existsSync(pythonPath)) return "there is no .venv/bin/python";
    const absent = ["pandas", "pandavro", "fastavro", "azure/iot/device"].filter(
      (name) => globSync(join(root, `.venv/lib/python3*/site-packages/${name}`)).length === 0,
    );
    return absent.length === 0 ? null : `.venv lacks ${absent.join(", ")}`;
  },
  mount: () => SmallDisk.reasonImpossible(),
} as const satisfies Record<string, () => string | null>;

export type Tool = keyof typeof tools;

/** Rights, which no installation gives: what needs them is skipped, as loudly, also where nothing else may be missing. */
const rights: readonly Tool[] = ["mount", "port-443"];

/** One suite that did not run. */
export interface SkippedSuite {
  readonly suite: string;
  readonly reason: string;
  readonly command: string;
}

type Describe = (name: string, body: () => void) => void;

/** `describe` for a suite that can run only with all of `names`. */
export function needs(...names: readonly Tool[]): Describe {
  const reason = reasonMissing(names.filter((name) => !rights.includes(name)));
  const rightMissing = reasonMissing(names.filter((name) => rights.includes(name)));
  const runner = { describe, skip: describe.skip, test };
  if (reason !== null || rightMissing === null) return describeWith(reason, process.env, runner);
  return describeWith(rightMissing, { ...process.env, [requireVariable]: "" }, runner);
}

/** Why a suite that needs `names` cannot run, or null when it can. */
export function reasonMissing(names: readonly Tool[]): string | null {
  const reasons = names.flatMap((name) => tools[name]() ?? []);
  return reasons.length === 0 ? null : reasons.join("; ");
}

/** The choice between running, skipping loudly and failing. Vitest's functions are parameters so that it can be tested. */
export function describeWith(
  reason: string | null,
  environment: Readonly<Record<string, string | undefined>>,
  runner: {
    readonly describe: Describe;
    readonly skip: Describe;
    readonly test: (name: string, body: () => void) => void;
  },
): Describe {
  if (reason === null) return runner.describe;
  if (environment[requireVariable] === "all") {
    return (name) => {
      runner.describe(name, () => {
        runner.test("has the tools it needs", () => {
          throw new Error(
            `${reason}. ${requireVariable}=all forbids skipping; install what is missing with: ${setupCommand}`,
          );
        });
      });
    };
  }
  return (name, body) => {
    const file = environment[skippedFileVariable];
    const skipped: SkippedSuite = { suite: name, reason, command: setupCommand };
    if (file !== undefined && file !== "") appendFileSync(file, `${JSON.stringify(skipped)}\n`);
    runner.skip(name, body);
  };
}

/** What `needs` noted in `file`; empty when it noted nothing. */
export function readSkipped(file: string): readonly SkippedSuite[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return [...new Set(lines)].map((line) => JSON.parse(line) as SkippedSuite);
}

function commandMissing(command: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, command))) ? null : `${command} is not installed`;
}

/** Why nothing here may listen on port 443 of a loopback address of its own, or null. Linux, proc(5) and capabilities(7). */
function port443Impossible(): string | null {
  const [status, firstPort] = ["/proc/self/status", "/proc/sys/net/ipv4/ip_unprivileged_port_start"];
  if (!existsSync(status) || !existsSync(firstPort)) return "port 443 of 127.x.y.z can be had on Linux only";
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync(status, "utf8"))?.[1] ?? "0"}`);
  const mayBind = (effective & (1n << 10n)) !== 0n || Number(readFileSync(firstPort, "utf8")) <= 443;
  return mayBind ? null : "listening on port 443 takes root, or net.ipv4.ip_unprivileged_port_start=443";
}

function fileMissing(paths: readonly string[]): string | null {
  const absent = paths.filter((path) => !existsSync(path));
  return absent.length === 0 ? null : `missing: ${absent.join(", ")}`;
}
