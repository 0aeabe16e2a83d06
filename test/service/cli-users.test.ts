// `coldpath user`, `token` and `audit-log` against a real server, as a person at a terminal uses them.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HubProcess } from "../lib/hub-process.ts";

const main = join(import.meta.dirname, "../../src/main.ts");
const password = "a long enough sentence";
let directory = "";
let hub: HubProcess;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-cli-users-"));
  hub = await HubProcess.start(join(directory, "data"), "--no-sample");
});
afterAll(async () => {
  await hub.stop();
  rmSync(directory, { recursive: true, force: true });
});

function coldpath(words: string, input = "", environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, ...words.split(" "), `--data-dir=${join(directory, "data")}`],
    { input, encoding: "utf8", env: { ...process.env, ...environment } },
  );
  return { status, out: stdout.trim(), complaint: stderr };
}

test("the first administrator by link or command, a lost password, and the last one who stays", () => {
  const link = coldpath("user setup-link");
  expect(link.out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/setup#token=[\w-]{43}$/);
  expect(coldpath("user list").complaint).toContain("setup-link");
  expect(coldpath("user create ada --role administrator", "").complaint).toContain("--password-file -");
  expect(coldpath("user create ada --password-file -", password)).toMatchObject({ status: 2 });
  const made = coldpath("user create ada --role administrator --password-file - --json", `${password}\n`);
  expect(JSON.parse(made.out)).toMatchObject({ name: "ada", role: "administrator" });
  expect(coldpath("user setup-link")).toMatchObject({ status: 1, out: "" });
  expect(coldpath("user create bob --role operator --password-file -", "short").complaint).toContain("12 to 128");
  expect(coldpath("user create bob --role operator --password-file -", password).out).toContain("bob was made");
  expect(coldpath("user update BOB --role builder --disabled").out).toContain("builder, cannot sign in");
  expect(coldpath("user update ada --new-password --password-file -", "another long sentence").status).toBe(0);
  expect(coldpath("user delete ada --yes").complaint).toContain("last administrator");
  expect(coldpath("user list").out).toMatch(/ada +administrator +yes[^\n]*\nbob +builder +no/);
  expect(coldpath("user delete bob --yes").status).toBe(0);
  expect(coldpath("user delete bob --yes").complaint).toContain("no user");
  const log = coldpath("audit-log").out;
  expect(log).toMatch(/deleteUser[^]*updateUser[^]*createUser/);
  expect(coldpath("audit-log --json --limit 20").out).not.toContain(password);
});

test("a token is shown once, works as its role allows, and not after its deletion", () => {
  const { out: token, complaint } = coldpath("token create report --role operator");
  expect(token).toMatch(/^cpt_[\w-]{43}$/);
  expect(complaint).toContain("not shown again");
  const as = { COLDPATH_TOKEN: token };
  expect(coldpath("device list", "", as).status).toBe(0);
  expect(coldpath("export list", "", as)).toMatchObject({
    status: 1,
    complaint: expect.stringContaining("administrator"),
  });
  expect(coldpath("token list").out).toMatch(/report +operator/);
  expect(coldpath("token list").out).not.toContain(token);
  expect(coldpath("audit-log --actor report --json").out).toContain('"outcome": 403');
  expect(coldpath("token delete report --yes").status).toBe(0);
  expect(coldpath("device list", "", as).complaint).toContain("expired or been deleted");
});
