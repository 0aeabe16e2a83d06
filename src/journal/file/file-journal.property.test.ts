// Stories of random length on a disk and a clock that misbehave, against a model that fits a page.
//
//   COLDPATH_PROPERTY_RUNS=20000 npx vitest run --project unit src/journal/file/file-journal.property
//
// runs longer. A failure prints its seed and the shortest story that fast-check found.

import fc from "fast-check";
import { expect, test } from "vitest";
import { windowMs, windowOf } from "../../lib/window.ts";
import type { PartitionWriter } from "../journal.ts";
import { type JournaledRecord, catJournal } from "./journal-cat.ts";
import { checkJournal } from "./journal-check.ts";
import { SimulatedMachine, journalDirectory } from "./machine.simulated.ts";

const runs = Number(process.env["COLDPATH_PROPERTY_RUNS"] ?? 120);
const hourMs = 3_600_000;

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append"),
      count: fc.integer({ min: 1, max: 5 }),
      bytes: fc.constantFrom(9, 300, 9000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.constantFrom(1, 900, 1500, 30_000, windowMs, 150_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("step"),
      ms: fc.constantFrom(-hourMs, hourMs, -200_000, 200_000, -5 * windowMs),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("freeze"), operations: fc.integer({ min: 0, max: 25 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("cut", "kill"), soonMs: fc.constantFrom(0, 30_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("release"), windowsKept: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("room"), bytes: fc.constantFrom(0, 50, 5000, 1e9, 1e9) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("fail"),
      operation: fc.constantFrom("sync", "write", "sync-directory", "rename"),
      skip: fc.integer({ min: 0, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reserve") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delay"), turns: fc.constantFrom(0, 0, 2) }) },
) as fc.Arbitrary<Action>;

type Action =
  | { do: "append"; count: number; bytes: number }
  | { do: "pass" | "step"; ms: number }
  | { do: "freeze"; operations: number }
  | { do: "cut" | "kill"; soonMs: number }
  | { do: "reopen" | "reserve" }
  | { do: "release"; windowsKept: number }
  | { do: "room"; bytes: number }
  | { do: "fail"; operation: "sync" | "write" | "sync-directory" | "rename"; skip: number }
  | { do: "delay"; turns: number };

interface Appended {
  readonly text: string;
  readonly timeMs: number;
  /** Its window and offset, once a recovery or a reader has seen it. */
  seen: { readonly window: number; readonly offset: number; readonly timeMs: number } | null;
}

/** What must be true of the journal, whatever happened. */
class Story {
  readonly machine: SimulatedMachine;
  /** Everything appended that was not found lost since; lost is only what was never acknowledged. */
  appended: Appended[] = [];
  /** So many of them are acknowledged. */
  acknowledged = 0;
  /** So many of them may have been trimmed: they were released. */
  released = 0;
  windowNext = 0;
  releasedBelow = 0;
  #number = 0;

  constructor(seed: number) {
    this.machine = new SimulatedMachine(seed, {
      bytesMax: 60_000,
      retentionMs: 10 * windowMs,
      recycleBytesMax: 40_000,
    });
  }

  async start(): Promise<void> {
    const { machine } = this;
    for (let attempt = 0; ; attempt++) {
      if (await machine.start()) break;
      if (attempt > 3) throw machine.refusedToStart;
      machine.powerCut(); // frozen, or out of room in the middle of it
      machine.disk.roomBytes = 1e9;
    }
    await this.checkAll();
  }

  append(text: string): void {
    const { machine } = this;
    const { journal } = machine;
    const index = this.appended.length;
    const refusal = machine.append(text, {
      durable: () => {
        if (machine.journal === journal) this.acknowledged = Math.max(this.acknowledged, index + 1);
      },
    });
    if (refusal !== null) return;
    const { timeMs } = machine.running.partitions[0] as PartitionWriter;
    // J4: as stamped, before it is anywhere.
    expect(timeMs).toBeGreaterThanOrEqual(this.appended.at(-1)?.timeMs ?? 0);
    expect(windowOf(timeMs)).toBeGreaterThanOrEqual(this.windowNext);
    this.appended.push({ text, timeMs, seen: null });
  }

  async act(one: Action): Promise<void> {
    const { machine } = this;
    switch (one.do) {
      case "append":
        for (let index = 0; index < one.count; index++) this.append(`${this.#number++} `.padEnd(one.bytes, "."));
        await machine.settle();
        break;
      case "pass":
        await machine.clock.pass(one.ms);
        break;
      case "step":
        machine.clock.wallMs += one.ms;
        break;
      case "freeze":
        machine.disk.freezeAfter(one.operations);
        break;
      case "cut":
      case "kill":
        this.append(`${this.#number++} `);
        if (one.soonMs > 0) await machine.clock.pass(one.soonMs);
        if (one.do === "cut") machine.powerCut();
        else machine.kill();
        await this.start();
        break;
      case "reopen": {
        let isClosed = false;
        void machine.running.close().then(() => (isClosed = true));
        await machine.settle();
        if (!machine.disk.isFrozen && machine.failure === null) expect(isClosed).toBe(true);
        machine.kill();
        await this.start();
        break;
      }
      case "release":
        this.releasedBelow = Math.max(this.releasedBelow, machine.running.windowNext() - one.windowsKept);
        machine.running.release(0, this.releasedBelow);
        await machine.settle();
        break;
      case "room":
        machine.disk.roomBytes = one.bytes;
        break;
      case "fail":
        machine.disk.fail(one.operation, "EIO", { skip: one.skip });
        break;
      case "reserve":
        (machine.running.partitions[0] as PartitionWriter).reserve(10); // and nothing committed
        break;
      case "delay":
        machine.disk.delayTurnsMax = one.turns;
        break;
    }
    this.checkOpen();
    if (machine.disk.isFrozen) {
      machine.powerCut();
      await this.start();
    } else if (machine.failure !== null) {
      machine.kill();
      await this.start();
    }
  }

  /** Cheap, after every step: what readers are shown only grows, and keeps its content. */
  checkOpen(): void {
    const { running } = this.machine;
    const windowNext = running.closedBelow(0);
    expect(windowNext, "J4: a closed window does not open again").toBeGreaterThanOrEqual(this.windowNext);
    this.windowNext = windowNext;
    for (const { window } of running.segments(0, 0)) expect(window).toBeLessThan(windowNext);
    expect(running.status().bytes, "M1: the budget").toBeLessThan(60_000 + 5 * 64 * 1024);
  }

  /** After every start and at the end: the disk holds what it must. */
  async checkAll(): Promise<void> {
    const { machine } = this;
    const disk = machine.disk.session();
    await machine.settle();
    this.checkOpen();
    const found: JournaledRecord[] = [];
    for await (const record of catJournal({ directory: journalDirectory, disk })) found.push(record);
    const first = found[0];
    // E4: what is missing at the front was released, window by window.
    const trimmed = first === undefined ? this.appended.length : this.indexOf(first);
    for (const one of this.appended.slice(0, Math.min(trimmed, this.acknowledged))) {
      expect(windowOf(one.seen?.timeMs ?? one.timeMs), `E4: ${one.text} is gone`).toBeLessThan(this.releasedBelow);
    }
    // J1, J3: a prefix of what was appended, with everything acknowledged, once, in order.
    const start = first === undefined ? Math.max(this.acknowledged, 0) : trimmed;
    expect(found.map(textOf)).toEqual(this.appended.slice(start, start + found.length).map((one) => one.text));
    expect(start + found.length, "J3: everything acknowledged").toBeGreaterThanOrEqual(this.acknowledged);
    this.appended.length = start + found.length;
    this.acknowledged = this.appended.length; // whatever a recovery has shown stays
    let timeMs = 0;
    for (const [index, record] of found.entries()) {
      const one = this.appended[start + index] as Appended;
      expect(record.offset, "J2: consecutive").toBe((first as JournaledRecord).offset + index);
      expect(record.offset, "J2: nothing was used twice").toBe(start + index);
      expect(record.timeMs).toBeGreaterThanOrEqual(timeMs);
      expect(windowOf(record.timeMs)).toBe(record.window);
      expect(windowOf(one.timeMs)).toBe(record.window);
      // J4: also what was seen in a closed window before is there as it was.
      if (one.seen !== null) {
        expect({ window: record.window, offset: record.offset, timeMs: record.timeMs }).toEqual(one.seen);
      }
      one.seen = { window: record.window, offset: record.offset, timeMs: record.timeMs };
      ({ timeMs } = record);
    }
    const report = await checkJournal(journalDirectory, disk);
    expect(report.problems).toEqual([]);
    expect(report.partitions[0]?.problems).toEqual([]);
  }

  indexOf(record: JournaledRecord): number {
    const text = textOf(record);
    const index = this.appended.findIndex((one) => one.text === text);
    expect(index, `${text} was never appended, or was lost before`).toBeGreaterThanOrEqual(0);
    return index;
  }

  /** In the end, with a well disk, everything is readable through the port. */
  async end(): Promise<void> {
    const { machine } = this;
    machine.powerCut();
    machine.disk.roomBytes = 1e9;
    machine.disk.delayTurnsMax = 0;
    await this.start();
    await machine.clock.pass(3 * windowMs + 2 * 60_000);
    machine.clock.wallMs += 2 * hourMs; // past whatever the clock did; believed after a minute
    await machine.clock.pass(3 * windowMs);
    const texts = (await machine.closedRecords()).map((text) => text);
    expect(texts).toEqual(this.appended.slice(this.appended.length - texts.length).map((one) => one.text));
    const trimmed = this.appended.slice(0, this.appended.length - texts.length);
    for (const one of trimmed) expect(windowOf(one.timeMs)).toBeLessThan(this.releasedBelow);
  }
}

function textOf(record: JournaledRecord): string {
  return record.bytes.toString("latin1");
}

async function tell(seed: number, actions: readonly Action[], liesAboutSync: boolean): Promise<void> {
  const story = new Story(seed);
  story.machine.disk.liesAboutSync = liesAboutSync;
  await story.start();
  for (const one of actions) await story.act(one);
  await story.end();
}

const stories = (liesAboutSync: boolean): fc.IAsyncProperty<[number, Action[]]> =>
  fc.asyncProperty(
    fc.integer({ min: 0 }),
    fc.array(action, { minLength: 1, maxLength: 40, size: "max" }),
    (seed, actions) => tell(seed, actions, liesAboutSync),
  );

test(
  "J1–J4, E4: whatever happens, everything acknowledged is there once, in order, where it was",
  { timeout: 30_000 + runs * 200 },
  async () => {
    await fc.assert(stories(false), { numRuns: runs, endOnFailure: runs > 1000 });
  },
);

test("control: on a disk that lies about sync the same stories do fail", async () => {
  const outcome = await fc.check(stories(true), { numRuns: 200, endOnFailure: true });
  expect(outcome.failed).toBe(true);
});
