// Who may call the REST API, what errors say and do not say, what is bounded, and that secrets never come out (A2).

import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { openTls } from "../../src/tls/tls.ts";
import { AdminBench, adminToken } from "../lib/admin-bench.ts";

let bench: AdminBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

describe("the token", () => {
  test("A1: is asked for by every call below /api/v1, known or not, but those that sign in", async () => {
    bench = await AdminBench.open();
    const { paths } = (await bench.call("GET", "/openapi.json")).body as {
      paths: Record<string, Record<string, { "x-access": string }>>;
    };
    const all = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(
        ([method, { "x-access": access }]) => [method.toUpperCase(), path.slice("/api/v1".length), access] as const,
      ),
    );
    const open = all.filter(([, , access]) => access === "anyone");
    expect(open.map(([method, path]) => `${method} ${path}`).toSorted()).toEqual([
      "DELETE /session",
      "GET /session",
      "POST /session",
      "POST /setup",
    ]);
    const routes = all.filter(([, , access]) => access !== "anyone");
    expect(routes.length).toBeGreaterThan(40);
    for (const [method, path] of [...routes, ["GET", "/openapi.json"], ["GET", "/none"], ["POST", ""]] as const) {
      for (const token of [null, "", "wrong", `${adminToken}x`, adminToken.slice(1)]) {
        const { status, headers, body } = await bench.call(method, path, undefined, { token });
        expect(status, `${method} ${path}`).toBe(401);
        expect(headers.get("www-authenticate")).toMatch(/^Bearer/);
        expect(body.error).toMatchObject({ code: "unauthorized", hint: expect.any(String) });
      }
    }
  });

  test("is not needed for health, nor for metrics on loopback", async () => {
    let ready = true;
    bench = await AdminBench.open({ readiness: () => ({ ready, reasons: ready ? [] : ["starting"] }) });
    const open = (path: string) => (bench as AdminBench).call("GET", `/${path}`, undefined, { token: null });
    expect((await open("/healthz")).status).toBe(200);
    expect((await open("/readyz")).status).toBe(200);
    ready = false;
    expect(await open("/readyz")).toMatchObject({ status: 503, body: { status: "not ready", reasons: ["starting"] } });
    const metrics = await open("/metrics");
    expect(metrics).toMatchObject({ status: 200, text: "coldpath_up 1\n" });
    expect(metrics.headers.get("content-type")).toMatch(/^text\/plain; version=0.0.4/);
  });

  test("is needed for metrics where others reach them", async () => {
    bench = await AdminBench.open({ host: "0.0.0.0" });
    expect((await bench.call("GET", "//metrics", undefined, { token: null })).status).toBe(401);
    expect((await bench.call("GET", "//metrics")).status).toBe(200);
    expect((await bench.call("GET", "//healthz", undefined, { token: null })).status).toBe(200);
  });
});

describe("errors", () => {
  test("have one form, also of routes that do not exist", async () => {
    bench = await AdminBench.open();
    for (const [method, path] of [
      ["GET", "/none"],
      ["GET", "//none"],
      ["DELETE", "/status"],
    ] as const) {
      expect(await bench.refused(404, method, path)).toMatchObject({
        code: "route-not-found",
        message: expect.stringContaining(method),
        hint: expect.any(String),
      });
    }
  });

  test("say what is wrong with a body", async () => {
    bench = await AdminBench.open();
    const post = (type: string, text: string) =>
      (bench as AdminBench).call("POST", "/devices", undefined, { raw: { type, text } });
    const json = "application/json";
    expect(await post(json, "{")).toMatchObject({ status: 400, body: { error: { code: "invalid-json" } } });
    expect(await post(json, '{"__proto__": {}}')).toMatchObject({ status: 400 });
    expect(await post("text/plain", "x")).toMatchObject({
      status: 415,
      body: { error: { code: "unsupported-media-type" } },
    });
    expect(await post("application/x-www-form-urlencoded", "a=b")).toMatchObject({ status: 415 });
    expect(await post(json, JSON.stringify({ name: "x".repeat(70_000) }))).toMatchObject({
      status: 413,
      body: { error: { code: "request-too-large", message: expect.stringContaining("65536") } },
    });
    for (const [text, message] of [
      ["null", "templateId is missing."],
      ["[]", "The body must be an object, not a list."],
      ["5", "The body must be an object, not a number."],
      ["", "templateId is missing."],
      ['{"templateId": null}', "templateId must be text, not null."],
      ['{"templateId": 7}', "templateId must be text, not a number."],
    ] as const) {
      expect(await post(json, text), text).toMatchObject({
        status: 400,
        body: { error: { code: "input-invalid", message } },
      });
    }
  });

  test("of ours are logged under an id, and only that id is told", async () => {
    bench = await AdminBench.open({
      readiness: () => {
        throw new Error("the inner secret of the server");
      },
    });
    const { status, text, body } = await bench.call("GET", "/status");
    expect(status).toBe(500);
    expect(body.error.code).toBe("internal");
    expect(text).not.toContain("inner secret");
    const id = /request ([0-9a-f-]{36})/.exec(body.error.message)?.[1] ?? "none";
    expect(bench.logged.filter((line) => line.includes(id) && line.includes("the inner secret"))).toHaveLength(1);
  });
});

