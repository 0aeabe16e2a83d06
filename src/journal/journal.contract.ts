// The journal's contract: stories that every adapter tells the same way. Called by one test file per adapter.

import { expect, test } from "vitest";
import type { Clock } from "../lib/clock.ts";
import { windowMs, windowOf } from "../lib/window.ts";
import { SimulatedClock } from "./clock.simulated.ts";
import type { Journal, PartitionWriter, RecordBatch, Segment } from "./journal.ts";
import { append } from "./records.simulated.ts";

/** A clock that tests move by hand; what its timers start gets a while to come to rest. */
export class ManualClock extends SimulatedClock {
  constructor(wallMs: number, atRest: () => Promise<void> = restForAWhile) {
    super(wallMs, atRest);
  }
}

/** Lets pending work of the event loop and the disk come to rest. */
async function restForAWhile(): Promise<void> {
  for (let turn = 0; turn < 25; turn++) await new Promise((resolve) => setTimeout(resolve, turn % 5 === 4 ? 1 : 0));
}

export async function readAll(journal: Journal, segment: Segment): Promise<string[]> {
  const records: string[] = [];
  let offset = segment.offsetFirst;
  for await (const batch of journal.read(segment)) {
    expect(batch.offsetFirst).toBe(offset);
    let at = 0;
    for (const length of batch.lengths) {
      records.push(batch.bytes.toString("utf8", at, at + length));
      at += length;
    }
    expect(at).toBe(batch.bytes.length);
    expect(windowOf(batch.timeMs)).toBe(segment.window);
    offset += batch.lengths.length;
  }
  expect(offset).toBe(segment.offsetNext);
  return records;
}

export interface JournalSetting {
  readonly clock: Clock;
  readonly partitions?: number;
  readonly bytesMax?: number;
  readonly frameBytesMax?: number;
}

const startMs = Date.parse("2026-01-02T03:04:05.000Z");

