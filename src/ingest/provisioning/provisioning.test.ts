// Provisioning over real sockets, MQTT and HTTPS: who is let in, what it is told, and what it may not do.

import { createHmac } from "node:crypto";
import mqtt from "mqtt-packet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, until } from "../../../test/lib/ingest-hub.ts";
import { emptyTemplate } from "../../../test/lib/plain-devices.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";
import { type TestCertificate, testAuthority, testCertificate } from "../../../test/lib/certificates.ts";
import { readCertificate } from "../../lib/certificate.ts";
import { silentLog } from "../../lib/log.ts";
import { authenticate } from "../authenticate.ts";
import { Provisioning } from "./provisioning.ts";
import { derivedKey } from "../../registry/derived-key.ts";
import type { RejectionReason } from "../ingest.ts";
import { makeSasToken } from "../sas-token.ts";

let hub: IngestHub;
let idScope: string;
const groupKey = Buffer.alloc(64, 3).toString("base64");
const secondKey = Buffer.alloc(64, 4).toString("base64");

beforeAll(async () => {
  hub = await IngestHub.open();
  ({ idScope } = await hub.registry.idScopes());
  await hub.registry.setFurtherIdScopes(["0ne00CENTRAL"]);
  await hub.registry.createEnrollmentGroup({
    name: "line",
    primaryKey: groupKey,
    secondaryKey: secondKey,
    templateId: emptyTemplate.id,
  });
});
afterAll(async () => await hub.close());

interface Proof {
  readonly scope?: string;
  readonly key?: string;
  readonly resource?: string;
  readonly expiresMs?: number;
  readonly policy?: string | undefined;
}

function tokenOf(id: string, proof: Proof = {}): string {
  const { scope = idScope, key = derivedKey(groupKey, id), expiresMs = Date.now() + 3_600_000 } = proof;
  const { resource = `${scope}/registrations/${id}` } = proof;
  return makeSasToken(resource, key, expiresMs, "policy" in proof ? proof.policy : "registration");
}

function connectOf(id: string, proof: Proof & { readonly token?: string } = {}): Buffer {
  const { scope = idScope, token = tokenOf(id, proof) } = proof;
  const username = `${scope}/registrations/${id}/api-version=2019-03-31&ClientVersion=test`;
  return connectBytes(id, token, { username, clean: true });
}

/** Connects and subscribes. */
async function clientOf(id: string, proof: Proof = {}): Promise<RawMqtt> {
  const client = await RawMqtt.open(hub.mqttPort);
  expect(await client.connect(connectOf(id, proof))).toBe(0);
  const subscriptions = [{ topic: "$dps/registrations/res/#", qos: 1 as const }];
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
  expect(await client.next()).toMatchObject({ cmd: "suback", granted: [1] });
  return client;
}

/** Publishes a request with QoS 1. @returns status, query and body of the answer. */
async function ask(client: RawMqtt, topic: string, payload: unknown) {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  client.send(publishBytes({ topic: `$dps/registrations/${topic}`, payload: text, packetId: 7 }));
  expect(await client.acknowledgements(1)).toEqual([7]);
  const packet = await client.next();
  if (packet === "ended" || packet.cmd !== "publish") throw new Error(`No answer: ${JSON.stringify(packet)}`);
  const [, status = "", query = ""] = /^\$dps\/registrations\/res\/(\d+)\/\?(.*)$/.exec(packet.topic) ?? [];
  const body = JSON.parse(packet.payload.toString());
  return { status: Number(status), query: Object.fromEntries(new URLSearchParams(query)), body };
}
const register = (client: RawMqtt, id: string, more: object = {}) =>
  ask(client, "PUT/iotdps-register/?$rid=r%201", { registrationId: id, ...more });
const poll = (client: RawMqtt, operationId: string) =>
  ask(client, `GET/iotdps-get-operationstatus/?$rid=r2&operationId=${operationId}`, " ");

