// The world of a story: virtual time, chance, the trace, and who is alive.
//
// Everything that happens is either a microtask, an immediate, or an event of the virtual clock. There is no real I/O, so
// when no microtask and no immediate is left, nothing can happen before the clock moves: the world is at rest.
//
// A process is an async context: whatever code of the hub starts (a timer, a disk operation, a request) remembers which
// process it belongs to. A dead process hears nothing any more; a paused one hears it when it goes on.

import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { seededRandom } from "../../src/lib/disk.simulated.ts";
import type { Clock } from "../../src/lib/clock.ts";

/** Taken before `builtins.ts` puts the world's own in their place. */
const realImmediate = globalThis.setImmediate;
const processes = new AsyncLocalStorage<Process>();

export class Process {
  readonly number: number;
  state: "alive" | "paused" | "dead" = "alive";
  readonly connections = new Set<DatabaseSync>();
  /** What a paused process will hear when it goes on. */
  readonly held: (() => void)[] = [];

  constructor(number: number) {
    this.number = number;
  }

  static get current(): Process | undefined {
    return processes.getStore();
  }

  /** Runs `work` as this process. */
  run<T>(work: () => T): T {
    return processes.run(this, work);
  }
}

/** What a dead process meets that was in the middle of something. Nobody hears of it. */
export class DeadProcess extends Error {
  override readonly name = "DeadProcess";
}

interface Event {
  readonly atMs: number;
  readonly owner: Process | undefined;
  readonly fire: () => void;
}

/** What a world is about to do wrong is told by throwing this, or by `World.violate` where a throw would be caught. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly check: string;

  constructor(check: string, message: string) {
    super(message);
    this.check = check;
  }
}

export class World {
  readonly seed: number;
  readonly isVerbose: boolean;
  /** Virtual time that only grows. */
  flowMs = 0;
  /** The wall time at which it began. */
  readonly startMs: number;
  /** Wall time minus `flowMs`: moved by clock faults. */
  wallOffsetMs: number;
  violation: Violation | null = null;
  /** Fires before whatever a process does next on disk, in its database or at a store: the place for a crash. */
  onOperation: (what: string) => void = () => {};
  readonly counts = new Map<string, number>();
  #immediates = 0;
  #events: Event[] = [];
  readonly #streams = new Map<string, () => number>();
  readonly #hash = createHash("sha256");
  #lines = 0;

  constructor(seed: number, startMs: number, isVerbose = false) {
    this.seed = seed;
    this.startMs = startMs;
    this.wallOffsetMs = startMs;
    this.isVerbose = isVerbose;
  }

  // ---- chance ----

  /** A stream of chance of its own for each part of the world, so that a change of one does not turn all others over. */
  random(stream: string): () => number {
    let random = this.#streams.get(stream);
    if (random === undefined) {
      const mixed = createHash("sha256").update(`${this.seed}/${stream}`).digest().readUInt32LE(0);
      random = seededRandom(mixed);
      this.#streams.set(stream, random);
    }
    return random;
  }

  chance(stream: string): Chance {
    return new Chance(this.random(stream));
  }

  bytes(count: number): Buffer {
    const random = this.random("bytes");
    const buffer = Buffer.allocUnsafe(count);
    for (let at = 0; at < count; at++) buffer[at] = Math.floor(random() * 256);
    return buffer;
  }

  // ---- time ----

  get wallMs(): number {
    return Math.floor(this.flowMs + this.wallOffsetMs);
  }

  /** The machine's clock, as the hub sees it. */
  readonly clock: Clock = {
    nowMs: () => this.wallMs,
    monotonicMs: () => this.flowMs,
    timer: (delayMs, fire) => this.at(delayMs, fire),
  };

  /** Calls `fire` after `delayMs`, for the process that asks. Returns what cancels it. */
  at(delayMs: number, fire: () => void): () => void {
    return this.#schedule(delayMs, fire, Process.current);
  }

  /** As `at`, but of the outside world: it happens whatever becomes of the process that asked. */
  later(delayMs: number, fire: () => void): () => void {
    return this.#schedule(delayMs, fire, undefined);
  }

  immediate(fire: () => void): { cancel: () => void } {
    const owner = Process.current;
    let isCancelled = false;
    this.#immediates++;
    realImmediate(() => {
      this.#immediates--;
      if (!isCancelled) this.#fire(owner, fire);
    });
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }

  /** Resolves when nothing more can happen before the clock moves. */
  async rest(): Promise<void> {
    do await new Promise<void>((resolve) => realImmediate(() => resolve()));
    while (this.#immediates > 0);
  }

  /** Lets time flow, event by event. Ends early at a violation. */
  async pass(ms: number): Promise<void> {
    const endMs = this.flowMs + ms;
    await this.rest();
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.atMs > endMs || this.violation !== null) break;
      this.#events.shift();
      this.flowMs = Math.max(this.flowMs, next.atMs);
      this.#fire(next.owner, next.fire);
      await this.rest();
    }
    this.flowMs = Math.max(this.flowMs, endMs);
  }

  #schedule(delayMs: number, fire: () => void, owner: Process | undefined): () => void {
    const event: Event = { atMs: this.flowMs + Math.max(0, delayMs), owner, fire };
    this.#insert(event);
    return () => {
      const index = this.#events.indexOf(event);
      if (index >= 0) this.#events.splice(index, 1);
    };
  }

  /** Events of one moment keep the order in which they were asked for. */
  #insert(event: Event): void {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle] as Event).atMs <= event.atMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }

  #fire(owner: Process | undefined, fire: () => void): void {
    if (owner === undefined) processes.exit(fire);
    else if (owner.state === "alive") owner.run(fire);
    else if (owner.state === "paused") owner.held.push(fire);
  }

  /** A paused process goes on: everything that came meanwhile comes now. */
  goOn(process: Process): void {
    if (process.state !== "paused") return;
    process.state = "alive";
    for (const fire of process.held.splice(0)) process.run(() => this.immediate(fire));
  }

  /** Does `work` as something of the outside world, whoever's turn it is. */
  outside<T>(work: () => T): T {
    return processes.exit(work);
  }

  // ---- trace ----

  /** One event of the story. Part of the hash: the same seed tells the same story, byte for byte. */
  tell(who: string, what: string): void {
    const line = `${this.#time()} ${who.padEnd(9)} ${what}\n`;
    this.#hash.update(line);
    this.#lines++;
    if (this.isVerbose) process.stdout.write(line);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** A promise was broken. The first one is kept; the story ends at the next look. */
  violate(check: string, message: string): void {
    this.tell("VIOLATION", `${check}: ${message}`);
    this.violation ??= new Violation(check, message);
  }

  get digest(): string {
    return `${this.#lines} ${this.#hash.copy().digest("hex").slice(0, 32)}`;
  }

  #time(): string {
    const wall = new Date(this.wallMs).toISOString();
    return `${(this.flowMs / 1000).toFixed(3).padStart(9)} ${wall.slice(0, 10) === "2026-03-04" ? wall.slice(11, 23) : wall}`;
  }
}

/** Chance in the words of a story. */
export class Chance {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** True so often, of 1. */
  is(share: number): boolean {
    return this.random() < share;
  }

  /** Whole, from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  /** As `int`, small numbers more often: each power of two as likely as the next. */
  skewed(low: number, high: number): number {
    return Math.round(low + (2 ** (this.random() * Math.log2(high - low + 1)) - 1));
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error("nothing to pick from");
    return from[Math.floor(this.random() * from.length)] as T;
  }

  /** One of the names, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Partial<Record<K, number>>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    return (entries.at(-1) as [K, number])[0];
  }
}
