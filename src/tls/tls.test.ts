import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { needs } from "../../test/lib/needs.ts";
import { ColdpathError } from "../lib/errors.ts";
import { openTls } from "./tls.ts";
import type { TlsIdentity } from "./tls.ts";

const dayMs = 24 * 60 * 60 * 1000;
let dataDir = "";

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "coldpath-tls-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const inTls = (name: string): string => join(dataDir, "tls", name);

/** Connects with the authority as the only trust; resolves with the protocol, rejects as Node does. */
async function handshake(identity: TlsIdentity, servername: string): Promise<string | null> {
  const server = createServer({ cert: identity.certPem, key: identity.keyPem }, (socket) => socket.end());
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({
        port,
        host: "127.0.0.1",
        ca: identity.caPem ?? [],
        ...(servername === "127.0.0.1" ? {} : { servername }),
      });
      socket.on("error", reject);
      socket.on("secureConnect", () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
    });
  } finally {
    server.close();
  }
}

async function errorOf(promise: Promise<unknown>): Promise<ColdpathError> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ColdpathError);
  return error as ColdpathError;
}

describe("the certificate made on first start", () => {
  test("is accepted for every name by a client that trusts the authority, and by no other", async () => {
    const { identity } = await openTls({ dataDir, publicHosts: ["Hub.Example.com", "10.1.2.3", "2001:DB8::7"] });
    expect(identity.names).toEqual(["hub.example.com", "10.1.2.3", "2001:db8::7", "localhost", "127.0.0.1", "::1"]);
    expect(identity.caPath).toBe(inTls("ca.pem"));
    expect(await handshake(identity, "hub.example.com")).toBe("TLSv1.3");
    expect(await handshake(identity, "localhost")).toBe("TLSv1.3");
    expect(await handshake(identity, "127.0.0.1")).toBe("TLSv1.3");
    await expect(handshake(identity, "other.example.com")).rejects.toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    await expect(handshake({ ...identity, caPem: null }, "localhost")).rejects.toMatchObject({
      code: expect.stringMatching(/UNABLE_TO/),
    });
  });

  test("keeps its keys to its owner and leaves no other file", async () => {
    await openTls({ dataDir, publicHosts: [] });
    expect(readdirSync(join(dataDir, "tls")).toSorted()).toEqual(["ca.key", "ca.pem", "server.key", "server.pem"]);
    for (const name of ["ca.key", "server.key"]) expect(statSync(inTls(name)).mode & 0o777).toBe(0o600);
    for (const name of ["ca.pem", "server.pem"]) expect(statSync(inTls(name)).mode & 0o777).toBe(0o644);
    expect(statSync(join(dataDir, "tls")).mode & 0o777).toBe(0o700);
  });

  test("is kept at the next start, in whatever order and case the names are given", async () => {
    const first = await openTls({ dataDir, publicHosts: ["a.example", "b.example"] });
    const second = await openTls({ dataDir, publicHosts: ["B.example", "localhost", "a.example"] });
    expect(second.identity.certPem).toBe(first.identity.certPem);
  });

  test("is made again under the same authority when the names change", async () => {
    const first = await openTls({ dataDir, publicHosts: ["a.example"] });
    const second = await openTls({ dataDir, publicHosts: ["b.example"] });
    expect(second.identity.caPem).toBe(first.identity.caPem);
    expect(second.identity.names).toContain("b.example");
    expect(second.identity.names).not.toContain("a.example");
    expect(await handshake(second.identity, "b.example")).toBe("TLSv1.3");
  });

  test("is made again by reload when it ends within 30 days, and not before", async () => {
    let nowMs = Date.now();
    const tls = await openTls({ dataDir, publicHosts: [], nowMs: () => nowMs });
    const first = tls.identity;
    nowMs = first.notAfter.getTime() - 31 * dayMs;
    expect((await tls.reload()).certPem).toBe(first.certPem);
    nowMs = first.notAfter.getTime() - 29 * dayMs;
    const second = await tls.reload();
    expect(second.certPem).not.toBe(first.certPem);
    expect(second.caPem).toBe(first.caPem);
    expect(tls.identity).toBe(second);
    expect(second.notAfter.getTime()).toBeGreaterThan(first.notAfter.getTime());
  });

  test("never outlives its authority, and an authority that ended is named with the remedy", async () => {
    let nowMs = Date.now();
    const tls = await openTls({ dataDir, publicHosts: [], nowMs: () => nowMs });
    const ca = new X509Certificate(tls.identity.caPem ?? "");
    nowMs = ca.validToDate.getTime() - 10 * dayMs;
    const last = await tls.reload();
    expect(last.notAfter).toEqual(ca.validToDate);
    expect((await tls.reload()).certPem).toBe(last.certPem);
    nowMs = ca.validToDate.getTime() + dayMs;
    expect(await errorOf(tls.reload())).toMatchObject({ kind: "fatal", code: "tls-authority-expired" });
    expect(tls.identity).toEqual(last);
  });

  test("heals what a crash between two files leaves", async () => {
    const first = await openTls({ dataDir, publicHosts: [] });
    rmSync(inTls("server.pem"));
    const second = await openTls({ dataDir, publicHosts: [] });
    expect(second.identity.caPem).toBe(first.identity.caPem);
    expect(await handshake(second.identity, "localhost")).toBe("TLSv1.3");

    // A new key beside the former certificate.
    const former = readFileSync(inTls("server.pem"));
    rmSync(inTls("server.key"));
    await openTls({ dataDir, publicHosts: [] });
    writeFileSync(inTls("server.pem"), former);
    const third = await openTls({ dataDir, publicHosts: [] });
    expect(await handshake(third.identity, "localhost")).toBe("TLSv1.3");
  });

  test("goes on without the authority's key until a new certificate is due", async () => {
    const first = await openTls({ dataDir, publicHosts: ["a.example"] });
    rmSync(inTls("ca.key"));
    const second = await openTls({ dataDir, publicHosts: ["a.example"] });
    expect(second.identity.certPem).toBe(first.identity.certPem);
    const error = await errorOf(openTls({ dataDir, publicHosts: ["b.example"] }));
    expect(error).toMatchObject({ kind: "fatal", code: "tls-authority-key-missing" });
    expect(error.hint).toMatch(/--tls-cert/);
  });
});

