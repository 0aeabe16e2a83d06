import { describe, expect, test } from "vitest";
import type { StorageSettings } from "./storage-account.ts";
import { sasFactsOf, storageWarnings } from "./storage-sas.ts";

const sas: StorageSettings = { kind: "azure-blob", auth: "sas", endpoint: "https://a.blob.core.windows.net" };
const connection: StorageSettings = { ...sas, auth: "connection-string" };
const query = "sv=2024-11-04&ss=b&srt=sco&sp=rwlc&se=2026-03-01T12:00:00Z&st=2026-01-01&sig=c2VjcmV0";
const facts = {
  expiresAt: "2026-03-01T12:00:00Z",
  startsAt: "2026-01-01T00:00:00Z",
  permissions: "rwlc",
  resourceTypes: "sco",
};

test.each<[string, StorageSettings, string]>([
  ["a SAS", sas, query],
  ["with a question mark", sas, ` ?${query}\n`],
  ["a SAS URL", sas, `https://a.blob.core.windows.net/iot?${query}`],
  [
    "in a connection string",
    connection,
    `BlobEndpoint=https://a.blob.core.windows.net;SharedAccessSignature=${query};`,
  ],
  ["escaped", sas, query.replaceAll(":", "%3A")],
])("is read from %s; the signature stays", (_what, settings, secret) => {
  expect(sasFactsOf(settings, secret)).toEqual(facts);
});

test.each<[string, StorageSettings, string | null]>([
  ["a folder", { kind: "folder", path: "/srv" }, null],
  ["an account key", { ...sas, auth: "account-key" }, query],
  ["a connection string with a key", connection, "AccountName=a;AccountKey=c2VjcmV0"],
  ["no secret", sas, null],
  ["no signature", sas, "se=2026-03-01"],
])("there is none of %s", (_what, settings, secret) => {
  expect(sasFactsOf(settings, secret)).toBeNull();
});

test("a stored access policy decides: nothing is known, nothing warned of", () => {
  const found = sasFactsOf(sas, "sv=2024-11-04&si=policy&sr=c&sig=x");
  expect(found).toEqual({ expiresAt: null, startsAt: null, permissions: null, resourceTypes: null });
  expect(storageWarnings({ sas: found }, Date.parse("2040-01-01"))).toEqual([]);
});

describe("warnings", () => {
  const at = (time: string, more: Partial<typeof facts> = {}) =>
    storageWarnings({ sas: { ...facts, ...more } }, Date.parse(time));

  test.each([
    ["2026-02-22T11:59:00Z", []],
    ["2026-02-22T12:00:00Z", [/in 7 days/]],
    ["2026-02-27T12:00:01Z", [/in 1 day\./]],
    ["2026-02-28T12:00:01Z", [/within a day/]],
    ["2026-03-01T12:00:00Z", [/expired/]],
    ["2025-12-31T00:00:00Z", [/does not hold before 2026-01-01/]],
  ])("at %s", (time, expected) => {
    expect(at(time)).toEqual(expected.map((one) => expect.stringMatching(one)));
  });

  test.each([
    ["rl", ["Write (w)"]],
    ["wc", ["Read (r), List (l)"]],
    ["d", ["Write (w), Read (r), List (l)"]],
  ])("permissions %s", (permissions, expected) => {
    expect(at("2026-02-01", { permissions })).toEqual(
      expected.map((one) => expect.stringContaining(`lacks the permission ${one}. `)),
    );
  });

  test("resource types", () => {
    expect(at("2026-02-01", { resourceTypes: "s" })).toEqual([
      expect.stringContaining("lacks the resource type Container (c), Object (o)."),
    ]);
  });
});
