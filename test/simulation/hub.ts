// The hub of a story: the server's rooms, put together as src/server.ts does, as one process on a simulated machine; and
// that machine, which starts it, stops it, kills it, cuts its power, and lets it sleep while a successor takes over.

import { Exporter } from "../../src/export/exporter.ts";
import { Accept } from "../../src/ingest/accept.ts";
import { ConnectionTable } from "../../src/ingest/connection-table.ts";
import { hostNames } from "../../src/ingest/host-names.ts";
import { Folding } from "../../src/ingest/folding.ts";
import { HttpsServer } from "../../src/ingest/https/https-server.ts";
import { type IngestLimits, newCounters } from "../../src/ingest/ingest.ts";
import { MqttServer } from "../../src/ingest/mqtt/mqtt-server.ts";
import { KeptSessions } from "../../src/ingest/kept-sessions.ts";
import { Unacknowledged } from "../../src/ingest/mqtt/unacknowledged.ts";
import { Handshakes } from "../../src/ingest/handshakes.ts";
import { TakeOvers } from "../../src/ingest/take-overs.ts";
import { Provisioning } from "../../src/ingest/provisioning/provisioning.ts";
import { SocketPlaces } from "../../src/ingest/socket-places.ts";
import { CloudMessages } from "../../src/twins/cloud-messages.ts";
import { Methods } from "../../src/twins/methods.ts";
import { Twins } from "../../src/twins/twins.ts";
import { Turns } from "../../src/ingest/turns.ts";
import { FileJournal } from "../../src/journal/file/file-journal.ts";
import { SimulatedDisk } from "../../src/lib/disk.simulated.ts";
import type { Disk } from "../../src/lib/disk.ts";
import { codeOf, messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { openSqliteRegistry } from "../../src/registry/sqlite/sqlite-registry.ts";
import type { Network } from "./network.ts";
import type { SimulatedStore } from "./store.ts";
import type { SimulatedWire } from "./wire.ts";
import { DeadProcess, Process, type World } from "./world.ts";

export const hubName = "hub";
export const journalDirectory = "/data/journal";
export const stageDirectory = "/data/snapshots";

export interface MachineOptions {
  readonly partitions: number;
  readonly journalBytesMax: number;
  readonly freeBytesMin: number;
  readonly retentionMs: number;
  readonly recycleBytesMax: number;
  readonly frameBytesMax: number;
  readonly uploadsMax: number;
  readonly storeBlockBytes: number;
  /** Re-sends by message id, and marked DUP; 0 for off. */
  readonly foldWindowMs: number;
  readonly dupWindowMs: number;
}

const limits: IngestLimits = {
  messageBytesMax: 2048,
  connectionsMax: 50,
  connectTimeoutMs: 5_000,
  keepAliveSecondsMax: 60,
  connectionBytesInFlightMax: 4096,
  unreadBytesMax: 1024 * 1024,
  connectionUnsentBytesMax: 256,
};

/** A running server. */
export interface Hub {
  readonly process: Process;
  readonly registry: Registry;
  readonly journal: FileJournal;
  readonly exporter: Exporter;
  readonly methods: Methods;
  readonly cloudMessages: CloudMessages;
  stop(): Promise<void>;
}

export class Machine {
  readonly disk: SimulatedDisk;
  readonly directory: string;
  readonly network: Network;
  readonly wire: SimulatedWire;
  readonly store: SimulatedStore;
  /** The server, when it is up. */
  hub: Hub | null = null;
  /** The process, from its first moment. */
  process: Process | null = null;
  zombie: { readonly process: Process } | null = null;
  /** Told of each line that a hub logs. */
  onLog: (level: string, text: string) => void = () => {};
  /** Told before a segment is removed or given to the pool. */
  onTrim: (path: string) => void = () => {};
  /** Told when a process began, when a hub is up, and when a process is gone. */
  onChange: (what: "starting" | "up" | "gone") => void = () => {};
  readonly #world: World;
  readonly #options: MachineOptions;
  #processes = 0;

  constructor(
    world: World,
    options: MachineOptions,
    of: { directory: string; network: Network; wire: SimulatedWire; store: SimulatedStore },
  ) {
    this.#world = world;
    this.#options = options;
    this.directory = of.directory;
    this.network = of.network;
    this.wire = of.wire;
    this.store = of.store;
    this.disk = new SimulatedDisk(Math.floor(world.random("disk")() * 2 ** 32));
    this.disk.onOperation = (operation, path) => world.onOperation(`disk ${operation} ${path}`);
  }

  /** Starts a server process. It may fail, hang or be killed on the way. */
  start(): void {
    const world = this.#world;
    const one = new Process(++this.#processes);
    this.process = one;
    world.tell("machine", `process ${one.number} starts`);
    this.onChange("starting");
    one.run(() => {
      this.#open(one).then(
        (hub) => {
          if (one.state !== "alive") return;
          this.hub = hub;
          world.tell("machine", `process ${one.number} is up`);
          world.outside(() => this.onChange("up"));
        },
        (error: unknown) => {
          if (one.state !== "alive") return;
          if (!(error instanceof DeadProcess)) {
            const why = messageOf(error).replaceAll(this.directory, "…");
            world.tell("machine", `process ${one.number} cannot start: ${codeOf(error)} ${why}`);
          }
          world.outside(() => this.kill("could not start"));
        },
      );
    });
  }

  /** As SIGTERM does; resolves when the process has ended, by itself or not. */
  stop(): void {
    const { hub, process: one } = this;
    if (hub === null || one === null) return;
    this.#world.tell("machine", `process ${one.number} is asked to stop`);
    this.#world.count("stop");
    this.hub = null; // no more calls
    one.run(() => {
      hub.stop().then(
        () => {
          if (one.state === "alive") this.#world.outside(() => this.#end(one, "stopped"));
        },
        (error: unknown) => {
          if (one.state === "alive") this.#world.violate("stop", messageOf(error));
        },
      );
    });
  }

  /** SIGKILL: what is in the page cache lives on. */
  kill(why: string): void {
    if (this.process === null) return;
    const one = this.process;
    this.#end(one, why);
    this.disk.kill();
  }

  /** Everything of this machine stops, and what was not synced may be lost. */
  powerCut(why: string): void {
    if (this.zombie !== null) this.buryZombie();
    if (this.process !== null) this.#end(this.process, `power cut: ${why}`);
    this.disk.powerCut();
  }

  /** The process stands still; another one takes over, and one day it goes on. False when that cannot be now. */
  pause(): boolean {
    const { process: one, hub } = this;
    if (one === null || hub === null || this.zombie !== null) return false;
    // Within a transaction it would hold the database's lock, and no successor could start.
    for (const connection of one.connections) {
      if (connection.isOpen && connection.isTransaction && !isLock(connection)) return false;
    }
    this.#world.tell("machine", `process ${one.number} stands still`);
    this.#world.count("pause");
    one.state = "paused";
    // Fenced, as a lock that was taken over fences: neither its journal nor its stage can be written any more.
    for (const connection of one.connections) if (connection.isOpen && isLock(connection)) connection.close();
    this.zombie = { process: one };
    this.process = null;
    this.hub = null;
    this.network.drop(one);
    this.disk.kill();
    this.onChange("gone");
    return true;
  }

  /** The paused process goes on beside its successor. */
  resumeZombie(): void {
    if (this.zombie === null) return;
    this.#world.tell("machine", `process ${this.zombie.process.number} goes on, beside its successor`);
    this.#world.goOn(this.zombie.process);
  }

  buryZombie(): void {
    if (this.zombie === null) return;
    const { process: one } = this.zombie;
    this.zombie = null;
    this.#world.tell("machine", `process ${one.number}, which stood still, ends`);
    bury(one);
  }

  #end(one: Process, why: string): void {
    if (one.state === "dead") return;
    this.#world.tell("machine", `process ${one.number} ends: ${why}`);
    this.#world.count("process ended");
    bury(one);
    this.network.drop(one);
    if (this.process === one) {
      this.process = null;
      this.hub = null;
    }
    this.onChange("gone");
  }

  /** As src/server.ts: registry, listeners, journal, exporter, then devices are let in. */
  async #open(one: Process): Promise<Hub> {
    const world = this.#world;
    const { clock } = world;
    const options = this.#options;
    const log = this.#log(one);
    const registry = await openSqliteRegistry({ directory: this.directory, hubName, clock });
    const counters = newCounters();
    const table = new ConnectionTable();
    registry.subscribe((event) => table.hear(event));
    const { foldWindowMs, dupWindowMs } = options;
    const messagesMax = 200;
    const folding =
      foldWindowMs === 0 ? null : new Folding({ windowMs: foldWindowMs, messagesMax, counters, clock, log });
    const accept = new Accept(counters, folding);
    // Time does not pass within a turn here: each look at it costs a little, so that turns do end.
    let lookedMs = 0;
    const turns = new Turns(() => (lookedMs += world.random("turns")() * 2));
    const sockets = new SocketPlaces(Infinity);
    const isOurHost = hostNames(["hub.test"]);
    const front = {
      accept,
      registry,
      table,
      counters,
      limits,
      sockets,
      handshakes: new Handshakes(),
      turns,
      isOurHost,
      log,
    };
    const unacknowledged = dupWindowMs === 0 ? null : new Unacknowledged({ windowMs: dupWindowMs, messagesMax });
    const twins = new Twins(registry);
    registry.subscribe((event) => twins.hear(event));
    const methods = new Methods({ clock, callsMax: 1000 });
    registry.subscribe((event) => methods.hear(event));
    const provisioning = new Provisioning({ registry, counters, assignedHub: () => "hub.test", log });
    const cloudMessages = new CloudMessages({ registry, clock, log, bytesMax: 1024 * 1024 });
    registry.subscribe((event) => cloudMessages.hear(event));
    cloudMessages.start();
    const mqtt = new MqttServer({
      ...front,
      provisioning,
      twins,
      methods,
      cloudMessages,
      sessions: new KeptSessions({ registry, expiryMs: 7 * 86_400_000, log }),
      signInRates: null,
      takeOvers: new TakeOvers({ clock, log }),
      unacknowledged,
    });
    const https = new HttpsServer({
      ...front,
      provisioning,
      cloudMessages,
      webSockets: null,
      bounds: { bodiesBytesMax: 8192 },
    });
    await mqtt.listenPlain(1883, "0.0.0.0");
    await https.listenPlain(443, "0.0.0.0");
    const disk = this.#watched(this.disk.session());
    const journal = await FileJournal.open({
      directory: journalDirectory,
      hub: registry.installation.hubName,
      partitions: options.partitions,
      bytesMax: options.journalBytesMax,
      freeBytesMin: options.freeBytesMin,
      retentionMs: options.retentionMs,
      recycleBytesMax: options.recycleBytesMax,
      frameBytesMax: options.frameBytesMax,
      clockJumpMaxMs: 300_000,
      warnShare: 0.8,
      warnBeforeMs: 3_600_000,
      clock,
      log,
      disk,
      // As `serve`: the process ends, and its supervisor starts another.
      onFailed: (error) => {
        if (one.state !== "alive") return;
        world.outside(() =>
          world.later(0, () => one.state === "alive" && this.kill(`disk failed: ${messageOf(error)}`)),
        );
      },
    });
    const exporter = await Exporter.start({
      registry,
      journal,
      clock,
      log,
      stageDirectory,
      disk,
      uploadsMax: options.uploadsMax,
      runsKept: 1000,
      cutsRetentionMs: 86_400_000,
      openStorage: async (id) => {
        await registry.storageAccount(id);
        await registry.storageSecret(id);
        return this.store.open(this.wire, { blockBytes: options.storeBlockBytes, requestTimeoutMs: 60_000 });
      },
      random: world.random("exporter"),
    });
    await folding?.rebuild(journal);
    accept.open(journal);
    return {
      process: one,
      registry,
      journal,
      exporter,
      methods,
      cloudMessages,
      stop: async () => {
        cloudMessages.stop();
        await journal.close();
        mqtt.close();
        await https.close();
        await exporter.stop();
        await registry.close();
      },
    };
  }

  /** Tells when a segment is about to lose its name. */
  #watched(disk: Disk): Disk {
    const tell = (path: string): void => {
      if (path.endsWith(".seg")) this.#world.outside(() => this.onTrim(path));
    };
    return {
      ...disk,
      rename: (from, to) => {
        tell(from);
        return disk.rename(from, to);
      },
      remove: (path) => {
        tell(path);
        return disk.remove(path);
      },
    };
  }

  #log(one: Process): Log {
    const write = (level: string) => (fields: object, message: string) => {
      if (one.state === "dead") return;
      const text = `${message} ${JSON.stringify(fields)}`.replaceAll(this.directory, "…");
      this.onLog(level, text);
      if (level !== "debug") this.#world.tell("log", `${level} ${text}`);
    };
    return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  }
}

function bury(one: Process): void {
  one.state = "dead";
  one.held.length = 0;
  // Rolls back what was not committed; what was is safe, as SQLite promises.
  for (const connection of one.connections) if (connection.isOpen) connection.close();
  one.connections.clear();
}

function isLock(connection: { location(): string | null }): boolean {
  return connection.location()?.endsWith("/lock.db") === true;
}