describe("the operator's own certificate", () => {
  /** Another installation's certificate stands for one that the operator bought. */
  async function bought(): Promise<{ certPath: string; keyPath: string; caPath: string }> {
    const elsewhere = join(dataDir, "elsewhere");
    await openTls({ dataDir: elsewhere, publicHosts: ["shop.example"] });
    const folder = join(elsewhere, "tls");
    return {
      certPath: join(folder, "server.pem"),
      keyPath: join(folder, "server.key"),
      caPath: join(folder, "ca.pem"),
    };
  }

  test("is used as it is, and nothing is made", async () => {
    const own = await bought();
    const { identity } = await openTls({ dataDir, publicHosts: ["other.example"], own });
    expect(identity.names).toContain("shop.example");
    expect(identity.caPath).toBe(own.caPath);
    expect(await handshake(identity, "shop.example")).toBe("TLSv1.3");
    expect(readdirSync(dataDir)).toEqual(["elsewhere"]);
    const { caPath: _, ...publicly } = own;
    expect((await openTls({ dataDir, publicHosts: [], own: publicly })).identity).toMatchObject({
      caPem: null,
      caPath: null,
    });
  });

  test("is read again by reload", async () => {
    const own = await bought();
    const tls = await openTls({ dataDir, publicHosts: [], own });
    await openTls({ dataDir: join(dataDir, "elsewhere"), publicHosts: ["renewed.example"] });
    expect((await tls.reload()).names).toContain("renewed.example");
  });

  test("that is missing, does not fit its key or has ended is refused with the option's name", async () => {
    const own = await bought();
    expect(
      await errorOf(openTls({ dataDir, publicHosts: [], own: { ...own, keyPath: join(dataDir, "none") } })),
    ).toMatchObject({ code: "tls-own-unreadable", field: "tls-key" });
    await openTls({ dataDir, publicHosts: [] });
    expect(
      await errorOf(openTls({ dataDir, publicHosts: [], own: { ...own, keyPath: inTls("server.key") } })),
    ).toMatchObject({ code: "tls-own-invalid", field: "tls-cert" });
    const nowMs = (): number => Date.now() + 900 * dayMs;
    expect(await errorOf(openTls({ dataDir, publicHosts: [], own, nowMs }))).toMatchObject({ code: "tls-own-expired" });
  });
});

test("A file with another mode left by a killed process does not lend its mode to a key", async () => {
  await openTls({ dataDir, publicHosts: [] });
  const temporary = inTls(`server.key.${process.pid}.tmp`);
  writeFileSync(temporary, "part of a key");
  chmodSync(temporary, 0o666);
  rmSync(inTls("server.key"));
  await openTls({ dataDir, publicHosts: [] });
  expect(statSync(inTls("server.key")).mode & 0o777).toBe(0o600);
});

needs("openssl")("OpenSSL's strict check", () => {
  test("accepts the chain", async () => {
    await openTls({ dataDir, publicHosts: ["hub.example.com", "10.1.2.3"] });
    const verify = (...more: string[]): string =>
      execFileSync(
        "openssl",
        ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", inTls("ca.pem"), ...more, inTls("server.pem")],
        { encoding: "utf8", stdio: "pipe" },
      );
    expect(verify("-verify_hostname", "hub.example.com")).toMatch(/: OK/);
    expect(verify("-verify_ip", "10.1.2.3")).toMatch(/: OK/);
    // Control: the check can fail.
    expect(() => verify("-verify_hostname", "other.example.com")).toThrow(/[Hh]ostname mismatch/);
    const self = execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", inTls("ca.pem"), inTls("ca.pem")]);
    expect(self.toString()).toMatch(/: OK/);
  });
});
