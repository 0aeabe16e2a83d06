// What a storage account may do, told against Azurite: each permission that a SAS lacks, in Azure's own words; the end of a
// SAS; credentials replaced while an export writes.

import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobServiceClient,
  ContainerSASPermissions,
  SASProtocol,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
} from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tellWarnings } from "../../src/server/storage-watch.ts";
import { AdminBench } from "../lib/admin-bench.ts";
import { type Azurite, startAzurite } from "../lib/azurite.ts";

let azurite: Azurite;
let key: StorageSharedKeyCredential;
let service: BlobServiceClient;
beforeAll(async () => {
  azurite = await startAzurite();
  key = new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey);
  service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  await service.createContainer("empty");
  await service.createContainer("full");
  await service.getContainerClient("full").getBlockBlobClient("a/b.avro").upload("x", 1);
});
afterAll(async () => await azurite.stop());

let bench: AdminBench;
beforeEach(async () => {
  bench = await AdminBench.open();
});
afterEach(async () => await bench.close());

const hourMs = 3_600_000;
const inHours = (hours: number): Date => new Date(Date.now() + hours * hourMs);

function accountSas(permissions: string, { types = "sco", expiresOn = inHours(24 * 30) } = {}): string {
  const values = {
    permissions: AccountSASPermissions.parse(permissions),
    resourceTypes: AccountSASResourceTypes.parse(types).toString(),
    services: AccountSASServices.parse("b").toString(),
    protocol: SASProtocol.HttpsAndHttp,
    expiresOn,
  };
  return generateAccountSASQueryParameters(values, key).toString();
}

function containerSas(containerName: string, permissions: string): string {
  const values = {
    containerName,
    permissions: ContainerSASPermissions.parse(permissions),
    protocol: SASProtocol.HttpsAndHttp,
    expiresOn: inHours(24 * 30),
  };
  return generateBlobSASQueryParameters(values, key).toString();
}

const settings = () => ({ kind: "azure-blob", auth: "sas", endpoint: azurite.endpoint });
const tried = (secret: string, container: string) =>
  bench.expect(200, "POST", "/storage-accounts/test", { settings: settings(), secret, container });
const requests = ["stage a block", "list", "read"];
const write = "Write (w) on Object (o)";
const list = "List (l) on Container (c)";
const read = "Read (r) on Object (o)";

/** What a test said: failed steps with what they lack. */
function lacking({ steps }: { readonly steps: readonly { step: string; outcome: string; permission?: string }[] }) {
  expect(steps.map(({ step }) => step)).toEqual(["connect", "authenticate", "find the container", ...requests]);
  return Object.fromEntries(
    steps.filter(({ outcome }) => outcome === "failed").map(({ step, permission }) => [step, permission]),
  );
}

describe.each(["empty", "full"])("a SAS is tried in a container that is %s", (container) => {
  test.each([
    ["rcwl", {}],
    ["rcl", { "stage a block": write }],
    ["rwl", {}],
    ["cwl", { read }],
    ["rl", { "stage a block": write }],
    ["rcw", { list }],
    ["l", { "stage a block": write, read }],
    ["d", { "stage a block": write, list, read }],
  ])("an account's with %s", async (permissions, expected) => {
    const outcome = await tried(accountSas(permissions), container);
    // Nothing works at all: Azurite's one word for it could as well be a firewall's.
    if (Object.keys(expected).length === 3) expect(outcome.ok).toBe(false);
    else expect(lacking(outcome)).toEqual(expected);
    expect(outcome.ok).toBe(Object.keys(expected).length === 0);
  });

  test.each([
    ["rcwl", {}],
    ["rwl", {}],
    ["cwl", { read }],
    ["rl", { "stage a block": write }],
    ["rcw", { list }],
  ])("the container's own with %s", async (permissions, expected) => {
    expect(lacking(await tried(containerSas(container, permissions), container))).toEqual(expected);
  });

  test("resource types that are missing are told, too", async () => {
    expect(lacking(await tried(accountSas("rcwl", { types: "so" }), container))).toEqual({ list });
    expect(lacking(await tried(accountSas("rcwl", { types: "sc" }), container))).toEqual({
      "stage a block": write,
      read,
    });
  });
});

test("a test leaves nothing behind, and needs no right to delete", async () => {
  const names = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const blob of service.getContainerClient("full").listBlobsFlat({ includeUncommitedBlobs: false })) {
      found.push(blob.name);
    }
    return found;
  };
  const before = await names();
  expect((await tried(accountSas("rcwl"), "full")).ok).toBe(true);
  expect(await names()).toEqual(before);
});

test("a container that is not there, and a server that is away: what comes after is not tried", async () => {
  const outcomes = ({ steps }: { readonly steps: readonly { step: string; outcome: string }[] }) =>
    steps.map(({ step, outcome }) => `${step}: ${outcome}`);
  const rest = requests.map((step) => `${step}: not-tried`);
  expect(outcomes(await tried(accountSas("rcwl"), "none"))).toEqual([
    "connect: ok",
    "authenticate: ok",
    "find the container: failed",
    ...rest,
  ]);
  const away = { ...settings(), endpoint: "http://127.0.0.1:9/acct" };
  const body = { settings: away, secret: accountSas("rcwl"), container: "full" };
  expect(outcomes(await bench.expect(200, "POST", "/storage-accounts/test", body))).toEqual([
    "connect: failed",
    "authenticate: not-tried",
    "find the container: not-tried",
    ...rest,
  ]);
});

