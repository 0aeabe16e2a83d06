// The documents name what exists: files, links and headings, commands with their options, options of the server, metrics,
// error codes.

import { existsSync, globSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { findCommand } from "../src/cli/commands.ts";
import { serverOptions } from "../src/config/options.ts";

const root = join(import.meta.dirname, "..");
const documents = new Map(
  globSync(["*.md", "docs/**/*.md"], { cwd: root }).map((path) => [path, readFileSync(join(root, path), "utf8")]),
);
/** What a decision or a change log names was there when it was written. */
const present = new Map([...documents].filter(([path]) => !/^CHANGELOG|decisions\/0/.test(path)));

/** As GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const headings = withoutCode(markdown).matchAll(/^#+ (.*)$/gm);
  return new Set(
    Array.from(headings, ([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

const withoutCode = (markdown: string): string => markdown.replace(/^```[\s\S]*?^```/gm, "");

/** `coldpath …` as it stands in blocks and in backticks, up to a pipe, a comment or the line's end. */
function commandsIn(markdown: string): readonly string[] {
  const inBlocks = Array.from(markdown.matchAll(/^```(?:sh|ini)\n([\s\S]*?)^```/gm), ([, block = ""]) => block).join(
    "\n",
  );
  const inText = Array.from(withoutCode(markdown).matchAll(/`([^`\n]+)`/g), ([, text = ""]) => text);
  const found = [...inBlocks.split("\n"), ...inText].flatMap((line) =>
    Array.from(
      line.matchAll(/(?:^|[\s(/])(?:\.\/|\/opt\/coldpath\/)?coldpath ([a-z][^|#)&;<>]*)/g),
      ([, words = ""]) => words,
    ),
  );
  return found.map((words) => words.trim());
}

test.each([...documents])("%s: each link leads to a file, and to a heading in it", (path, text) => {
  const broken = Array.from(withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target)
    .filter((target) => !/^https?:/.test(target))
    .filter((target) => {
      const [file = "", anchor] = target.split("#");
      const full = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(root, full))) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(join(root, full), "utf8")).has(anchor);
    });
  expect(broken).toEqual([]);
});

test.each([...present])("%s: each path in it exists", (_path, text) => {
  const named = Array.from(
    withoutCode(text).matchAll(/`((?:src|test|tools|bench|docs|\.ci)\/[\w./-]+)`/g),
    ([, name = ""]) => name,
  );
  expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});

test.each([...present])("%s: each command in it is understood, with its options", (_path, text) => {
  const wrong = commandsIn(text).filter((command) => {
    const words = command.split(/\s+/).filter((word) => !/^[A-Z\\…]/.test(word));
    try {
      const { entry } = findCommand(words);
      const known = { ...(entry.kind === "command" ? entry.options : {}), help: null };
      return Array.from(command.matchAll(/(?<=\s)--(?:no-)?([a-z][a-z-]*)/g), ([, name = ""]) => name).some(
        (name) => !(name in known),
      );
    } catch {
      return words[0] !== "help";
    }
  });
  expect(wrong).toEqual([]);
});

test("options that the documents name in backticks exist", () => {
  const own = new Set<string>(Object.keys(serverOptions));
  const commands = globSync("src/cli/*.ts", { cwd: root }).map((path) => readFileSync(join(root, path), "utf8"));
  const scripts = globSync(["bench/main.ts", "test/*/main.ts", "test/fault/kill-rounds.ts"], { cwd: root });
  const sources = [...commands, ...scripts.map((path) => readFileSync(join(root, path), "utf8"))].join("\n");
  const isKnown = (name: string): boolean =>
    own.has(name) || own.has(name.replace(/^no-/, "")) || new RegExp(`["\\s-]${name}["':\\s]`).test(sources);
  /** Of npm and Node. */
  const others = new Set(["omit", "max-semi-space-size", "project", "no-x"]);
  const unknown = [...present].flatMap(([path, text]) =>
    Array.from(text.matchAll(/`--([a-z][a-z-]+)/g), ([, name = ""]) => name)
      .filter((name) => !isKnown(name) && !others.has(name))
      .map((name) => `${path}: --${name}`),
  );
  expect(unknown).toEqual([]);
});

test("metrics that docs/operating.md names are the server's", () => {
  const source = readFileSync(join(root, "src/server/metrics.ts"), "utf8");
  const told = documents.get("docs/operating.md") ?? "";
  const named = new Set(Array.from(told.matchAll(/`coldpath_([a-z_]+)/g), ([, name = ""]) => name));
  expect(named.size).toBeGreaterThan(20);
  const isInSource = (name: string): boolean => source.includes(`"${name}"`) || source.includes(`"coldpath_${name}"`);
  expect([...named].filter((name) => !isInSource(name))).toEqual([]);
});

test("every error code that the source throws is in docs/operating.md, and every code there is in the source", () => {
  const paths = globSync("src/**/*.ts", { cwd: root }).filter((path) => !/\.(test|contract|simulated)\.ts$/.test(path));
  const source = paths.map((path) => readFileSync(join(root, path), "utf8")).join("\n");
  const told = documents.get("docs/operating.md") ?? "";
  const thrown = [
    ...source.matchAll(/ColdpathError\(\s*"[a-z-]+",\s*"([a-z-]+)"/g),
    ...source.matchAll(/(?:permanent|temporary|unusable|registryError)\(\s*"([a-z]+(?:-[a-z]+)+)"/g),
    ...source.matchAll(/RefusedCall\(\s*\d+,\s*"([a-z-]+)"/g),
    ...source.matchAll(/notice\(\s*"(?:warn|error)",\s*"([a-z-]+)"/g),
  ].map(([, code = ""]) => code);
  expect(new Set(thrown).size).toBeGreaterThan(50);
  expect([...new Set(thrown)].filter((code) => !told.includes(`\`${code}\``))).toEqual([]);
  const named = told.slice(told.indexOf("## Error codes")).matchAll(/`([a-z][a-z0-9]*(?:-[a-z0-9]+)+)`/g);
  expect(Array.from(named, ([, code = ""]) => code).filter((code) => !source.includes(`"${code}"`))).toEqual([]);
});

test("every decision is in the list of decisions", () => {
  const list = documents.get("docs/decisions/README.md") ?? "";
  const files = readdirSync(join(root, "docs/decisions")).filter((name) => name !== "README.md");
  expect(files.filter((name) => !list.includes(`(${name})`))).toEqual([]);
});
