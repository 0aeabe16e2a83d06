// Exports by the REST API: made, edited, turned on and off, retried, discarded, over a real exporter and a folder.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AdminBench } from "../lib/admin-bench.ts";

let bench: AdminBench;
let lake: string;
beforeEach(async () => {
  bench = await AdminBench.open();
  lake = await bench.folder("lake");
});
afterEach(async () => await bench.close());

const types = ["measurements", "devices", "deviceTemplates"];
const pathTemplate = "{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro";

const create = (more: object = {}, status = 201) =>
  bench.expect(status, "POST", "/exports", { name: "all", storageAccountId: lake, container: "iot", types, ...more });

test("an export is made with the defaults, on, and shows what it does", async () => {
  const made = await create();
  const defaults = {
    pathTemplate,
    codec: "null",
    formatRevision: "2018-07",
    blockBytes: 65_536,
    fileBytesMax: 1 << 30,
  };
  expect(await bench.expect(200, "GET", "/exports/defaults")).toEqual(defaults);
  const definition = {
    version: 1,
    windowFirst: "2026-01-02T03:04:00Z",
    storageAccountId: lake,
    container: "iot",
    types,
    ...defaults,
  };
  expect(made).toMatchObject({
    name: "all",
    on: true,
    definition,
    latestDefinition: definition,
    tenures: [{ number: 1, windowFirst: "2026-01-02T03:04:00Z", windowLast: null }],
    status: { state: "starting", trouble: null, owedFiles: 0, lastFile: null },
    nextPath: "measurements/hub/2026/01/02/03/04/00.avro",
    etag: 2,
  });
  await bench.rooms.device("dev-1");
  await bench.rooms.send(3);
  await bench.rooms.pass(2);

  const one = await bench.expect(200, "GET", `/exports/${made.id}`);
  expect(one.status).toMatchObject({ state: "healthy", filesWritten: 3, lastFile: { records: expect.any(Number) } });
  expect(await bench.expect(200, "GET", "/exports")).toEqual({ items: [one] });
  expect((await bench.expect(200, "GET", "/status")).exports).toMatchObject([
    { id: made.id, name: "all", on: true, state: "healthy", owedFiles: 0, lagMs: 0 },
  ]);
  const runs = await bench.expect(200, "GET", `/exports/${made.id}/runs`);
  expect(runs.next).toBeNull();
  expect(runs.items.map(({ path }: { path: string }) => path).toSorted()).toEqual([
    "deviceTemplates/hub/2026/01/02/03/04/00.avro",
    "devices/hub/2026/01/02/03/04/00.avro",
    "measurements/hub/2026/01/02/03/04/00.avro",
  ]);
  expect(runs.items[0]).toMatchObject({ window: "2026-01-02T03:04:00Z", definitionVersion: 1, outcome: "created" });
  const page = await bench.expect(200, "GET", `/exports/${made.id}/runs?limit=2`);
  expect(page.items).toEqual(runs.items.slice(0, 2));
  expect(page.next).toBe(page.items[1].number);
  const rest = await bench.expect(200, "GET", `/exports/${made.id}/runs?limit=2&before=${page.next}`);
  expect(rest).toEqual({ items: runs.items.slice(2), next: null });
  expect(await bench.refused(400, "GET", `/exports/${made.id}/runs?limit=0`)).toMatchObject({ field: "limit" });
});

test("an edit makes a version for the next window, once", async () => {
  const made = await create();
  await bench.rooms.pass(1);
  const path = `/exports/${made.id}`;
  const edited = await bench.expect(200, "PATCH", path, { codec: "deflate", name: "renamed", etag: made.etag });
  expect(edited).toMatchObject({
    name: "renamed",
    definition: { version: 1, codec: "null" },
    latestDefinition: { version: 2, codec: "deflate", windowFirst: "2026-01-02T03:06:00Z" },
  });
  expect(await bench.refused(409, "PATCH", path, { codec: "null", etag: made.etag })).toMatchObject({
    code: "etag-stale",
  });
  expect(await bench.expect(200, "PATCH", path, { codec: "deflate" })).toMatchObject({ etag: edited.etag });
  expect(await bench.expect(200, "PATCH", path, { on: false })).toMatchObject({ on: false });
  expect(await bench.refused(400, "PATCH", path, { types: [] })).toMatchObject({ field: "types" });
  expect(await bench.refused(400, "PATCH", path, { types: ["events"] })).toMatchObject({
    field: "types[0]",
    message: "types[0] must be one of measurements, devices, deviceTemplates.",
  });
  expect(await bench.refused(400, "PATCH", path, { blockBytes: 1 })).toMatchObject({ field: "blockBytes" });
});

