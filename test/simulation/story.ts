// One story: a fresh hub, some minutes of virtual time with everything that its plan holds, and then peace, in which all
// promises must come true.

import { mkdtempSync, rmSync } from "node:fs";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { exportLimits } from "../../src/registry/export-settings.ts";
import { Administrator, containers } from "./administrator.ts";
import { enter } from "./builtins.ts";
import { SimulatedDevice } from "./devices.ts";
import { pathOf } from "./expected-files.ts";
import { Machine, stageDirectory } from "./hub.ts";
import { JournalTruth } from "./journal-truth.ts";
import { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import { Oracle } from "./oracle.ts";
import { type Focus, type MachineFault, type Plan, focused, planOf } from "./plan.ts";
import { RegistryTruth, definitionAt } from "./registry-truth.ts";
import { SimulatedStore, type StoredBlob } from "./store.ts";
import { SimulatedWire } from "./wire.ts";
import { type Chance, Process, World } from "./world.ts";

export interface StoryResult {
  readonly seed: number;
  readonly digest: string;
  readonly violation: { readonly check: string; readonly message: string } | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly virtualMs: number;
}

/** Some windows before a quarter past five, of a day that is nothing special. */
const startMs = Date.parse("2026-03-04T05:06:30.000Z");
const yearMs = 400 * 86_400_000;
/** The longest that a stopped export waits before it looks again, the answer's time limit, and a minute's window. */
const freshMs = 7 * 60_000;

// Parts of a window in stories of a few kilobytes.
Object.assign(exportLimits, { fileBytesMaxMin: 1024 });

const memoryDirectory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export async function runStory(seed: number, isVerbose = false, focus: Focus = {}): Promise<StoryResult> {
  const directory = mkdtempSync(join(memoryDirectory, "coldpath-simulation-"));
  const world = new World(seed, startMs, isVerbose);
  const story = new Story(world, directory, focus);
  const failed = (error: unknown): void => {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // Dead processes meet closed databases in the middle of a thought.
    if (/database is not open|statement has been finalized|DeadProcess/.test(what)) return;
    world.violate("exception", what);
  };
  process.on("unhandledRejection", failed);
  process.on("uncaughtException", failed);
  try {
    await story.run();
  } catch (error) {
    failed(error);
  } finally {
    await story.end();
    process.off("unhandledRejection", failed);
    process.off("uncaughtException", failed);
    rmSync(directory, { recursive: true, force: true });
  }
  const { violation } = world;
  return {
    seed,
    digest: world.digest,
    violation: violation === null ? null : { check: violation.check, message: violation.message },
    counts: Object.fromEntries([...world.counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    virtualMs: world.flowMs,
  };
}

class Story {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #plan: Plan;
  readonly #directory: string;
  readonly #machine: Machine;
  readonly #network: Network;
  readonly #store = new SimulatedStore();
  readonly #wire: SimulatedWire;
  readonly #ledger = new Ledger();
  readonly #journal: JournalTruth;
  readonly #registry: RegistryTruth;
  readonly #oracle: Oracle;
  readonly #administrator: Administrator;
  readonly #devices = new Map<string, SimulatedDevice>();
  readonly #foreign: { container: string; path: string; blob: StoredBlob }[] = [];
  /** Operations until the process dies in the middle of one; some times only those at the store count, which are few. */
  #armed: { left: number; kind: "kill" | "power cut"; at: "" | "store" } | null = null;
  #isPeace = false;
  #isOver = false;
  #messages = 0;

  constructor(world: World, directory: string, focus: Focus) {
    this.#world = world;
    this.#directory = directory;
    this.#chance = world.chance("story");
    this.#plan = focused(planOf(world.chance("plan")), focus);
    this.#network = new Network(world);
    this.#wire = new SimulatedWire(world);
    enter(world, this.#network);
    this.#machine = new Machine(world, this.#plan.machine, {
      directory,
      network: this.#network,
      wire: this.#wire,
      store: this.#store,
    });
    this.#journal = new JournalTruth(world, this.#machine.disk, this.#ledger);
    this.#registry = new RegistryTruth(world);
    this.#oracle = new Oracle(world, { journal: this.#journal, registry: this.#registry, ledger: this.#ledger });
    this.#administrator = new Administrator(world, this.#machine, this.#oracle, this.#store, {
      acts: this.#plan.acts,
      types: this.#plan.types,
      exportsMax: 3,
      devicesMax: 8,
    });
    this.#connect();
  }

  /** Who hears of what. */
  #connect(): void {
    const world = this.#world;
    const machine = this.#machine;
    const oracle = this.#oracle;
    machine.onLog = (_level, text) => oracle.logged(text);
    machine.onTrim = (path) => oracle.trimmed(path);
    machine.onChange = (what) => {
      if (what === "up") this.#isUp();
      if (what === "gone") {
        this.#registry.lookAtThings();
        this.#administrator.processGone();
        world.later(this.#chance.skewed(200, this.#isPeace ? 2_000 : 60_000), () => {
          if (machine.process === null && !this.#isOver) machine.start();
        });
      }
    };
    this.#store.onCreated = (container, path, blob, label) => oracle.created(container, path, blob, label);
    this.#store.onOverwritten = (container, path) => world.violate("E5", `${container}/${path} was overwritten`);
    const losing = world.chance("metadata");
    this.#store.losesMetadata = () => {
      const isLost = this.#plan.losesMetadata && !this.#isPeace && losing.is(0.3);
      if (isLost) world.count("label lost");
      return isLost;
    };
    world.onOperation = (what) => {
      if (this.#armed === null || Process.current === undefined || Process.current !== machine.process) return;
      if (!what.startsWith(this.#armed.at) || --this.#armed.left > 0) return;
      const { kind } = this.#armed;
      this.#armed = null;
      world.count(`${kind} at ${what.replace(/ .*/, "")}`);
      world.outside(() => (kind === "kill" ? machine.kill(`killed at: ${what}`) : machine.powerCut(what)));
    };
    this.#administrator.onDevice = (identity) => {
      const device = new SimulatedDevice(identity, {
        world,
        network: this.#network,
        ledger: this.#ledger,
        oracle,
        habits: this.#plan.habits,
        policies: this.#administrator.policies,
        next: () => ++this.#messages,
      });
      this.#devices.set(identity.id, device);
    };
    this.#administrator.onAccess = (deviceId, isConcerned) => {
      for (const [id, device] of this.#devices) {
        if (deviceId === null || id === deviceId) device.accessTaken(isConcerned);
      }
    };
  }

  #isUp(): void {
    const { hub } = this.#machine;
    if (hub === null) return;
    const { installation } = hub.registry;
    this.#oracle.secret = installation.secret;
    this.#oracle.installation = installation.id;
    this.#oracle.secrets.add(installation.secret.toString("base64"));
    this.#registry.open(new DatabaseSync(join(this.#directory, "registry.db"), { readOnly: true }));
    this.#registry.lookAtThings();
    hub.process.run(() => {
      hub.registry.subscribe(() => this.#world.outside(() => this.#registry.lookAtThings()));
      hub.journal.onClosed(() => this.#world.outside(() => this.#journal.look()));
    });
  }

  async run(): Promise<void> {
    const world = this.#world;
    const plan = this.#plan;
    const chance = this.#chance;
    this.#machine.disk.delayTurnsMax = plan.diskDelayTurnsMax;
    world.tell("story", `seed ${world.seed}: ${JSON.stringify(plan)}`);
    this.#machine.start();
    await this.#until(() => this.#machine.hub !== null, 10_000, "a fresh hub starts");
    await this.#done(this.#administrator.setUp(plan.devices));
    this.#wire.shares = plan.storeShares;
    Object.assign(this.#network.faults, plan.network);
    while (world.flowMs < plan.durationMs && world.violation === null) {
      this.#step();
      await world.pass(chance.skewed(1, plan.stepMsMax));
      this.#oracle.check();
      this.#checkBounds();
    }
    if (world.violation === null) await this.#peace();
  }

  #step(): void {
    const { faults, faultShare, actShare } = this.#plan;
    const chance = this.#chance;
    if (Object.keys(faults).length > 0 && chance.is(faultShare)) this.#strike(chance.weighted(faults));
    else if (chance.is(actShare)) this.#administrator.act();
  }

  #strike(fault: MachineFault | "outage"): void {
    const world = this.#world;
    const chance = this.#chance;
    const machine = this.#machine;
    const { disk } = machine;
    switch (fault) {
      case "kill":
        if (machine.process === null) return;
        machine.kill("killed");
        break;
      case "power cut":
        if (machine.process === null) return;
        machine.powerCut("now");
        break;
      case "kill at an operation":
      case "power cut at an operation":
        this.#armed = {
          ...(chance.is(0.3) ? { at: "store", left: chance.skewed(1, 12) } : { at: "", left: chance.skewed(1, 400) }),
          kind: fault === "kill at an operation" ? "kill" : "power cut",
        };
        return;
      case "stop":
        return machine.stop();
      case "pause":
        if (!machine.pause()) return;
        world.later(chance.skewed(5_000, 120_000), () => {
          machine.resumeZombie();
          world.later(chance.skewed(1_000, 90_000), () => machine.buryZombie());
        });
        return;
      case "disk full":
        if (disk.roomBytes !== Number.POSITIVE_INFINITY) return;
        disk.roomBytes = chance.skewed(0, 30_000);
        world.later(chance.skewed(1_000, 120_000), () => {
          disk.roomBytes = Number.POSITIVE_INFINITY;
          world.tell("disk", "has room again");
        });
        break;
      case "disk EIO on write":
        disk.fail("write", "EIO", { skip: chance.skewed(0, 10) });
        break;
      case "disk EIO on sync":
        disk.fail("sync", "EIO", { skip: chance.skewed(0, 10) });
        break;
      case "bit flip":
        if (!this.#flipBit()) return;
        break;
      case "clock +1 h":
        world.wallOffsetMs += 3_600_000;
        break;
      case "clock -1 h":
        world.wallOffsetMs -= 3_600_000;
        break;
      case "clock wrong year":
        world.wallOffsetMs = world.wallOffsetMs === startMs ? startMs + chance.pick([-1, 1]) * yearMs : startMs;
        break;
      case "clock back over a restart":
        if (machine.process === null) return;
        machine.kill("killed, and the clock is set back");
        world.wallOffsetMs -= chance.skewed(1_000, 7_200_000);
        break;
      case "container deleted":
        if (!this.#deleteContainer()) return;
        break;
      case "foreign object":
        if (!this.#plantForeign()) return;
        break;
      case "outage": {
        if (this.#wire.outage !== null || this.#plan.outages.length === 0) return;
        this.#wire.outage = chance.pick(this.#plan.outages);
        world.tell("store", `fails everything with ${this.#wire.outage}`);
        world.later(chance.skewed(5_000, 180_000), () => {
          this.#wire.outage = null;
          world.tell("store", "is well again");
        });
        return;
      }
    }
    world.count(fault);
    world.tell("story", `${fault}, wall clock ${new Date(world.wallMs).toISOString()}`);
  }

  /** A bit turns over in a journal segment, or in a staged snapshot: it must be told, never exported. */
  #flipBit(): boolean {
    this.#journal.look();
    const isOpen = this.#world.chance("open segments").is(0.4);
    return (isOpen && this.#flipBitInOpen()) || this.#flipBitAtRest();
  }

  /** Before its last frame: there, nothing tells it from a write that was cut short. */
  #flipBitInOpen(): boolean {
    const chance = this.#world.chance("open segments");
    const segments = this.#journal.open();
    if (segments.length === 0) return false;
    const { path, lastFrameAt } = chance.pick(segments);
    const at = chance.int(4096, lastFrameAt - 1);
    const bit = chance.int(0, 7);
    this.#world.tell("disk", `a bit of ${path}, which is open, turns over at ${at}`);
    this.#world.count("bit flip in an open segment");
    this.#machine.disk.flipBit(path, at, bit);
    this.#journal.turned(path, at, bit);
    return true;
  }

  #flipBitAtRest(): boolean {
    const chance = this.#chance;
    const { disk } = this.#machine;
    const named = new Set(disk.paths());
    const paths = disk.stableContents().filter(([path, content]) => {
      if (content.length === 0 || !named.has(path)) return false;
      if (path.startsWith(`${stageDirectory}/`)) return path.endsWith(".jsonl");
      return this.#journal.all().some((closed) => closed.path === path);
    });
    if (paths.length === 0) return false;
    const [path, content] = chance.pick(paths);
    const closed = this.#journal.all().find((one) => one.path === path);
    // Behind its header, where every bit counts.
    const at = closed === undefined ? chance.int(0, content.length - 1) : chance.int(4096, content.length - 1);
    this.#world.tell("disk", `a bit of ${path} turns over at ${at} of ${content.length}`);
    disk.flipBit(path, at, chance.int(0, 7));
    if (closed !== undefined) closed.isDamaged = true;
    return true;
  }

  #deleteContainer(): boolean {
    const present = [...this.#store.containers.keys()];
    if (present.length === 0) return false;
    const name = this.#chance.pick(present);
    this.#store.containers.delete(name);
    this.#world.later(this.#chance.skewed(1_000, 120_000), () => {
      if (this.#store.createContainer(name)) this.#world.tell("store", `${name} is there again, empty`);
    });
    return true;
  }

  /** Somebody else puts something where a file of ours will be. */
  #plantForeign(): boolean {
    const chance = this.#chance;
    const exports = [...this.#registry.exports.values()];
    if (exports.length === 0) return false;
    const window = this.#journal.floorHighest + chance.int(0, 1);
    const definition = definitionAt(chance.pick(exports), window);
    const container = this.#store.containers.get(definition?.container ?? "");
    if (definition === undefined || container === undefined) return false;
    const type = chance.pick(definition.types);
    const path = pathOf(definition.pathTemplate, { type, window, partition: 0, part: 0 });
    if (container.blobs.has(path)) return false;
    const bytes = Buffer.from(chance.pick(["not ours", "Obj\u0001 not whole"]));
    const blob = { bytes, metadata: chance.pick([{}, { coldpath: "1", installation: "another" }]) };
    container.blobs.set(path, blob);
    this.#foreign.push({ container: definition.container, path, blob });
    this.#world.tell("store", `somebody else puts ${definition.container}/${path}`);
    this.#world.later(chance.skewed(30_000, 200_000), () => {
      this.#removeForeign();
      void this.#administrator.mend();
    });
    return true;
  }

  /** Whoever overwrites one is told of at once (E5); one that is gone went with its container. */
  #removeForeign(): void {
    for (const { container, path, blob } of this.#foreign.splice(0)) {
      const blobs = this.#store.containers.get(container)?.blobs;
      if (blobs?.get(path) !== blob) continue;
      blobs.delete(path);
      this.#world.tell("store", `the foreign ${container}/${path} is moved away`);
    }
  }

  /** M1, as far as it is cheap to see; and the hub's own audit, which must be right. */
  #checkBounds(): void {
    const { hub } = this.#machine;
    if (hub === null) return;
    const { isDamaged } = this.#journal;
    for (const { exportId, audit } of hub.exporter.statuses()) {
      const [first] = audit?.violations ?? [];
      // Records that a damaged window lost may be missed before it is let go; offsets that nobody was given, never.
      if (first !== undefined && (!isDamaged || first.records >= 2 ** 32))
        this.#world.violate("audit", `${exportId}: ${first.kind} ${first.message}`);
    }
    const { partitions, journalBytesMax, frameBytesMax } = this.#plan.machine;
    const { bytes } = hub.journal.status();
    // What was taken before it was full: three frames a partition, and files have a header and a seal.
    const boundBytes = journalBytesMax + partitions * 3 * (2 * frameBytesMax + 8192) + 65_536;
    if (bytes > boundBytes)
      this.#world.violate("M1", `the journal holds ${bytes} bytes, at most ${boundBytes} are allowed`);
    for (const bytes of this.#network.unsentBytes()) {
      if (bytes > 4096) this.#world.violate("M1", `a connection has ${bytes} bytes that its device does not read`);
    }
  }

  // ---- peace ----

  /** No faults any more; what was mended is said to be mended; time passes. Then nothing may be missing. */
  async #peace(): Promise<void> {
    const world = this.#world;
    world.tell("story", "peace");
    this.#isPeace = true;
    this.#armed = null;
    this.#wire.shares = {};
    this.#wire.outage = null;
    Object.assign(this.#network.faults, { resetShare: 0, halfOpenShare: 0, slowShare: 0 });
    this.#machine.disk.heal();
    this.#machine.buryZombie();
    for (const name of containers) this.#store.createContainer(name);
    this.#removeForeign();
    if (this.#chance.is(0.5)) world.wallOffsetMs = startMs;
    await this.#until(() => this.#machine.hub !== null, 180_000, "the hub is up after all faults have ended");
    if (world.violation !== null) return;
    await this.#until(() => !this.#administrator.isBusy, 60_000, "the administrator's last call is answered");
    await this.#done(this.#administrator.learn());
    await this.#done(this.#administrator.mend());
    await world.pass(60_000);
    for (const device of this.#devices.values()) device.stop();
    await world.pass(25_000); // answers under way
    const peaceMs = world.flowMs;
    await this.#fresh(peaceMs, "what was closed before");
    // Until a pass in which nothing was acknowledged: where the journal was full, what waits for room is taken minutes later.
    let acknowledged: number;
    do {
      acknowledged = this.#ledger.acknowledged;
      const floors = new Map(this.#journal.floors);
      const isLater = ([partition, floor]: readonly [number, number]): boolean => floor > (floors.get(partition) ?? 0);
      // At half the speed while the clock is behind, and a jump is believed after a minute.
      await this.#until(() => [...this.#journal.floors].every(isLater), 300_000, "every partition closes a window");
      await this.#fresh(world.flowMs, "what devices sent last");
      await world.pass(1_000);
    } while (world.violation === null && this.#ledger.acknowledged > acknowledged);
    if (world.violation === null) this.#oracle.checkAll();
    this.#checkBounds();
    await this.#checkStates();
    if (world.violation !== null) return;
    this.#isOver = true;
    this.#machine.stop();
    await this.#until(() => this.#machine.process === null, 30_000, "the hub stops");
  }

  /** Freshness: within `freshMs` everything that was closed by `closedByMs` is exported. */
  async #fresh(closedByMs: number, what: string): Promise<void> {
    const world = this.#world;
    const endMs = world.flowMs + freshMs;
    for (;;) {
      if (world.violation !== null) return;
      this.#oracle.check();
      const late = this.#oracle.lagging(closedByMs);
      const troubled = this.#troubled();
      if (late === null && troubled === null) return;
      await this.#letDamageGo();
      if (world.flowMs > endMs) {
        world.violate(
          "freshness",
          `${what} is not exported after ${freshMs / 60_000} minutes of peace: ${late ?? troubled}`,
        );
        return;
      }
      await world.pass(10_000);
    }
  }

  /** Damage was told; an administrator lets it go. */
  async #letDamageGo(): Promise<void> {
    const { hub } = this.#machine;
    for (const status of hub?.exporter.statuses() ?? []) {
      const code = status.trouble?.code;
      if (code !== "journal-corrupt" && code !== "snapshot-lost") continue;
      if (!this.#world.counts.has("bit flip"))
        this.#world.violate("J3", `${code} without a bit flip: ${status.trouble?.message}`);
      this.#world.count("damage told");
      await this.#done(this.#administrator.discard(status.exportId));
    }
  }

  #troubled(): string | null {
    for (const { exportId, trouble, owedFiles } of this.#machine.hub?.exporter.statuses() ?? []) {
      if (trouble !== null) return `${exportId} has trouble: ${trouble.code} ${trouble.message}`;
      if (owedFiles > 0) return `${exportId} still owes ${owedFiles} files`;
    }
    return null;
  }

  /** What the hub says of itself at the end. */
  async #checkStates(): Promise<void> {
    const troubled = this.#troubled();
    if (troubled !== null) this.#world.violate("state", troubled);
    for (const { exportId, state } of this.#machine.hub?.exporter.statuses() ?? []) {
      if (!["healthy", "off", "draining"].includes(state)) this.#world.violate("state", `${exportId} is ${state}`);
    }
    await Promise.resolve();
  }

  /** Lets time pass until it is so. */
  async #until(isSo: () => boolean, withinMs: number, what: string): Promise<void> {
    const world = this.#world;
    const endMs = world.flowMs + withinMs;
    while (!isSo()) {
      if (world.violation !== null) return;
      if (world.flowMs > endMs) return world.violate("liveness", `it did not happen within ${withinMs} ms: ${what}`);
      await world.pass(500);
      this.#journal.look();
    }
  }

  /** Lets time pass until a promise of the outside world is settled. */
  async #done(promise: Promise<unknown>): Promise<void> {
    let isDone = false;
    const settled = promise.then(
      () => {
        isDone = true;
      },
      (error: unknown) => {
        isDone = true;
        throw error;
      },
    );
    settled.catch(() => {});
    await this.#until(() => isDone, 120_000, "a call is answered");
    if (isDone) await settled;
  }

  /** Leaves nothing behind for the next story. */
  async end(): Promise<void> {
    for (const device of this.#devices.values()) device.stop();
    this.#machine.onChange = () => {};
    this.#machine.buryZombie();
    this.#machine.kill("the story is over");
    this.#registry.close();
    await this.#world.rest();
  }
}
