// The stand of the fault matrix: one real server with devices that publish all the time, an export into a folder that must
// never be disturbed, and for each fault an export of its own, into a container of Azurite behind a proxy of its own.
//
// Owns:      the processes; what an operator sees of an export; the comparison of an export's files with the folder's.
// Does not:  know the faults (test/fault/store-faults.ts).

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient, type ContainerClient, ContainerSASPermissions } from "@azure/storage-blob";
import type { ExportStatus } from "../../src/export/export.ts";
import { type Azurite, connectionStringOf, startAzurite } from "./azurite.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { pause } from "./fleet.ts";
import { HubProcess } from "./hub-process.ts";
import { Ledger } from "./ledger.ts";
import { ReadBack } from "./read-back.ts";
import { SteadyFleet } from "./steady-fleet.ts";

/** An export as the API answers it, as far as it is looked at here. */
export interface ExportAnswer {
  readonly id: string;
  readonly name: string;
  readonly on: boolean;
  readonly tenures: readonly { readonly windowFirst: string; readonly windowLast: string | null }[];
  readonly status: Omit<ExportStatus, "oldestOwedWindow"> & { readonly oldestOwedWindow: string | null };
}

/** Real milliseconds are so many of the window clock: a window lasts one second. */
export const rate = 60;
const devices = 4;
const types = ["measurements"];
const awaitMsMax = 90_000;

/** The first answer that `isIt` likes. */
export async function eventually<T>(what: string, look: () => Promise<T>, isIt: (seen: T) => boolean): Promise<T> {
  const endMs = performance.now() + awaitMsMax;
  for (;;) {
    const seen = await look();
    if (isIt(seen)) return seen;
    if (performance.now() > endMs)
      throw new Error(`not within ${awaitMsMax} ms: ${what}; last: ${JSON.stringify(seen)}`);
    await pause(20);
  }
}

export class FaultStand {
  readonly directory: string;
  readonly ledger = new Ledger();
  readonly folder: string;
  readonly #azurite: Azurite;
  #hub: HubProcess;
  #fleet: SteadyFleet | null = null;
  #folderExportId = "";
  #rows = 0;

  private constructor(directory: string, hub: HubProcess, azurite: Azurite) {
    this.directory = directory;
    this.folder = join(directory, "lake/iot");
    this.#hub = hub;
    this.#azurite = azurite;
  }

  /** @param flags  of the server, beside those of every stand. */
  static async open(...flags: string[]): Promise<FaultStand> {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-faults-"));
    const azurite = await startAzurite();
    const hub = await HubProcess.start(join(directory, "data"), "--no-sample", `--test-clock-rate=${rate}`, ...flags);
    const stand = new FaultStand(directory, hub, azurite);
    const { id: storageAccountId } = await hub.api<{ id: string }>("POST", "/storage-accounts", {
      name: "lake",
      settings: { kind: "folder", path: join(directory, "lake") },
    });
    await hub.api("POST", `/storage-accounts/${storageAccountId}/containers`, { name: "iot" });
    const settings = { name: "folder", storageAccountId, container: "iot", types, on: true };
    stand.#folderExportId = (await hub.api<ExportAnswer>("POST", "/exports", settings)).id;
    const { ledger } = stand;
    stand.#fleet = await SteadyFleet.start({ hub: () => stand.#hub, ledger, devices, perSecond: 25 });
    return stand;
  }

  get hub(): HubProcess {
    return this.#hub;
  }

  /** The export into the folder. */
  async beside(): Promise<ExportAnswer> {
    return await this.#hub.api<ExportAnswer>("GET", `/exports/${this.#folderExportId}`);
  }

