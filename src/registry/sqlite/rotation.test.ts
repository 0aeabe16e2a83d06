import { randomBytes } from "node:crypto";
import { cpSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { fridge } from "../contract/stand.ts";
import { rotateSecretKey } from "./rotation.ts";
import { makeDirectory, openIn } from "./sqlite-stand.contract.ts";

const devices = 1_200; // more than two turns
const planted = (name: string): string => Buffer.from(`planted ${name}`.padEnd(32, "!")).toString("base64");
const connectionString = `AccountName=acct;AccountKey=${planted("storage")}`;

/** A closed registry with one of each thing that is sealed. */
async function sealedDirectory(secretKey?: Buffer): Promise<string> {
  const directory = makeDirectory();
  const registry = await openIn(directory, { secretKey });
  await registry.createTemplate(fridge);
  await registry.createDevices(
    Array.from({ length: devices }, (_, index) => ({
      id: `d${index}`,
      templateId: "fridge",
      primaryKey: planted(`d${index}`),
    })),
  );
  await registry.createModule("d0", { id: "m", primaryKey: planted("module") });
  await registry.createPolicy("p", { primaryKey: planted("policy") });
  await registry.createEnrollmentGroup({ name: "g", primaryKey: planted("group") });
  await registry.createEnrollment({ registrationId: "r", primaryKey: planted("enrollment") });
  await registry.createStorageAccount({
    name: "s",
    settings: { kind: "azure-blob", auth: "connection-string", endpoint: "" },
    secret: connectionString,
  });
  await registry.createStorageAccount({ name: "folder", settings: { kind: "folder", path: "/srv/lake" } });
  await registry.close();
  return directory;
}

/** Opens it and reads every secret. */
async function expectWhole(directory: string, secretKey?: Buffer): Promise<void> {
  const registry = await openIn(directory, { secretKey });
  for (let index = 0; index < devices; index++) {
    expect((await registry.deviceKeys(`d${index}`)).primaryKey).toBe(planted(`d${index}`));
  }
  expect((await registry.moduleKeys("d0", "m")).primaryKey).toBe(planted("module"));
  expect((await registry.policyKeys("p"))?.primaryKey).toBe(planted("policy"));
  const [group] = await registry.enrollmentGroups();
  expect((await registry.enrollmentGroupKeys(group?.id ?? "")).primaryKey).toBe(planted("group"));
  expect((await registry.enrollmentKeys("r")).primaryKey).toBe(planted("enrollment"));
  const accounts = await registry.storageAccounts();
  const secrets = await Promise.all(accounts.map(async ({ id }) => await registry.storageSecret(id)));
  expect(new Set(secrets)).toEqual(new Set([connectionString, null]));
  await registry.close();
}

function copyOf(directory: string): string {
  const copy = makeDirectory();
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** Every blob in the database, by table, column and row. */
function blobsIn(directory: string): Map<string, Buffer> {
  const database = new DatabaseSync(path.join(directory, "registry.db"), { readOnly: true });
  const found = new Map<string, Buffer>();
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").all() as { name: string }[];
  for (const { name } of tables) {
    let number = 0;
    for (const row of database.prepare(`select * from "${name}"`).all()) {
      for (const [column, value] of Object.entries(row)) {
        if (value instanceof Uint8Array) found.set(`${name}.${column}.${number}`, Buffer.from(value));
      }
      number++;
    }
  }
  database.close();
  return found;
}

const keyIn = (directory: string): Buffer => readFileSync(path.join(directory, "secret.key"));

describe("rotation of the secret key", () => {
  test("A2: seals everything again, and leaves nothing that the former key opens in any file", async () => {
    const directory = await sealedDirectory();
    const formerKey = keyIn(directory);
    const former = blobsIn(directory);
    expect(former.size).toBeGreaterThan(devices + 2);

    expect(await rotateSecretKey({ directory })).toMatchObject({
      sealed: devices + 7,
      wasNeeded: true,
      leftovers: null,
    });
    expect(keyIn(directory)).not.toEqual(formerKey);
    expect(statSync(path.join(directory, "secret.key")).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).filter((name) => name.includes("secret.key"))).toEqual(["secret.key"]);
    const present = blobsIn(directory);
    expect([...present.keys()]).toEqual([...former.keys()]);
    for (const name of readdirSync(directory)) {
      const bytes = readFileSync(path.join(directory, name));
      expect(bytes.includes(formerKey)).toBe(false);
      // A blob that stands in no list of the rotation would be found here.
      for (const [place, blob] of former) expect([name, place, bytes.includes(blob)]).toEqual([name, place, false]);
    }
    await expectWhole(directory);
    writeFileSync(path.join(directory, "secret.key"), formerKey);
    await expect(openIn(directory)).rejects.toMatchObject({ code: "secret-key-wrong" });
  });

  test("A2: cut short anywhere, the next start reads everything, and so does a rotation that is run again", async () => {
    const directory = await sealedDirectory();
    const copies = new Map<string, string>();
    await rotateSecretKey({ directory, onStep: (step) => copies.set(step, copyOf(directory)) });
    expect([...copies.keys()]).toEqual([
      "the next key is on disk",
      "half of it is sealed again",
      "everything is sealed again",
      "the former key is gone",
    ]);
    for (const copy of copies.values()) {
      const again = copyOf(copy);
      await expectWhole(copy);
      expect(readdirSync(copy).filter((name) => name.startsWith("secret.key"))).toEqual(["secret.key"]);
      await rotateSecretKey({ directory: again });
      await expectWhole(again);
      expect(readdirSync(again).filter((name) => name.startsWith("secret.key"))).toEqual(["secret.key"]);
    }
  });

  test("A2: moves the key out of the file and back, cut short anywhere", async () => {
    const directory = await sealedDirectory();
    const [one, other] = [randomBytes(32), randomBytes(32)];
    const ways = [
      { presentKey: undefined, nextKey: one },
      { presentKey: one, nextKey: other },
      { presentKey: other, nextKey: undefined },
    ];
    for (const way of ways) {
      const copies: string[] = [];
      await rotateSecretKey({ directory, ...way, onStep: () => copies.push(copyOf(directory)) });
      expect(existsSync(path.join(directory, "secret.key"))).toBe(way.nextKey === undefined);
      await expectWhole(directory, way.nextKey);
      expect(copies).toHaveLength(4);
      for (const copy of copies) {
        await rotateSecretKey({ directory: copy, ...way });
        expect(existsSync(path.join(copy, "secret.key"))).toBe(way.nextKey === undefined);
        expect(existsSync(path.join(copy, "secret.key.next"))).toBe(false);
        await expectWhole(copy, way.nextKey);
      }
    }
  });

  test("A2: a wrong key, a damaged secret or a running server change nothing", async () => {
    const directory = await sealedDirectory();
    const before = blobsIn(directory);
    const files = readdirSync(directory).filter((name) => name.startsWith("secret"));
    const unchanged = (): void => {
      expect(blobsIn(directory)).toEqual(before);
      expect(readdirSync(directory).filter((name) => name.startsWith("secret"))).toEqual(files);
    };
    const wrong = rotateSecretKey({ directory, presentKey: randomBytes(32), nextKey: randomBytes(32) });
    await expect(wrong).rejects.toMatchObject({ code: "secret-key-wrong" });
    unchanged();

    const registry = await openIn(directory);
    await expect(rotateSecretKey({ directory })).rejects.toMatchObject({ code: "data-dir-in-use" });
    await registry.close();
    unchanged();

    const damaged = copyOf(directory);
    const database = new DatabaseSync(path.join(damaged, "registry.db"));
    database.exec("update devices set access_keys = zeroblob(100) where id = 'd1100'");
    database.close();
    const damagedBefore = blobsIn(damaged);
    await expect(rotateSecretKey({ directory: damaged })).rejects.toMatchObject({ code: "secret-altered" });
    expect(blobsIn(damaged)).toEqual(damagedBefore);
    await (await openIn(damaged)).close();
    expect(existsSync(path.join(damaged, "secret.key.next"))).toBe(false);
  });

  test("a key given at the first start leaves none on disk, and another one is refused", async () => {
    const given = randomBytes(32);
    const directory = await sealedDirectory(given);
    for (const name of readdirSync(directory)) {
      expect(readFileSync(path.join(directory, name)).includes(given)).toBe(false);
    }
    expect(existsSync(path.join(directory, "secret.key"))).toBe(false);
    await expectWhole(directory, given);
    await expect(openIn(directory)).rejects.toMatchObject({ code: "secret-key-missing" });
    await expect(openIn(directory, { secretKey: randomBytes(32) })).rejects.toMatchObject({ code: "secret-key-wrong" });
    expect(existsSync(path.join(directory, "secret.key"))).toBe(false);
  });
});
