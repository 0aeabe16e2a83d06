// The promise under SIGKILL, in rounds: devices publish over every transport as fast as they are acknowledged, the server is
// killed at a bad moment and started again. One export goes into a folder, one to Azurite through a proxy that fails at random. The
// devices never send anything twice. A story can be put down between two rounds and gone on with later.
//
// Owns:      servers, devices and Azurite of one directory; which message was acknowledged.
// Does not:  say whether all is well: `judge` compares what an independent reader finds.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BlobServiceClient, ContainerSASPermissions } from "@azure/storage-blob";
import { type Azurite, connectionStringOf, startAzurite } from "./azurite.ts";
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from "./fault-proxy.ts";
import { pause } from "./fleet.ts";
import { HubProcess } from "./hub-process.ts";
import { Ledger } from "./ledger.ts";
import { type LoadDevice, type Way, makeLoadDevices, publishAs } from "./load-devices.ts";
import type { Publisher } from "./numbered-load.ts";
import { type Breaches, ReadBack } from "./read-back.ts";

export interface KillStoryOptions {
  /** Everything is kept below it. */
  readonly directory: string;
  /** A device for each. */
  readonly ways: readonly Way[];
  /** In flight on each connection. */
  readonly inFlight: number;
  /** Messages acknowledged in a round before the server is killed, give or take a third. */
  readonly acknowledgedPerRound: number;
}

/** Where the kill falls: anywhere; in an upload to Azurite; then again while the server comes up. */
const moments = ["load", "upload", "recovery"] as const;

export interface Round {
  readonly round: number;
  readonly moment: (typeof moments)[number];
  readonly kills: number;
  readonly acknowledged: number;
  readonly seconds: number;
}

export interface Judgement {
  readonly acknowledged: number;
  /** By way. */
  readonly acknowledgedBy: ReadonlyMap<string, number>;
  readonly exports: readonly {
    readonly name: string;
    readonly files: number;
    readonly records: number;
    readonly breaches: Breaches;
  }[];
}

interface State {
  rounds: number;
  kills: number;
  readonly originMs: number;
  readonly startedMs: number;
  readonly proxyPort: number;
  readonly devices: readonly LoadDevice[];
}

/** Real milliseconds are so many of the window clock: a window lasts one second. */
const rate = 60;
/** Rounds with one partition before there are several. */
const roundsOfOnePartition = 3;
const container = "iot";

const isCommit = ({ method, query }: ProxiedRequest): boolean => method === "PUT" && query.get("comp") === "blocklist";
const below = (limit: number): number => Math.floor(Math.random() * limit);

export class KillStory {
  readonly #options: KillStoryOptions;
  readonly #azurite: Azurite;
  readonly #proxy: FaultProxy;
  readonly #state: State;
  readonly #ledger: Ledger;
  #hub: HubProcess | null = null;
  #commits = 0;
  #readings: Readonly<Record<string, ReadBack>> | null = null;

  private constructor(options: KillStoryOptions, azurite: Azurite, proxy: FaultProxy, state: State, ledger: Ledger) {
    this.#options = options;
    this.#azurite = azurite;
    this.#proxy = proxy;
    this.#state = state;
    this.#ledger = ledger;
  }

