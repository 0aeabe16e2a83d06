// The parts of the Azure adapter that need no server: connection strings, what an error means, blocks, masks.

import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ColdpathError } from "../../lib/errors.ts";
import { openStorage, readConnectionString, type StorageSettings } from "../open-storage.ts";
import { BlockBuffer, blockBytesAt, blockId } from "./block-buffer.ts";
import { canonicalEndpoint, parseConnectionString, sasQuery } from "./connection-string.ts";
import { maskOf } from "./mask.ts";
import { serviceFailure } from "./service-error.ts";

const key = Buffer.from("a key of an account, 32 bytes ok").toString("base64");
const invalid = (given: () => unknown): ColdpathError => {
  try {
    given();
  } catch (thrown) {
    if (thrown instanceof ColdpathError) return thrown;
    throw thrown;
  }
  throw new Error("it was accepted");
};

describe("a connection string", () => {
  it("of an account has its endpoint by name, suffix and protocol", () => {
    const text = `DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=${key};EndpointSuffix=core.chinacloudapi.cn`;
    expect(parseConnectionString(text)).toEqual({
      endpoint: "https://acct.blob.core.chinacloudapi.cn",
      secret: { kind: "account-key", accountName: "acct", accountKey: key },
    });
    expect(readConnectionString(`AccountKey=${key};AccountName=acct`)).toEqual({
      endpoint: "https://acct.blob.core.windows.net",
      accountName: "acct",
    });
  });

  it("may name the endpoint, in any order, case and spacing", () => {
    const text = ` blobendpoint = HTTPS://Data.Example.COM:443/ ; AccountName=acct;; accountkey=${key} `;
    expect(readConnectionString(text)).toEqual({ endpoint: "https://data.example.com", accountName: "acct" });
  });

  it("may carry a SAS", () => {
    const text = "BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=?sv=2024&sig=a%2Bb%3D";
    expect(parseConnectionString(text)).toEqual({
      endpoint: "https://acct.blob.core.windows.net",
      secret: { kind: "sas", query: "sv=2024&sig=a%2Bb%3D" },
    });
  });

  it("may be the emulator's", () => {
    expect(readConnectionString("UseDevelopmentStorage=true")).toEqual({
      endpoint: "http://127.0.0.1:10000/devstoreaccount1",
      accountName: "devstoreaccount1",
    });
  });

  it.each([
    ["", /neither/],
    ["hello", /not a list/],
    ["AccountName=acct", /neither AccountKey nor/],
    [`AccountKey=${key}`, /neither BlobEndpoint nor AccountName/],
    [`BlobEndpoint=https://x.example;AccountKey=${key}`, /no AccountName/],
    ["AccountName=acct;AccountKey=not base64!", /not base64/],
    [`AccountName=a/b;AccountKey=${key}`, /AccountName is not/],
    ["AccountName=acct;SharedAccessSignature=sv=2024", /no sig/],
    [`AccountName=acct;AccountKey=${key};BlobEndpoint=ftp://x`, /not an http/],
    [`AccountName=acct;AccountKey=${key};BlobEndpoint=https://x?sig=1`, /more than a host/],
  ])("%j is refused, with the field, a remedy and no secret", (text, message) => {
    const error = invalid(() => parseConnectionString(text));
    expect(error).toMatchObject({ kind: "invalid", field: "secret" });
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(/\w/);
    expect(inspect(error)).not.toContain(key);
  });

  it("any text is understood or refused as invalid, and never quoted", () => {
    const part = fc.constantFrom(
      "AccountName",
      "AccountKey",
      "BlobEndpoint",
      "SharedAccessSignature",
      "=",
      ";",
      "https://a",
      key,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 12 }), (parts) => {
        try {
          parseConnectionString(parts.join(""));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ColdpathError);
          expect((thrown as Error).message).not.toContain(key);
        }
      }),
    );
  });
});

describe("opening an account", () => {
  const settings = (
    auth: "account-key" | "sas" | "entra" | "connection-string",
    endpoint: string,
  ): StorageSettings => ({
    kind: "azure-blob",
    auth,
    endpoint,
  });

  it.each([
    [settings("account-key", "https://acct.blob.core.windows.net"), undefined, "secret"],
    [settings("account-key", "nonsense"), key, "settings.endpoint"],
    [settings("account-key", "https://10.0.0.1"), key, "settings.accountName"],
    [settings("sas", "https://acct.blob.core.windows.net"), "sv=2024", "secret"],
    [settings("sas", "https://acct.blob.core.windows.net/?sv=1&sig=s"), "sv=2024&sig=s", "settings.endpoint"],
    [settings("entra", "http://acct.blob.core.windows.net"), undefined, "settings.endpoint"],
    [settings("connection-string", ""), "", "secret"],
    [{ kind: "folder", path: "" } as const, undefined, "settings.path"],
  ])("%j refuses what it cannot use and names %s", (given, secret, field) => {
    expect(invalid(() => openStorage(given, secret))).toMatchObject({ kind: "invalid", field });
  });

  it("has one root for one container, however the endpoint is written", async () => {
    for (const endpoint of ["https://acct.blob.core.windows.net", " HTTPS://ACCT.blob.core.windows.net:443/ "]) {
      const destination = await openStorage(settings("account-key", endpoint), key).container("iot");
      expect(destination.root).toBe("azure-blob:https://acct.blob.core.windows.net/iot");
    }
    expect(canonicalEndpoint("http://127.0.0.1:10000/devstoreaccount1/", "x")).toBe(
      "http://127.0.0.1:10000/devstoreaccount1",
    );
  });

  it("takes a SAS as token, with question mark, or as a whole URL", () => {
    const query = "sv=2024&sp=rwl&sig=a%2Bb";
    for (const text of [query, `?${query}`, ` https://acct.blob.core.windows.net/iot?${query} `]) {
      expect(sasQuery(text)).toBe(query);
    }
  });
});

