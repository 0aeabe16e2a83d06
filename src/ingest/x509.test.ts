// X.509 devices at both front ends, over real TLS: who is let in, who is not, and when it ends.

import { once } from "node:events";
import { request } from "node:https";
import { connect as connectTls } from "node:tls";
import mqtt from "mqtt-packet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestCertificate, testAuthority, testCertificate } from "../../test/lib/certificates.ts";
import { IngestHub, aWhile, until } from "../../test/lib/ingest-hub.ts";
import { RawMqtt } from "../../test/lib/raw-mqtt.ts";
import { readCertificate } from "../lib/certificate.ts";
import type { RejectionReason } from "./ingest.ts";

let hub: IngestHub;
let root: TestCertificate;
let intermediate: TestCertificate;
let caCertificateId: string;
const ports = { mqtt: 0, https: 0 };
let count = 0;

beforeAll(async () => {
  hub = await IngestHub.open();
  const own = await testCertificate({ name: "localhost" });
  const secure = { cert: own.certPem, key: own.keyPem };
  ports.mqtt = await hub.mqtt.listenTls(0, "127.0.0.1", secure);
  ports.https = await hub.https.listen(0, "127.0.0.1", secure);
  root = await testAuthority("root");
  intermediate = await testAuthority("intermediate", { issuer: root });
  caCertificateId = await trust(root);
});
afterAll(() => hub.close());

async function trust(authority: TestCertificate): Promise<string> {
  const name = `ca ${++count}`;
  const { id, verification } = await hub.registry.createCaCertificate({ name, certificate: authority.certPem });
  const proof = await testCertificate({ name: verification?.code ?? "", issuer: authority });
  await hub.registry.verifyCaCertificate(id, proof.certPem);
  return id;
}

interface Shown {
  readonly cert: string;
  readonly key: string;
}
const show = (leaf: TestCertificate, ...others: readonly TestCertificate[]): Shown => ({
  cert: [leaf, ...others].map((one) => one.certPem).join(""),
  key: leaf.keyPem,
});
const thumbprintOf = (one: TestCertificate): string => readCertificate(one.der)?.thumbprintSha1.toLowerCase() ?? "";

async function deviceByCa(): Promise<string> {
  const id = `dev-${++count}`;
  await hub.createDevice(id);
  await hub.registry.setDeviceAuthentication(id, { type: "x509-ca" });
  return id;
}

async function deviceByThumbprint(): Promise<{ id: string; shown: Shown; certificate: TestCertificate }> {
  const id = `dev-${++count}`;
  const certificate = await testCertificate({ name: id });
  await hub.createDevice(id);
  const primaryThumbprint = thumbprintOf(certificate);
  await hub.registry.setDeviceAuthentication(id, { type: "x509-thumbprint", primaryThumbprint });
  return { id, shown: show(certificate), certificate };
}

function connect(id: string, token?: string): Buffer {
  return mqtt.generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId: id,
    username: `localhost/${id}/?api-version=2021-04-12`,
    ...(token === undefined ? {} : { password: Buffer.from(token) }),
  });
}

/** A connection that was let in. */
async function opened(id: string, shown: Shown): Promise<RawMqtt> {
  const client = await RawMqtt.openTls(ports.mqtt, shown);
  expect(await client.connect(connect(id))).toBe(0);
  return client;
}

async function mqttAnswer(id: string, shown: Shown | null, token?: string): Promise<number | "ended"> {
  const client = await RawMqtt.openTls(ports.mqtt, shown ?? {});
  const code = await client.connect(connect(id, token));
  client.socket.destroy();
  return code;
}

async function httpsAnswer(id: string, shown: Shown | null, token?: string): Promise<{ status: number; text: string }> {
  return await new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port: ports.https,
        method: "POST",
        path: `/devices/${id}/messages/events`,
        rejectUnauthorized: false,
        agent: false,
        ...shown,
        headers: token === undefined ? {} : { authorization: token },
      },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    sent.on("error", reject).end("over https");
  });
}

const authMethod = '{"scope":"device","type":"x509Certificate","issuer":"external","acceptingIpFilterRule":null}';

