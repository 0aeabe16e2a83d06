// The mutation proof: each sabotage of the product is caught, within a bounded number of stories; without one, none is.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { mutations } from "./mutations.ts";

const root = join(import.meta.dirname, "../..");
const main = join(import.meta.dirname, "main.ts");
const hooks = join(import.meta.dirname, "mutate.ts");
const run = promisify(execFile);

/** Stories until a sabotage must have shown. Most show in the first few. */
const storiesMax = 150;

interface Caught {
  readonly seed: number | null;
  readonly told: number;
  readonly check?: string;
  readonly message?: string;
  readonly mutation?: string;
}

async function tellUntilBroken(mutation: string | null, stories: number): Promise<Caught> {
  const options = mutation === null ? [] : ["--import", hooks];
  const env = { ...process.env, ...(mutation === null ? {} : { COLDPATH_MUTATION: mutation }) };
  const args = [...options, main, "--until-broken", "--seeds", String(stories)];
  const { stdout } = await run(process.execPath, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as Caught;
}

test("Each sabotage stands in its file exactly once", () => {
  const wrong = mutations.filter(({ file, text }) => readFileSync(join(root, file), "utf8").split(text).length !== 2);
  expect(wrong.map(({ name, file }) => `${name}: ${file}`)).toEqual([]);
  expect(mutations.length).toBeGreaterThanOrEqual(20);
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
});

/** The most stories that any sabotage took. */
let toldMost = 0;

test.each(mutations)("$breaks: caught: $name", async ({ name }) => {
  const { seed, told, check, message, mutation } = await tellUntilBroken(name, storiesMax);
  expect(mutation, "the sabotage was loaded").toBe(name);
  expect(seed, `not caught in ${told} stories`).not.toBeNull();
  toldMost = Math.max(toldMost, told);
  console.log(`${name}: story ${told} (seed ${seed}) broke ${check}: ${message?.slice(0, 160)}`);
});

test("Control: without a sabotage the same stories break nothing", async () => {
  expect(await tellUntilBroken(null, Math.max(toldMost, 5))).toMatchObject({ seed: null });
});
