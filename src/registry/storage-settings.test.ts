import { describe, expect, test } from "vitest";
import { storagePlace, storageSettingsOf } from "./storage-settings.ts";

const key = Buffer.from("not a real key, only its length").toString("base64");
const sas = "?sv=2024-11-04&ss=b&srt=sco&sp=rwlc&se=2030-01-01&sig=c2lnbmF0dXJl";
const endpoint = "https://acct.blob.core.windows.net";

const refusal = (settings: object, secret: string | null): { message: string; field: string; hint: string } => {
  try {
    storageSettingsOf(settings, secret);
  } catch (error) {
    return error as never;
  }
  throw new Error("it was taken");
};
const azure = (auth: string, more: object = {}): object => ({ kind: "azure-blob", auth, ...more });

describe("a folder", () => {
  test("is an absolute path, normalised", () => {
    expect(storageSettingsOf({ kind: "folder", path: "/srv//lake/" }, null)).toEqual({
      kind: "folder",
      path: "/srv/lake",
    });
    expect(storageSettingsOf({ kind: "folder", path: "/" }, null)).toEqual({ kind: "folder", path: "/" });
  });

  test("R8: a relative path, a secret or a foreign field is refused", () => {
    expect(refusal({ kind: "folder", path: "lake" }, null)).toMatchObject({ field: "settings.path" });
    expect(refusal({ kind: "folder", path: "/srv" }, "s")).toMatchObject({ field: "secret" });
    expect(refusal({ kind: "folder", path: "/srv", endpoint }, null)).toMatchObject({ field: "settings.endpoint" });
    expect(refusal({ kind: "s3" }, null)).toMatchObject({ field: "settings.kind" });
  });
});

describe("a connection string", () => {
  const taken = (secret: string) => storageSettingsOf(azure("connection-string"), secret);

  test("with account and key says where the account is", () => {
    expect(
      taken(`DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=${key};EndpointSuffix=core.windows.net`),
    ).toEqual({ kind: "azure-blob", auth: "connection-string", endpoint, accountName: "acct" });
  });

  test("with a blob endpoint takes that", () => {
    const text = `AccountName=devstoreaccount1;AccountKey=${key};BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;`;
    expect(taken(text)).toMatchObject({ endpoint: "http://127.0.0.1:10000/devstoreaccount1" });
  });

  test("with a shared access signature needs a blob endpoint", () => {
    const text = `BlobEndpoint=${endpoint}/;SharedAccessSignature=${sas.slice(1)}`;
    expect(taken(text)).toEqual({ kind: "azure-blob", auth: "connection-string", endpoint });
  });

  test("for the emulator is taken", () => {
    expect(taken("UseDevelopmentStorage=true")).toMatchObject({ accountName: "devstoreaccount1" });
  });

  test.each([
    ["AccountKey=" + key, /AccountName/],
    ["AccountName=acct", /AccountKey/],
    ["AccountName=acct;AccountKey=%%%", /AccountKey is not base64/],
    [`SharedAccessSignature=${sas.slice(1)}`, /BlobEndpoint/],
    [`BlobEndpoint=nonsense;SharedAccessSignature=${sas.slice(1)}`, /blob endpoint is no URL/],
    [`BlobEndpoint=${endpoint};SharedAccessSignature=sv=1`, /no sig=/],
    ["nonsense", /Name=value/],
  ])("R8, A2: %j is refused, naming the part and not the secret", (text, message) => {
    const error = refusal(azure("connection-string"), text);
    expect(error.message).toMatch(message);
    expect(error.field).toBe("secret");
    for (const secret of [key, sas.slice(1), "nonsense", "%%%"])
      expect(error.message + error.hint).not.toContain(secret);
  });

  test("R8: none at all is refused", () => {
    expect(refusal(azure("connection-string"), null)).toMatchObject({ field: "secret" });
  });
});

describe("the other ways of signing in", () => {
  test("are taken whole", () => {
    const account = { endpoint: `${endpoint}/`, accountName: "acct" };
    expect(storageSettingsOf(azure("account-key", account), key)).toMatchObject({ endpoint, accountName: "acct" });
    expect(storageSettingsOf(azure("sas", { endpoint }), sas)).toMatchObject({ endpoint });
    expect(storageSettingsOf(azure("entra", { endpoint }), null)).toMatchObject({ endpoint });
    const principal = { endpoint, tenantId: "t", clientId: "c" };
    expect(storageSettingsOf(azure("entra", principal), "s")).toMatchObject(principal);
    expect(storageSettingsOf(azure("entra", { endpoint, clientId: "c" }), null)).toMatchObject({ clientId: "c" });
    expect(storageSettingsOf(azure("sas", { endpoint }), `${endpoint}/${sas}`)).toMatchObject({ endpoint });
  });

  test.each([
    ["account-key", { endpoint, accountName: "acct" }, "not base64!", "secret"],
    ["account-key", { endpoint, accountName: "acct" }, null, "secret"],
    ["account-key", { endpoint, accountName: "a b" }, key, "settings.accountName"],
    ["account-key", { accountName: "acct" }, key, "settings.endpoint"],
    ["sas", { endpoint: `${endpoint}?sig=abc` }, sas, "settings.endpoint"],
    ["sas", { endpoint: "ftp://acct" }, sas, "settings.endpoint"],
    ["sas", { endpoint }, "sv=1", "secret"],
    ["entra", { endpoint: "http://acct.blob.core.windows.net" }, null, "settings.endpoint"],
    ["sas", { endpoint }, null, "secret"],
    ["entra", { endpoint, tenantId: "", clientId: "c" }, null, "settings.tenantId"],
    ["entra", { endpoint, tenantId: "t" }, "s", "settings.clientId"],
    ["magic", { endpoint }, null, "settings.auth"],
  ])("R8: %s with %j is refused by the field named", (auth, more, secret, field) => {
    expect(refusal(azure(auth, more), secret)).toMatchObject({ kind: "invalid", field });
  });
});

test("the place of a storage account is its path or endpoint, however one signs in", () => {
  const bySas = storageSettingsOf(azure("sas", { endpoint }), sas);
  const byKey = storageSettingsOf(azure("connection-string"), `AccountName=acct;AccountKey=${key}`);
  expect(storagePlace(bySas)).toBe(storagePlace(byKey));
});