async function call(method: string, path: string, token: string | null, body?: unknown) {
  const headers = token === null ? {} : { authorization: token };
  const text = body === undefined ? undefined : JSON.stringify(body);
  const response = await fetch(`http://127.0.0.1:${hub.httpPort}${path}`, {
    method,
    headers,
    ...(text === undefined ? {} : { body: text }),
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

function assignedState(id: string) {
  return {
    operationId: expect.stringMatching(/^[0-9a-f]{32}$/),
    status: "assigned",
    registrationState: {
      registrationId: id,
      createdDateTimeUtc: expect.stringMatching(/Z$/),
      assignedHub: "hub.example.test",
      deviceId: id,
      status: "assigned",
      substatus: "initialAssignment",
      lastUpdatedDateTimeUtc: expect.stringMatching(/Z$/),
      etag: expect.any(String),
    },
  };
}

describe("Over MQTT", () => {
  test("a device of a group is assigned at once, and signs in at the hub with its derived key (D2)", async () => {
    const client = await clientOf("m-1");
    const { status, query, body } = await register(client, "m-1");
    expect([status, query]).toEqual([200, { $rid: "r 1" }]);
    expect(body).toEqual(assignedState("m-1"));
    client.send(mqtt.generate({ cmd: "disconnect" }));
    await client.ended;
    const token = makeSasToken("localhost/devices/m-1", derivedKey(groupKey, "m-1"), Date.now() + 60_000);
    const device = await RawMqtt.device(hub.mqttPort, "m-1", token);
    device.destroy();
    const again = await clientOf("m-1", { key: derivedKey(secondKey, "m-1") });
    const { createdDateTimeUtc } = body.registrationState;
    expect((await register(again, "m-1")).body.registrationState).toMatchObject({ createdDateTimeUtc });
    again.destroy();
    expect(hub.counters.registrations).toMatchObject({ created: 1, assigned: 1 });
  });

  test("tokens are taken as every SDK writes them, and for further ID scopes", async () => {
    const expiry = String(Math.floor(Date.now() / 1000) + 600);
    const raw = `${idScope}/registrations/m-2`;
    const signature = createHmac("sha256", Buffer.from(derivedKey(groupKey, "m-2"), "base64"))
      .update(`${raw}\n${expiry}`)
      .digest("base64");
    // The Node SDK does not encode `sr`.
    const token = `SharedAccessSignature sr=${raw}&sig=${encodeURIComponent(signature)}&skn=registration&se=${expiry}`;
    for (const bytes of [
      connectOf("m-2", { token }),
      connectOf("m-2", { policy: undefined }),
      connectOf("m-2", { scope: "0ne00CENTRAL" }),
    ]) {
      const client = await RawMqtt.open(hub.mqttPort);
      expect(await client.connect(bytes)).toBe(0);
      client.destroy();
    }
  });

  test("of Azure's documents, the token of the vector opens", () => {
    const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const token = makeSasToken("0ne00000001/registrations/dev-1", key, 1_893_456_000_000);
    expect(token).toContain(encodeURIComponent("vxaxWNj4Uiecmd2D4QQ3mqFkBOE5M0+qLACRmN7sq6U="));
  });

  test.each<[string, RejectionReason, () => Buffer]>([
    ["another ID scope", "unknown-id-scope", () => connectOf("m-3", { scope: "0ne00OTHER" })],
    ["the key of another", "token-signature", () => connectOf("m-3", { key: derivedKey(groupKey, "m-4") })],
    ["the group's own key", "token-signature", () => connectOf("m-3", { key: groupKey })],
    ["a token that is over", "token-expired", () => connectOf("m-3", { expiresMs: Date.now() - 1000 })],
    ["a token for another", "token-resource", () => connectOf("m-3", { resource: `${idScope}/registrations/m-4` })],
    ["a token of the hub", "token-resource", () => connectOf("m-3", { resource: "localhost/devices/m-3" })],
    ["no token", "token-malformed", () => connectOf("m-3", { token: "x" })],
  ])("A1: with %s it is not let in, counted as %s", async (_what, reason, bytes) => {
    const before = hub.rejections(reason);
    const client = await RawMqtt.open(hub.mqttPort);
    expect(await client.connect(bytes())).toBe(5);
    await client.ended;
    expect(hub.rejections(reason)).toBe(before + 1);
  });

  test("a client id that is not the registration id is refused", async () => {
    const client = await RawMqtt.open(hub.mqttPort);
    const username = `${idScope}/registrations/m-3/api-version=2019-03-31`;
    expect(await client.connect(connectBytes("m-4", tokenOf("m-3"), { username }))).toBe(2);
    client.destroy();
  });

  test("without a template it waits, is told when to ask again, and is assigned once it was approved", async () => {
    await hub.registry.createEnrollment({ registrationId: "m-5", primaryKey: groupKey });
    const client = await clientOf("m-5", { key: groupKey });
    const { status, query, body } = await register(client, "m-5", { payload: { modelId: "dtmi:a;1" } });
    expect([status, query, body]).toEqual([
      202,
      { $rid: "r 1", "retry-after": "3" },
      { operationId: expect.any(String), status: "assigning" },
    ]);
    expect(await poll(client, body.operationId)).toMatchObject({ status: 202, body: { status: "assigning" } });
    expect(await hub.registry.registration("m-5")).toMatchObject({ waitsFor: "template", modelId: "dtmi:a;1" });
    await hub.registry.approveRegistration("m-5", { templateId: emptyTemplate.id });
    const done = await poll(client, body.operationId);
    expect([done.status, done.body]).toEqual([200, assignedState("m-5")]);
    expect(await poll(client, "another")).toMatchObject({ status: 404, body: { errorCode: 404_201 } });
    client.destroy();
  });

  test("what is blocked is told so, and a device that is another's is not handed over (D1)", async () => {
    const client = await clientOf("m-6");
    await register(client, "m-6");
    await hub.registry.blockRegistration("m-6");
    expect(await register(client, "m-6")).toMatchObject({
      status: 200,
      body: { status: "disabled", registrationState: { status: "disabled", errorMessage: /disabled/ } },
    });
    client.destroy();
    await hub.createDevice("m-7");
    const thief = await clientOf("m-7");
    expect(await register(thief, "m-7")).toMatchObject({
      status: 200,
      body: { status: "failed", registrationState: { status: "failed", errorMessage: /made another way/ } },
    });
    thief.destroy();
    expect([hub.rejections("registration-blocked"), hub.rejections("registration-taken")]).toEqual([1, 1]);
  });

  test("D1: a key that was changed is no good from the next request on", async () => {
    const group = await hub.registry.createEnrollmentGroup({ name: "short", templateId: emptyTemplate.id });
    const { primaryKey } = await hub.registry.enrollmentGroupKeys(group.id);
    const client = await clientOf("m-8", { key: derivedKey(primaryKey, "m-8") });
    await hub.registry.setEnrollmentGroupKeys(group.id, "regenerate-primary");
    expect(await register(client, "m-8")).toMatchObject({ status: 401, body: { errorCode: 401_002 } });
    await expect(hub.registry.device("m-8")).rejects.toMatchObject({ code: "device-not-found" });
    client.destroy();
  });

  test.each([
    ["{", 400],
    ["[]", 400],
    ['{"registrationId":"m-1"}', 400],
    ["", 200],
  ])("a body of %j is answered with %i, in JSON", async (body, status) => {
    const client = await clientOf("m-9");
    const answer = await ask(client, "PUT/iotdps-register/?$rid=1", body);
    expect(answer.status).toBe(status);
    if (status === 400) {
      expect(answer.body).toEqual({
        errorCode: 400_004,
        trackingId: expect.any(String),
        message: expect.stringMatching(/\.$/),
        timestampUtc: expect.stringMatching(/Z$/),
      });
    }
    client.destroy();
  });

  test.each<[string, RejectionReason, Buffer]>([
    ["a message", "topic", publishBytes({ topic: "devices/m-1/messages/events/", payload: "x" })],
    ["a twin request", "topic", publishBytes({ topic: "$iothub/twin/GET/?$rid=1", payload: "" })],
    [
      "a request id that no topic of an answer could hold",
      "topic",
      publishBytes({ topic: `$dps/registrations/PUT/iotdps-register/?$rid=${"+".repeat(40_000)}`, payload: "{}" }),
    ],
    ["QoS 2", "qos-2", publishBytes({ topic: "$dps/registrations/PUT/iotdps-register/?$rid=1", payload: "", qos: 2 })],
    ["a second CONNECT", "unexpected-packet", connectBytes("m-1", "x")],
  ])("it may not send %s", async (_what, reason, bytes) => {
    const before = hub.rejections(reason);
    const client = await clientOf("m-1");
    client.send(bytes);
    await client.ended;
    expect(hub.rejections(reason)).toBe(before + 1);
    expect(hub.records()).toEqual([]);
  });

  test("it may subscribe to its answers only, and gets none before it did", async () => {
    const client = await RawMqtt.open(hub.mqttPort);
    await client.connect(connectOf("m-1"));
    const subscriptions = ["$iothub/twin/res/#", "$dps/#", "$dps/registrations/res/#"].map((topic) => ({
      topic,
      qos: 0 as const,
    }));
    client.send(publishBytes({ topic: "$dps/registrations/PUT/iotdps-register/?$rid=early", payload: "{}" }));
    expect(await client.acknowledgements(1)).toEqual([1]);
    client.send(mqtt.generate({ cmd: "subscribe", messageId: 2, subscriptions }));
    expect(await client.next()).toMatchObject({ cmd: "suback", granted: [0x80, 0x80, 0] });
    client.send(mqtt.generate({ cmd: "pingreq" }));
    client.send(mqtt.generate({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["$dps/registrations/res/#"] }));
    const kinds = [await client.next(), await client.next()].map((one) => (one === "ended" ? one : one.cmd));
    expect(kinds).toContain("unsuback");
    client.destroy();
  });

  test("M1: requests that are not answered are bounded, and each is answered all the same", async () => {
    const client = await clientOf("m-1");
    const topic = "$dps/registrations/PUT/iotdps-register/?$rid=";
    const all = Array.from({ length: 30 }, (_, index) =>
      publishBytes({ topic: `${topic}${index}`, payload: "{}", qos: 0 }),
    );
    client.send(Buffer.concat(all));
    await until(() => client.packets.length === 30, "all are answered");
    const statuses = client.packets.map((packet) => (packet.cmd === "publish" ? packet.topic.split("/")[3] : ""));
    expect(new Set(statuses)).toEqual(new Set(["200", "429"]));
    expect(hub.rejections("too-many-requests")).toBe(statuses.filter((status) => status === "429").length);
    client.destroy();
  });

  test("M1: those that are provisioned are so many and no more, and devices have their places besides", async () => {
    const small = await IngestHub.open({ limits: { connectionsMax: 2 } });
    try {
      const scope = (await small.registry.idScopes()).idScope;
      await small.registry.createEnrollmentGroup({ name: "g", primaryKey: groupKey });
      const opened: RawMqtt[] = [];
      for (const code of [0, 0, 3]) {
        const client = await RawMqtt.open(small.mqttPort);
        expect(await client.connect(connectOf("s-1", { scope }))).toBe(code);
        opened.push(client);
      }
      await small.createDevice("d");
      const device = await RawMqtt.device(small.mqttPort, "d", small.token("d"));
      opened[0]?.destroy();
      await opened[0]?.ended;
      // Its place is free again.
      let code: number | "ended" = 3;
      for (let attempt = 0; attempt < 100 && code !== 0; attempt++) {
        const client = await RawMqtt.open(small.mqttPort);
        code = await client.connect(connectOf("s-1", { scope }));
        opened.push(client);
      }
      expect(code).toBe(0);
      for (const client of [...opened, device]) client.destroy();
    } finally {
      await small.close();
    }
  });
});

describe("Over HTTPS", () => {
  const path = (id: string, rest: string, scope = idScope): string =>
    `/${scope}/registrations/${encodeURIComponent(id)}/${rest}?api-version=2019-03-31`;

  test("a device is assigned, and asks again", async () => {
    const { status, headers, body } = await call("PUT", path("h-1", "register"), tokenOf("h-1"), {
      registrationId: "h-1",
    });
    expect([status, body]).toEqual([200, assignedState("h-1")]);
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    const polled = await call("GET", path("h-1", `operations/${body.operationId}`), tokenOf("h-1"));
    expect([polled.status, polled.body]).toEqual([200, body]);
    const none = await call("GET", path("h-1", "operations/none"), tokenOf("h-1"));
    expect([none.status, none.body]).toMatchObject([404, { errorCode: 404_201 }]);
  });

  test.each(["a b", "a/b", "ü", "x".repeat(129)])(
    "the id %s is none: it is told so, and need not try again",
    async (id) => {
      const before = hub.rejections("malformed-request");
      const { status, body } = await call("PUT", path(id, "register"), tokenOf(id), {});
      expect([status, body]).toMatchObject([
        400,
        { errorCode: 400_004, message: expect.stringMatching(/^registrationId /) },
      ]);
      expect(hub.rejections("malformed-request")).toBe(before + 1);
    },
  );

  test("one that waits is told when to ask again", async () => {
    await hub.registry.createEnrollment({ registrationId: "h-2", primaryKey: groupKey });
    const token = tokenOf("h-2", { key: groupKey });
    const { status, headers, body } = await call("PUT", path("h-2", "register"), token, {});
    expect([status, headers.get("retry-after"), body.status]).toEqual([202, "3", "assigning"]);
  });

  test("A1: an unknown registration, an unknown ID scope and a wrong key are answered alike", async () => {
    await hub.registry.createEnrollment({ registrationId: "h-3" });
    const wrong = Buffer.alloc(32, 9).toString("base64");
    const answers = await Promise.all([
      call("PUT", path("h-3", "register"), tokenOf("h-3", { key: wrong }), {}),
      call("PUT", path("nobody", "register"), tokenOf("nobody", { key: wrong }), {}),
      call("PUT", path("h-3", "register", "0neOTHER"), tokenOf("h-3", { scope: "0neOTHER" }), {}),
      call("GET", path("h-3", "operations/x"), tokenOf("h-3", { key: wrong })),
      call("PUT", path("h-3", "register"), null, {}),
    ]);
    const shown = answers.map(({ status, body }) => ({ status, code: body.errorCode, message: body.message }));
    expect(new Set(shown.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(shown[0]).toEqual({ status: 401, code: 401_002, message: expect.stringMatching(/opens this registration/) });
    // A group's key does not open what has an enrollment of its own.
    expect((await call("PUT", path("h-3", "register"), tokenOf("h-3"), {})).status).toBe(401);
  });

  test("a body that is none, or too large, is refused in JSON", async () => {
    const large = { payload: "x".repeat(70_000) };
    const answer = await call("PUT", path("h-1", "register"), tokenOf("h-1"), large);
    expect([answer.status, answer.body.message]).toMatchObject([413, /larger than 65536 bytes/]);
    const other = await call("PUT", path("h-1", "register"), tokenOf("h-1"), { registrationId: "x" });
    expect([other.status, other.body]).toMatchObject([400, { errorCode: 400_004 }]);
  });

  test.each([
    ["POST", "register"],
    ["GET", "register"],
    ["PUT", "operations/x"],
    ["GET", "operations/x/y"],
    ["DELETE", "register"],
  ])("%s …/%s is unknown", async (method, rest) => {
    const answer = await call(method, path("h-1", rest), tokenOf("h-1"));
    expect(answer.status).toBe(404);
  });
});

describe("By certificate", () => {
  const key = Buffer.alloc(32, 1).toString("base64");
  /** As a front end gives it. */
  const claimOf = (registrationId: string, { der }: TestCertificate, others: readonly TestCertificate[] = []) => {
    const leaf = readCertificate(der);
    if (leaf === null) throw new Error("It cannot be read.");
    return { idScope, registrationId, token: null, certificate: { leaf, others: others.map((one) => one.der) } };
  };
  const provisioning = () =>
    new Provisioning({
      registry: hub.registry,
      counters: hub.counters,
      assignedHub: () => "hub.example.test",
      log: silentLog,
    });

  /** A CA certificate whose owner has proven to have its key, and a group of it. */
  async function makeGroup(name: string): Promise<TestCertificate> {
    const authority = await testAuthority(name);
    const made = await hub.registry.createCaCertificate({ name, certificate: authority.certPem });
    const proof = await testCertificate({ name: made.verification?.code ?? "", issuer: authority });
    await hub.registry.verifyCaCertificate(made.id, proof.certPem);
    await hub.registry.createEnrollmentGroup({
      name,
      attestation: "x509",
      caCertificateId: made.id,
      templateId: emptyTemplate.id,
    });
    return authority;
  }

  test("a device of a group is assigned, and signs in at the hub by its certificate", async () => {
    const authority = await makeGroup("line x");
    const intermediate = await testAuthority("intermediate", { issuer: authority });
    const leaf = await testCertificate({ name: "x-1", issuer: intermediate });
    const claim = claimOf("x-1", leaf, [intermediate]);
    const answer = await provisioning().register(claim, Buffer.from("{}"));
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, assignedState("x-1")]);
    expect((await hub.registry.device("x-1")).authentication).toEqual({ type: "x509-ca" });
    const signIn = { deviceId: "x-1", token: null, certificate: claim.certificate };
    expect(await authenticate(hub.registry, () => true, signIn, Date.now())).toMatchObject({ kind: "known" });
    expect(JSON.parse((await provisioning().register(claim, Buffer.from("{}"))).body).status).toBe("assigned");
  });

  test("a device of an individual enrollment is known by either thumbprint, and another's certificate is not", async () => {
    const one = await testCertificate({ name: "a" });
    const other = await testCertificate({ name: "b" });
    const stranger = await testCertificate({ name: "c" });
    const thumbprints = [one, other].map(({ der }) => readCertificate(der)?.thumbprintSha256 ?? "");
    const enrollment = await hub.registry.createEnrollment({
      registrationId: "x-2",
      attestation: "x509",
      primaryThumbprint: thumbprints[0]?.toLowerCase(),
      secondaryThumbprint: thumbprints[1],
      templateId: emptyTemplate.id,
    });
    expect(enrollment).toMatchObject({ primaryThumbprint: thumbprints[0], secondaryThumbprint: thumbprints[1] });
    for (const certificate of [one, other]) {
      const answer = await provisioning().register(claimOf("x-2", certificate), Buffer.from(""));
      expect(JSON.parse(answer.body).status).toBe("assigned");
    }
    expect((await hub.registry.device("x-2")).authentication).toMatchObject({ type: "x509-thumbprint" });
    expect((await provisioning().register(claimOf("x-2", stranger), Buffer.from(""))).status).toBe(401);
    await expect(hub.registry.enrollmentKeys("x-2")).rejects.toMatchObject({ code: "enrollment-without-keys" });
  });

  test("D1: a name that is another's, an authority that is not ours, an ended certificate, and a device with keys are refused", async () => {
    const authority = await makeGroup("line y");
    const refused = async (id: string, certificate: TestCertificate): Promise<RejectionReason | null> => {
      const outcome = provisioning().authenticate(claimOf(id, certificate), Date.now());
      return outcome.kind === "rejected" ? outcome.reason : null;
    };
    const ended = { notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") };
    const of = async (name: string, more: object = {}) => await testCertificate({ name, issuer: authority, ...more });
    expect(await refused("y-1", await of("y-1"))).toBe(null);
    expect(await refused("y-1", await of("y-2"))).toBe("certificate-name");
    expect(await refused("y-1", await of("y-1", ended))).toBe("certificate-expired");
    expect(await refused("y-1", await testCertificate({ name: "y-1" }))).toBe("certificate-untrusted");
    await hub.createDevice("y-3");
    const taken = await provisioning().register(claimOf("y-3", await of("y-3")), Buffer.from(""));
    expect(JSON.parse(taken.body)).toMatchObject({ status: "failed" });
    // Nor the other way: a key does not open what signs in by certificate.
    await provisioning().register(claimOf("y-1", await of("y-1")), Buffer.from(""));
    const client = await clientOf("y-1");
    expect((await register(client, "y-1")).body).toMatchObject({ status: "failed" });
    client.destroy();
  });

  test.each([
    [{ name: "n", attestation: "x509" as const }, "caCertificateId"],
    [{ name: "n", attestation: "x509" as const, caCertificateId: "none" }, "caCertificateId"],
    [{ name: "n", attestation: "x509" as const, caCertificateId: "none", primaryKey: key }, "primaryKey"],
    [{ name: "n", caCertificateId: "none" }, "caCertificateId"],
  ])("a group is refused: %j", async (group, field) => {
    await expect(hub.registry.createEnrollmentGroup(group)).rejects.toMatchObject({ kind: "invalid", field });
  });
});
