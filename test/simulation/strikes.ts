// The faults of a story: what strikes the machine, the disk, the clock and the store, and when it ends.

import type { Cast } from "./cast.ts";
import { pathOf } from "./expected-files.ts";
import { stageDirectory } from "./hub.ts";
import type { MachineFault } from "./plan.ts";
import { definitionAt } from "./registry-truth.ts";
import type { StoredBlob } from "./store.ts";
import { Process } from "./world.ts";

const yearMs = 400 * 86_400_000;

export class Strikes {
  readonly #cast: Cast;
  readonly #foreign: { container: string; path: string; blob: StoredBlob }[] = [];
  /** Operations until the process dies in the middle of one; some times only those at the store count, which are few. */
  #armed: { left: number; kind: "kill" | "power cut"; at: "" | "store" } | null = null;

  constructor(cast: Cast) {
    this.#cast = cast;
    const { world, machine } = cast;
    world.onOperation = (what) => {
      if (this.#armed === null || Process.current === undefined || Process.current !== machine.process) return;
      if (!what.startsWith(this.#armed.at) || --this.#armed.left > 0) return;
      const { kind } = this.#armed;
      this.#armed = null;
      world.count(`${kind} at ${what.split(/\s/)[0]}`);
      world.outside(() => (kind === "kill" ? machine.kill(`killed at: ${what}`) : machine.powerCut(what)));
    };
  }

  /** Nobody dies in the middle of an operation any more. */
  disarm(): void {
    this.#armed = null;
  }

  strike(fault: MachineFault | "outage"): void {
    const { world, chance, machine, wire, plan } = this.#cast;
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
        world.wallOffsetMs =
          world.wallOffsetMs === world.startMs ? world.startMs + chance.pick([-1, 1]) * yearMs : world.startMs;
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
        if (wire.outage !== null || plan.outages.length === 0) return;
        wire.outage = chance.pick(plan.outages);
        world.tell("store", `fails everything with ${wire.outage}`);
        world.later(chance.skewed(5_000, 180_000), () => {
          wire.outage = null;
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
    const { journal, world } = this.#cast;
    journal.look();
    const isOpen = world.chance("open segments").is(0.4);
    return (isOpen && this.#flipBitInOpen()) || this.#flipBitAtRest();
  }

  /** Before its last frame: there, nothing tells it from a write that was cut short. */
  #flipBitInOpen(): boolean {
    const { world, journal, machine } = this.#cast;
    const chance = world.chance("open segments");
    const segments = journal.open();
    if (segments.length === 0) return false;
    const { path, lastFrameAt } = chance.pick(segments);
    const at = chance.int(4096, lastFrameAt - 1);
    const bit = chance.int(0, 7);
    world.tell("disk", `a bit of ${path}, which is open, turns over at ${at}`);
    world.count("bit flip in an open segment");
    machine.disk.flipBit(path, at, bit);
    journal.turned(path, at, bit);
    return true;
  }

  #flipBitAtRest(): boolean {
    const { chance, machine, journal, world } = this.#cast;
    const { disk } = machine;
    const named = new Set(disk.paths());
    const paths = disk.stableContents().filter(([path, content]) => {
      if (content.length === 0 || !named.has(path)) return false;
      if (path.startsWith(`${stageDirectory}/`)) return path.endsWith(".jsonl");
      return journal.all().some((closed) => closed.path === path);
    });
    if (paths.length === 0) return false;
    const [path, content] = chance.pick(paths);
    const closed = journal.all().find((one) => one.path === path);
    // Behind its header, where every bit counts.
    const at = closed === undefined ? chance.int(0, content.length - 1) : chance.int(4096, content.length - 1);
    world.tell("disk", `a bit of ${path} turns over at ${at} of ${content.length}`);
    disk.flipBit(path, at, chance.int(0, 7));
    if (closed !== undefined) closed.isDamaged = true;
    return true;
  }

  #deleteContainer(): boolean {
    const { store, chance, world } = this.#cast;
    const present = [...store.containers.keys()];
    if (present.length === 0) return false;
    const name = chance.pick(present);
    store.containers.delete(name);
    world.later(chance.skewed(1_000, 120_000), () => {
      if (store.createContainer(name)) world.tell("store", `${name} is there again, empty`);
    });
    return true;
  }

  /** Somebody else puts something where a file of ours will be. */
  #plantForeign(): boolean {
    const { chance, registry, journal, store, world, administrator } = this.#cast;
    const exports = [...registry.exports.values()];
    if (exports.length === 0) return false;
    const window = journal.floorHighest + chance.int(0, 1);
    const definition = definitionAt(chance.pick(exports), window);
    const container = store.containers.get(definition?.container ?? "");
    if (definition === undefined || container === undefined) return false;
    const type = chance.pick(definition.types);
    const path = pathOf(definition.pathTemplate, { type, window, partition: 0, part: 0 });
    if (container.blobs.has(path)) return false;
    const bytes = Buffer.from(chance.pick(["not ours", "Obj\u0001 not whole"]));
    const blob = { bytes, metadata: chance.pick([{}, { coldpath: "1", installation: "another" }]) };
    container.blobs.set(path, blob);
    this.#foreign.push({ container: definition.container, path, blob });
    world.tell("store", `somebody else puts ${definition.container}/${path}`);
    world.later(chance.skewed(30_000, 200_000), () => {
      this.removeForeign();
      void administrator.mend();
    });
    return true;
  }

  /** Whoever overwrites one is told of at once (E5); one that is gone went with its container. */
  removeForeign(): void {
    const { store, world } = this.#cast;
    for (const { container, path, blob } of this.#foreign.splice(0)) {
      const blobs = store.containers.get(container)?.blobs;
      if (blobs?.get(path) !== blob) continue;
      blobs.delete(path);
      world.tell("store", `the foreign ${container}/${path} is moved away`);
    }
  }
}
