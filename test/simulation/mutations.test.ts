// The mutation proof: each sabotage of the product is caught, within a bounded number of stories; without one, none is.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { type Mutation, mutations } from "./mutations.ts";
import type { Focus } from "./plan.ts";

const root = join(import.meta.dirname, "../..");
const main = join(import.meta.dirname, "main.ts");
const hooks = join(import.meta.dirname, "mutate.ts");
const run = promisify(execFile);

/** Stories until a sabotage must have shown. Most show in the first few; what is changed tells other stories. */
const storiesMax = 100;
const controlsMin = 5;
/** Processes at a time. */
const lanes = 2;

interface Caught {
  readonly seed: number | null;
  readonly told: number;
  readonly check?: string;
  readonly message?: string;
  readonly mutation?: string;
}

/** Compiled once, not once a sabotage. */
const compiled = mkdtempSync(join(tmpdir(), "coldpath-simulation-"));
/** When only some are asked for, the others end. */
const ended = new AbortController();
afterAll(() => {
  ended.abort();
  rmSync(compiled, { recursive: true, force: true });
});

async function tellUntilBroken(mutation: string | null, stories: number, focus: Focus = {}): Promise<Caught> {
  const options = mutation === null ? [] : ["--import", hooks];
  const env = { ...process.env, NODE_COMPILE_CACHE: compiled, COLDPATH_MUTATION: mutation ?? "" };
  const args = [...options, main, "--until-broken", "--seeds", String(stories), "--focus", JSON.stringify(focus)];
  const { stdout } = await run(process.execPath, args, { env, maxBuffer: 64 * 1024 * 1024, signal: ended.signal });
  return JSON.parse(stdout) as Caught;
}

/** All of them, some at a time; each answer comes when it is there. */
function tellAll(of: readonly Mutation[]): ReadonlyMap<string, Promise<Caught>> {
  const running: Promise<unknown>[] = Array.from({ length: lanes }, () => Promise.resolve());
  return new Map(
    of.map(({ name, focus }, index) => {
      const lane = index % lanes;
      const caught = (running[lane] as Promise<unknown>).then(() => tellUntilBroken(name, storiesMax, focus));
      running[lane] = caught.catch(() => {}); // its own test says so
      return [name, caught];
    }),
  );
}

test("Each sabotage stands in its file exactly once", () => {
  const wrong = mutations.filter(({ file, text }) => readFileSync(join(root, file), "utf8").split(text).length !== 2);
  expect(wrong.map(({ name, file }) => `${name}: ${file}`)).toEqual([]);
  expect(mutations.length).toBeGreaterThanOrEqual(20);
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
});

let all: ReadonlyMap<string, Promise<Caught>> | null = null;
/** By focus: the most stories that any of its sabotages took. */
const toldMost = new Map<string, number>();

test.each(mutations)("$breaks: caught: $name", async ({ name, focus = {} }) => {
  all ??= tellAll(mutations);
  const { seed, told, check, message, mutation } = (await all.get(name)) as Caught;
  expect(mutation, "the sabotage was loaded").toBe(name);
  expect(seed, `not caught in ${told} stories`).not.toBeNull();
  const key = JSON.stringify(focus);
  toldMost.set(key, Math.max(toldMost.get(key) ?? controlsMin, told));
  console.log(`${name}: story ${told} (seed ${seed}) broke ${check}: ${message?.slice(0, 160)}`);
});

test("Control: without a sabotage the same stories break nothing", async () => {
  expect(toldMost.size).toBeGreaterThan(0);
  for (const [focus, told] of toldMost) {
    expect(await tellUntilBroken(null, told, JSON.parse(focus) as Focus), focus).toMatchObject({ seed: null });
  }
});