  /** Begins, or goes on where the state in the directory says. */
  static async open(options: KillStoryOptions): Promise<KillStory> {
    const { directory } = options;
    mkdirSync(join(directory, "azurite"), { recursive: true });
    const isNew = !existsSync(join(directory, "state.json"));
    const before = isNew ? null : (JSON.parse(readFileSync(join(directory, "state.json"), "utf8")) as State);
    const azurite = await startAzurite({ directory: join(directory, "azurite") });
    const proxy = await startFaultProxy(`http://127.0.0.1:${azurite.port}`, before?.proxyPort);
    if (before !== null) {
      const story = new KillStory(options, azurite, proxy, before, Ledger.load(directory));
      story.#misbehave();
      story.#hub = await story.#start();
      return story;
    }
    const state = {
      rounds: 0,
      kills: 0,
      originMs: Date.parse("2026-03-04T05:06:30.000Z"),
      startedMs: Date.now(),
      proxyPort: proxy.port,
      devices: [],
    };
    await BlobServiceClient.fromConnectionString(azurite.connectionString).createContainer(container);
    const story = new KillStory(options, azurite, proxy, state, new Ledger());
    story.#hub = await story.#start();
    Object.assign(state, { devices: await story.#prepare(story.#hub) });
    story.#save();
    story.#misbehave();
    return story;
  }

  get rounds(): number {
    return this.#state.rounds;
  }

  get kills(): number {
    return this.#state.kills;
  }

  get acknowledged(): number {
    return this.#ledger.acknowledged.size;
  }

  /** Load, a kill, and the next start. */
  async round(): Promise<Round> {
    const startMs = performance.now();
    const before = this.acknowledged;
    const killsBefore = this.#state.kills;
    const moment = moments[this.#state.rounds % moments.length] as (typeof moments)[number];
    const publishers = this.#publish();
    const target = before + (this.#options.acknowledgedPerRound * (2 + 2 * Math.random())) / 3;
    for (let turn = 0; turn < 3000 && this.acknowledged < target; turn++) await pause(20);
    if (moment === "upload") {
      const commits = this.#commits;
      for (let turn = 0; turn < 1000 && this.#commits === commits; turn++) await pause(2);
      await pause(below(10));
    } else await pause(below(1000)); // crosses a window's end now and then: seals, floors, cuts and uploads
    await this.#kill();
    await Promise.all(publishers.map(({ ended }) => ended));
    this.#state.rounds++;
    for (let again = moment === "recovery" ? 1 + below(3) : 0; again > 0; again--) {
      const hub = HubProcess.launch(this.#dataDir, ...this.#flags());
      this.#hub = hub;
      await pause(100 + below(1400));
      await this.#kill();
    }
    this.#hub = await this.#start();
    this.#save();
    return {
      round: this.#state.rounds,
      moment,
      kills: this.#state.kills - killsBefore,
      acknowledged: this.acknowledged - before,
      seconds: (performance.now() - startMs) / 1000,
    };
  }

  /** Waits until the exports owe nothing, and reads back what came since the last time; `isWhole`: everything, anew. */
  async judge(isWhole: boolean): Promise<Judgement> {
    this.#proxy.clear();
    await this.#settle();
    if (isWhole || this.#readings === null) {
      this.#readings = {
        folder: new ReadBack(join(this.#options.directory, "lake", container)),
        azure: new ReadBack(await this.#containerUrl()),
      };
    }
    const exports = [];
    for (const [name, reading] of Object.entries(this.#readings)) {
      await reading.more();
      const { files, records } = reading;
      exports.push({ name, files: files.size, records, breaches: reading.breaches(this.#ledger, Infinity) });
    }
    this.#misbehave();
    const acknowledgedBy = new Map([...this.#ledger.acknowledgedBy].map(([way, { size }]) => [way, size]));
    return { acknowledged: this.acknowledged, acknowledgedBy, exports };
  }

  /** Stops everything in order; what was done is kept. @returns the server's exit code. */
  async close(): Promise<number | null> {
    const code = (await this.#hub?.stop()) ?? null;
    this.#hub = null;
    await this.#proxy.stop();
    await this.#azurite.stop();
    return code;
  }

  get #dataDir(): string {
    return join(this.#options.directory, "data");
  }

  /** The window clock goes on while the server is down. */
  #flags(): readonly string[] {
    const { rounds, originMs, startedMs } = this.#state;
    return [
      "--no-sample",
      "--storage-timeout=5s",
      // Segments are trimmed and used again while the story goes on.
      "--journal-retention=10min",
      `--journal-partitions=${rounds < roundsOfOnePartition ? 1 : 3}`,
      `--test-clock-rate=${rate}`,
      `--test-clock-origin=${new Date(originMs + (Date.now() - startedMs) * rate).toISOString()}`,
    ];
  }

  #start(): Promise<HubProcess> {
    return HubProcess.start(this.#dataDir, ...this.#flags());
  }

  async #kill(): Promise<void> {
    await this.#hub?.kill();
    this.#hub = null;
    this.#state.kills++;
  }

  #running(): HubProcess {
    if (this.#hub === null) throw new Error("the server is not running");
    return this.#hub;
  }

  /** Devices and the two exports. */
  async #prepare(hub: HubProcess): Promise<readonly LoadDevice[]> {
    const { directory, ways } = this.#options;
    const devices = await makeLoadDevices(hub, ways);
    const endpoint = `${this.#proxy.origin}/${this.#azurite.accountName}`;
    const accounts = [
      { name: "folder", settings: { kind: "folder", path: join(directory, "lake") } },
      {
        name: "azure",
        settings: { kind: "azure-blob", auth: "connection-string" },
        secret: connectionStringOf(endpoint),
      },
    ];
    for (const account of accounts) {
      const { id: storageAccountId } = await hub.api<{ id: string }>("POST", "/storage-accounts", account);
      if (account.name === "folder") {
        await hub.api("POST", `/storage-accounts/${storageAccountId}/containers`, { name: container });
      }
      const types = ["measurements"];
      await hub.api("POST", "/exports", { name: account.name, storageAccountId, container, types, on: true });
    }
    return devices;
  }

  #publish(): readonly Publisher[] {
    const { ports } = this.#running().address;
    const ca = readFileSync(join(this.#dataDir, "tls/ca.pem"), "utf8");
    const { inFlight } = this.#options;
    const work = { ledger: this.#ledger, inFlight };
    return this.#state.devices.map((device) => publishAs(device, { ports, ca }, work));
  }

  /** A request in twelve fails, in one way or another. */
  #misbehave(): void {
    const rarely = (): boolean => Math.random() < 0.014;
    this.#proxy.add({
      when: (request) => {
        if (isCommit(request)) this.#commits++;
        return false;
      },
      fault: { kind: "reset" },
    });
    this.#proxy.add({ when: rarely, fault: { kind: "reset" } });
    this.#proxy.add({ when: rarely, fault: { kind: "lose-answer" } });
    this.#proxy.add({ when: rarely, fault: { kind: "cut-request", bytes: 1000 } });
    this.#proxy.add({ when: rarely, fault: { kind: "answer", status: 503, code: "ServerBusy" } });
    this.#proxy.add({ when: rarely, fault: { kind: "answer", status: 500, code: "InternalError" } });
    this.#proxy.add({ when: rarely, fault: { kind: "delay", delayMs: 300 } });
  }

  /** Until every export owes nothing, and two more windows have closed. */
  async #settle(): Promise<void> {
    interface Answer {
      readonly status: { readonly state: string; readonly owedFiles: number };
    }
    const hub = this.#running();
    await pause(2500);
    for (let turn = 0; turn < 1200; turn++) {
      const { items } = await hub.api<{ items: readonly Answer[] }>("GET", "/exports");
      if (items.every(({ status }) => status.state === "healthy" && status.owedFiles === 0)) return;
      await pause(250);
    }
    throw new Error("the exports did not come to rest");
  }

  async #containerUrl(): Promise<string> {
    const client = BlobServiceClient.fromConnectionString(this.#azurite.connectionString);
    return await client.getContainerClient(container).generateSasUrl({
      permissions: ContainerSASPermissions.parse("rl"),
      expiresOn: new Date(Date.now() + 24 * 3_600_000),
    });
  }

  #save(): void {
    const { directory } = this.#options;
    this.#ledger.save(directory);
    writeFileSync(join(directory, "state.json.tmp"), JSON.stringify(this.#state));
    renameSync(join(directory, "state.json.tmp"), join(directory, "state.json"));
  }
}