test("an export is turned off and on, drains, and is deleted when it owes nothing", async () => {
  const { id } = await create({ on: false });
  expect(await bench.expect(200, "GET", `/exports/${id}`)).toMatchObject({ on: false, status: { state: "off" } });
  expect(await bench.expect(200, "POST", `/exports/${id}/on`)).toMatchObject({ on: true });
  expect(await bench.refused(409, "DELETE", `/exports/${id}`)).toMatchObject({ code: "export-on" });
  await bench.rooms.send(1);
  const off = await bench.expect(200, "POST", `/exports/${id}/off`, {});
  expect(off).toMatchObject({ on: false, status: { state: "draining" } });
  expect(off.tenures).toMatchObject([{ windowLast: "2026-01-02T03:04:00Z" }]);
  expect(await bench.refused(409, "POST", `/exports/${id}/on`, { etag: 1 })).toMatchObject({ code: "etag-stale" });
  expect(await bench.refused(409, "DELETE", `/exports/${id}`)).toMatchObject({ code: "export-on" });
  await bench.rooms.pass(2);
  expect(await bench.expect(200, "GET", `/exports/${id}`)).toMatchObject({ status: { state: "off" } });
  expect(bench.rooms.files("lake")).toContain("iot/measurements/hub/2026/01/02/03/04/00.avro");
  await bench.expect(204, "DELETE", `/exports/${id}`);
  for (const [method, below, body] of [
    ["GET", "", undefined],
    ["PATCH", "", { codec: "null" }],
    ["DELETE", "", undefined],
    ["POST", "/on", {}],
    ["POST", "/off", {}],
    ["POST", "/retry", undefined],
    ["POST", "/discard", { reason: "x" }],
    ["GET", "/runs", undefined],
    ["GET", "/gaps", undefined],
  ] as const) {
    expect(await bench.refused(404, method, `/exports/${id}${below}`, body)).toMatchObject({
      code: "export-not-found",
    });
  }
});

test("one that was never on is deleted at once; one that was on for a moment owes the open window", async () => {
  const { id } = await create({ on: false });
  await bench.expect(204, "DELETE", `/exports/${id}`);
  const second = await create({ on: false });
  await bench.rooms.settle(); // the exporter has seen it off
  await Promise.all([
    bench.expect(200, "POST", `/exports/${second.id}/on`),
    bench.expect(200, "POST", `/exports/${second.id}/off`),
    bench.expect(409, "DELETE", `/exports/${second.id}`),
  ]);
});

test("a backlog is let go with a reason, and the gap is shown", async () => {
  const { id } = await create({ types: ["measurements"] });
  const { rmSync } = await import("node:fs");
  rmSync(`${bench.rooms.directory}/lake`, { recursive: true }); // the container goes away
  for (let window = 0; window < 3; window++) {
    await bench.rooms.send(1);
    await bench.rooms.clock.pass(60_000);
  }
  await bench.rooms.until(() => bench.rooms.exporter.status(id)?.state === "stopped");
  const stopped = await bench.expect(200, "GET", `/exports/${id}`);
  expect(stopped.status).toMatchObject({
    state: "stopped",
    oldestOwedWindow: "2026-01-02T03:04:00Z",
    trouble: { code: "container-not-found", hint: expect.any(String) },
  });
  const discard = (body: object, status: number) => bench.expect(status, "POST", `/exports/${id}/discard`, body);
  expect((await discard({}, 400)).error).toMatchObject({ field: "reason" });
  expect((await discard({ reason: "x", windowLast: "yesterday" }, 400)).error).toMatchObject({ field: "windowLast" });
  expect((await discard({ reason: "x", windowLast: "2026-01-02T03:04:30Z" }, 400)).error).toMatchObject({
    message: expect.stringMatching(/start of a minute/),
  });
  expect((await discard({ reason: "x", windowLast: "2026-01-02T03:07:00Z" }, 400)).error).toMatchObject({
    message: expect.stringMatching(/not closed/),
  });
  expect(await discard({ reason: "tried", windowLast: "2026-01-02T03:05:00Z" }, 200)).toEqual({ discarded: 2 });
  expect(await bench.expect(200, "GET", `/exports/${id}/gaps`)).toMatchObject({
    items: [{ type: "measurements", windowLast: "2026-01-02T03:05:00Z", reason: "tried" }],
  });
  await bench.expect(201, "POST", `/storage-accounts/${lake}/containers`, { name: "iot" });
  expect(await bench.expect(200, "POST", `/exports/${id}/retry`)).toMatchObject({ id });
  await bench.rooms.until(() => bench.rooms.exporter.status(id)?.state === "healthy");
  expect(bench.rooms.files("lake")).toEqual(["iot/measurements/hub/2026/01/02/03/06/00.avro"]);
});

