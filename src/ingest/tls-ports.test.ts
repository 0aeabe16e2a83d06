// The TLS ports of both front ends, before a device has said anything: who is let in, and for how long one may be silent.

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../test/lib/ingest-hub.ts";
import { openTls } from "../tls/tls.ts";

const connectTimeoutMs = 800;
let hub: IngestHub;
let ca: string;
const ports = { mqtt: 0, https: 0 };

async function openPorts(of: IngestHub): Promise<typeof ports> {
  const { identity } = await openTls({ dataDir: of.directory, publicHosts: ["localhost"] });
  ca = readFileSync(identity.caPath ?? "", "utf8");
  const secure = { cert: identity.certPem, key: identity.keyPem };
  return {
    mqtt: await of.mqtt.listenTls(0, "127.0.0.1", secure),
    https: await of.https.listen(0, "127.0.0.1", secure),
  };
}

beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectTimeoutMs } });
  Object.assign(ports, await openPorts(hub));
});
afterAll(() => hub.close());

/** Milliseconds until the other side ends a connection that sends `bytes` instead of a handshake. */
function endOf(port: number, bytes: Buffer): Promise<number> {
  const sinceMs = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes));
    socket.on("error", () => {}).on("close", () => resolve(performance.now() - sinceMs));
    socket.resume();
  });
}

/** The protocol that was agreed on, or the error's code. */
function shake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ port, host: "127.0.0.1", ca, checkServerIdentity: () => undefined, ...options }, () => {
      resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
      socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

describe.each(["mqtt", "https"] as const)("The TLS port of %s", (front) => {
  test.each([
    ["nothing", Buffer.alloc(0)],
    ["half a handshake", Buffer.from([0x16, 3, 1, 2, 0, 1])],
  ])("M1: ends who sends %s, in the time for a connection, and counts it", async (_, bytes) => {
    const before = hub.rejections("connect-timeout");
    const endMs = await Promise.race([endOf(ports[front], bytes), aWhile(connectTimeoutMs + 2_000)]);
    expect(endMs).toBeGreaterThan(connectTimeoutMs - 50);
    expect(hub.rejections("connect-timeout")).toBe(before + 1);
  });

  test("ends what is not TLS at once; it is no malformed request", async () => {
    expect(await endOf(ports[front], Buffer.from("GET / HTTP/1.1\r\n\r\n"))).toBeLessThan(connectTimeoutMs / 2);
    expect(hub.rejections("malformed-request")).toBe(0);
  });

  test("speaks TLS 1.2 and 1.3, nothing older, with or without a name", async () => {
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    expect(await shake(ports[front], old)).toMatch(/PROTOCOL_VERSION/);
    expect(await shake(ports[front], { maxVersion: "TLSv1.2" })).toBe("TLSv1.2 false");
    expect(await shake(ports[front], { minVersion: "TLSv1.3", servername: "localhost" })).toBe("TLSv1.3 false");
  });
});

test("HTTPS agrees to either HTTP of ours, and to no other", async () => {
  expect(await shake(ports.https, { ALPNProtocols: ["h2", "http/1.1"] })).toBe("TLSv1.3 http/1.1");
  expect(await shake(ports.https, { ALPNProtocols: ["http/1.0"] })).toBe("TLSv1.3 http/1.0");
  expect(await shake(ports.https, { ALPNProtocols: ["h2"] })).toMatch(/NO_APPLICATION_PROTOCOL/);
});

test("M1: handshakes count among the connections", async () => {
  const small = await IngestHub.open({ limits: { connectionsMax: 2 } });
  const { mqtt: port } = await openPorts(small);
  const sockets = Array.from({ length: 7 }, () => connect({ port, host: "127.0.0.1" }).on("error", () => {}));
  await until(() => small.rejections("too-many-connections") === 3, "four may shake hands");
  for (const socket of sockets) socket.destroy();
  await small.close();
});
