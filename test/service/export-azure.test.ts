// X4: a folder and a real Azurite hold byte-identical files for the same windows, snapshots too; what goes wrong between
// us and Azure changes nothing.

import { BlobServiceClient } from "@azure/storage-blob";
import { afterEach, expect, test } from "vitest";
import { type Azurite, connectionStringOf, startAzurite } from "../lib/azurite.ts";
import { ExportBench } from "../lib/export-bench.ts";
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from "../lib/fault-proxy.ts";

let bench: ExportBench;
let azurite: Azurite;
let proxy: FaultProxy | null = null;
afterEach(async () => {
  await bench.close();
  await proxy?.stop();
  proxy = null;
  await azurite.stop();
});

/** The workbench with an Azurite, and an account that reaches it through a proxy that can misbehave. */
async function open(): Promise<{
  storage: string;
  blobs: () => Promise<Map<string, Buffer>>;
  client: BlobServiceClient;
}> {
  azurite = await startAzurite();
  proxy = await startFaultProxy(`http://127.0.0.1:${azurite.port}`);
  const endpoint = `${proxy.origin}/${azurite.accountName}`;
  bench = await ExportBench.open();
  const client = BlobServiceClient.fromConnectionString(azurite.connectionString);
  await client.createContainer("iot");
  const account = await bench.registry.createStorageAccount({
    name: "azure",
    settings: { kind: "azure-blob", auth: "connection-string", endpoint, accountName: azurite.accountName },
    secret: connectionStringOf(endpoint),
  });
  const blobs = async (): Promise<Map<string, Buffer>> => {
    const found = new Map<string, Buffer>();
    const container = client.getContainerClient("iot");
    for await (const { name } of container.listBlobsFlat())
      found.set(name, await container.getBlobClient(name).downloadToBuffer());
    return found;
  };
  return { storage: account.id, blobs, client };
}

test("E2: folder and Azure get byte-identical files for the same windows, snapshots and deflate too", async () => {
  const { storage, blobs } = await open();
  const folder = await bench.folder("lake");
  await bench.device("dev-1");
  const settings = bench.settings(folder);
  const deflated = { codec: "deflate", pathTemplate: `z/${settings.pathTemplate}` } as const;
  await bench.createExport("folder", settings);
  await bench.createExport("azure", bench.settings(storage));
  await bench.createExport("folder, packed", bench.settings(folder, deflated));
  await bench.createExport("azure, packed", bench.settings(storage, deflated));
  await bench.send(2000);
  await bench.pass(1);
  await bench.registry.updateDevice("dev-1", { name: "renamed" });
  await bench.send(3);
  await bench.pass(2);
  await bench.until(() =>
    bench.exporter.statuses().every(({ state, owedFiles }) => state === "healthy" && owedFiles === 0),
  );
  const found = await blobs();
  const files = bench.files("lake");
  expect(files.length).toBe(10);
  expect([...found.keys()].map((name) => `iot/${name}`).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(files);
  for (const path of files) expect(found.get(path.slice(4))?.equals(bench.bytes("lake", path))).toBe(true);
});

test("E1, E5: resets, 503, a hang of the answer and a container away for a time leave every window's blob, once", async () => {
  const { storage, blobs, client } = await open();
  const made = await bench.createExport("azure", bench.settings(storage, { types: ["measurements"] }));
  const bodies: string[] = [];
  const isCommit = ({ method, query }: ProxiedRequest): boolean =>
    method === "PUT" && query.get("comp") === "blocklist";
  const faults = [
    { kind: "lose-answer" },
    { kind: "reset" },
    { kind: "answer", status: 503, code: "ServerBusy" },
    { kind: "answer", status: 500, code: "InternalError" },
  ] as const;
  for (const fault of faults) {
    proxy?.add({ when: isCommit, fault, times: 1 });
    bodies.push(...(await bench.send(3)));
    await bench.pass(2);
  }
  await client.deleteContainer("iot");
  bodies.push(...(await bench.send(2)));
  await bench.pass(1);
  await bench.until(() => bench.exporter.status(made.id)?.state === "stopped");
  expect(bench.exporter.status(made.id)?.trouble).toMatchObject({ code: "ContainerNotFound" });
  const before = bodies.length - 2;
  await client.createContainer("iot");
  await bench.pass(6);
  await bench.until(() => bench.exporter.status(made.id)?.state === "healthy");
  const found = await blobs();
  expect(found.size).toBe(1); // the others went with the container; they were committed before
  const runs = await bench.registry.runs({ exportId: made.id, limit: 100 });
  expect(runs.map(({ records }) => records).reduce((sum, records) => sum + records, 0)).toBe(bodies.length);
  expect(runs.filter(({ outcome }) => outcome === "adopted").length).toBe(1);
  expect(before).toBe(12);
});

test("E5: a foreign blob in the way stops that export with a clear error and is not overwritten", async () => {
  const { storage, blobs, client } = await open();
  const path = "measurements/hub/2026/01/02/03/04/00.avro";
  await client.getContainerClient("iot").getBlockBlobClient(path).upload("someone else's", 14);
  const made = await bench.createExport("azure", bench.settings(storage, { types: ["measurements"] }));
  await bench.send(3);
  await bench.pass(1);
  await bench.until(() => bench.exporter.status(made.id)?.state === "stopped");
  const trouble = bench.exporter.status(made.id)?.trouble;
  expect(trouble).toMatchObject({ code: "foreign-object", path });
  expect(trouble?.message).toContain(path);
  expect(trouble?.hint).toContain("Nothing was overwritten");
  expect((await blobs()).get(path)?.toString()).toBe("someone else's");
});
