// The destination contract on Azure Blob, against a real Azurite, with each kind of credential it can check.

import { probeFailure } from "../../src/destinations/failure.ts";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobServiceClient,
  generateAccountSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  bodyOf,
  destinationContract,
  inChunks,
  label,
  pathsOf,
  put,
} from "../../src/destinations/destination.contract.ts";
import { openStorage, type StorageSettings } from "../../src/destinations/open-storage.ts";
import { startAzurite, type Azurite } from "../lib/azurite.ts";

const blockBytes = 64 * 1024;
let azurite: Azurite;

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

destinationContract("azure-blob by connection string", () => {
  const settings = { kind: "azure-blob", auth: "connection-string", endpoint: "" } as const;
  const account = openStorage(settings, azurite.connectionString, { blockBytes });
  const otherAccount = openStorage(settings, azurite.connectionString, { blockBytes });
  return Promise.resolve({
    account,
    otherAccount,
    containerName: "contract",
    unitBytes: blockBytes,
    close: async () => {
      await account.close();
      await otherAccount.close();
    },
  });
});

describe("azure-blob", () => {
  const sas = (permissions: string, expiresOn = new Date(Date.now() + 3_600_000)): string =>
    generateAccountSASQueryParameters(
      {
        expiresOn,
        startsOn: new Date(Date.now() - 7_200_000),
        permissions: AccountSASPermissions.parse(permissions),
        services: AccountSASServices.parse("b").toString(),
        resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
        protocol: SASProtocol.HttpsAndHttp,
      },
      new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey),
    ).toString();

  const settingsFor = (auth: "account-key" | "sas"): StorageSettings => ({
    kind: "azure-blob",
    auth,
    endpoint: azurite.endpoint,
  });

  it.each(["account-key", "sas"] as const)("writes and reads with %s", async (auth) => {
    const secret = auth === "sas" ? `?${sas("rwlc")}` : azurite.accountKey;
    const account = openStorage(settingsFor(auth), secret);
    await account.createContainer(`by-${auth}`);
    const destination = await account.container(`by-${auth}`);
    expect(destination.root).toBe(`azure-blob:${azurite.endpoint}/by-${auth}`);
    expect(await put(destination, "a/00.avro", inChunks(Buffer.from("body")))).toEqual({ kind: "created" });
    expect(await destination.head("a/00.avro")).toEqual({ kind: "found", bytes: 4, label });
    expect((await bodyOf(destination, "a/00.avro")).toString()).toBe("body");
    expect(await pathsOf(destination, "")).toEqual(["a/00.avro"]);
    expect(probeFailure(await destination.probe())).toBeNull();
    await account.close();
  });

  it("lists more than one page, in order", async () => {
    const account = openStorage(settingsFor("account-key"), azurite.accountKey);
    await account.createContainer("pages");
    const destination = await account.container("pages");
    const paths = Array.from({ length: 1_020 }, (_, index) => `p/${String(index).padStart(5, "0")}`);
    const raw = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient("pages");
    for (let at = 0; at < paths.length; at += 60) {
      await Promise.all(paths.slice(at, at + 60).map((path) => raw.getBlockBlobClient(path).upload("x", 1)));
    }
    expect(await pathsOf(destination, "p/")).toEqual(paths);
    await account.close();
  });

  it("says authenticate, permanently, when the key is wrong, and shows neither key nor signature", async () => {
    const wrongKey = Buffer.from("this is not the key of the account").toString("base64");
    const account = openStorage(settingsFor("account-key"), wrongKey);
    const destination = await account.container("by-sas");
    const failure = probeFailure(await destination.probe());
    expect(failure).toMatchObject({
      kind: "permanent",
      hint: expect.stringContaining("secret") as string,
    });
    expect(["AuthenticationFailed", "AuthorizationFailure"]).toContain(failure?.code);
    expect(await put(destination, "x", inChunks(Buffer.from("x")))).toMatchObject({
      kind: "permanent",
      code: failure?.code,
    });
    const thrown = await account.listContainers().then(
      () => null,
      (error: unknown) => error,
    );
    expect(JSON.stringify([failure, inspected(thrown)])).not.toContain(wrongKey);
    await account.close();
  });

  it("says that a SAS has expired, and never shows it", async () => {
    const query = sas("rwlc", new Date(Date.now() - 3_600_000));
    const account = openStorage(settingsFor("sas"), query);
    const destination = await account.container("by-sas");
    const outcome = await put(destination, "x", inChunks(Buffer.from("x")));
    expect(outcome).toMatchObject({ kind: "permanent" });
    const thrown = await account.listContainers().then(
      () => null,
      (error: unknown) => error,
    );
    const signature = new URLSearchParams(query).get("sig") ?? "none";
    for (const secret of [query, signature, encodeURIComponent(signature)]) {
      expect(
        JSON.stringify([outcome, probeFailure(await destination.probe()), inspected(thrown), destination.root]),
      ).not.toContain(secret);
    }
    await account.close();
  });

  it("says which permission's request failed when a SAS may not write, or not list", async () => {
    const readOnly = openStorage(settingsFor("sas"), sas("rl"));
    expect(probeFailure(await (await readOnly.container("by-sas")).probe())).toMatchObject({
      kind: "permanent",
      step: "stage a block",
    });
    const noList = openStorage(settingsFor("sas"), sas("rwc"));
    expect(probeFailure(await (await noList.container("by-sas")).probe())).toMatchObject({
      kind: "permanent",
      step: "list",
    });
    await readOnly.close();
    await noList.close();
  });
});

/** All that a logger could print of an error. */
function inspected(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { name, message, stack, cause } = thrown;
  return { ...Object.fromEntries(Object.entries(thrown)), name, message, stack, cause: inspected(cause) };
}
