// HTTPS telemetry over real sockets: what is taken, what is refused and how, and that 204 means durable.

import { type IncomingHttpHeaders, Agent, request as httpRequest } from "node:http";
import { type Socket, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { makeSasToken } from "../sas-token.ts";

const batchType = "application/vnd.microsoft.iothub.json";
const limit = 256 * 1024;
let hub: IngestHub;
let devices = 0;
const agent = new Agent({ keepAlive: true });
/** Credentials are not answered while it is set. */
let gate: Promise<void> | null = null;

beforeAll(async () => {
  hub = await IngestHub.open({
    limits: { connectTimeoutMs: 1_000 },
    bounds: { roomWaitMs: 300, requestTimeoutMs: 1_500, bodiesBytesMax: 2 * 1024 * 1024 },
    wrap: (registry) => ({
      deviceCredentials: async (id) => {
        const found = await registry.deviceCredentials(id);
        await gate;
        return found;
      },
      moduleCredentials: (...id) => registry.moduleCredentials(...id),
      policyKeys: (name) => registry.policyKeys(name),
      trustedCaCertificates: () => registry.trustedCaCertificates(),
    }),
  });
});
afterAll(async () => {
  agent.destroy();
  await hub.close();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: Buffer | string;
  readonly port?: number;
  /** Sent before the rest, without a length. */
  readonly chunked?: boolean;
}

function call(
  path: string,
  { method = "POST", headers = {}, body = "", port = hub.httpPort, chunked = false }: Call,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = chunked ? {} : { "Content-Length": Buffer.byteLength(body) };
    const sent = httpRequest({ port, host: "127.0.0.1", agent, method, path, headers: { ...length, ...headers } });
    sent.on("error", reject).on("response", (response) => {
      const chunks: Buffer[] = [];
      response
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          });
        });
    });
    if (chunked) sent.write(body);
    sent.end(chunked ? undefined : body);
  });
}

async function created(): Promise<string> {
  const id = `dev-${++devices}`;
  await hub.createDevice(id);
  return id;
}

function send(id: string, body: Buffer | string, headers: Call["headers"] = {}, more: Call = {}): Promise<Answer> {
  const path = `/devices/${encodeURIComponent(id)}/messages/events?api-version=2021-04-12`;
  return call(path, { ...more, headers: { Authorization: hub.token(id), ...headers }, body });
}

function codeOf({ text }: Answer): string {
  return /^ErrorCode:(\w+);[^;]+$/.exec((JSON.parse(text) as { Message: string }).Message)?.[1] ?? text;
}

describe("A message", () => {
  test("is one record, its body untouched, its properties from headers", async () => {
    const id = await created();
    const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const answer = await send(id, body, {
      "iothub-to": `/devices/${id}/messages/events`,
      "iothub-app-level": "x&y/z",
      "iothub-app-Mixed": "1",
      "IoTHub-MessageId": "m",
      "iothub-contenttype": "application/json",
      "iothub-contentencoding": "utf-8",
      "Content-Type": "application/octet-stream",
    });
    expect([answer.status, answer.text]).toEqual([204, ""]);
    const { generationId } = await hub.registry.device(id);
    const [record] = hub.records(id);
    expect(record?.Body.equals(body)).toBe(true);
    expect(record?.Properties).toEqual({ level: "x&y/z", mixed: "1" });
    expect(record?.SystemProperties).toEqual({
      connectionDeviceId: id,
      connectionAuthMethod: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      connectionDeviceGenerationId: generationId,
      messageId: "m",
      contentType: "application/json",
      contentEncoding: "utf-8",
      enqueuedTime: record?.EnqueuedTimeUtc,
    });
  });

  test("may be empty, chunked, or of a device with an odd id", async () => {
    const id = "odd#?%+(1)";
    await hub.createDevice(id);
    expect((await send(id, "")).status).toBe(204);
    expect((await send(id, "chunked", {}, { chunked: true })).status).toBe(204);
    expect(hub.bodies(id)).toEqual(["", "chunked"]);
  });

  test("is let in by a hub policy, whatever the Host header", async () => {
    const id = await created();
    const token = makeSasToken("hub.example.test:443", hub.policyKey, Date.now() + 60_000, "device");
    expect((await send(id, "x", { Authorization: token, Host: "elsewhere" })).status).toBe(204);
    expect(hub.records(id)[0]?.SystemProperties["connectionAuthMethod"]).toContain('"scope":"hub"');
  });

  test("of many on one connection: each once, in order", async () => {
    const id = await created();
    for (let index = 0; index < 50; index++) expect((await send(id, String(index))).status).toBe(204);
    expect(hub.bodies(id)).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
  });
});

