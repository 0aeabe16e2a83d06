// Signing in with tokens: Azurite over https with its OAuth check, a certificate of our own, tokens made here.
//
// What is real: the SDK's bearer policy, TLS, the service's check of audience, issuer and life time. What is not: getting
// a token from Entra ID (@azure/identity), which no test machine can reach.

import { probeFailure } from "../../src/destinations/failure.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bodyOf, inChunks, put } from "../../src/destinations/destination.contract.ts";
import type { Destination } from "../../src/destinations/destination.ts";
import { openStorage } from "../../src/destinations/open-storage.ts";
import { startAzurite, type Azurite } from "../lib/azurite.ts";

let azurite: Azurite;
let directory: string;
let certificate: string;
const authorities = getCACertificates();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-azurite-"));
  const tls = { certificateFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
  certificate = await makeCertificate(tls);
  azurite = await startAzurite({ tls });
});
afterAll(async () => {
  setDefaultCACertificates(authorities);
  await azurite.stop();
  rmSync(directory, { recursive: true });
});

it("says that the certificate is not trusted, permanently", async () => {
  const probe = probeFailure(await (await open(() => tokenOf({}))).probe());
  expect(probe).toMatchObject({ kind: "permanent", step: "trust the certificate" });
});

it("writes and reads with a token, and says authenticate when the token is not accepted", async () => {
  setDefaultCACertificates([...authorities, certificate]);
  const account = openStorage(
    settings(),
    undefined,
    tokenSource(() => tokenOf({})),
  );
  await account.createContainer("entra");
  const destination = await account.container("entra");
  expect(await put(destination, "00.avro", inChunks(Buffer.from("body")))).toEqual({ kind: "created" });
  expect((await bodyOf(destination, "00.avro")).toString()).toBe("body");
  expect(probeFailure(await destination.probe())).toBeNull();
  const token = tokenOf({ aud: "https://elsewhere.example" });
  const failure = probeFailure(await (await open(() => token)).probe());
  expect(failure).toMatchObject({ kind: "permanent", step: "authenticate", code: "AuthenticationFailed" });
  expect(JSON.stringify(failure)).not.toContain(token);
});

it("says sign in when there is no token to be had", async () => {
  const destination = await open(() => {
    throw Object.assign(new Error("AADSTS7000222: The provided client secret keys are expired.\nTrace ID: 1"), {
      name: "AuthenticationError",
      statusCode: 401,
    });
  });
  expect(probeFailure(await destination.probe())).toMatchObject({
    kind: "permanent",
    code: "sign-in-failed",
    step: "sign in to Entra ID",
  });
  expect(await put(destination, "x", inChunks(Buffer.from("x")))).toMatchObject({
    kind: "permanent",
    message: expect.stringMatching(/AADSTS7000222.*expired\.$/) as string,
  });
});

function settings(): { kind: "azure-blob"; auth: "entra"; endpoint: string } {
  return { kind: "azure-blob", auth: "entra", endpoint: azurite.endpoint };
}

function tokenSource(token: () => string): {
  tokenSource: { getToken: () => Promise<{ token: string; expiresOnTimestamp: number }> };
} {
  return {
    tokenSource: {
      getToken: async () => await Promise.resolve({ token: token(), expiresOnTimestamp: Date.now() + 3_600_000 }),
    },
  };
}

async function open(token: () => string): Promise<Destination> {
  return await openStorage(settings(), undefined, tokenSource(token)).container("entra");
}

function tokenOf(claims: object): string {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const body = {
    aud: "https://storage.azure.com",
    iss: "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
    iat: nowSeconds - 60,
    nbf: nowSeconds - 60,
    exp: nowSeconds + 3_600,
    ...claims,
  };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "RS256", typ: "JWT" })}.${encode(body)}.c2lnbmF0dXJl`;
}

async function makeCertificate(files: { certificateFile: string; keyFile: string }): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=azurite",
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
      new x509.BasicConstraintsExtension(true),
    ],
  });
  const pem = made.toString("pem");
  writeFileSync(files.certificateFile, pem);
  const privateKey = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  writeFileSync(
    files.keyFile,
    `-----BEGIN PRIVATE KEY-----\n${privateKey.replaceAll(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`,
  );
  return pem;
}