/** @param rest  where the adapter knows better than to wait for a while. */
export function journalContract(
  name: string,
  open: (setting: JournalSetting) => Promise<Journal>,
  rest: () => Promise<void> = restForAWhile,
): void {
  const openWith = async (
    more: Partial<JournalSetting> = {},
  ): Promise<{ clock: ManualClock; journal: Journal; writer: PartitionWriter }> => {
    const clock = new ManualClock(startMs, rest);
    const journal = await open({ clock, ...more });
    return { clock, journal, writer: journal.partitions[0] as PartitionWriter };
  };

  test(`${name}: J1: a waiter is told once, after the turn that committed, in order`, async () => {
    const { journal, writer } = await openWith();
    const told: string[] = [];
    append(writer, "one", { durable: () => told.push("one") });
    append(writer, "two", { durable: () => told.push("two") });
    expect(told).toEqual([]);
    await writer.flush();
    expect(told).toEqual(["one", "two"]);
    await journal.close();
  });

  test(`${name}: a waiter with nothing before it is told at once`, async () => {
    const { journal, writer } = await openWith();
    let told = 0;
    writer.onDurable({ durable: () => told++ });
    expect(told).toBe(1);
    await journal.close();
  });

  test(`${name}: J2, J4: closed windows hold consecutive offsets in order; the open window is not shown`, async () => {
    const { clock, journal, writer } = await openWith();
    append(writer, "a1");
    append(writer, "a2");
    await writer.flush();
    expect(journal.segments(0, 0)).toEqual([]);
    await clock.pass(windowMs);
    append(writer, "b1");
    await writer.flush();
    await clock.pass(3 * windowMs);
    append(writer, "c1");
    await writer.flush();
    await clock.pass(windowMs);
    const segments = journal.segments(0, 0);
    const first = windowOf(startMs);
    expect(segments.map(({ window, offsetFirst, offsetNext }) => [window, offsetFirst, offsetNext])).toEqual([
      [first, 0, 2],
      [first + 1, 2, 3],
      [first + 4, 3, 4],
    ]);
    expect(await readAll(journal, segments[0] as Segment)).toEqual(["a1", "a2"]);
    expect(await readAll(journal, segments[2] as Segment)).toEqual(["c1"]);
    expect(journal.segments(0, first + 2).length).toBe(1);
    expect(journal.windowNext()).toBe(first + 5);
    await journal.close();
  });

  test(`${name}: J4: a frame that is still open when its window ends stays in its window`, async () => {
    const { clock, journal, writer } = await openWith();
    append(writer, "before");
    clock.wallMs += 56_000;
    clock.flowMs += 56_000;
    writer.onDurable({ durable: () => {} });
    append(writer, "after");
    await writer.flush();
    await clock.pass(2 * windowMs);
    const segments = journal.segments(0, 0);
    expect(segments.length).toBe(2);
    expect(await readAll(journal, segments[0] as Segment)).toEqual(["before"]);
    expect(await readAll(journal, segments[1] as Segment)).toEqual(["after"]);
    await journal.close();
  });

  test(`${name}: J4: a reservation that was never committed does not bring its time into a later window`, async () => {
    const { clock, journal, writer } = await openWith();
    append(writer, "a");
    await writer.flush();
    expect(writer.reserve(10)).toBeNull();
    await clock.pass(windowMs);
    expect(journal.closedBelow(0)).toBe(windowOf(startMs) + 1);
    append(writer, "b");
    await writer.flush();
    expect(windowOf(writer.timeMs)).toBe(windowOf(startMs) + 1);
    await clock.pass(2 * windowMs);
    const texts = await Promise.all(journal.segments(0, 0).map((segment) => readAll(journal, segment)));
    expect(texts).toEqual([["a"], ["b"]]);
    await journal.close();
  });

  test(`${name}: J4: a record that nobody waits for ends its turn like any other`, async () => {
    const { clock, journal, writer } = await openWith();
    append(writer, "a");
    await clock.pass(windowMs);
    append(writer, "b");
    await clock.pass(2 * windowMs);
    const texts = await Promise.all(journal.segments(0, 0).map((segment) => readAll(journal, segment)));
    expect(texts).toEqual([["a"], ["b"]]);
    await journal.close();
  });

  test(`${name}: J4: while the wall clock is an hour behind, time creeps on and windows keep closing`, async () => {
    const { clock, journal, writer } = await openWith();
    append(writer, "early");
    await writer.flush();
    clock.wallMs -= 3_600_000;
    await clock.pass(1000);
    expect(append(writer, "refused")).toBe("clock");
    await clock.pass(61_000);
    expect(append(writer, "creeping")).toBeNull();
    expect(writer.timeMs).toBeGreaterThanOrEqual(startMs);
    await writer.flush();
    await clock.pass(5 * windowMs);
    const segments = journal.segments(0, 0);
    const texts = (await Promise.all(segments.map((segment) => readAll(journal, segment)))).flat();
    expect(texts).toEqual(["early", "creeping"]);
    await journal.close();
  });

  test(`${name}: a jump forward is not believed for a minute, and those who wait are called then`, async () => {
    const { clock, journal, writer } = await openWith();
    clock.wallMs += 3_600_000;
    expect(append(writer, "x")).toBe("clock");
    let called = 0;
    writer.onRoom(() => called++, 1);
    await clock.pass(50_000);
    expect(append(writer, "x")).toBe("clock");
    expect(called).toBe(0);
    await clock.pass(15_000);
    expect(called).toBe(1);
    expect(append(writer, "x")).toBeNull();
    await journal.close();
  });

  test(`${name}: a jump that goes away was none`, async () => {
    const { clock, journal, writer } = await openWith();
    clock.wallMs += 3_600_000;
    expect(append(writer, "x")).toBe("clock");
    clock.wallMs -= 3_600_000;
    expect(append(writer, "x")).toBeNull();
    expect(writer.timeMs).toBe(startMs);
    await journal.close();
  });

  test(`${name}: M1: when the frames in memory are full a writer waits and is called`, async () => {
    const { journal, writer } = await openWith({ frameBytesMax: 1000 });
    const text = "x".repeat(400);
    let accepted = 0;
    while (append(writer, text) === null) accepted++;
    expect(accepted).toBe(4); // two frames of two records
    const room = new Promise<void>((resolve) => writer.onRoom(resolve, 1));
    await room;
    expect(append(writer, text)).toBeNull();
    await journal.close();
  });

  test(`${name}: several records reserved at once share a frame`, async () => {
    const { clock, journal, writer } = await openWith({ frameBytesMax: 1000 });
    append(writer, "x".repeat(600));
    expect(writer.reserve(900, 3)).toBeNull();
    for (let index = 0; index < 3; index++) {
      writer.buffer.fill(65 + index, writer.position, writer.position + 300);
      writer.commit(writer.position + 300);
    }
    await writer.flush();
    await clock.pass(2 * windowMs);
    const segment = journal.segments(0, 0)[0] as Segment;
    const sizes: number[] = [];
    for await (const batch of journal.read(segment)) sizes.push(batch.lengths.length);
    expect(sizes).toEqual([1, 3]);
    await journal.close();
  });

  test(`${name}: E4: over the budget devices are refused until something released was trimmed`, async () => {
    const { clock, journal, writer } = await openWith({ bytesMax: 100_000 });
    append(writer, "x".repeat(60_000));
    await writer.flush();
    await clock.pass(windowMs);
    append(writer, "y".repeat(60_000));
    await writer.flush();
    await rest();
    expect(append(writer, "z")).toBe("full");
    expect(writer.refusal).toBe("full");
    expect(journal.segments(0, 0).length).toBe(1);
    let called = 0;
    writer.onRoom(() => called++, 1);
    journal.release(0, windowOf(startMs) + 1);
    await rest();
    expect(called).toBe(1);
    expect(journal.segments(0, 0)).toEqual([]);
    expect(append(writer, "z")).toBeNull();
    await journal.close();
  });

  test(`${name}: partitions have offsets of their own, and the oldest open window counts`, async () => {
    const { clock, journal } = await openWith({ partitions: 2 });
    const [first, second] = journal.partitions as [PartitionWriter, PartitionWriter];
    append(first, "p0");
    append(second, "p1");
    append(second, "p1 again");
    await Promise.all([first.flush(), second.flush()]);
    await clock.pass(windowMs);
    expect(journal.segments(0, 0)[0]).toMatchObject({ offsetFirst: 0, offsetNext: 1 });
    expect(journal.segments(1, 0)[0]).toMatchObject({ offsetFirst: 0, offsetNext: 2 });
    expect(journal.windowNext()).toBe(windowOf(startMs) + 1);
    expect(journal.windowNewest()).toBe(windowOf(startMs) + 1);
    await journal.close();
  });

  test(`${name}: what was recovered is read from the newest window back, the open ones included`, async () => {
    const { clock, journal } = await openWith({ partitions: 2 });
    const [one, two] = journal.partitions as [PartitionWriter, PartitionWriter];
    const first = windowOf(startMs);
    for (const text of ["a", "b", "c"]) {
      append(one, `${text}1`);
      append(one, `${text}2`);
      if (text !== "b") append(two, `${text}3`);
      await Promise.all([one.flush(), two.flush()]);
      if (text !== "c") await clock.pass(windowMs);
    }
    const read = async (windowFirst: number, windowLast: number): Promise<string[]> => {
      const found: string[] = [];
      for await (const { bytes, lengths, timeMs } of journal.recovered(windowFirst, windowLast)) {
        expect(windowOf(timeMs)).toBeGreaterThanOrEqual(windowFirst);
        let at = 0;
        for (const length of lengths) found.push(bytes.toString("utf8", at, (at += length)));
      }
      return found;
    };
    const all = await read(first, first + 2);
    expect(all.filter((text) => text.endsWith("3"))).toEqual(["c3", "a3"]);
    expect(all.filter((text) => !text.endsWith("3"))).toEqual(["c1", "c2", "b1", "b2", "a1", "a2"]);
    expect(await read(first + 1, first + 1)).toEqual(["b1", "b2"]);
    expect(await read(first + 3, first + 9)).toEqual([]);
    await journal.close();
  });

  const texts = (batch: RecordBatch): string[] => {
    let at = 0;
    return Array.from(batch.lengths, (length) => batch.bytes.toString("utf8", at, (at += length)));
  };

  test(`${name}: a window is read from its newest batch back, also while it is open, and what is durable only`, async () => {
    const { clock, journal, writer } = await openWith();
    const first = windowOf(startMs);
    const readBack = async (window: number): Promise<string[]> => {
      const found: string[] = [];
      for await (const batch of journal.readBack(0, window, new AbortController().signal)) {
        expect(windowOf(batch.timeMs)).toBe(window);
        found.push(`${batch.offsetFirst}:${texts(batch).join("+")}`);
      }
      return found;
    };
    expect(await readBack(first)).toEqual([]);
    for (const two of [["a", "b"], ["c"], ["d", "e"]]) {
      for (const text of two) append(writer, text);
      await writer.flush();
    }
    append(writer, "not durable yet");
    expect(await readBack(first)).toEqual(["3:d+e", "2:c", "0:a+b"]);
    await writer.flush();
    await clock.pass(windowMs);
    expect(await readBack(first)).toEqual(["5:not durable yet", "3:d+e", "2:c", "0:a+b"]);
    expect(await readBack(first + 1)).toEqual([]);
    await expect(readBack(first - 1)).rejects.toMatchObject({ code: "journal-trimmed" });
    await journal.close();
  });

  test(`${name}: reading back ends when it is told to`, async () => {
    const { journal, writer } = await openWith();
    for (const text of ["a", "b", "c"]) {
      append(writer, text);
      await writer.flush();
    }
    const end = new AbortController();
    const found: string[] = [];
    for await (const batch of journal.readBack(0, windowOf(startMs), end.signal)) {
      found.push(...texts(batch));
      if (found.length === 2) end.abort();
    }
    expect(found).toEqual(["c", "b"]);
    await journal.close();
  });

  test(`${name}: J1: whoever watches sees each batch once, when it is durable and its waiters were told`, async () => {
    const { clock, journal } = await openWith({ partitions: 2 });
    const [writer, other] = journal.partitions as [PartitionWriter, PartitionWriter];
    const seen: string[] = [];
    const watcher = (batch: RecordBatch): void => void seen.push(`${batch.offsetFirst}:${texts(batch).join("+")}`);
    append(writer, "before");
    await writer.flush();
    const leave = journal.watch(0, watcher);
    const leaveAgain = journal.watch(0, watcher);
    append(writer, "a", {
      durable: () => {
        seen.push("told");
        append(writer, "of the call"); // must not come into the frame that is shown
      },
    });
    append(writer, "b");
    append(other, "elsewhere");
    expect(seen).toEqual([]);
    await Promise.all([writer.flush(), other.flush()]);
    await writer.flush();
    await clock.pass(1000);
    expect(seen).toEqual(["told", "1:a+b", "1:a+b", "3:of the call", "3:of the call"]);
    leave();
    leave();
    append(writer, "c");
    await writer.flush();
    await clock.pass(1000);
    expect(seen.at(-1)).toBe("4:c");
    expect(seen).toHaveLength(6);
    leaveAgain();
    append(writer, "d");
    await writer.flush();
    await clock.pass(1000);
    expect(seen).toHaveLength(6);
    await journal.close();
  });

  test(`${name}: closing makes what was committed durable and refuses the rest`, async () => {
    const { journal, writer } = await openWith();
    let told = 0;
    append(writer, "x", { durable: () => told++ });
    await journal.close();
    expect(told).toBe(1);
    expect(append(writer, "y")).toBe("draining");
  });

  test(`${name}: listeners hear of every close until they leave`, async () => {
    const { clock, journal } = await openWith();
    let heard = 0;
    const leave = journal.onClosed(() => heard++);
    await clock.pass(2 * windowMs);
    const before = heard;
    expect(before).toBeGreaterThanOrEqual(2);
    leave();
    await clock.pass(2 * windowMs);
    expect(heard).toBe(before);
    await journal.close();
  });
}
