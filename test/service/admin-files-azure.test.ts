// Exported files in Azure, by the REST API: a container with much in it, downloads that are given up, a store that is slow,
// cut off or away, files of others under our names.

import { mkdirSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { AdminBench, adminToken } from "../lib/admin-bench.ts";
import { type Azurite, connectionStringOf, startAzurite } from "../lib/azurite.ts";
import { type FaultProxy, startFaultProxy } from "../lib/fault-proxy.ts";
import { until } from "../lib/ingest-hub.ts";

let azurite: Azurite;
let proxy: FaultProxy;
let service: BlobServiceClient;
beforeAll(async () => {
  azurite = await startAzurite();
  service = BlobServiceClient.fromConnectionString(azurite.connectionString);
});
afterAll(async () => await azurite.stop());

let bench: AdminBench;
let id: string;
let containers = 0;
let container: string;
const minute = "measurements/hub/2026/01/02/03/04";
const path = `${minute}/00.avro`;
beforeEach(async () => {
  proxy = await startFaultProxy(`http://127.0.0.1:${azurite.port}`);
  bench = await AdminBench.open({ downloadsMax: 2 });
  container = `files-${containers++}`;
  await service.createContainer(container);
  const account = await bench.expect(201, "POST", "/storage-accounts", {
    name: "azure",
    settings: { kind: "azure-blob", auth: "connection-string" },
    secret: connectionStringOf(`${proxy.origin}/${azurite.accountName}`),
  });
  const types = ["measurements"];
  const body = { name: "all", storageAccountId: account.id, container, types };
  id = (await bench.expect(201, "POST", "/exports", body)).id;
  await bench.rooms.send(3);
  await bench.rooms.pass(1);
});
afterEach(async () => {
  await bench.close();
  await proxy.stop();
});

const below = (route: string, values: Readonly<Record<string, string>>): string =>
  `/exports/${id}/${route}?${new URLSearchParams(values).toString()}`;
const upload = async (name: string, bytes: Buffer): Promise<void> => {
  await service.getContainerClient(container).getBlockBlobClient(name).upload(bytes, bytes.length);
};

test("files are browsed among many others, shown, and told how to be read", async () => {
  for (let at = 0; at < 600; at += 60) {
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => upload(`${minute}/other-${at + index}.txt`, Buffer.from("x"))),
    );
  }
  await upload("measurements/hub/2026/01/02/03/05/00.avro", Buffer.from("no Avro"));
  expect(await bench.expect(200, "GET", below("files", {}))).toMatchObject({ folders: ["measurements"], next: null });
  const hour = await bench.expect(200, "GET", below("files", { prefix: "measurements/hub/2026/01/02/03", limit: "1" }));
  expect(hour.folders).toEqual(["04"]);
  const rest = await bench.expect(
    200,
    "GET",
    below("files", { prefix: "measurements/hub/2026/01/02/03", after: String(hour.next) }),
  );
  expect(rest.folders).toEqual(["05"]);
  const { files } = await bench.expect(200, "GET", below("files", { prefix: minute }));
  expect(files).toMatchObject([{ path, run: { records: 3 } }]);
  expect(await bench.expect(200, "GET", below("files/preview", { path }))).toMatchObject({
    recordsSeen: 3,
    complete: true,
  });
  const { location } = await bench.expect(200, "GET", below("reading", { path }));
  expect(location).toBe(`${proxy.origin}/${azurite.accountName}/${container}/${path}`);
  // Another program's file under a name of ours.
  const foreign = path.replace("/04/", "/05/");
  expect((await bench.expect(200, "GET", below("files", { prefix: foreign.slice(0, -8) }))).files).toMatchObject([
    { path: foreign, run: null },
  ]);
  expect(await bench.refused(400, "GET", below("files/preview", { path: foreign }))).toMatchObject({
    code: "avro-unreadable",
    field: "path",
  });
});

