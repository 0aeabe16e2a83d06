// What a listener of devices sees of a client's certificate, over real TLS.

import type { AddressInfo } from "node:net";
import { type ConnectionOptions, type Server, type TLSSocket, connect, createServer } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestCertificate, testAuthority, testCertificate } from "../../test/lib/certificates.ts";
import { verifyChain, type ShownCertificates, readCertificate } from "../lib/certificate.ts";
import { clientCertificateOf, deviceTransport } from "./client-certificate.ts";

let server: Server;
let root: TestCertificate;
let intermediate: TestCertificate;
let device: TestCertificate;
let again: ShownCertificates | null = null;
const seen: { certificate: ShownCertificates | null; isReused: boolean }[] = [];

beforeAll(async () => {
  root = await testAuthority("root");
  intermediate = await testAuthority("intermediate", { issuer: root });
  device = await testCertificate({ name: "dev-1", issuer: intermediate });
  const own = await testCertificate({ name: "localhost" });
  server = createServer({ ...deviceTransport, cert: own.certPem, key: own.keyPem }, (socket) => {
    seen.push({ certificate: clientCertificateOf(socket), isReused: socket.isSessionReused() });
    again = clientCertificateOf(socket);
    socket.on("error", () => {}).end("seen");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => void server.close());

/** Connects, waits until it was seen. @returns the session, for the next. */
async function visit(options: ConnectionOptions): Promise<Buffer | undefined> {
  const { port } = server.address() as AddressInfo;
  let session: Buffer | undefined;
  await new Promise<void>((resolve, reject) => {
    const socket: TLSSocket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
    socket.on("session", (one: Buffer) => (session = one));
    socket
      .on("error", reject)
      .on("close", () => resolve())
      .resume();
  });
  return session;
}

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "The whole chain is seen in %s, also by a client that comes back",
  async (version) => {
    const chain = { cert: device.certPem + intermediate.certPem, key: device.keyPem, maxVersion: version };
    let session: Buffer | undefined;
    const authority = readCertificate(root.der);
    if (authority === null) throw new Error("not read");
    for (const _visit of [1, 2]) {
      session = await visit({ ...chain, ...(session === undefined ? {} : { session }) });
      const { certificate, isReused } = seen.at(-1) ?? {};
      expect(isReused).toBe(false);
      if (certificate === undefined || certificate === null) throw new Error("no certificate");
      expect(certificate.leaf.commonName).toBe("dev-1");
      expect(verifyChain(certificate, [authority], Date.now()).kind).toBe("trusted");
    }
  },
);

test("The chain is the same each time it is asked for: for each request, and each link", async () => {
  await visit({ cert: device.certPem + intermediate.certPem, key: device.keyPem });
  expect(seen.at(-1)?.certificate?.others).toHaveLength(1);
  expect(again?.others).toEqual(seen.at(-1)?.certificate?.others);
});

test("A client without a certificate is taken, and has none", async () => {
  await visit({});
  expect(seen.at(-1)).toEqual({ certificate: null, isReused: false });
});

test("M1: of very many certificates no more are taken than one too many", async () => {
  const many = device.certPem + Array.from({ length: 40 }, () => intermediate.certPem).join("");
  await visit({ cert: many, key: device.keyPem });
  expect(seen.at(-1)?.certificate?.others).toHaveLength(9);
});

test("M1: more certificates than OpenSSL takes end the handshake, and the listener goes on", async () => {
  const before = seen.length;
  const many = device.certPem + Array.from({ length: 400 }, () => intermediate.certPem).join("");
  await visit({ cert: many, key: device.keyPem }).catch(() => {});
  expect(seen).toHaveLength(before);
  await visit({});
  expect(seen).toHaveLength(before + 1);
});
