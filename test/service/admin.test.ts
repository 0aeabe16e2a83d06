// The REST API, route by route, over real rooms.

import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isSignedWith, parseSasToken } from "../../src/ingest/sas-token.ts";
import { openTls } from "../../src/tls/tls.ts";
import { AdminBench } from "../lib/admin-bench.ts";

let bench: AdminBench;
beforeEach(async () => {
  bench = await AdminBench.open();
});
afterEach(async () => await bench.close());

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const valve = {
  name: "Valve",
  measurements: { telemetry: { flow: { name: "Flow", dataType: "double", unit: "l/s", minValue: 0, maxValue: 9 } } },
  properties: {
    cloud: {
      place: { name: "Place", dataType: "location", initialValue: { lon: 7.5, lat: 51.5 } },
      notes: { name: "Notes", dataType: "string" },
    },
  },
};

test("status says how the hub is", async () => {
  bench.counters.rejections["token-expired"] = 3;
  const status = await bench.expect(200, "GET", "/status");
  expect(status).toMatchObject({
    hubName: "hub",
    version: "0.0.0-test",
    windowOpen: "2026-01-02T03:04:00Z",
    now: "2026-01-02T03:04:05.000Z",
    ready: true,
    endpoints: { hostName: "hub.test", mqttsPort: 8883, caPath: null },
    devicesConnected: 0,
    messages: { accepted: 0, acceptedBytes: 0, folded: 0, rejections: { "token-expired": 3 } },
    journal: { partitions: [{ partition: 0, windowOpen: "2026-01-02T03:04:00Z", refusal: null }], notices: [] },
    exports: [],
  });
  expect(status.installationId).toBe(bench.rooms.registry.installation.id);
  expect(status.startedAt).toMatch(iso);
});

describe("device templates", () => {
  test("are made, edited while drafts, published, versioned and deleted", async () => {
    const draft = await bench.expect(201, "POST", "/device-templates", { id: "valve", ...valve });
    expect(draft).toMatchObject({
      id: "valve",
      version: "1.0.0",
      published: false,
      etag: 1,
      measurements: { ...valve.measurements, states: {}, events: {} },
      settings: { device: {} },
      properties: { ...valve.properties, device: {} },
    });
    const path = "/device-templates/valve/versions/1.0.0";
    const edited = await bench.expect(200, "PUT", path, { ...valve, name: "Valve 2", etag: 1 });
    expect(edited).toMatchObject({ name: "Valve 2", etag: 2 });
    expect(await bench.refused(409, "PUT", path, { ...valve, etag: 1 })).toMatchObject({ code: "etag-stale" });
    expect(await bench.expect(200, "POST", `${path}/publish`)).toMatchObject({ published: true });
    expect(await bench.expect(200, "POST", `${path}/publish`, {})).toMatchObject({ published: true });
    const { notes } = valve.properties.cloud;
    const breaking = { ...valve, properties: { cloud: { notes } } };
    expect(await bench.refused(409, "PUT", path, breaking)).toMatchObject({
      code: "template-edit-breaking",
      field: "properties.cloud.place",
    });

    const versions = "/device-templates/valve/versions";
    await bench.expect(201, "POST", versions, { ...valve, version: "1.1.0" });
    expect(await bench.refused(409, "POST", versions, { ...valve, version: "1.1.0" })).toMatchObject({
      code: "template-exists",
      field: "version",
    });
    expect(await bench.refused(400, "POST", versions, valve)).toMatchObject({ field: "version" });
    expect((await bench.expect(200, "GET", versions)).items).toHaveLength(2);
    expect(await bench.expect(200, "GET", "/device-templates/valve")).toMatchObject({ version: "1.0.0" });
    expect(await bench.expect(200, "GET", `${versions}/1.1.0`)).toMatchObject({ version: "1.1.0", published: false });
    const all = await bench.expect(200, "GET", "/device-templates");
    expect(all.items.map(({ id }: { id: string }) => id)).toEqual(["cooler", "valve", "valve"]);

    await bench.expect(201, "POST", "/devices", { id: "v1", templateId: "valve" });
    expect(await bench.refused(409, "DELETE", "/device-templates/valve")).toMatchObject({ code: "template-in-use" });
    await bench.expect(204, "DELETE", `${versions}/1.1.0`);
    await bench.expect(204, "DELETE", "/devices/v1");
    await bench.expect(204, "DELETE", "/device-templates/valve");
    for (const gone of ["/device-templates/valve", versions, `${versions}/1.0.0`]) {
      expect(await bench.refused(404, "GET", gone)).toMatchObject({ code: "template-not-found" });
    }
  });

  test("are shown as the record that an exported file holds of them", async () => {
    await bench.expect(201, "POST", "/device-templates", { id: "valve", ...valve });
    expect(await bench.expect(200, "GET", "/device-templates/valve/versions/1.0.0/record")).toEqual({
      record: {
        id: "valve",
        name: "Valve",
        version: "1.0.0",
        measurements: {
          telemetry: { flow: { dataType: "double", name: "Flow", minValue: 0, maxValue: 9 } },
          states: {},
          events: {},
        },
        settings: { device: {} },
        properties: {
          cloud: {
            place: { dataType: "location", name: "Place", initialValue: { lon: 7.5, lat: 51.5 } },
            notes: { dataType: "string", name: "Notes", initialValue: null },
          },
          device: {},
        },
      },
    });
    expect(await bench.refused(404, "GET", "/device-templates/valve/versions/9.0.0/record")).toMatchObject({
      code: "template-not-found",
    });
  });

  test("name the field that is wrong", async () => {
    const wrong = (telemetry: unknown) =>
      bench.refused(400, "POST", "/device-templates", { name: "x", measurements: { telemetry } });
    expect(await wrong({ flow: { name: "Flow", dataType: "float" } })).toEqual({
      code: "input-invalid",
      message: "measurements.telemetry.flow.dataType must be one of double, string, boolean, dateTime, enum, location.",
      field: "measurements.telemetry.flow.dataType",
    });
    expect(await wrong({ flow: { name: "Flow", dataType: "double", minimum: 2 } })).toMatchObject({
      code: "field-unknown",
      field: "measurements.telemetry.flow.minimum",
      message: expect.stringMatching(/known: name, dataType, unit, minValue, maxValue/),
    });
    expect(await wrong({ "no name": { name: "Flow", dataType: "double" } })).toMatchObject({
      field: "measurements.telemetry.no name",
    });
    expect(await wrong([])).toMatchObject({ message: "measurements.telemetry must be an object, not a list." });
  });
});

