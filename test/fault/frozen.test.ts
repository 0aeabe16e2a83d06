// A process that stands still and goes on later (SIGSTOP, SIGCONT), while another one wants its place: on the same data
// directory it is refused; on a copy, as a restored snapshot of a disk, nothing is overwritten and what differs is told.

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient, ContainerSASPermissions } from "@azure/storage-blob";
import { afterEach, expect, test } from "vitest";
import { type Azurite, connectionStringOf, startAzurite } from "../lib/azurite.ts";
import { type ExportAnswer, eventually, rate } from "../lib/fault-stand.ts";
import { type FaultProxy, startFaultProxy } from "../lib/fault-proxy.ts";
import { breachesOf, makeFleet, pause, publish } from "../lib/fleet.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { Ledger } from "../lib/ledger.ts";
import { needs } from "../lib/needs.ts";
import { ReadBack, noBreaches } from "../lib/read-back.ts";
import { SteadyFleet } from "../lib/steady-fleet.ts";

const originMs = Date.parse("2026-03-04T05:06:30.000Z");

const hubs: HubProcess[] = [];
let azurite: Azurite | null = null;
let proxy: FaultProxy | null = null;
let directory = "";
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.kill();
  await proxy?.stop();
  await azurite?.stop();
  proxy = null;
  azurite = null;
  rmSync(directory, { recursive: true, force: true });
});

const flags = ["--no-sample", `--test-clock-rate=${rate}`];
async function start(dataDir: string, ...more: string[]): Promise<HubProcess> {
  const hub = await HubProcess.start(dataDir, ...flags, ...more);
  hubs.push(hub);
  return hub;
}

needs("python")("a server that stands still", () => {
  test("J1, E1: another one on its data directory is refused and touches nothing; it goes on, and nothing is lost", async () => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-frozen-"));
    const dataDir = join(directory, "data");
    const hub = await start(dataDir);
    const fleet = await makeFleet(hub, directory, 4);
    const before = publish(fleet, hub, 20);
    await pause(1000);
    hub.freeze();
    const other = HubProcess.launch(dataDir, ...flags);
    hubs.push(other);
    expect(await other.exited).toBe(2);
    expect(other.output).toContain("Another Coldpath server runs on the data directory");
    // Devices lose patience and connect again, to whom does not answer yet.
    const after = publish(fleet, hub, 20);
    await pause(2000);
    hub.thaw();
    await pause(1000);
    await Promise.all([...before, ...after].map((publisher) => publisher.stop()));
    expect(after.map(({ connack }) => connack)).toEqual(after.map(() => 0));
    expect(await breachesOf(fleet, 60)).toEqual(noBreaches);
    expect(fleet.ledger.acknowledged.size).toBeGreaterThan(100);
    expect(await hub.stop()).toBe(0);
  });

  test("E1, E5: a copy of its data directory runs elsewhere towards the same container: nothing is overwritten, and where the two differ one of them stops", async () => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-frozen-"));
    azurite = await startAzurite();
    proxy = await startFaultProxy(`http://127.0.0.1:${azurite.port}`);
    const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient("iot");
    await container.create();
    const startMs = performance.now();
    /** The window clock, in minutes after the first server's. */
    const origin = (aheadMinutes: number): string => {
      const nowMs = originMs + (performance.now() - startMs) * rate + aheadMinutes * 60_000;
      return `--test-clock-origin=${new Date(Math.round(nowMs)).toISOString()}`;
    };
    const first = await start(join(directory, "first"), origin(0));
    const account = {
      name: "azure",
      settings: { kind: "azure-blob", auth: "connection-string" },
      secret: connectionStringOf(`${proxy.origin}/${azurite.accountName}`),
    };
    const { id: storageAccountId } = await first.api<{ id: string }>("POST", "/storage-accounts", account);
    const settings = { name: "m", storageAccountId, container: "iot", types: ["measurements"], on: true };
    const { id } = await first.api<ExportAnswer>("POST", "/exports", settings);
    const ledger = new Ledger();
    const fleet = await SteadyFleet.start({ hub: () => first, ledger, devices: 4, perSecond: 50 });
    const answer = (hub: HubProcess): Promise<ExportAnswer> => hub.api<ExportAnswer>("GET", `/exports/${id}`);

    // Frozen in the middle of an upload: the block is staged, the commit is on its way and waits.
    let isFrozen = false;
    const upload = proxy.add({
      when: ({ query }) => query.get("comp") === "blocklist" && ledger.acknowledged.size > 200,
      times: 1,
      fault: {
        kind: "before",
        action: async () => {
          first.freeze();
          isFrozen = true;
          return await Promise.resolve();
        },
      },
    });
    await eventually(
      "an upload",
      () => Promise.resolve(isFrozen),
      (is) => is,
    );
    expect(upload.hits).toBe(1);
    cpSync(join(directory, "first"), join(directory, "second"), { recursive: true });
    // Ahead, so that it is always the first to write a window: who comes second has to stop.
    const second = await start(join(directory, "second"), origin(5));
    const others = new Ledger(1_000_000);
    const otherFleet = await SteadyFleet.start({
      hub: () => second,
      ledger: others,
      devices: 4,
      perSecond: 50,
      haveDevices: true,
    });
    await eventually(
      "it finishes the windows there were and writes its own",
      () => answer(second),
      ({ status }) => status.filesWritten > 3,
    );
    const hashes = new Map((await readBack(container)).files);
    first.thaw();
    const { status } = await eventually(
      "the first stops at the window where they differ",
      () => answer(first),
      ({ status: { state } }) => state === "stopped",
    );
    expect(status.trouble?.code).toBe("foreign-object");
    await fleet.stop();
    await otherFleet.stop();

    const reading = await eventually(
      "the second has exported all it acknowledged",
      () => readBack(container),
      (now) => now.breaches(others).lost.length === 0,
    );
    for (const [path, { sha256 }] of hashes) expect(reading.files.get(path)?.sha256, path).toBe(sha256);
    const { doubled, wrong } = reading.breaches(others);
    expect({ doubled, wrong }).toEqual({ doubled: [], wrong: [] });
    // What the first acknowledged and could not write is still owed, in its journal.
    const missing = reading.breaches(ledger, Infinity).lost;
    const { status: own } = await answer(first);
    expect(own.owedFiles).toBeGreaterThan(0);
    expect(missing.length).toBeGreaterThan(0);
    expect(ledger.acknowledged.size - missing.length).toBeGreaterThan(100);
    expect(reading.files.has(own.trouble?.path ?? "")).toBe(true);
  });
});

async function readBack(container: ReturnType<BlobServiceClient["getContainerClient"]>): Promise<ReadBack> {
  const expiresOn = new Date(Date.now() + 3_600_000);
  const url = await container.generateSasUrl({ permissions: ContainerSASPermissions.parse("rl"), expiresOn });
  const reading = new ReadBack(url);
  await reading.more();
  return reading;
}