test("A2: the end of a SAS is shown and warned of, in the list, the status and the log; the SAS never is", async () => {
  const add = (name: string, secret: string) =>
    bench.expect(201, "POST", "/storage-accounts", { name, settings: settings(), secret });
  const secrets = [
    accountSas("rcwl"),
    accountSas("rcwl", { expiresOn: inHours(75) }),
    accountSas("rcwl", { expiresOn: inHours(-1) }),
    accountSas("l"),
  ];
  const [month, soon, over, few] = await Promise.all(secrets.map((secret, at) => add(`account ${at}`, secret)));
  expect(month.warnings).toEqual([]);
  expect(Date.parse(month.sasExpiresAt) - Date.now()).toBeGreaterThan(29 * 24 * hourMs);
  expect(soon.warnings).toEqual([expect.stringMatching(/^The SAS expires at .*Z, in 3 days\. Make a new one/)]);
  expect(over.warnings).toEqual([expect.stringMatching(/^The SAS expired at .*: exports are refused\./)]);
  expect(few.warnings).toEqual([expect.stringMatching(/lacks the permission Write \(w\), Read \(r\)\./)]);
  const { storage } = await bench.expect(200, "GET", "/status");
  expect(storage).toMatchObject([{ warnings: [] }, { id: soon.id, warnings: soon.warnings }, {}, {}]);

  const logged: string[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  await tellWarnings(bench.rooms.registry, {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  });
  expect(logged.map((line) => line.split(" ").slice(0, 5).join(" ")).toSorted()).toEqual([
    "error The storage account account",
    "warn The storage account account",
    "warn The storage account account",
  ]);
  const told = JSON.stringify([bench.answers, bench.logged, logged]);
  for (const secret of secrets) expect(told).not.toContain(new URLSearchParams(secret).get("sig"));
  for (const secret of secrets) expect(told).not.toContain(secret);
});

test("credentials are replaced while an export writes: every minute is written once, and no attempt fails", async () => {
  await service.createContainer("load");
  const account = (hours: number) => ({
    name: "load",
    settings: settings(),
    secret: accountSas("rcwl", { expiresOn: inHours(24 * 30 + hours) }),
  });
  const { id: accountId } = await bench.expect(201, "POST", "/storage-accounts", account(0));
  const { id } = await bench.expect(201, "POST", "/exports", {
    name: "load",
    storageAccountId: accountId,
    container: "load",
    types: ["measurements"],
  });
  const over = new AbortController();
  let replaced = 0;
  const replace = async (): Promise<void> => {
    while (!over.signal.aborted) await bench.expect(200, "PUT", `/storage-accounts/${accountId}`, account(++replaced));
  };
  const replacing = replace();
  const minutes = 12;
  try {
    for (let minute = 0; minute < minutes; minute++) {
      await bench.rooms.send(200);
      await bench.rooms.clock.pass(60_000);
      await bench.rooms.until(() => (bench.rooms.exporter.status(id)?.filesWritten ?? 0) > minute);
    }
  } finally {
    over.abort();
    await replacing;
  }
  expect(replaced).toBeGreaterThan(minutes);
  const { items } = await bench.expect(200, "GET", `/exports/${id}/runs`);
  expect(items).toHaveLength(minutes);
  for (const run of items) expect(run).toMatchObject({ records: 200, attempts: 1, outcome: "created" });
  expect(bench.rooms.exporter.status(id)).toMatchObject({ state: "healthy", trouble: null });
});

test("credentials that were replaced because they ended: what waits goes on at once with the new ones", async () => {
  await service.createContainer("ended");
  const account = (expiresOn: Date) => ({
    name: "ended",
    settings: settings(),
    secret: accountSas("rcwl", { expiresOn }),
  });
  const { id: accountId } = await bench.expect(201, "POST", "/storage-accounts", account(inHours(-1)));
  const { id } = await bench.expect(201, "POST", "/exports", {
    name: "ended",
    storageAccountId: accountId,
    container: "ended",
    types: ["measurements"],
  });
  await bench.rooms.send(3);
  await bench.rooms.clock.pass(60_000);
  await bench.rooms.until(() => bench.rooms.exporter.status(id)?.state === "stopped");
  const { advice } = await bench.expect(200, "GET", `/exports/${id}`);
  expect(advice).toEqual({
    happened: expect.stringMatching(/^The SAS of the storage account has expired\. Nothing is lost/),
    toDo: expect.stringContaining("Replace credentials"),
  });
  await bench.expect(200, "PUT", `/storage-accounts/${accountId}`, account(inHours(24)));
  await bench.rooms.until(() => bench.rooms.exporter.status(id)?.state === "healthy");
  expect((await bench.expect(200, "GET", `/exports/${id}/runs`)).items).toMatchObject([{ records: 3 }]);
});