describe("A device", () => {
  test("known by thumbprint sends over MQTT and HTTPS without a password, and its records say how it signed in", async () => {
    const { id, shown } = await deviceByThumbprint();
    const client = await opened(id, shown);
    await client.publish({ topic: `devices/${id}/messages/events/`, payload: "over mqtt" });
    expect(await httpsAnswer(id, shown)).toMatchObject({ status: 204 });
    await until(() => hub.records(id).length === 2, "both are journaled");
    expect(hub.bodies(id)).toEqual(["over mqtt", "over https"]);
    const { generationId } = await hub.registry.device(id);
    for (const { SystemProperties } of hub.records(id)) {
      expect(SystemProperties).toMatchObject({
        connectionDeviceId: id,
        connectionAuthMethod: authMethod,
        connectionDeviceGenerationId: generationId,
      });
    }
    client.socket.destroy();
  });

  test("may use either of two certificates", async () => {
    const { id, certificate, shown } = await deviceByThumbprint();
    const next = await testCertificate({ name: "whatever it says" });
    const [primaryThumbprint, secondaryThumbprint] = [thumbprintOf(next), thumbprintOf(certificate)];
    await hub.registry.setDeviceAuthentication(id, { type: "x509-thumbprint", primaryThumbprint, secondaryThumbprint });
    expect(await mqttAnswer(id, shown)).toBe(0);
    expect(await mqttAnswer(id, show(next))).toBe(0);
  });

  test("D1: gets its next certificate without a gap, and is cut off with the one that is taken away", async () => {
    const { id, shown } = await deviceByThumbprint();
    const next = await testCertificate({ name: id });
    const first = await opened(id, shown);
    await hub.registry.setDeviceThumbprints(id, { secondaryThumbprint: thumbprintOf(next) });
    await first.ended;
    const second = await opened(id, shown);
    expect(await mqttAnswer(id, show(next))).toBe(0);
    await second.ended; // taken over
    const third = await opened(id, shown);
    const change = { primaryThumbprint: thumbprintOf(next), secondaryThumbprint: null };
    await hub.registry.setDeviceThumbprints(id, change);
    await third.ended;
    expect(await mqttAnswer(id, shown)).toBe(5);
    expect(await mqttAnswer(id, show(next))).toBe(0);
  });

  test("of a CA is let in by any certificate for its id, with or without intermediates", async () => {
    const id = await deviceByCa();
    const direct = await testCertificate({ name: id, issuer: root });
    const deep = await testCertificate({ name: id, issuer: intermediate });
    expect(await mqttAnswer(id, show(direct))).toBe(0);
    expect(await mqttAnswer(id, show(deep, intermediate))).toBe(0);
    expect(await httpsAnswer(id, show(deep, intermediate))).toMatchObject({ status: 204 });
    await until(() => hub.records(id).length === 1, "it is journaled");
    expect(hub.records(id)[0]?.SystemProperties["connectionAuthMethod"]).toBe(authMethod);
  });

  test("is let in over a WebSocket as well", async () => {
    const { id, shown } = await deviceByThumbprint();
    const socket = connectTls({ port: ports.https, host: "127.0.0.1", rejectUnauthorized: false, ...shown });
    await once(socket, "secureConnect");
    const handshake = [
      "GET /$iothub/websocket HTTP/1.1",
      "Host: localhost",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: mqtt",
    ];
    socket.write(`${handshake.join("\r\n")}\r\n\r\n`);
    const [upgraded] = (await once(socket, "data")) as [Buffer];
    expect(upgraded.toString()).toContain("101 Switching Protocols");
    const packet = connect(id);
    // One binary frame, masked with zeros.
    socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | packet.length, 0, 0, 0, 0]), packet]));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString("hex")).toBe("820420020000");
    socket.destroy();
  });

  test("with keys may have a certificate in its TLS connection, and signs in by its token", async () => {
    const id = `dev-${++count}`;
    await hub.createDevice(id);
    expect(await mqttAnswer(id, show(await testCertificate({ name: "other" })), hub.token(id))).toBe(0);
  });
});

