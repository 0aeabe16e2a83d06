// The secret key outside the data directory, with real processes: served, moved, refused, never shown.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HubProcess } from "../lib/hub-process.ts";

const root = join(import.meta.dirname, "../..");
const one = randomBytes(32).toString("base64");
const other = randomBytes(32).toString("hex");
let dataDir = "";
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "coldpath-secret-"));
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly output: string;
}

async function coldpath(words: readonly string[], variables: Record<string, string> = {}): Promise<Outcome> {
  const argv = [join(root, "src/main.ts"), ...words, `--data-dir=${dataDir}`];
  const options = { env: { ...process.env, ...variables } };
  const outcome = await promisify(execFile)(process.execPath, argv, options).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  );
  for (const secret of [one, other]) expect(outcome.output).not.toContain(secret);
  return outcome;
}

test("A2: a server takes its key from a command; secret rotate moves it; a wrong key is refused and changes nothing", async () => {
  const keyFile = join(dataDir, "secret.key");
  const command = `--secret-key-command=echo ${one}`;
  const first = await HubProcess.start(dataDir, "--no-sample", command);
  expect(existsSync(keyFile)).toBe(false);
  const account = {
    name: "lake",
    settings: { kind: "azure-blob", auth: "account-key", endpoint: "https://acct.blob.core.windows.net" },
    secret: randomBytes(64).toString("base64"),
  };
  await first.api("POST", "/storage-accounts", account);
  expect(await coldpath(["secret", "rotate", "--yes", command])).toMatchObject({
    code: 1,
    output: expect.stringMatching(/Another Coldpath server.*\n.*Stop it first/),
  });
  expect(await first.stop()).toBe(0);

  const noKey = await coldpath(["secret", "rotate", "--yes"]);
  expect(noKey).toMatchObject({ code: 2, output: expect.stringContaining("COLDPATH_SECRET_KEY") });
  const wrong = await coldpath(["secret", "rotate", "--yes"], { COLDPATH_SECRET_KEY: other });
  expect(wrong).toMatchObject({ code: 2, output: expect.stringContaining("Nothing was changed") });
  await expect(HubProcess.start(dataDir, `--secret-key-command=echo ${other}`)).rejects.toThrow(/does not open/);

  const moved = await coldpath(["secret", "rotate", "--yes", command], { COLDPATH_NEW_SECRET_KEY: other });
  expect(moved).toMatchObject({
    code: 0,
    output: expect.stringMatching(/Encrypted with the new key given: 3 secrets\./),
  });
  const back = await coldpath(["secret", "rotate", "--yes", "--json"], { COLDPATH_SECRET_KEY: other });
  expect(JSON.parse(back.output)).toEqual({ sealed: 3, wasNeeded: true, leftovers: null });
  expect(existsSync(keyFile)).toBe(true);
  const last = await HubProcess.start(dataDir, "--no-sample");
  expect(last.output).not.toContain(one);
  expect(await last.stop()).toBe(0);
});