describe("A batch", () => {
  test("of both forms is as many records, of one frame", async () => {
    const id = await created();
    const batch = JSON.stringify([
      { body: Buffer.from('{"t":1}').toString("base64"), properties: { "iothub-app-level": "1" } },
      { body: '{"t":2}', base64Encoded: false },
    ]);
    expect((await send(id, batch, { "Content-Type": batchType, "iothub-app-not": "of a batch" })).status).toBe(204);
    expect(hub.bodies(id)).toEqual(['{"t":1}', '{"t":2}']);
    expect(hub.records(id).map(({ Properties }) => Properties)).toEqual([{ level: "1" }, {}]);
    expect(new Set(hub.records(id).map(({ EnqueuedTimeUtc }) => EnqueuedTimeUtc)).size).toBe(1);
  });

  test("that is not JSON, or empty, is refused with 400 and says what is wrong", async () => {
    const id = await created();
    const before = hub.rejections("invalid-batch");
    for (const batch of ["", "[", "[]", "{}", '[{"body":"%"}]', '[{"body":"eA=="},{"body":1}]']) {
      const answer = await send(id, batch, { "Content-Type": batchType });
      expect([answer.status, codeOf(answer)], batch).toEqual([400, "ArgumentInvalid"]);
    }
    expect(hub.rejections("invalid-batch")).toBe(before + 6);
    expect(hub.records(id)).toEqual([]);
  });

  test("counts as its messages do, not as base64", async () => {
    const id = await created();
    const half = Buffer.alloc(limit / 2, 65).toString("base64");
    expect(
      (await send(id, JSON.stringify([{ body: half }, { body: half }]), { "Content-Type": batchType })).status,
    ).toBe(204);
    const over = JSON.stringify([{ body: half }, { body: half, properties: { "iothub-app-a": "" } }]);
    expect((await send(id, over, { "Content-Type": batchType })).status).toBe(413);
    const padded = `[${" ".repeat(2 * limit)}{"body":""}]`;
    expect((await send(id, padded, { "Content-Type": batchType })).status).toBe(413);
    expect(hub.records(id)).toHaveLength(2);
  });

  test("of more small messages than a frame holds is too large, none of it is taken", async () => {
    const small = await IngestHub.open({ frameBytesMax: 300_000 });
    await small.createDevice("dev");
    const batch = JSON.stringify(Array.from({ length: 5_000 }, () => ({ body: "" })));
    const headers = { Authorization: small.token("dev"), "Content-Type": batchType };
    const answer = await call("/devices/dev/messages/events", { port: small.httpPort, headers, body: batch });
    expect([answer.status, small.records().length]).toEqual([413, 0]);
    await small.close();
  });
});

describe("The limit of 256 KiB", () => {
  test("is met exactly, properties counted in", async () => {
    const id = await created();
    expect((await send(id, Buffer.alloc(limit))).status).toBe(204);
    expect((await send(id, Buffer.alloc(limit - 4), { "iothub-app-ab": "cd" })).status).toBe(204);
    for (const chunked of [false, true]) {
      const answer = await send(id, Buffer.alloc(limit + 1), {}, { chunked });
      expect([answer.status, codeOf(answer)]).toEqual([413, "MessageTooLarge"]);
    }
    expect((await send(id, Buffer.alloc(limit - 3), { "iothub-app-ab": "cd" })).status).toBe(413);
    // The connection is still good.
    expect((await send(id, "after")).status).toBe(204);
    expect(hub.records(id)).toHaveLength(3);
  });

  test("and that of headers, after which nothing is read", async () => {
    const id = await created();
    const answer = await send(id, "x", { "iothub-app-a": "v".repeat(70_000) });
    expect([answer.status, codeOf(answer)]).toEqual([400, "ArgumentInvalid"]);
    expect(hub.records(id)).toEqual([]);
  });

  test("does not drop one of many properties", async () => {
    const id = await created();
    const headers = Object.fromEntries(Array.from({ length: 2_500 }, (_, index) => [`iothub-app-p${index}`, "v"]));
    expect((await send(id, "x", headers)).status).toBe(204);
    expect(Object.keys(hub.records(id)[0]?.Properties ?? {})).toHaveLength(2_500);
  });
});

