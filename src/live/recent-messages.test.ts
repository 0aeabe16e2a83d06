// The search for a device's last messages: its bounds, and what it says of itself when it is cut short.

import { afterEach, expect, test } from "vitest";
import { ManualClock } from "../journal/journal.contract.ts";
import type { PartitionWriter, RecordBatch } from "../journal/journal.ts";
import { MemoryJournal } from "../journal/memory/memory-journal.ts";
import { ColdpathError } from "../lib/errors.ts";
import { windowMs, windowOf } from "../lib/window.ts";
import { EnqueuedTime } from "../message/enqueued-time.ts";
import { noProperties } from "../message/message.ts";
import { recordBytesMax, recordHead, writeRecord } from "../message/record-encoder.ts";
import type { ReadBounds } from "./live.ts";
import { RecentMessages } from "./recent-messages.ts";

const startMs = Date.parse("2026-01-02T03:04:05.000Z");
const never = new AbortController().signal;
const bounds: ReadBounds = {
  scanBytesMax: 1e9,
  scanMs: 10_000,
  answerBytesMax: 1e6,
  scansMax: 2,
  scansWaitingMax: 2,
};
const rest = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
};

let journal: MemoryJournal;
let clock: ManualClock;
afterEach(async () => await journal.close());

function open(partitions = 1): void {
  clock = new ManualClock(startMs, rest);
  journal = new MemoryJournal({ clock, partitions });
}

async function put(deviceId: string, ...bodies: readonly string[]): Promise<void> {
  const writer = journal.partitions[0] as PartitionWriter;
  const head = recordHead({ deviceId, authScope: "device", generationId: "1" }, noProperties);
  const time = new EnqueuedTime();
  for (const text of bodies) {
    const body = Buffer.from(text);
    expect(writer.reserve(recordBytesMax(head, body.length))).toBeNull();
    time.set(writer.timeMs);
    writer.commit(writeRecord(writer.buffer, writer.position, time, head, body, 0, body.length));
  }
  await writer.flush();
}

const search = { deviceId: "d", limit: 100, sinceMs: null };

test("M1: a search ends when it has read its bytes, and says how far it came", async () => {
  open();
  await put("d", "old");
  await clock.pass(windowMs);
  for (let index = 0; index < 20; index++) {
    await put("loud", "x".repeat(100_000));
    await clock.pass(1000);
  }
  const far = await new RecentMessages({ ...bounds, journal }).find(search, never);
  expect(far).toMatchObject({ messages: [{ bodyText: "old" }], endedBy: null });
  expect(far.scannedBytes).toBeGreaterThan(2_000_000);
  const near = await new RecentMessages({ ...bounds, scanBytesMax: 500_000, journal }).find(search, never);
  expect(near).toMatchObject({ messages: [], endedBy: "bytes" });
  expect(near.scannedBytes).toBeLessThan(700_000);
  // The fifth record from the end, a second apart.
  expect(near.scannedFromMs).toBe(startMs + windowMs + 15_000);
});

test("M1: a search ends when its time is over, and holds the event loop for a few milliseconds at most", async () => {
  open();
  await put("d", "old");
  const bodies = Array.from({ length: 20_000 }, () => "x");
  for (let index = 0; index < 10; index++) await put("loud", ...bodies);
  const recent = new RecentMessages({ ...bounds, journal });
  let longestMs = 0;
  const turns = { last: performance.now(), isOver: false };
  const watch = (async () => {
    while (!turns.isOver) {
      await new Promise(setImmediate);
      longestMs = Math.max(longestMs, performance.now() - turns.last);
      turns.last = performance.now();
    }
  })();
  const whole = await recent.find(search, never);
  turns.isOver = true;
  await watch;
  expect(whole).toMatchObject({ messages: [{ bodyText: "old" }], endedBy: null });
  const cut = await new RecentMessages({ ...bounds, scanMs: 1, journal }).find(search, never);
  expect(cut).toMatchObject({ messages: [], endedBy: "time" });
  // Far above what it should be, far below what 200,000 records in one go take.
  expect(longestMs).toBeLessThan(1000);
});

test("whoever asked and left ends the search", async () => {
  open();
  await put("d", "1", ...Array.from({ length: 1000 }, () => "2"));
  const recent = new RecentMessages({ ...bounds, journal });
  const gone = new AbortController();
  const found = recent.find(search, gone.signal);
  gone.abort();
  expect(await found).toMatchObject({ messages: [], endedBy: "time" });
  await expect(recent.find(search, gone.signal)).rejects.toThrow(/abort/i);
});

test("J3: windows that are damaged or were trimmed are told, and the others are shown", async () => {
  open();
  const first = windowOf(startMs);
  for (const body of ["1", "2", "3"]) {
    await put("d", body);
    await clock.pass(windowMs);
  }
  const damaged = {
    ...bounds,
    journal: {
      partitions: journal.partitions,
      partitionNumbers: () => journal.partitionNumbers(),
      closedBelow: (partition: number) => journal.closedBelow(partition),
      segments: (partition: number, windowFirst: number) => journal.segments(partition, windowFirst),
      async *readBack(partition: number, window: number, signal: AbortSignal): AsyncGenerator<RecordBatch> {
        if (window === first + 2) throw new ColdpathError("not-found", "journal-trimmed", "It is gone.", {});
        yield* journal.readBack(partition, window, signal);
        if (window === first + 1) throw new ColdpathError("conflict", "journal-corrupt", "It is damaged.", {});
      },
    },
  };
  const { messages, endedBy, unreadable } = await new RecentMessages(damaged).find(search, never);
  expect(messages.map(({ bodyText }) => bodyText)).toEqual(["2", "1"]);
  expect(endedBy).toBeNull();
  expect(unreadable).toEqual([
    { partition: 0, window: first + 2, code: "journal-trimmed", message: "It is gone." },
    { partition: 0, window: first + 1, code: "journal-corrupt", message: "It is damaged." },
  ]);
});