describe("an error", () => {
  const mask = maskOf([key]);
  const meaning = (error: object): object => serviceFailure(Object.assign(new Error("text"), error), "write x", mask);
  const answered = (statusCode: number, code?: string): object =>
    meaning({ name: "RestError", statusCode, code, response: { headers: { get: () => undefined } } });

  it.each([
    ["AuthenticationFailed", 403],
    ["AuthorizationFailure", 403],
    ["AuthorizationPermissionMismatch", 403],
    ["InvalidAuthenticationInfo", 401],
    ["AccountIsDisabled", 403],
    ["KeyBasedAuthenticationNotPermitted", 403],
    ["ContainerNotFound", 404],
    ["LeaseIdMissing", 412],
    ["BlobImmutableDueToPolicy", 409],
    ["InvalidResourceName", 400],
    ["SomethingNew", 400],
    ["SomethingNew", 409],
  ])("%s (%i) is permanent, with a hint", (code, status) => {
    expect(answered(status, code)).toMatchObject({
      kind: "permanent",
      code,
      hint: expect.stringMatching(/\w/) as string,
    });
  });

  it.each([
    ["ServerBusy", 503],
    ["InternalError", 500],
    ["OperationTimedOut", 500],
    ["ContainerBeingDeleted", 409],
    ["InvalidBlockList", 400],
    ["SomethingNew", 408],
    ["SomethingNew", 429],
    ["SomethingNew", 599],
  ])("%s (%i) is temporary", (code, status) => {
    expect(answered(status, code)).toMatchObject({ kind: "temporary", code });
  });

  it.each(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "PARSE_ERROR", "EODD"])(
    "%s on the way is temporary",
    (code) => expect(meaning({ code })).toMatchObject({ kind: "temporary", code }),
  );

  it.each([
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "CERT_HAS_EXPIRED",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ])("%s is permanent: somebody must look at the certificate", (code) =>
    expect(meaning({ code })).toMatchObject({ kind: "permanent", code }),
  );

  it("A2: is never named by a code that is not one: what answers may say our own headers back", () => {
    for (const code of [key, `sig=${key}`, "a b", "x".repeat(81)]) {
      const failure = meaning({ name: "RestError", statusCode: 403, response: { headers: { get: () => code } } });
      expect(failure).toMatchObject({ kind: "permanent", code: "http-403" });
      expect(JSON.stringify(failure)).not.toContain(code);
    }
    const masked = serviceFailure(Object.assign(new Error("x"), { code: "hunter22" }), "write x", maskOf(["hunter22"]));
    expect(JSON.stringify(masked)).not.toContain("hunter22");
  });

  it("of signing in is permanent, unless Entra ID is unwell", () => {
    const name = "AuthenticationError";
    expect(meaning({ name, statusCode: 401 })).toMatchObject({ kind: "permanent", code: "sign-in-failed" });
    expect(meaning({ name, statusCode: 503 })).toMatchObject({ kind: "temporary", code: "sign-in-failed" });
    expect(meaning({ name: "CredentialUnavailableError" })).toMatchObject({ kind: "permanent", code: "no-credential" });
  });

  it("without a code keeps the service's words, one line of them, without secrets", () => {
    const message = `No ${key} for https://a/b?sv=1&sig=abc%2B and\nRequestId:1`;
    const failure = meaning({ name: "RestError", statusCode: 400, message });
    expect(failure).toMatchObject({ code: "http-400" });
    expect((failure as Error).message).toBe("cannot write x: No *** for https://a/b?sv=1&sig=*** and (HTTP 400)");
  });
});

describe("a mask", () => {
  it("hides given secrets whole, the longer first, and what looks like one", () => {
    const mask = maskOf(["secret", "secret-and-more", "x"]);
    expect(mask("a secret-and-more b secret c x")).toBe("a *** b *** c x");
    expect(mask("AccountKey=abc; SharedAccessSignature=sv=1&sig=2")).toBe(
      "AccountKey=***; SharedAccessSignature=***&sig=***",
    );
    expect(mask("Authorization: SharedKey acct:abc= Bearer ey.J.x")).toBe("Authorization: SharedKey *** Bearer ***");
  });
});

describe("blocks", () => {
  it("cut any chunks into whole blocks without losing or reordering a byte", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.integer({ min: 1, max: 40 }), (chunks, limitBytes) => {
        const buffer = new BlockBuffer();
        const blocks: Buffer[] = [];
        for (const chunk of chunks) {
          for (let rest: Uint8Array = chunk; rest.byteLength > 0;) {
            rest = buffer.take(rest, limitBytes);
            if (buffer.length < limitBytes) continue;
            blocks.push(Buffer.from(buffer.contents()));
            buffer.clear();
          }
        }
        for (const block of blocks) expect(block.byteLength).toBe(limitBytes);
        expect(Buffer.concat([...blocks, buffer.contents()])).toEqual(Buffer.concat(chunks));
      }),
    );
  });

  it("have ids of one length, and grow so that 50,000 are enough", () => {
    const ids = [0, 9, 10_000, 49_999].map((index) => blockId("0123456789abcdef", index));
    expect(new Set(ids.map((id) => id.length))).toEqual(new Set([32]));
    expect(new Set(ids).size).toBe(4);
    expect(blockBytesAt(9_999, 8)).toBe(8);
    expect(blockBytesAt(10_000, 8)).toBe(16);
    expect(blockBytesAt(49_999, 8)).toBe(128);
    expect(blockBytesAt(50_000, 8)).toBeNull();
  });
});