describe("A request is refused", () => {
  const inAnHour = Date.now() + 3_600_000;
  const refused: readonly (readonly [
    string,
    (id: string) => string | undefined,
    Parameters<IngestHub["rejections"]>[0],
  ])[] = [
    ["without a token", () => undefined, "token-malformed"],
    ["with a bearer token", () => "Bearer x", "token-malformed"],
    [
      "with a wrong key",
      (id) => makeSasToken(`localhost/devices/${id}`, Buffer.alloc(32).toString("base64"), inAnHour),
      "token-signature",
    ],
    ["with an expired token", (id) => hub.token(id, Date.now() - 1000), "token-expired"],
    ["with another device's token", () => hub.token("dev-1"), "token-signature"],
    [
      "with a token for another hub",
      () => makeSasToken("elsewhere", hub.policyKey, inAnHour, "device"),
      "token-resource",
    ],
    ["by an unknown policy", () => makeSasToken("localhost", hub.policyKey, inAnHour, "none"), "unknown-policy"],
  ];
  test.each(refused)("with 401 %s", async (_, token, reason) => {
    const id = await created();
    const before = hub.rejections(reason);
    const authorization = token(id);
    const answer = await call(`/devices/${id}/messages/events`, {
      headers: authorization === undefined ? {} : { Authorization: authorization },
      body: "x",
    });
    expect([answer.status, codeOf(answer)]).toEqual([401, "IotHubUnauthorizedAccess"]);
    expect(hub.rejections(reason)).toBe(before + 1);
    expect(hub.records(id)).toEqual([]);
  });

  test("with the same 401 for an unknown device as for a wrong key", async () => {
    const id = await created();
    const Authorization = makeSasToken("localhost", Buffer.alloc(32).toString("base64"), inAnHour);
    const wrong = await call(`/devices/${id}/messages/events`, { headers: { Authorization } });
    const unknown = await call("/devices/nobody/messages/events", { headers: { Authorization } });
    expect([unknown.status, unknown.text]).toEqual([401, wrong.text]);
  });

  test("with 401 for a disabled device", async () => {
    const id = await created();
    await hub.registry.updateDevice(id, { enabled: false });
    expect((await send(id, "x")).status).toBe(401);
    expect(hub.rejections("device-disabled")).toBe(1);
  });

  test("with 404 or 501 elsewhere, in the same form", async () => {
    for (const [method, path, status, code] of [
      ["GET", "/", 404, "ResourceNotFound"],
      ["GET", "/devices/dev-1/messages/events", 404, "ResourceNotFound"],
      ["POST", "/devices/dev-1/files?api-version=2021-04-12", 501, "NotImplemented"],
      ["GET", "/devices/dev-1/twin", 501, "NotImplemented"],
      ["POST", "/devices/dev-1/messages/devicebound/lock", 404, "ResourceNotFound"],
    ] as const) {
      const answer = await call(path, { method });
      expect([answer.status, codeOf(answer)], path).toEqual([status, code]);
    }
  });

  test("before its body is sent, when it is not let in", async () => {
    const sent = httpRequest({
      port: hub.httpPort,
      host: "127.0.0.1",
      method: "POST",
      path: "/devices/nobody/messages/events",
      headers: { "Content-Length": 100_000_000, Authorization: "x" },
    });
    const status = await new Promise((resolve, reject) => {
      sent.on("response", (response) => resolve(response.statusCode)).on("error", reject);
      sent.flushHeaders();
    });
    expect(status).toBe(401);
    sent.destroy();
  });
});

describe("A device that polls for messages", () => {
  test("hears that there are none, if it may ask", async () => {
    const id = await created();
    const path = `/devices/${id}/messages/devicebound?api-version=2021-04-12`;
    expect((await call(path, { method: "GET", headers: { Authorization: hub.token(id) } })).status).toBe(204);
    expect((await call(path, { method: "GET" })).status).toBe(401);
  });
});