/** A download over a socket of its own, that takes no bytes until it is told to. */
function download(
  file: string,
): Promise<{ status: number; take: () => void; end: () => void; isEnded: () => boolean }> {
  return new Promise((resolve, reject) => {
    const url = `${bench.url}/api/v1${below("files/content", { path: file })}`;
    const request = get(url, { headers: { authorization: `Bearer ${adminToken}` }, agent: false }, (response) => {
      let isEnded = false;
      response.on("close", () => (isEnded = true));
      response.on("error", () => {}); // cut off: told by `close`
      resolve({
        status: response.statusCode ?? 0,
        take: () => void response.resume(),
        end: () => void request.destroy(),
        isEnded: () => isEnded,
      });
    });
    request.on("error", reject);
  });
}

test("M1: downloads are bounded; one that is given up frees its place and the store's connection", async () => {
  const large = path.replace("/04/", "/06/");
  await upload(large, Buffer.alloc(64 * 1024 * 1024, 5));
  const [one, two] = [await download(large), await download(large)];
  expect([one.status, two.status]).toEqual([200, 200]);
  expect(await bench.refused(503, "GET", below("files/content", { path: large }))).toMatchObject({ code: "too-busy" });
  // Whoever takes nothing holds little: the store is not read ahead of them.
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(600 * 1024 * 1024);
  one.end();
  let third = await download(large);
  while (third.status !== 200) third = await download(large);
  third.take();
  await until(() => third.isEnded(), "the third ends", 20_000);
  two.end();
});

test("the server stops although a download is under way", async () => {
  const large = path.replace("/04/", "/07/");
  await upload(large, Buffer.alloc(64 * 1024 * 1024, 5));
  const one = await download(large);
  const startMs = performance.now();
  await bench.admin.close();
  expect(performance.now() - startMs).toBeLessThan(10_000);
  one.take();
  await until(() => one.isEnded(), "the download ends", 10_000);
});

test("a store that cuts an answer off ends the download short: never as if it were whole", async () => {
  const large = path.replace("/04/", "/08/");
  await upload(large, Buffer.alloc(8 * 1024 * 1024, 5));
  const isRead = ({ method, query }: { method: string; query: URLSearchParams }): boolean =>
    method === "GET" && query.get("comp") === null;
  proxy.add({ when: isRead, fault: { kind: "cut-answer", bytes: 3 * 1024 * 1024, end: "reset" } });
  const response = await fetch(`${bench.url}/api/v1${below("files/content", { path: large })}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  await expect(response.arrayBuffer()).rejects.toThrow();
});

test("a store that is away is said to be so, at once", async () => {
  await proxy.stop();
  for (const [route, values] of [
    ["files", {}],
    ["files/preview", { path }],
    ["files/content", { path }],
  ] as const) {
    const refused = await bench.refused(503, "GET", below(route, values));
    expect(refused).toMatchObject({ code: "storage-unavailable", message: expect.stringContaining("ECONNREFUSED") });
  }
});

test("a folder of 10,000 entries is browsed by pages, each file once", async () => {
  const lake = await bench.folder("lake");
  const made = await bench.expect(201, "POST", "/exports", {
    name: "folder",
    storageAccountId: lake,
    container: "iot",
    types: ["measurements"],
    pathTemplate: "all/{YYYY}{MM}{dd}{hh}{mm}-{NN}.avro",
  });
  const root = `${bench.rooms.directory}/lake/iot/all`;
  mkdirSync(root, { recursive: true });
  for (let at = 0; at < 10_000; at++) {
    const name = new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString().slice(0, 16).replaceAll(/[-T:]/g, "");
    writeFileSync(`${root}/${name}-00.avro`, "");
  }
  const seen = new Set<string>();
  let after: string | null = null;
  do {
    const query = new URLSearchParams({ prefix: "all", limit: "1000", ...(after === null ? {} : { after }) });
    const level = await bench.expect(200, "GET", `/exports/${made.id}/files?${query.toString()}`);
    for (const file of level.files) seen.add(file.path);
    after = level.next;
  } while (after !== null);
  expect(seen.size).toBe(10_000);
});