describe("what cannot work is refused when it is saved", () => {
  const refused = async (status: number, more: object) => (await create(more, status)).error;

  test("a container or account that does not exist", async () => {
    expect(await refused(400, { container: "none" })).toMatchObject({
      code: "container-not-found",
      field: "container",
      hint: expect.stringMatching(/Create it/),
    });
    expect(await refused(400, { container: "a/b" })).toMatchObject({ field: "container" });
    expect(await refused(400, { storageAccountId: "none" })).toMatchObject({
      code: "reference-unknown",
      field: "storageAccountId",
    });
    expect((await bench.expect(200, "GET", "/exports")).items).toEqual([]);
  });

  test("an account that is away is no reason: the status will tell", async () => {
    const { id } = await bench.expect(201, "POST", "/storage-accounts", {
      name: "away",
      settings: { kind: "azure-blob", auth: "account-key", endpoint: "http://127.0.0.1:9/acct", accountName: "acct" },
      secret: Buffer.alloc(64, 3).toString("base64"),
    });
    await create({ storageAccountId: id, on: false });
  });

  test("another account whose key cannot be used is no reason", async () => {
    const key = Buffer.alloc(64, "k").toString("base64");
    const account = (accountKey: string) => ({
      name: "azure",
      settings: { kind: "azure-blob", auth: "connection-string", endpoint: "http://127.0.0.1:1/acct" } as const,
      secret: `AccountName=acct;AccountKey=${accountKey};BlobEndpoint=http://127.0.0.1:1/acct`,
    });
    const { name, settings, secret } = account(key);
    const { kind, auth } = settings;
    const { id } = await bench.expect(201, "POST", "/storage-accounts", { name, settings: { kind, auth }, secret });
    await create({ name: "azure", storageAccountId: id });
    // The API asks the destination, and takes no such key; former versions did.
    await bench.rooms.registry.updateStorageAccount(id, account("c2hvcnQ="));
    await create();
  });

  test("a path template that would give two files one name", async () => {
    expect(await refused(400, { pathTemplate: "{type}/{YYYY}.avro" })).toMatchObject({
      code: "path-template",
      field: "pathTemplate",
      hint: expect.stringMatching(/The default is/),
    });
  });

  test("files of the same names as another export's", async () => {
    const first = await create();
    expect(await refused(409, { name: "again" })).toMatchObject({
      code: "export-overlap",
      field: "pathTemplate",
      message: expect.stringMatching(/"all"/),
      hint: expect.stringMatching(/another container/),
    });
    // Another account for the same directory is no way round.
    const { id } = await bench.expect(201, "POST", "/storage-accounts", {
      name: "alias",
      settings: { kind: "folder", path: `${bench.rooms.directory}/lake` },
    });
    expect(await refused(409, { name: "again", storageAccountId: id })).toMatchObject({ code: "export-overlap" });
    const second = await create({ name: "again", pathTemplate: `copy/${pathTemplate}` });
    expect(await bench.refused(409, "PATCH", `/exports/${second.id}`, { pathTemplate })).toMatchObject({
      code: "export-overlap",
    });
    // Its own former template is no obstacle to going back, a permutation of it is.
    const swapped = pathTemplate.replace("{MM}/{dd}", "{dd}/{MM}");
    expect(await bench.refused(409, "PATCH", `/exports/${first.id}`, { pathTemplate: swapped })).toMatchObject({
      code: "export-overlap",
    });
    expect(await refused(409, { name: "all", pathTemplate: `x/${pathTemplate}` })).toMatchObject({
      code: "export-exists",
      field: "name",
    });
  });

  test("two at the same moment", async () => {
    const body = { storageAccountId: lake, container: "iot", types };
    const answers = await Promise.all(
      ["one", "two", "three"].map((name) => bench.call("POST", "/exports", { name, ...body })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  });
});

test("a violation of the audit is accepted by its id, and shown as accepted", async () => {
  const { id } = await create({ types: ["measurements"] });
  const { registry } = bench.rooms;
  const advance = registry.advanceCheckpoint.bind(registry);
  registry.advanceCheckpoint = (move) => advance({ ...move, runs: [], cut: undefined });
  await bench.rooms.send(3);
  await bench.rooms.pass(1);
  registry.advanceCheckpoint = advance;
  const path = `/exports/${id}/audit`;
  const { violations } = await bench.expect(200, "GET", path);
  expect(violations).toMatchObject([{ id: "lost/measurements/0/20260102T0304Z/3", kind: "lost" }]);
  const ids = violations.map((one: { id: string }) => one.id);
  const accept = (body: object, status: number) => bench.expect(status, "POST", `${path}/accept`, body);
  const other = { violations: ["lost/measurements/0/20260102T0304Z/4"], reason: "r" };
  expect((await accept(other, 409)).error).toMatchObject({ code: "violation-not-found" });
  await accept({ violations: [], reason: "r" }, 400);
  await accept({ violations: ids, reason: "" }, 400);
  expect((await bench.expect(200, "GET", path)).accepted).toEqual([]);
  const { items } = await accept({ violations: ids, reason: "a bad disk" }, 200);
  const extent = { windowFirst: "2026-01-02T03:04:00Z", offsetFirst: 0, offsetNext: 3, records: 3 };
  expect(items).toMatchObject([{ kind: "lost", type: "measurements", partition: 0, ...extent, reason: "a bad disk" }]);
  expect(await bench.expect(200, "GET", path)).toMatchObject({ violations: [], violationCount: 0, accepted: items });
  expect((await bench.expect(200, "GET", `/exports/${id}`)).status.audit).toMatchObject({
    journaled: 3,
    exported: 0,
    accepted: 3,
    violations: 0,
  });
});
