// `coldpath backup`, `backup inspect` and `restore` as an operator runs them.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { openSqliteRegistry } from "../../src/registry/sqlite/sqlite-registry.ts";

const main = join(import.meta.dirname, "../../src/main.ts");
let folder = "";
let dataDir = "";
let key = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "coldpath cli backup "));
  dataDir = join(folder, "data");
  const registry = await openSqliteRegistry({ directory: dataDir, hubName: "hub", clock: systemClock });
  key = (await registry.policyKeys("device"))?.primaryKey ?? "";
  await registry.close();
  writeFileSync(join(dataDir, "admin.token"), "a token of this test alone, nothing else\n", { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(words: readonly string[], input?: Buffer) {
  const child = spawnSync(process.execPath, [main, ...words], {
    cwd: folder,
    ...(input === undefined ? {} : { input }),
  });
  return {
    status: child.status,
    stdout: child.stdout,
    text: child.stdout.toString("utf8"),
    stderr: child.stderr.toString("utf8"),
  };
}

test("A backup is for its owner only, is not replaced unasked, and leaves nothing beside it; inspect shows no secret (A2)", () => {
  const made = run(["backup", "b.tar", "--data-dir=data"]);
  expect(made).toMatchObject({ status: 0, stderr: "" });
  expect(made.text).toMatch(/hub "hub".*It holds secrets/);
  expect(statSync(join(folder, "b.tar")).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).toSorted()).toEqual(["b.tar", "data"]);
  expect(run(["backup", "b.tar", "--data-dir=data"])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("b.tar exists") as string,
  });
  chmodSync(join(folder, "b.tar"), 0o644);
  expect(run(["backup", "b.tar", "--data-dir=data", "--force"])).toMatchObject({ status: 0 });
  expect(statSync(join(folder, "b.tar")).mode & 0o777).toBe(0o600);

  for (const words of [
    ["backup", "inspect", "b.tar"],
    ["backup", "inspect", "b.tar", "--json"],
  ]) {
    const { status, text, stderr } = run(words);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(text).toContain("registry.db");
    expect(text).not.toContain("a token of this test");
    expect(text).not.toContain(key);
    expect(text).not.toContain(readFileSync(join(dataDir, "secret.key")).toString("hex"));
  }
});

test("Through a pipe: standard output has the same file, standard input restores it", async () => {
  const { status, stdout, stderr } = run(["backup", "-", "--data-dir=data"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(run(["backup", "inspect", "-"], stdout)).toMatchObject({ status: 0 });
  const restored = run(["restore", "-", "--data-dir=restored"], stdout);
  expect(restored).toMatchObject({ status: 0, stderr: "" });
  expect(restored.text).toContain("Changes made after the backup are gone");
  const registry = await openSqliteRegistry({ directory: join(folder, "restored"), clock: systemClock });
  expect((await registry.policyKeys("device"))?.primaryKey).toBe(key);
  await registry.close();
  // Any tar can look into it.
  const names = spawnSync("tar", ["-tf", "-"], { input: stdout, encoding: "utf8" }).stdout.trim().split("\n");
  expect(names).toEqual(["manifest.json", "registry.db", "secret.key", "admin.token"]);
});

test("What cannot be: no data directory, no such file, no place to write", () => {
  expect(run(["backup", "x.tar", "--data-dir=nothing"])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("is not a server's data directory") as string,
  });
  expect(existsSync(join(folder, "nothing"))).toBe(false);
  expect(run(["backup", "inspect", "nothing.tar"])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("cannot be read") as string,
  });
  expect(run(["restore", "nothing.tar", "--data-dir=other"])).toMatchObject({ status: 1 });
  expect(run(["backup", "no/such/folder/x.tar", "--data-dir=data"])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("cannot be written") as string,
  });
});
