// The unmodified provisioning SDK of Node.js: from an ID scope and a key to a message in a file.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { derivedKey } from "../../src/registry/derived-key.ts";
import { type TestCertificate, testAuthority, testCertificate } from "../lib/certificates.ts";
import { DeviceBench } from "../lib/device-bench.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";
import type { ProvisionRequest } from "./provision-client.ts";

const groupKey = Buffer.alloc(64, 5).toString("base64");
const centralScope = "0ne00CE4712";
let bench: DeviceBench;
let idScope: string;

beforeAll(async () => {
  bench = await DeviceBench.open();
  ({ idScope } = await bench.hub.api<{ idScope: string }>("PATCH", "/provisioning", {
    furtherIdScopes: [centralScope],
  }));
  await bench.hub.api("POST", "/enrollment-groups", {
    name: "line",
    primaryKey: groupKey,
    templateId: emptyTemplate.id,
  });
});
afterAll(async () => await bench?.close());

interface Outcome {
  readonly state?: { readonly assignedHub: string; readonly deviceId: string; readonly status: string };
  readonly isSent?: boolean;
  readonly error?: string;
  readonly result?: { readonly status?: string; readonly message?: string };
}

async function provision(more: Partial<ProvisionRequest> & { readonly registrationId: string }): Promise<Outcome> {
  const { mqtts, https } = bench.hub.address.ports;
  const { transport = "mqtt" } = more;
  const request: ProvisionRequest = {
    transport,
    host: transport === "mqtt" ? `localhost:${mqtts}` : "localhost",
    httpsPort: https,
    idScope,
    key: derivedKey(groupKey, more.registrationId),
    ...more,
  };
  const program = join(import.meta.dirname, "provision-client.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(request)], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: bench.caPath },
    timeout: 60_000,
  });
  return JSON.parse(stdout) as Outcome;
}

test.each(["mqtt", "http"] as const)(
  "over %s: a device of a group is assigned, connects and sends; the next time it is known",
  async (transport) => {
    const registrationId = `pump-${transport}`;
    const first = await provision({ registrationId, transport, message: `from ${transport}` });
    const assignedHub = `localhost:${bench.hub.address.ports.mqtts}`;
    expect(first).toMatchObject({
      state: { assignedHub, deviceId: registrationId, registrationId, status: "assigned" },
      isSent: true,
    });
    const { generationId } = await bench.keysOf(registrationId);
    expect((await provision({ registrationId, transport })).state).toEqual(first.state);
    expect((await bench.keysOf(registrationId)).generationId).toBe(generationId);
    await bench.exported();
    const messages = await bench.messages.of(registrationId);
    expect(messages.map(({ body }) => String(body))).toEqual([`from ${transport}`]);
  },
);

test.each(["mqtt", "http"] as const)(
  "over %s: one that nobody knows a template for waits, and is assigned without being touched once it is approved",
  async (transport) => {
    const registrationId = `waits-${transport}`;
    await bench.hub.api("POST", "/enrollments", { registrationId, primaryKey: groupKey });
    const payload = { modelId: "dtmi:com:example:Pump;1" };
    const waiting = provision({ registrationId, transport, key: groupKey, payload, message: "at last" });
    for (let isThere = false; !isThere;) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const { items } = await bench.hub.api<{ items: readonly { registrationId: string; modelId: string }[] }>(
        "GET",
        "/registrations?status=waiting",
      );
      isThere = items.some((one) => one.registrationId === registrationId && one.modelId === payload.modelId);
    }
    await bench.hub.api("POST", `/registrations/${registrationId}/approve`, { templateId: emptyTemplate.id });
    expect(await waiting).toMatchObject({ state: { deviceId: registrationId }, isSent: true });
  },
);

test.each(["mqtt", "http"] as const)(
  "over %s: a device with a certificate of a group's CA is assigned, connects and sends",
  async (transport) => {
    const registrationId = `valve-${transport}`;
    const leaf = await testCertificate({ name: registrationId, issuer: await makeX509Group(transport) });
    const certificate = { cert: leaf.certPem, key: leaf.keyPem };
    const outcome = await provision({ registrationId, transport, certificate, message: "signed" });
    expect(outcome).toMatchObject({ state: { deviceId: registrationId, status: "assigned" }, isSent: true });
    // In place of another its certificate is no good.
    const other = await provision({ registrationId: `other-${transport}`, transport, certificate });
    expect(other.error).toMatch(/Unauthorized|Not authorized/);
  },
);

/** @returns the authority, which has proven to have its key. */
async function makeX509Group(name: string): Promise<TestCertificate> {
  const authority = await testAuthority(name);
  const { id } = await bench.hub.api<{ id: string }>("POST", "/ca-certificates", {
    name,
    certificate: authority.certPem,
  });
  const { verification } = await bench.hub.api<{ verification: { code: string } }>(
    "POST",
    `/ca-certificates/${id}/verification-code`,
  );
  const proof = await testCertificate({ name: verification.code, issuer: authority });
  await bench.hub.api("POST", `/ca-certificates/${id}/verify`, { certificate: proof.certPem });
  const group = { name, attestation: "x509", caCertificateId: id, templateId: emptyTemplate.id };
  await bench.hub.api("POST", "/enrollment-groups", group);
  return authority;
}

test("a device of an IoT Central application changes the host name, and nothing else", async () => {
  const outcome = await provision({ registrationId: "central-1", idScope: centralScope, message: "moved" });
  expect(outcome).toMatchObject({ state: { deviceId: "central-1" }, isSent: true });
});

test.each(["mqtt", "http"] as const)("over %s: a wrong key, a block and a taken id are errors", async (transport) => {
  const wrong = await provision({ registrationId: `w-${transport}`, transport, key: groupKey });
  expect(wrong.error).toMatch(/Unauthorized|Not authorized/);
  const blocked = `b-${transport}`;
  await provision({ registrationId: blocked, transport });
  await bench.hub.api("POST", `/registrations/${blocked}/block`);
  expect(await provision({ registrationId: blocked, transport })).toMatchObject({ error: /disabled/ });
  await bench.device(`t-${transport}`);
  const taken = await provision({ registrationId: `t-${transport}`, transport });
  expect(taken).toMatchObject({ error: /registration failed/, result: { status: "failed" } });
});
