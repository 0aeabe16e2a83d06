// `coldpath read` on blobs, against Azurite.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential } from "@azure/storage-blob";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Azurite, startAzurite } from "../lib/azurite.ts";

const root = join(import.meta.dirname, "../..");
const fixture = readFileSync(join(root, "test/fixtures/measurements-one-record.avro"));
let azurite: Azurite;
let folder = "";
let sas = "";
let container = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "coldpath-cli-blob-"));
  azurite = await startAzurite();
  container = `${azurite.endpoint}/iot`;
  const credential = new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey);
  const client = new BlobServiceClient(azurite.endpoint, credential).getContainerClient("iot");
  await client.create();
  for (const name of [
    "measurements/hub/00.avro",
    "measurements/hub/01.avro",
    "measurements/note.txt",
    "devices/x.avro",
  ]) {
    await client.getBlockBlobClient(name).uploadData(fixture);
  }
  const expiresOn = new Date(Date.now() + 3_600_000);
  const url = await client.generateSasUrl({ permissions: ContainerSASPermissions.parse("rl"), expiresOn });
  sas = new URL(url).search.slice(1);
});
afterAll(async () => {
  await azurite.stop();
  rmSync(folder, { recursive: true });
});

/** Not spawnSync: this process passes Azurite's output on. */
function run(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return new Promise<{ stdout: string; stderr: string; status: number | null }>((resolve) => {
    const child = spawn(join(root, "coldpath"), words, { env: { PATH: process.env["PATH"] ?? "", ...environment } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.end();
    child.on("close", (status) => resolve({ stdout, stderr, status }));
  });
}

test("a blob's URL with a SAS, and a container's, which is never printed", async () => {
  const one = await run(["read", `${container}/measurements/hub/00.avro?${sas}`]);
  expect(one).toMatchObject({ status: 0, stderr: "" });
  expect(JSON.parse(one.stdout)).toMatchObject({ Body: { t: 1 } });

  const many = await run(["read", `${container}/measurements?${sas}`, "--files", "--json"]);
  expect(many.stdout).not.toContain("sig=");
  const files = many.stdout
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { file: string }).file);
  expect(files).toEqual([`${container}/measurements/hub/00.avro`, `${container}/measurements/hub/01.avro`]);
});

test("both passes of CSV, by a connection string from the environment and a key from a file", async () => {
  const environment = { COLDPATH_CONNECTION_STRING: azurite.connectionString };
  const { stdout, stderr } = await run(["read", `${container}/`, "--csv"], environment);
  expect(stderr).toBe("");
  expect(stdout.trimEnd().split("\r\n")).toHaveLength(4);
  writeFileSync(join(folder, "key"), `${azurite.accountKey}\n`);
  const counted = await run(["read", container, "--count", "--account-key-file", join(folder, "key")]);
  expect(counted.stdout).toBe("3\n");
});

test("what is not there, not allowed or not a blob's URL is said with what to do", async () => {
  const gone = await run(["read", `${container}/none.avro?${sas}`]);
  expect(gone).toMatchObject({ status: 1, stderr: `coldpath: There is no blob ${container}/none.avro.\n` });
  const forged = await run(["read", `${container}/measurements?${sas.replace(/sig=[^&]+/, "sig=AAAA")}`]);
  expect(forged.status).toBe(1);
  expect(forged.stderr).toMatch(/^coldpath: .*\n {2}→ /);
  expect(forged.stderr).not.toContain("AAAA");
  expect((await run(["read", "https://acct.blob.core.windows.net"])).stderr).toMatch(
    /does not name a blob or a container\.\n/,
  );
});