test("secrets go in and never come out, neither in answers nor in the log", async () => {
  bench = await AdminBench.open();
  const key = Buffer.from("the planted account key of the test, which has 64 bytes in all..").toString("base64");
  const secrets = [
    key,
    "planted-sas-signature",
    "planted-client-secret",
    "planted,not,a,connection,string",
    "planted-in-the-endpoint",
  ];
  const endpoint = "http://127.0.0.1:9/acct";
  const azure = { kind: "azure-blob", endpoint };
  const connectionString = `DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=${key};BlobEndpoint=${endpoint}`;
  const inputs = [
    { settings: { kind: "azure-blob", auth: "connection-string" }, secret: connectionString },
    { settings: { ...azure, auth: "account-key", accountName: "acct" }, secret: key },
    { settings: { ...azure, auth: "sas" }, secret: "sv=2024-11-04&sp=rwl&sig=planted-sas-signature" },
    {
      settings: {
        ...azure,
        endpoint: "https://127.0.0.1:9/",
        auth: "entra",
        tenantId: "00000000-0000-0000-0000-000000000001",
        clientId: "c",
      },
      secret: "planted-client-secret",
    },
    // Refused, each for another reason:
    { settings: { kind: "azure-blob", auth: "connection-string" }, secret: "planted,not,a,connection,string" },
    { settings: { kind: "azure-blob", auth: "connection-string" }, secret: `AccountKey=${key}` },
    { settings: { ...azure, auth: "account-key", accountName: "No Name" }, secret: key },
    { settings: { ...azure, auth: "entra" }, secret: "planted-client-secret" },
    { settings: { kind: "folder", path: "/x" }, secret: key },
    { settings: { kind: "folder", path: "/x", secret: key } },
    { settings: { kind: key } },
    { settings: { ...azure, auth: key } },
    { settings: { ...azure, auth: "sas", endpoint: `${endpoint}?sig=planted-in-the-endpoint` }, secret: "sv=1&sig=2" },
    { settings: { ...azure, auth: "sas" }, secret: { nested: key } },
    { settings: { ...azure, auth: "sas" }, sceret: key },
  ];
  const ids: string[] = [];
  for (const [index, input] of inputs.entries()) {
    const made = await bench.call("POST", "/storage-accounts", { name: `account-${index}`, ...input });
    expect(made.status, made.text).toBe(index < 4 ? 201 : 400);
    if (made.status === 201) ids.push(made.body.id);
    // Entra ID would look for a login server on the network.
    if (index !== 3) await bench.call("POST", "/storage-accounts/test", input);
  }
  for (const [index, id] of ids.entries()) {
    const one = `/storage-accounts/${id}`;
    await bench.call("GET", one);
    await bench.call("PUT", one, { name: `again-${index}`, ...inputs[index] });
    await bench.call("PUT", one, { name: `again-${index}`, ...inputs[index], etag: 1 });
    if (index === 3) continue;
    await bench.call("POST", `${one}/test`, { container: "iot" });
    await bench.call("GET", `${one}/containers`);
    await bench.call("POST", `${one}/containers`, { name: "iot" });
    const body = { name: `e${index}`, storageAccountId: id, container: `cont${index}`, types: ["measurements"] };
    await bench.call("POST", "/exports", body);
  }
  const { body } = await bench.call("GET", "/exports");
  expect(body.items.length).toBeGreaterThan(0);
  for (const { id } of body.items) await bench.call("GET", `/exports/${id}`);
  for (const path of ["/status", "/storage-accounts", "/openapi.json", "/devices", "/policies"]) {
    await bench.call("GET", path);
  }
  // Keys of devices and policies are only in the calls made for them.
  const device = { id: "d", templateId: "cooler", primaryKey: Buffer.alloc(32, 7).toString("base64") };
  await bench.call("POST", "/devices", device);
  await bench.call("POST", "/devices", device);
  await bench.call("POST", "/policies", { name: "p", primaryKey: device.primaryKey });
  for (const path of ["/devices/d", "/devices", "/policies"]) await bench.call("GET", path);
  await bench.call("PATCH", "/devices/d", { name: "n" });

  expect(bench.answers.length).toBeGreaterThan(60);
  expect(bench.logged.length).toBeGreaterThan(60);
  for (const secret of [...secrets, device.primaryKey, adminToken]) {
    for (const line of [...bench.answers, ...bench.logged]) {
      expect(line).not.toContain(secret);
      expect(line).not.toContain(encodeURIComponent(secret));
    }
  }
  // The control: the same search finds a key where it may be.
  const credentials = await bench.call("GET", "/devices/d/credentials");
  expect(credentials.text).toContain(device.primaryKey);
});