describe("204", () => {
  test("J1: is not sent before the records are durable (control: it would have been)", async () => {
    const id = await created();
    expect((await send(id, "control")).status).toBe(204);
    hub.writer.hold();
    let answered = 0;
    const answers = [send(id, "single"), send(id, JSON.stringify([{ body: "" }]), { "Content-Type": batchType })].map(
      async (answer) => {
        const { status } = await answer;
        answered++;
        return status;
      },
    );
    await until(() => hub.records(id).length === 3, "the journal has them");
    await aWhile();
    expect(answered).toBe(0);
    hub.writer.release();
    expect(await Promise.all(answers)).toEqual([204, 204]);
  });

  test("follows a short wait for room", async () => {
    const id = await created();
    hub.writer.refuseWith("wait");
    const answers = Array.from({ length: 20 }, () => send(id, "patient"));
    await until(() => hub.writer.waitingForRoom === 20, "they wait");
    hub.writer.refuseWith(null);
    expect((await Promise.all(answers)).every(({ status }) => status === 204)).toBe(true);
    expect(hub.records(id)).toHaveLength(20);
  });
});

describe("503", () => {
  test.each([
    ["full", "journal-full"],
    ["clock", "not-ready"],
    ["starting", "not-ready"],
    ["draining", "not-ready"],
    ["failed", "not-ready"],
  ] as const)("is the answer while the journal is %s, and says when to come back", async (refusal, reason) => {
    const id = await created();
    const before = hub.rejections(reason);
    hub.writer.refuseWith(refusal);
    const answer = await send(id, "x");
    hub.writer.refuseWith(null);
    expect([answer.status, codeOf(answer)]).toEqual([503, "ServiceUnavailable"]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(hub.rejections(reason)).toBe(before + 1);
    expect(hub.records(id)).toEqual([]);
  });

  test("ends a wait for room that lasts too long; nothing is taken later", async () => {
    const id = await created();
    hub.writer.refuseWith("wait");
    const answer = await send(id, "impatient");
    expect(answer.status).toBe(503);
    hub.writer.refuseWith(null);
    await aWhile(10);
    expect(hub.records(id)).toEqual([]);
  });

  test("is the answer before the journal is open", async () => {
    const starting = await IngestHub.open({ isStarting: true });
    await starting.createDevice("dev");
    const headers = { Authorization: starting.token("dev") };
    expect((await call("/devices/dev/messages/events", { port: starting.httpPort, headers })).status).toBe(503);
    starting.openJournal();
    expect((await call("/devices/dev/messages/events", { port: starting.httpPort, headers })).status).toBe(204);
    await starting.close();
  });

  test("M1: keeps the bodies that are in memory within their bound, and gives it back", async () => {
    const id = await created();
    hub.writer.refuseWith("wait");
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(id, Buffer.alloc(limit - 10))));
    expect(answers.every(({ status }) => status === 503)).toBe(true);
    hub.writer.refuseWith(null);
    const again = await Promise.all(Array.from({ length: 8 }, () => send(id, Buffer.alloc(limit - 10))));
    expect(again.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 204));
  });
});

describe("D1: access that changes while a request is under way", () => {
  const changes: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
    ["the device is deleted", (id) => hub.registry.deleteDevice(id)],
    ["the device is disabled", (id) => hub.registry.updateDevice(id, { enabled: false })],
    ["its key changes", (id) => hub.registry.setDeviceKeys(id, "regenerate-primary")],
  ];
  test.each(changes)("while its credentials are read: %s", async (_, change) => {
    const id = await created();
    let open = (): void => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const answer = send(id, "x");
    await aWhile();
    await change(id);
    open();
    gate = null;
    expect((await answer).status).toBe(401);
    expect(hub.records(id)).toEqual([]);
  });

  test.each(changes)("while it waits for room: %s", async (_, change) => {
    const id = await created();
    hub.writer.refuseWith("wait");
    const answer = send(id, "x");
    await until(() => hub.writer.waitingForRoom > 0, "it waits");
    await change(id);
    hub.writer.refuseWith(null);
    expect((await answer).status).toBe(401);
    expect(hub.records(id)).toEqual([]);
  });

  test("another policy's change costs it nothing", async () => {
    const id = await created();
    hub.writer.refuseWith("wait");
    const answer = send(id, "x");
    await until(() => hub.writer.waitingForRoom > 0, "it waits");
    await hub.registry.createPolicy(`other-${id}`);
    hub.writer.refuseWith(null);
    expect((await answer).status).toBe(204);
  });
});