/** Whom the hub refuses, and how it counts that: how a device is made, what it shows. */
const refusals: readonly (readonly [
  string,
  RejectionReason,
  () => Promise<{ id: string; shown: Shown | null; token?: string }>,
])[] = [
  [
    "a device that does not exist",
    "unknown-device",
    async () => ({ id: "none", shown: show(await testCertificate({ name: "none", issuer: root })) }),
  ],
  [
    "another certificate than the thumbprint's",
    "certificate-thumbprint",
    async () => {
      const { id } = await deviceByThumbprint();
      return { id, shown: show(await testCertificate({ name: id, issuer: root })) };
    },
  ],
  [
    "a certificate of its thumbprint that is over",
    "certificate-expired",
    async () => {
      const { id } = await deviceByThumbprint();
      const over = await testCertificate({ name: id, notAfter: new Date(Date.now() - 60_000) });
      const primaryThumbprint = thumbprintOf(over);
      await hub.registry.setDeviceAuthentication(id, { type: "x509-thumbprint", primaryThumbprint });
      return { id, shown: show(over) };
    },
  ],
  [
    "a certificate of the CA's that is over",
    "certificate-expired",
    async () => {
      const id = await deviceByCa();
      const notAfter = new Date(Date.now() - 60_000);
      return { id, shown: show(await testCertificate({ name: id, issuer: root, notAfter })) };
    },
  ],
  [
    "a certificate for another device of the CA's",
    "certificate-name",
    async () => ({ id: await deviceByCa(), shown: show(await testCertificate({ name: "dev-0", issuer: root })) }),
  ],
  [
    "a certificate that it signed itself",
    "certificate-untrusted",
    async () => {
      const id = await deviceByCa();
      return { id, shown: show(await testCertificate({ name: id })) };
    },
  ],
  [
    "a certificate of a CA that was not verified",
    "certificate-untrusted",
    async () => {
      const id = await deviceByCa();
      const authority = await testAuthority("unverified");
      await hub.registry.createCaCertificate({ name: `unverified ${id}`, certificate: authority.certPem });
      return { id, shown: show(await testCertificate({ name: id, issuer: authority })) };
    },
  ],
  [
    "a certificate whose intermediate is missing",
    "certificate-untrusted",
    async () => {
      const id = await deviceByCa();
      return { id, shown: show(await testCertificate({ name: id, issuer: intermediate })) };
    },
  ],
  [
    "a certificate for a device with keys",
    "authentication-type",
    async () => {
      const id = `dev-${++count}`;
      await hub.createDevice(id);
      return { id, shown: show(await testCertificate({ name: id, issuer: root })) };
    },
  ],
  [
    "the key of a device that signs in by certificate",
    "authentication-type",
    async () => {
      const { id, shown } = await deviceByThumbprint();
      return { id, shown, token: hub.token(id) };
    },
  ],
  ["nothing", "token-malformed", async () => ({ id: await deviceByCa(), shown: null })],
  [
    "the right certificate of a device that is disabled",
    "device-disabled",
    async () => {
      const { id, shown } = await deviceByThumbprint();
      await hub.registry.updateDevice(id, { enabled: false });
      return { id, shown };
    },
  ],
];

describe("A1: whoever shows", () => {
  test.each(refusals)("%s is refused, counted as %s", async (_what, reason, make) => {
    const { id, shown, token } = await make();
    const before = hub.rejections(reason);
    expect(await mqttAnswer(id, shown, token)).toBe(5);
    const answer = await httpsAnswer(id, shown, token);
    expect(answer.status).toBe(401);
    if (!["token-malformed", "device-disabled"].includes(reason)) {
      expect(answer.text).toContain("The token or certificate does not open this device.");
      expect(answer.text).toContain("Reason:unauthorized");
    }
    expect(hub.rejections(reason)).toBe(before + 2);
    expect(hub.records(id)).toEqual([]);
  });
});

describe("D1: a connection by certificate ends when", () => {
  const sha1 = "ab".repeat(20);
  test.each([
    ["the thumbprint changes", { type: "x509-thumbprint", primaryThumbprint: sha1 }],
    ["the device is to use keys", { type: "sas" }],
    ["the device is to use a CA", { type: "x509-ca" }],
  ] as const)("%s", async (_what, authentication) => {
    const { id, shown } = await deviceByThumbprint();
    const client = await opened(id, shown);
    await hub.registry.setDeviceAuthentication(id, authentication);
    expect(await client.next()).toBe("ended");
    expect(await mqttAnswer(id, shown)).toBe(5);
  });

  test("its CA certificate is deleted, and no other one does", async () => {
    const authority = await testAuthority("leaving");
    const leaving = await trust(authority);
    const [id, staying] = [await deviceByCa(), await deviceByCa()];
    const shown = show(await testCertificate({ name: id, issuer: authority }));
    const client = await opened(id, shown);
    const stays = await opened(staying, show(await testCertificate({ name: staying, issuer: root })));
    await hub.registry.deleteCaCertificate(leaving);
    expect(await client.next()).toBe("ended");
    expect(await mqttAnswer(id, shown)).toBe(5);
    await aWhile();
    expect(stays.isEnded).toBe(false);
    expect((await hub.registry.trustedCaCertificates()).map((one) => one.id)).toContain(caCertificateId);
    stays.socket.destroy();
  });

  test("the certificate does, counted like the end of a token", async () => {
    const id = await deviceByCa();
    // Whole seconds, as in certificates: one or two from now.
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
    const client = await opened(id, show(await testCertificate({ name: id, issuer: root, notAfter })));
    expect(await client.next(10_000)).toBe("ended");
    expect(Date.now()).toBeGreaterThanOrEqual(notAfter.getTime());
  });
});
