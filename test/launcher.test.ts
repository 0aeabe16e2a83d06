// The script `coldpath` at the root, tried on a made-up clone whose main.ts prints what it was given.

import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const script = join(import.meta.dirname, "../coldpath");
let folder = "";
let clone = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coldpath launcher ")); // a space, as users have
  clone = join(folder, "clone");
  mkdirSync(join(clone, "src"), { recursive: true });
  mkdirSync(join(clone, "node_modules/fastify"), { recursive: true });
  copyFileSync(script, join(clone, "coldpath"));
  writeFileSync(join(clone, "src/main.ts"), "console.log(JSON.stringify(process.argv.slice(2)) as string);\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A folder for PATH with a `node` that claims to be `version`, beside the usual tools. */
function pathWithNode(version: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    join(bin, "node"),
    `#!/bin/sh\n[ "$1" = -p ] && { echo ${version}; exit; }\nexec '${process.execPath}' "$@"\n`,
  );
  chmodSync(join(bin, "node"), 0o755);
  return `${bin}:/usr/bin:/bin`;
}

function run(command: string, parameters: readonly string[], path: string, cwd = folder) {
  return spawnSync(command, parameters, { cwd, encoding: "utf8", env: { PATH: path } });
}

describe("./coldpath", () => {
  test("runs main.ts with its arguments as they are", () => {
    const { stdout, status } = run(join(clone, "coldpath"), ["device", "a b", "", "--x=*"], pathWithNode("24.1.0"));
    expect({ stdout, status }).toEqual({ stdout: '["device","a b","","--x=*"]\n', status: 0 });
  });

  test("works through links, absolute and relative, and when found on PATH", () => {
    mkdirSync(join(folder, "links"));
    symlinkSync(join(clone, "coldpath"), join(folder, "links/absolute"));
    symlinkSync("../clone/coldpath", join(folder, "links/relative"));
    symlinkSync("relative", join(folder, "links/coldpath"));
    const path = pathWithNode("25.0.0");
    expect(run(join(folder, "links/absolute"), ["1"], path).stdout).toBe('["1"]\n');
    expect(run("./relative", ["2"], path, join(folder, "links")).stdout).toBe('["2"]\n');
    expect(run("coldpath", ["3"], `${join(folder, "links")}:${path}`).stdout).toBe('["3"]\n');
  });

  test("prefers the Node that npm installed to an old one on PATH", () => {
    mkdirSync(join(clone, "node_modules/node/bin"), { recursive: true });
    symlinkSync(process.execPath, join(clone, "node_modules/node/bin/node"));
    expect(run(join(clone, "coldpath"), ["1"], pathWithNode("20.1.0")).stdout).toBe('["1"]\n');
  });

  test("says in one sentence what to run when Node is too old or missing", () => {
    const old = run(join(clone, "coldpath"), [], pathWithNode("20.1.0"));
    expect(old.status).toBe(2);
    expect(old.stderr).toBe(`coldpath: needs Node 24 or newer, found 20.1.0. Run: cd '${clone}' && npm ci\n`);
    rmSync(join(folder, "bin"), { recursive: true });
    for (const tool of ["sh", "readlink", "dirname"]) {
      mkdirSync(join(folder, "bare"), { recursive: true });
      symlinkSync(`/usr/bin/${tool}`, join(folder, "bare", tool));
    }
    const none = run(join(clone, "coldpath"), [], join(folder, "bare"));
    expect(none.status).toBe(2);
    expect(none.stderr).toBe(`coldpath: needs Node 24 or newer, found none. Run: cd '${clone}' && npm ci\n`);
  });

  test("says in one sentence what to run when the dependencies are missing", () => {
    rmSync(join(clone, "node_modules"), { recursive: true });
    const { status, stderr } = run(join(clone, "coldpath"), [], pathWithNode("24.1.0"));
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `coldpath: its dependencies are not installed. Run: cd '${clone}' && npm ci\n`,
    });
  });
});