describe("Bad HTTP", () => {
  async function talk(...pieces: readonly (string | Buffer | number)[]): Promise<string> {
    const socket: Socket = connect({ port: hub.httpPort, host: "127.0.0.1" });
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1"))).on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    for (const piece of pieces) {
      if (typeof piece === "number") await aWhile(piece);
      else if (!socket.destroyed) socket.write(piece);
    }
    await closed;
    return text;
  }

  test.each([
    ["what is no HTTP", "\x10\x20\x00\x04MQTT"],
    ["a broken request line", "POST\r\n\r\n"],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    ["a length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["a length that is no number", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"],
  ])("is answered with 400 and the end: %s", async (_, bytes) => {
    const before = hub.rejections("malformed-request");
    expect(await talk(bytes)).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*ErrorCode:ArgumentInvalid;/);
    expect(hub.rejections("malformed-request")).toBe(before + 1);
  });

  test("does not come for ever: headers and bodies that drip are cut off", async () => {
    const id = await created();
    const before = hub.rejections("request-timeout");
    const head = `POST /devices/${id}/messages/events HTTP/1.1\r\nHost: a\r\nAuthorization: ${hub.token(id)}\r\nContent-Length: 10\r\n\r\n`;
    const drip = (text: string) => Array.from(text).flatMap((letter) => [letter, 300]);
    const [header, body] = await Promise.all([talk(...drip(head.slice(0, 12))), talk(head, ...drip("0123456789"))]);
    expect(header).toContain("408");
    expect(body).not.toContain("204");
    expect(hub.rejections("request-timeout")).toBeGreaterThan(before);
    expect(hub.records(id)).toEqual([]);
  });

  test("M1: is answered and cut off when a body comes byte by byte, however it was sent", async () => {
    const id = await created();
    const head = `POST /devices/${id}/messages/events HTTP/1.1\r\nHost: a\r\nAuthorization: ${hub.token(id)}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    // More would be a race: the rest that is never read resets the connection, and may take the answer along.
    const answer = await talk(head, 30, "1\r\nx\r\n".repeat(1025));
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*Connection: close\r\n[^]*too many pieces/);
    expect(hub.records(id)).toEqual([]);
    expect((await send(id, "next")).status).toBe(204);
  });

  test("does not disturb the request before it on the same connection", async () => {
    const id = await created();
    const good = `POST /devices/${id}/messages/events HTTP/1.1\r\nHost: a\r\nAuthorization: ${hub.token(id)}\r\nContent-Length: 2\r\n\r\nok`;
    await talk(good, 30, "nonsense\r\n\r\n");
    expect(hub.bodies(id)).toEqual(["ok"]);
  });

  test("and a client that leaves in mid-body leave nothing behind", async () => {
    const id = await created();
    const socket = connect({ port: hub.httpPort, host: "127.0.0.1" });
    socket.write(
      `POST /devices/${id}/messages/events HTTP/1.1\r\nHost: a\r\nAuthorization: ${hub.token(id)}\r\nContent-Length: 100\r\n\r\nhalf`,
    );
    await aWhile();
    socket.destroy();
    await aWhile();
    expect(hub.records(id)).toEqual([]);
    expect((await send(id, "next")).status).toBe(204);
  });
});

test("Above the most connections, further ones are dropped and counted", async () => {
  const small = await IngestHub.open({ limits: { connectionsMax: 2 } });
  const sockets = Array.from({ length: 4 }, () =>
    connect({ port: small.httpPort, host: "127.0.0.1" }).on("error", () => {}),
  );
  await until(() => small.rejections("too-many-connections") === 2, "two are dropped");
  for (const socket of sockets) socket.destroy();
  await small.close();
});

test("A stop lets a request that is under way end with its 204", async () => {
  const stopping = await IngestHub.open();
  await stopping.createDevice("dev");
  stopping.writer.hold();
  const headers = { Authorization: stopping.token("dev") };
  const answer = call("/devices/dev/messages/events", { port: stopping.httpPort, headers, body: "last" });
  await until(() => stopping.records().length === 1, "it is accepted");
  stopping.https.stopListening();
  stopping.writer.release();
  await stopping.https.close();
  expect((await answer).status).toBe(204);
  await stopping.close();
});
