// One story: a fresh hub, some minutes of virtual time with everything that its plan holds, and then peace, in which all
// promises must come true.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { exportLimits } from "../../src/registry/export-settings.ts";
import { checkBounds } from "./bounds.ts";
import { type Cast, castOf } from "./cast.ts";
import { SimulatedDevice } from "./devices.ts";
import { Newcomer, derived } from "./newcomer.ts";
import { Peace } from "./peace.ts";
import type { Focus } from "./plan.ts";
import { Strikes } from "./strikes.ts";
import { Waits } from "./waits.ts";
import { World } from "./world.ts";

export interface StoryResult {
  readonly seed: number;
  readonly digest: string;
  readonly violation: { readonly check: string; readonly message: string } | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly virtualMs: number;
}

/** Some windows before a quarter past five, of a day that is nothing special. */
const startMs = Date.parse("2026-03-04T05:06:30.000Z");

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
  readonly #cast: Cast;
  readonly #strikes: Strikes;
  readonly #waits: Waits;
  readonly #directory: string;
  #isPeace = false;
  #isOver = false;
  #messages = 0;

  constructor(world: World, directory: string, focus: Focus) {
    this.#directory = directory;
    this.#cast = castOf(world, directory, focus);
    this.#strikes = new Strikes(this.#cast);
    this.#waits = new Waits(world, this.#cast.journal);
    this.#connect();
  }

  /** Who hears of what. */
  #connect(): void {
    const { world, machine, oracle, registry, administrator, application, enrollments, chance } = this.#cast;
    const { store, plan, network, ledger, devices, newcomers } = this.#cast;
    machine.onLog = (_level, text) => oracle.logged(text);
    machine.onTrim = (path) => oracle.trimmed(path);
    machine.onChange = (what) => {
      if (what === "up") this.#isUp();
      if (what === "gone") {
        registry.lookAtThings();
        administrator.processGone();
        application.processGone();
        enrollments.processGone();
        world.later(chance.skewed(200, this.#isPeace ? 2_000 : 60_000), () => {
          if (machine.process === null && !this.#isOver) machine.start();
        });
      }
    };
    store.onCreated = (container, path, blob, label) => oracle.created(container, path, blob, label);
    store.onOverwritten = (container, path) => world.violate("E5", `${container}/${path} was overwritten`);
    const losing = world.chance("metadata");
    store.losesMetadata = () => {
      const isLost = plan.losesMetadata && !this.#isPeace && losing.is(0.3);
      if (isLost) world.count("label lost");
      return isLost;
    };
    administrator.devices.onDevice = (identity) => {
      const device = new SimulatedDevice(identity, {
        world,
        network: network,
        ledger: ledger,
        oracle,
        habits: plan.habits,
        hasTwins: plan.hasTwins,
        hasCloudMessages: plan.hasCloudMessages,
        hasMethods: plan.hasMethods,
        policies: administrator.devices.policies,
        next: () => ++this.#messages,
      });
      devices.set(identity.id, device);
    };
    // From the moment when it is committed on, whoever has its group's keys is let in.
    registry.onGeneration = (deviceId) => {
      if (!newcomers.has(deviceId)) return;
      oracle.provisioning.began(deviceId);
      const keys = enrollments.keys.map((key) => derived(key, deviceId));
      administrator.devices.provisioned(deviceId, keys, true);
    };
    enrollments.onUnblocked = (deviceId) => {
      const identity = administrator.devices.identities.get(deviceId);
      if (identity !== undefined && !administrator.devices.deleted.has(deviceId)) identity.isLetIn = true;
    };
    administrator.devices.onAccess = (deviceId, isConcerned) => {
      for (const [id, device] of devices) {
        if (deviceId === null || id === deviceId) device.accessTaken(isConcerned);
      }
    };
  }

  #isUp(): void {
    const { machine, oracle, registry, world, journal } = this.#cast;
    const look = (): void => {
      registry.lookAtThings();
      oracle.cloudMessages.look();
    };
    const { hub } = machine;
    if (hub === null) return;
    const { installation } = hub.registry;
    oracle.secret = installation.secret;
    oracle.installation = installation.id;
    oracle.secrets.add(installation.secret.toString("base64"));
    registry.open(new DatabaseSync(join(this.#directory, "registry.db"), { readOnly: true }));
    look();
    hub.process.run(() => {
      hub.registry.subscribe(() => world.outside(look));
      hub.journal.onClosed(() => world.outside(() => journal.look()));
    });
  }

  async run(): Promise<void> {
    const { world, plan, chance, machine, administrator, application, wire, network, oracle } = this.#cast;
    const { enrollments, newcomers } = this.#cast;
    machine.disk.delayTurnsMax = plan.diskDelayTurnsMax;
    world.tell("story", `seed ${world.seed}: ${JSON.stringify(plan)}`);
    machine.start();
    await this.#waits.until(() => machine.hub !== null, 10_000, "a fresh hub starts");
    await this.#waits.done(administrator.setUp(plan.devices));
    if (plan.newcomers > 0) await this.#waits.done(enrollments.setUp(plan.approvesNewcomers));
    for (let number = 1; number <= plan.newcomers; number++) {
      const of = {
        world,
        network,
        oracle: oracle.provisioning,
        enrollments,
        assigned: (id: string, keys: readonly string[]) => administrator.devices.provisioned(id, keys, false),
      };
      newcomers.set(`new-${number}`, new Newcomer(`new-${number}`, of));
    }
    wire.shares = plan.storeShares;
    Object.assign(network.faults, plan.network);
    application.start();
    while (world.flowMs < plan.durationMs && world.violation === null) {
      this.#step();
      await world.pass(chance.skewed(1, plan.stepMsMax));
      oracle.check();
      checkBounds(this.#cast);
    }
    if (world.violation !== null) return;
    this.#isPeace = true;
    await new Peace(this.#cast, this.#strikes, this.#waits).keep();
    if (world.violation !== null) return;
    this.#isOver = true;
    machine.stop();
    await this.#waits.until(() => machine.process === null, 30_000, "the hub stops");
  }

  #step(): void {
    const { plan, chance, administrator } = this.#cast;
    const { faults, faultShare, actShare } = plan;
    if (Object.keys(faults).length > 0 && chance.is(faultShare)) this.#strikes.strike(chance.weighted(faults));
    else if (chance.is(actShare)) administrator.act();
  }

  /** Leaves nothing behind for the next story. */
  async end(): Promise<void> {
    const { devices, newcomers, machine, registry, world, application, enrollments } = this.#cast;
    application.stop();
    enrollments.stop();
    for (const device of [...devices.values(), ...newcomers.values()]) device.stop();
    machine.onChange = () => {};
    machine.buryZombie();
    machine.kill("the story is over");
    registry.close();
    await world.rest();
  }
}
