import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };

/** Whose words go to a program with a help of its own: oxfmt, oxlint, Vitest, Vite, and the server. */
const others = ["start", "test", "format", "lint", "page"];
const ours = Object.entries(scripts).filter(([name]) => !others.includes(name));

/** As npm runs it, without npm. */
function run(script: string, words: string) {
  const PATH = `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", `${script} ${words}`], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH },
  });
  return { status, stdout, stderr };
}

test.each(ours)("npm run %s -- --help says what it does, and does nothing", (name, script) => {
  const { status, stdout, stderr } = run(script, "--help");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain(`npm run ${name}`);
  expect(stdout.split("\n").filter((line) => line.length > 120)).toEqual([]);
});

test.each(ours)("npm run %s -- --frobnicate is refused with its help, before anything is done", (name, script) => {
  const { status, stdout, stderr } = run(script, "--frobnicate");
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(`npm run ${name}`);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test.each([
  ["bench", "ingest --seconds x", "--seconds must be a number, 1 or more"],
  ["bench", "", "Name a benchmark."],
  ["fuzz", "mqtt cli", "Too many words: mqtt cli."],
  ["fuzz", "nothing", "There is no target nothing."],
  ["fuzz", "all --minutes=-1", "--minutes must be a number, 0.01 or more"],
  ["simulate", "--workers 0", "--workers must be a number, 1 or more"],
  ["simulate", "--focus '{'", "--focus is not JSON."],
])("npm run %s -- %s: %s", (name, words, sentence) => {
  const { status, stderr } = run(scripts[name] ?? "", words);
  expect(status).toBe(2);
  expect(stderr).toMatch(sentence);
});