test("answers carry the headers that keep them from being misread or kept", async () => {
  bench = await AdminBench.open();
  for (const path of ["/status", "/none", "//healthz", "//none"]) {
    const { headers } = await bench.call("GET", path);
    expect(headers.get("x-content-type-options"), path).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
    if (!path.startsWith("//")) expect(headers.get("cache-control")).toBe("no-store");
  }
  const preflight = await fetch(`${bench.url}/api/v1/status`, {
    method: "OPTIONS",
    headers: { origin: "https://evil.test", "access-control-request-method": "GET" },
  });
  expect(preflight.status).toBe(401);
});

test("nonsense on the socket ends that connection only", async () => {
  bench = await AdminBench.open();
  const { port } = bench.admin;
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("\x16\x03\x01 nonsense\r\n\r\n"));
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
  expect(answer).toMatch(/^HTTP\/1.1 400/);
  expect((await bench.call("GET", "/status")).status).toBe(200);
});

test("listens with TLS, and takes a new certificate", async () => {
  bench = await AdminBench.open();
  const { identity } = await openTls({ dataDir: bench.rooms.directory, publicHosts: ["localhost"] });
  const secure = { cert: identity.certPem, key: identity.keyPem };
  const { request } = await import("node:https");
  const other = await AdminBench.open({ tls: secure });
  try {
    other.admin.setSecureContext(secure);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const { port } = other.admin;
      const call = request({ port, host: "localhost", path: "/healthz", ca: identity.caPem ?? "" }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on("error", reject);
      call.end();
    });
    expect(status).toBe(200);
  } finally {
    await other.close();
  }
});

test("a port in use is an error with its code, and nothing stays open", async () => {
  bench = await AdminBench.open();
  await expect(AdminBench.open({ port: bench.admin.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("M1: headers that drip, that are many, or that are large, end their connection", async () => {
  bench = await AdminBench.open();
  const { port } = bench.admin;
  /** What comes back until the connection ends. */
  const talk = async (start: string, drip: string): Promise<string> =>
    await new Promise((resolve) => {
      let heard = "";
      const socket = connect(port, "127.0.0.1");
      const dripping = setInterval(() => socket.write(drip), 500);
      socket.setEncoding("utf8").on("data", (text: string) => {
        heard += text;
      });
      socket.on("error", () => {});
      socket.once("close", () => {
        clearInterval(dripping);
        resolve(heard);
      });
      socket.write(start);
    });
  const head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  // Node's own answers, or an end without one.
  expect(await talk(head, "x-a: 1\r\n")).toMatch(/^(HTTP\/1.1 (400|408) [^]*)?$/);
  expect(await talk(`${head}x-large: ${"x".repeat(20_000)}\r\n\r\n`, "")).toMatch(/^HTTP\/1.1 (400|431) /);
  expect(await talk(`${head}${"x: y\r\n".repeat(5_000)}\r\n`, "")).toMatch(/^HTTP\/1.1 (400|431) /);
});