describe("devices", () => {
  beforeEach(async () => {
    await bench.expect(201, "POST", "/device-templates", { id: "valve", publish: true, ...valve });
  });

  test("are made with what is given, and have the template's values", async () => {
    const device = await bench.expect(201, "POST", "/devices", {
      id: "v1",
      name: "Valve 1",
      templateId: "valve",
      properties: { cloud: { notes: "new" } },
    });
    expect(device).toMatchObject({
      id: "v1",
      name: "Valve 1",
      simulated: false,
      enabled: true,
      connected: false,
      templateVersion: "1.0.0",
      properties: { cloud: { place: { lon: 7.5, lat: 51.5 }, notes: "new" }, device: {} },
      etag: 1,
    });
    expect(await bench.expect(200, "GET", "/devices/v1")).toEqual(device);
    const { id } = await bench.expect(201, "POST", "/devices", { templateId: "valve" });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await bench.refused(409, "POST", "/devices", { id: "v1", templateId: "valve" })).toMatchObject({
      code: "device-exists",
      field: "id",
    });
    expect(await bench.refused(400, "POST", "/devices", { templateId: "none" })).toMatchObject({ field: "templateId" });
    expect(
      await bench.refused(400, "POST", "/devices", { templateId: "valve", properties: { cloud: { place: "Ulm" } } }),
    ).toMatchObject({ code: "value-invalid", field: "properties.cloud.place" });
    expect(
      await bench.refused(400, "POST", "/devices", { templateId: "valve", properties: { cloud: { place: ["Ulm"] } } }),
    ).toMatchObject({ field: "properties.cloud.place", message: expect.stringMatching(/a location/) });
  });

  test("may have any id that IoT Hub allows", async () => {
    for (const id of ["a%2Fb", "q?x=1#y", "plus+and:colon", "(),=@$'*!", "%", "x".repeat(128)]) {
      await bench.expect(201, "POST", "/devices", { id, templateId: "valve" });
      expect(await bench.expect(200, "GET", `/devices/${encodeURIComponent(id)}`)).toMatchObject({ id });
      await bench.expect(204, "DELETE", `/devices/${encodeURIComponent(id)}`);
    }
    expect(await bench.refused(400, "GET", "/devices/%E0%A4%A")).toMatchObject({ code: "invalid-path" });
    expect((await bench.call("GET", `/devices/${"x".repeat(1000)}`)).status).toBeGreaterThanOrEqual(400);
  });

  test("come in pages, searched and filtered", async () => {
    await bench.expect(201, "POST", "/devices/batch", {
      devices: Array.from({ length: 7 }, (_, index) => ({
        id: `v${index}`,
        templateId: "valve",
        simulated: index > 4,
      })),
    });
    await bench.rooms.device("cool-1");
    const first = await bench.expect(200, "GET", "/devices?limit=3&templateId=valve");
    expect(first).toMatchObject({ items: [{ id: "v0" }, { id: "v1" }, { id: "v2" }], total: 7 });
    const second = await bench.expect(200, "GET", `/devices?limit=3&templateId=valve&after=${first.next}`);
    const last = await bench.expect(200, "GET", `/devices?limit=3&templateId=valve&after=${second.next}`);
    expect(last).toMatchObject({ items: [{ id: "v6" }], next: null });
    expect(await bench.expect(200, "GET", "/devices?simulated=true")).toMatchObject({ total: 2 });
    expect(await bench.expect(200, "GET", "/devices?simulated=false")).toMatchObject({ total: 6 });
    expect(await bench.expect(200, "GET", "/devices?search=COOL")).toMatchObject({ items: [{ id: "cool-1" }] });
    expect(await bench.expect(200, "GET", "/devices?search=5")).toMatchObject({ items: [{ id: "v5" }] });
    for (const query of ["limit=0", "limit=1001", "limit=ten", "limit=1.5", "limit=1&limit=2"]) {
      expect(await bench.refused(400, "GET", `/devices?${query}`), query).toMatchObject({ field: "limit" });
    }
    expect(await bench.refused(400, "GET", "/devices?simulated=1")).toMatchObject({ field: "simulated" });
    expect(await bench.refused(400, "GET", "/devices?serach=x")).toMatchObject({ code: "field-unknown" });
  });

  test("are made many at once, all or none", async () => {
    const devices = [
      { id: "b1", templateId: "valve" },
      { id: "b2", templateId: "valve", properties: { cloud: { notes: 5 } } },
    ];
    expect(await bench.refused(400, "POST", "/devices/batch", { devices })).toMatchObject({
      field: "[1].properties.cloud.notes",
    });
    expect(await bench.refused(404, "GET", "/devices/b1")).toMatchObject({ code: "device-not-found" });
    expect(
      await bench.refused(400, "POST", "/devices/batch", { devices: [{ id: "b1", template: "valve" }] }),
    ).toMatchObject({ field: "devices[0].templateId" });
  });

  test("are changed by merge patch, with an etag or without", async () => {
    await bench.expect(201, "POST", "/devices", { id: "v1", templateId: "valve" });
    const patch = { enabled: false, properties: { cloud: { notes: "x", place: null } } };
    const changed = await bench.expect(200, "PATCH", "/devices/v1", { ...patch, etag: 1 });
    expect(changed).toMatchObject({ enabled: false, etag: 2 });
    expect(changed.properties.cloud.notes).toBe("x");
    expect(changed.properties.cloud.place ?? null).toBeNull();
    expect(await bench.refused(409, "PATCH", "/devices/v1", { name: "y", etag: 1 })).toMatchObject({
      code: "etag-stale",
      hint: expect.stringMatching(/Read it again/),
    });
    expect(await bench.expect(200, "PATCH", "/devices/v1", { name: "y" })).toMatchObject({ name: "y", etag: 3 });
    expect(await bench.expect(200, "PATCH", "/devices/v1", {})).toMatchObject({ etag: 3 });
    expect(await bench.refused(404, "PATCH", "/devices/v2", {})).toMatchObject({ code: "device-not-found" });
    expect(await bench.refused(400, "PATCH", "/devices/v1", { enabled: "yes" })).toMatchObject({
      field: "enabled",
      message: "enabled must be true or false, not text.",
    });
  });

  test("move to another version of their template", async () => {
    await bench.expect(201, "POST", "/devices", { id: "v1", templateId: "valve" });
    await bench.expect(201, "POST", "/device-templates/valve/versions", { ...valve, version: "2.0.0" });
    const migrate = (body: unknown, status: number) => bench.expect(status, "POST", "/devices/v1/migrate", body);
    expect((await migrate({ templateVersion: "2.0.0" }, 409)).error).toMatchObject({ code: "template-not-published" });
    await bench.expect(200, "POST", "/device-templates/valve/versions/2.0.0/publish");
    expect((await migrate({ templateVersion: "2.0.0", etag: 9 }, 409)).error).toMatchObject({ code: "etag-stale" });
    expect(await migrate({ templateVersion: "2.0.0", etag: 1 }, 200)).toMatchObject({ templateVersion: "2.0.0" });
    expect((await migrate({ templateVersion: "3.0.0" }, 400)).error).toMatchObject({ field: "templateVersion" });
  });

  test("say whether they are connected", async () => {
    await bench.expect(201, "POST", "/devices", { id: "v1", templateId: "valve" });
    bench.connections.open("v1", { policy: null, end: () => {} });
    expect(await bench.expect(200, "GET", "/devices/v1")).toMatchObject({ connected: true });
    expect(await bench.expect(200, "GET", "/status")).toMatchObject({ devicesConnected: 1 });
  });

  test("have keys, connection strings and tokens, each in its own call", async () => {
    const primaryKey = Buffer.alloc(32, 1).toString("base64");
    await bench.expect(201, "POST", "/devices", { id: "v1", templateId: "valve", primaryKey });
    const { headers, body } = await bench.call("GET", "/devices/v1/credentials");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toMatchObject({
      deviceId: "v1",
      hostName: "hub.test",
      primaryKey,
      primaryConnectionString: `HostName=hub.test;DeviceId=v1;SharedAccessKey=${primaryKey}`,
      secondaryConnectionString: `HostName=hub.test;DeviceId=v1;SharedAccessKey=${body.secondaryKey}`,
    });
    const anew = await bench.expect(200, "PUT", "/devices/v1/keys", { regenerate: "primary" });
    expect(anew.primaryKey).not.toBe(primaryKey);
    expect(anew.secondaryKey).toBe(body.secondaryKey);
    const set = await bench.expect(200, "PUT", "/devices/v1/keys", { secondaryKey: primaryKey });
    expect(set).toMatchObject({ primaryKey: anew.primaryKey, secondaryKey: primaryKey });
    for (const wrong of [{}, { regenerate: "primary", primaryKey }, { regenerate: "both" }]) {
      expect(await bench.refused(400, "PUT", "/devices/v1/keys", wrong)).toMatchObject({ field: "regenerate" });
    }
    expect(await bench.refused(400, "PUT", "/devices/v1/keys", { primaryKey: "short" })).toMatchObject({
      field: "primaryKey",
    });

    const made = await bench.expect(200, "POST", "/devices/v1/token", { ttlSeconds: 60, key: "secondary" });
    const token = parseSasToken(made.token);
    expect(token).toMatchObject({ resourceDecoded: "hub.test/devices/v1", policy: null });
    expect(token !== null && isSignedWith(token, [primaryKey])).toBe(true);
    expect(token?.expiresMs).toBe(Date.parse(made.expiresAt));
    expect(Math.abs(Date.parse(made.expiresAt) - Date.now() - 60_000)).toBeLessThan(5000);
    for (const ttlSeconds of [0, 1.5, 1e9, "60", undefined]) {
      expect(await bench.refused(400, "POST", "/devices/v1/token", { ttlSeconds })).toMatchObject({
        field: "ttlSeconds",
      });
    }
    for (const [method, path, input] of [
      ["GET", "credentials", undefined],
      ["PUT", "keys", { regenerate: "primary" }],
      ["POST", "token", { ttlSeconds: 1 }],
    ] as const) {
      expect(await bench.refused(404, method, `/devices/none/${path}`, input)).toMatchObject({
        code: "device-not-found",
      });
    }
  });
});