  /** The open window by the server's clock. */
  async windowOpen(): Promise<string> {
    return (await this.#hub.api<{ windowOpen: string }>("GET", "/status")).windowOpen;
  }

  /** Waits until the folder has all that was taken before now. */
  async besideCatchesUp(): Promise<void> {
    const window = await this.windowOpen();
    await eventually(
      "the folder has its files",
      () => this.beside(),
      ({ status }) => status.state === "healthy" && (status.lastFile?.path ?? "") >= pathOf(window),
    );
  }

  /** An export of its own for a fault: a proxy, a container, an account; its first file is there. */
  async row(...moreTypes: readonly string[]): Promise<FaultRow> {
    const name = `row-${++this.#rows}`;
    const container = BlobServiceClient.fromConnectionString(this.#azurite.connectionString).getContainerClient(name);
    await container.create();
    const proxy = await startFaultProxy(`http://127.0.0.1:${this.#azurite.port}`);
    const account = {
      name,
      settings: { kind: "azure-blob", auth: "connection-string" },
      secret: connectionStringOf(`${proxy.origin}/${this.#azurite.accountName}`),
    };
    const { id: storageAccountId } = await this.#hub.api<{ id: string }>("POST", "/storage-accounts", account);
    const settings = { name, storageAccountId, container: name, types: [...types, ...moreTypes], on: true };
    const { id } = await this.#hub.api<ExportAnswer>("POST", "/exports", settings);
    const row = new FaultRow(this, { id, container, proxy, storageAccountId, account, target: this.#azurite.port });
    await row.until("its first file", ({ status }) => status.filesWritten > 0);
    return row;
  }

  /** Devices publish no more; everything is exported. */
  async settle(): Promise<void> {
    await this.#fleet?.stop();
    this.#fleet = null;
    const window = await this.windowOpen();
    await eventually(
      "a window later",
      () => this.windowOpen(),
      (open) => open > window,
    );
    await eventually(
      "all is exported",
      () => this.beside(),
      ({ status }) => status.state === "healthy" && status.owedFiles === 0,
    );
  }

  async close(): Promise<void> {
    await this.#fleet?.stop();
    await this.#hub.stop();
    await this.#azurite.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface RowParts {
  readonly id: string;
  readonly container: ContainerClient;
  readonly proxy: FaultProxy;
  readonly storageAccountId: string;
  readonly account: { readonly name: string; readonly settings: object; readonly secret: string };
  /** Azurite's port. */
  readonly target: number;
}

/** One fault's export. */
export class FaultRow {
  readonly stand: FaultStand;
  readonly container: ContainerClient;
  readonly #parts: RowParts;
  #proxy: FaultProxy;

  constructor(stand: FaultStand, parts: RowParts) {
    this.stand = stand;
    this.container = parts.container;
    this.#parts = parts;
    this.#proxy = parts.proxy;
  }

  get proxy(): FaultProxy {
    return this.#proxy;
  }

  async answer(): Promise<ExportAnswer> {
    return await this.stand.hub.api<ExportAnswer>("GET", `/exports/${this.#parts.id}`);
  }

  async until(what: string, isIt: (seen: ExportAnswer) => boolean): Promise<ExportAnswer> {
    return await eventually(what, () => this.answer(), isIt);
  }

  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    return await this.stand.hub.api<T>(method, `/exports/${this.#parts.id}${path}`, body);
  }

  /** As an operator who types it into the storage account. */
  async saveSecret(change: (secret: string) => string): Promise<void> {
    const { account, storageAccountId } = this.#parts;
    const changed = { ...account, secret: change(account.secret) };
    await this.stand.hub.api("PUT", `/storage-accounts/${storageAccountId}`, changed);
  }

  /** Nobody listens any more. */
  async takeAway(): Promise<void> {
    await this.#proxy.stop();
  }

  async bringBack(): Promise<void> {
    this.#proxy = await startFaultProxy(`http://127.0.0.1:${this.#parts.target}`, this.#parts.proxy.port);
  }

  /** What stands in the container, path → SHA-256, as the independent reader finds it. */
  async files(): Promise<ReadonlyMap<string, string>> {
    const url = await this.container.generateSasUrl({
      permissions: ContainerSASPermissions.parse("rl"),
      expiresOn: new Date(Date.now() + 3_600_000),
    });
    return await filesOf(url);
  }

  /** Turns the export off and waits until it owes nothing. @returns paths → SHA-256 of what the folder has for it. */
  async finish(): Promise<ReadonlyMap<string, string>> {
    await this.api("POST", "/off", {});
    const { tenures } = await this.until("off", ({ status }) => status.state === "off");
    await this.stand.besideCatchesUp();
    const first = pathOf(tenures[0]?.windowFirst ?? "");
    const last = pathOf(tenures[0]?.windowLast ?? "");
    return new Map([...(await filesOf(this.stand.folder))].filter(([path]) => path >= first && path <= last));
  }

  async close(): Promise<void> {
    await this.#proxy.stop();
  }
}

/** Where the measurements of a window lie: 2026-01-02T03:04:00Z → measurements/coldpath/2026/01/02/03/04/00.avro */
export function pathOf(window: string): string {
  return `measurements/coldpath/${window.slice(0, 16).replaceAll(/[-T:]/g, "/")}/00.avro`;
}

async function filesOf(source: string): Promise<ReadonlyMap<string, string>> {
  const reading = new ReadBack(source);
  await reading.more();
  const { wrong, doubled } = reading.breaches(new Ledger());
  if (wrong.length + doubled.length > 0) throw new Error(`${source}: ${[...wrong, ...doubled].join(", ")}`);
  return new Map([...reading.files.values()].map(({ path, sha256 }) => [path, sha256]));
}

/** `docs/operating.md` with its tables' padding taken out. */
export function operatingManual(): string {
  return readFileSync(join(import.meta.dirname, "../../docs/operating.md"), "utf8").replaceAll(/ +/g, " ");
}