test("a connection string names the port where SDKs would not guess it", async () => {
  const endpoints = {
    publicHosts: ["::1"],
    mqttPort: null,
    mqttsPort: 18883,
    amqpsPort: 5671,
    httpsPort: 1,
    caPath: "/ca.pem",
  };
  const other = await AdminBench.open({ endpoints: () => endpoints });
  try {
    await other.rooms.device("c1");
    expect(await other.expect(200, "GET", "/devices/c1/credentials")).toMatchObject({ hostName: "[::1]:18883" });
    expect(await other.expect(200, "GET", "/status")).toMatchObject({
      endpoints: { mqttPort: null, caPath: "/ca.pem" },
    });
  } finally {
    await other.close();
  }
});

test("the authority's certificate, and nothing else of its file", async () => {
  await bench.close();
  const folder = mkdtempSync(join(tmpdir(), "coldpath-authority-"));
  try {
    const { caPath } = (await openTls({ dataDir: folder, publicHosts: ["hub.test"] })).identity;
    const certificate = readFileSync(caPath ?? "", "utf8").trim();
    const bundle = join(folder, "bundle.pem");
    writeFileSync(
      bundle,
      `subject=us\n${certificate}\n${readFileSync(join(folder, "tls", "ca.key"), "utf8")}\n${certificate}`,
    );
    const endpoints = {
      publicHosts: ["hub.test"],
      mqttPort: null,
      mqttsPort: 8883,
      amqpsPort: 5671,
      httpsPort: 8443,
      caPath: bundle,
    };
    bench = await AdminBench.open({ endpoints: () => endpoints });
    const { status, text } = await bench.call("GET", "/authority.pem");
    expect(status).toBe(200);
    expect(text).toBe(`${certificate}\n${certificate}\n`);
    expect(new X509Certificate(text).ca).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a public authority has no certificate to download", async () => {
  expect((await bench.expect(404, "GET", "/authority.pem")).error.code).toBe("authority-public");
});

test("a direct method is called, and what the device answers is the answer", async () => {
  await bench.expect(201, "POST", "/device-templates", { id: "fridge", name: "Fridge", publish: true });
  const { generationId } = await bench.expect(201, "POST", "/devices", { id: "f1", templateId: "fridge" });
  const owner = { deviceId: "f1", generationId: generationId as string };
  const stop = bench.methods.serve(owner, ({ requestId, name, payload }) =>
    bench.methods.answer(owner, requestId, 207, Buffer.from(`{"${name}":${payload}}`)),
  );
  const path = "/devices/f1/methods";
  expect(await bench.expect(200, "POST", path, { name: "echo", payload: [1] })).toEqual({
    status: 207,
    payload: { echo: [1] },
  });
  expect(await bench.expect(200, "POST", path, { name: "echo" })).toEqual({ status: 207, payload: { echo: null } });
  for (const [body, field] of [
    [{}, "name"],
    [{ name: "" }, "name"],
    [{ name: "echo", responseTimeoutSeconds: 1 }, "responseTimeoutSeconds"],
    [{ name: "echo", connectTimeoutSeconds: 301 }, "connectTimeoutSeconds"],
  ] as const) {
    expect(await bench.refused(400, "POST", path, body)).toMatchObject({ field });
  }
  const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));
  expect((await bench.call("POST", path, { name: "echo", payload: nested(90) })).status).toBe(200);
  const raw = {
    type: "application/json",
    text: `{"name":"echo","payload":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
  };
  expect(await bench.call("POST", path, undefined, { raw })).toMatchObject({
    status: 400,
    body: { error: { code: "input-invalid", field: "payload" } },
  });
  stop();
  expect(await bench.refused(404, "POST", path, { name: "echo", payload: "s3cret" })).toMatchObject({
    code: "device-offline",
  });
  expect(await bench.refused(404, "POST", "/devices/none/methods", { name: "echo" })).toMatchObject({
    code: "device-not-found",
  });
  const silent = bench.methods.serve(owner, () => queueMicrotask(() => silent()));
  expect(await bench.refused(504, "POST", path, { name: "echo" })).toMatchObject({ code: "device-disconnected" });
  // Who asked for what, also when nothing came of it; what was given with it may be a secret.
  const { items } = await bench.expect(200, "GET", "/audit-log");
  const calls = items.filter((one: { action: string }) => one.action === "callDeviceMethod");
  expect(calls[0]).toMatchObject({ subject: "f1", outcome: 504, detail: { name: "echo" } });
  expect(JSON.stringify(items)).not.toContain("s3cret");
});

test("messages for a device are sent, listed with their states, and purged", async () => {
  await bench.expect(201, "POST", "/device-templates", { id: "fridge", name: "Fridge", publish: true });
  const { generationId } = await bench.expect(201, "POST", "/devices", { id: "f1", templateId: "fridge" });
  const path = "/devices/f1/cloud-messages";
  const sent = await bench.expect(201, "POST", path, {
    body: "AQID",
    bodyEncoding: "base64",
    messageId: "m:1",
    contentType: "application/json",
    properties: { "method-name": "defrost" },
    ttlSeconds: 60,
  });
  expect(sent).toMatchObject({ messageId: "m:1", state: "queued", bytes: 3, properties: { "method-name": "defrost" } });
  expect(Date.parse(sent.expiresAt) - Date.parse(sent.enqueuedAt)).toBe(60_000);
  const other = await bench.expect(201, "POST", path, { body: "s3cret ä" });
  expect(await bench.expect(201, "POST", path, {})).toMatchObject({ bytes: 0 });
  expect(await bench.refused(409, "POST", path, { messageId: "m:1" })).toMatchObject({ code: "cloud-message-exists" });
  const { deliveries } = await bench.rooms.registry.takeCloudMessages({ deviceId: "f1", generationId }, 2);
  expect(deliveries.map(({ body }) => body.toString("latin1"))).toEqual(["\u0001\u0002\u0003", "s3cret Ã¤"]);
  await bench.expect(204, "DELETE", `${path}/${encodeURIComponent("m:1")}`);
  expect(await bench.refused(404, "DELETE", `${path}/m:1`)).toMatchObject({ code: "cloud-message-not-found" });
  const { items } = await bench.expect(200, "GET", path);
  expect(items.map(({ state }: { state: string }) => state)).toEqual(["delivering", "queued", "purged"]);
  expect(items[0]).toMatchObject({ messageId: other.messageId, deliveryCount: 1, bytes: 9 });
  await bench.expect(204, "DELETE", path);
  for (const [body, field] of [
    [{ body: "?", bodyEncoding: "base64" }, "body"],
    [{ body: "x", properties: { a: "x".repeat(8192) } }, "properties"],
    [{ ttlSeconds: 0 }, "ttlSeconds"],
    [{ ttlSeconds: 172_801 }, "ttlSeconds"],
    [{ properties: { "a b": "1" } }, "properties.a b"],
    [{ messageId: "" }, "messageId"],
  ] as const) {
    expect(await bench.refused(400, "POST", path, body)).toMatchObject({ field });
  }
  for (const [method, at] of [
    ["GET", ""],
    ["POST", ""],
    ["DELETE", ""],
    ["DELETE", "/m"],
  ] as const) {
    const missing = `/devices/none/cloud-messages${at}`;
    expect((await bench.refused(404, method, missing, method === "POST" ? {} : undefined)).code).toBe(
      "device-not-found",
    );
  }
  const log = await bench.expect(200, "GET", "/audit-log");
  const entry = log.items.find((one: { detail: { messageId?: string } | null }) => one.detail?.messageId === "m:1");
  expect(entry).toMatchObject({ action: "sendCloudMessage", subject: "f1", detail: { bytes: 3 } });
  expect(JSON.stringify(log)).not.toContain("s3cret");
});

test("a device's twin is shown, and what in it is no setting is changed", async () => {
  await bench.expect(201, "POST", "/device-templates", {
    id: "fan",
    name: "Fan",
    publish: true,
    settings: { form: "bare", device: { speed: { name: "Speed", dataType: "double", initialValue: 1 } } },
    properties: { device: { constructor: { name: "Maker", dataType: "string" } } },
  });
  await bench.expect(201, "POST", "/devices", { id: "f1", templateId: "fan" });
  const twin = await bench.expect(200, "GET", "/devices/f1/twin");
  expect(twin).toMatchObject({
    deviceId: "f1",
    desired: { content: { speed: 1 }, version: 1, metadata: { speed: { $lastUpdatedVersion: 1 } } },
    reported: { content: {}, version: 1 },
    settings: { speed: { state: "pending", desiredVersion: 1 } },
    unfit: [],
  });
  const changed = await bench.expect(200, "PATCH", "/devices/f1/twin", { desired: { interval: 30 } });
  expect(changed.desired).toMatchObject({ content: { speed: 1, interval: 30 }, version: 2 });
  const { generationId } = await bench.rooms.registry.device("f1");
  await bench.rooms.registry.reportTwin("f1", generationId, { speed: { value: 1, ac: 200, av: 2 }, constructor: 5 });
  expect(await bench.expect(200, "GET", "/devices/f1/twin")).toMatchObject({
    settings: { speed: { state: "synced", reported: 1 } },
    unfit: ["constructor"],
  });
  expect(await bench.expect(400, "PATCH", "/devices/f1/twin", { desired: { speed: 3 } })).toMatchObject({
    error: { code: "twin-invalid", field: "desired.speed" },
  });
  expect((await bench.expect(404, "GET", "/devices/none/twin")).error.code).toBe("device-not-found");
});

test("policies are made, shown without keys, and deleted", async () => {
  const key = Buffer.alloc(32, 2).toString("base64");
  expect(await bench.expect(201, "POST", "/policies", { name: "factory", primaryKey: key })).toMatchObject({
    name: "factory",
  });
  expect(await bench.refused(409, "POST", "/policies", { name: "factory" })).toMatchObject({ code: "policy-exists" });
  expect(await bench.refused(400, "POST", "/policies", { name: "a b" })).toMatchObject({ field: "name" });
  const { items } = await bench.expect(200, "GET", "/policies");
  expect(items).toContainEqual({ name: "factory", createdAt: expect.stringMatching(iso) });
  expect(JSON.stringify(items)).not.toContain(key);
  expect(await bench.expect(200, "GET", "/policies/factory/keys")).toMatchObject({
    primaryConnectionString: `HostName=hub.test;SharedAccessKeyName=factory;SharedAccessKey=${key}`,
  });
  const made = await bench.expect(200, "PUT", "/policies/factory/keys", { regenerate: "secondary" });
  expect(made.primaryKey).toBe(key);
  expect(made.secondaryConnectionString).toContain(made.secondaryKey);
  expect(await bench.expect(200, "GET", "/policies/factory/keys")).toEqual(made);
  expect(await bench.refused(400, "PUT", "/policies/factory/keys", {})).toMatchObject({ field: "regenerate" });
  expect(await bench.refused(404, "PUT", "/policies/none/keys", { regenerate: "primary" })).toMatchObject({
    code: "policy-not-found",
  });
  await bench.expect(204, "DELETE", "/policies/factory");
  expect(await bench.refused(404, "GET", "/policies/factory/keys")).toMatchObject({ code: "policy-not-found" });
  expect(await bench.refused(404, "DELETE", "/policies/factory")).toMatchObject({ code: "policy-not-found" });
});

describe("storage accounts", () => {
  // Saved once, and then every export into it stopped (found by test/fuzz).
  test("are not saved when the destination cannot sign in with what is given", async () => {
    const endpoint = "https://storage.example.com";
    const key = Buffer.alloc(64, 1).toString("base64");
    const azure = (auth: string, secret: string): object => ({
      name: "lake",
      settings: { kind: "azure-blob", auth, ...(auth === "account-key" ? { endpoint } : {}) },
      secret,
    });
    for (const [account, field] of [
      [azure("account-key", key), "settings.accountName"],
      [azure("connection-string", "AccountName=acct;AccountKey=AAAA"), "secret"],
      [azure("connection-string", `AccountName=a.b;AccountKey=${key}`), "secret"],
    ] as const) {
      const error = await bench.refused(400, "POST", "/storage-accounts", account);
      expect(error).toMatchObject({ field });
      expect(JSON.stringify(error)).not.toContain(key);
    }
    expect((await bench.expect(200, "GET", "/storage-accounts")).items).toEqual([]);
  });

  test("are added, tried, changed and forgotten", async () => {
    const path = `${bench.rooms.directory}/lake`;
    const account = { name: "lake", settings: { kind: "folder", path } };
    const made = await bench.expect(201, "POST", "/storage-accounts", account);
    expect(made).toMatchObject({ ...account, hasSecret: false, etag: 1 });
    const one = `/storage-accounts/${made.id}`;
    expect(await bench.expect(200, "GET", one)).toEqual(made);
    expect((await bench.expect(200, "GET", "/storage-accounts")).items).toEqual([made]);
    expect(await bench.refused(409, "POST", "/storage-accounts", account)).toMatchObject({ code: "storage-exists" });

    expect(await bench.expect(200, "GET", `${one}/containers`)).toEqual({ items: [] });
    expect(await bench.expect(200, "POST", `${one}/test`, { container: "iot" })).toMatchObject({
      ok: false,
      code: "container-not-found",
      step: expect.any(String),
      hint: expect.any(String),
    });
    expect(await bench.expect(201, "POST", `${one}/containers`, { name: "iot" })).toEqual({ name: "iot" });
    expect(await bench.refused(409, "POST", `${one}/containers`, { name: "iot" })).toMatchObject({
      code: "container-exists",
    });
    expect(await bench.refused(400, "POST", `${one}/containers`, { name: "../iot" })).toMatchObject({
      code: "invalid-container-name",
    });
    expect(await bench.expect(200, "GET", `${one}/containers`)).toEqual({ items: [{ name: "iot" }] });
    expect(await bench.expect(200, "POST", `${one}/test`, { container: "iot" })).toEqual({
      ok: true,
      steps: ["find the directory", "create a temporary file", "read it back", "list the directory"].map((step) => ({
        step,
        outcome: "ok",
      })),
    });

    const renamed = await bench.expect(200, "PUT", one, { ...account, name: "pond", etag: 1 });
    expect(renamed).toMatchObject({ name: "pond", etag: 2 });
    expect(await bench.refused(409, "PUT", one, { ...account, etag: 1 })).toMatchObject({ code: "etag-stale" });
    await bench.expect(204, "DELETE", one);
    for (const [method, below, body] of [
      ["GET", "", undefined],
      ["PUT", "", account],
      ["DELETE", "", undefined],
      ["POST", "/test", { container: "iot" }],
      ["GET", "/containers", undefined],
      ["POST", "/containers", { name: "iot" }],
    ] as const) {
      expect(await bench.refused(404, method, one + below, body)).toMatchObject({ code: "storage-not-found" });
    }
  });

  test("can be tried before they are saved", async () => {
    const settings = { kind: "folder", path: bench.rooms.directory };
    expect(await bench.expect(200, "POST", "/storage-accounts/test", { settings })).toEqual({
      ok: true,
      steps: [{ step: "list the containers", outcome: "ok" }],
    });
    expect(
      await bench.expect(200, "POST", "/storage-accounts/test", { settings, container: "snapshots" }),
    ).toMatchObject({ ok: true });
    const away = {
      settings: { kind: "azure-blob", auth: "account-key", endpoint: "http://127.0.0.1:9/acct", accountName: "acct" },
      secret: Buffer.alloc(64, 3).toString("base64"),
    };
    expect(await bench.expect(200, "POST", "/storage-accounts/test", away)).toMatchObject({
      ok: false,
      step: "list the containers",
      code: expect.any(String),
    });
    expect(await bench.expect(200, "GET", "/storage-accounts")).toEqual({ items: [], folders: null });
  });

  test("are refused with the field and the remedy", async () => {
    const refused = (settings: unknown, secret?: string) =>
      bench.refused(400, "POST", "/storage-accounts", { name: "a", settings, secret });
    expect(await refused({ kind: "s3" })).toMatchObject({ field: "settings.kind", hint: expect.any(String) });
    expect(await refused({})).toMatchObject({ field: "settings.kind" });
    expect(await refused("folder")).toMatchObject({ field: "settings" });
    expect(await refused({ kind: "folder" })).toMatchObject({ field: "settings.path" });
    expect(await refused({ kind: "folder", path: "lake" })).toMatchObject({ field: "settings.path" });
    expect(await refused({ kind: "folder", path: "/x", auth: "sas" })).toMatchObject({ field: "settings.auth" });
    expect(await refused({ kind: "azure-blob", auth: "key" })).toMatchObject({ field: "settings.auth" });
    expect(await refused({ kind: "azure-blob", auth: "sas" }, "sv=1&sig=2")).toMatchObject({
      field: "settings.endpoint",
    });
    expect(await refused({ kind: "azure-blob", auth: "connection-string" })).toMatchObject({ field: "secret" });
  });

  test("that do not answer are told from what is refused", async () => {
    const { id } = await bench.expect(201, "POST", "/storage-accounts", {
      name: "away",
      settings: { kind: "azure-blob", auth: "account-key", endpoint: "http://127.0.0.1:9/acct", accountName: "acct" },
      secret: Buffer.alloc(64, 3).toString("base64"),
    });
    expect(await bench.refused(503, "GET", `/storage-accounts/${id}/containers`)).toMatchObject({
      code: "storage-unavailable",
      hint: expect.any(String),
    });
  });
});
