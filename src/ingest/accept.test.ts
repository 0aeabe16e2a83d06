import { afterEach, expect, test } from "vitest";
import { MemoryJournal } from "../journal/memory/memory-journal.ts";
import { systemClock } from "../lib/clock.ts";
import { noProperties } from "../message/message.ts";
import { recordHead } from "../message/record-encoder.ts";
import { Accept } from "./accept.ts";
import { newCounters } from "./ingest.ts";

const head = recordHead({ deviceId: "a", authScope: "device", generationId: "1" }, noProperties);
let journal: MemoryJournal;
afterEach(() => journal.close());

function acceptOn(options: { partitions?: number; frameBytesMax?: number }): Accept {
  journal = new MemoryJournal({ clock: systemClock, ...options });
  const accept = new Accept(newCounters());
  expect(accept.refusal).toBe("starting");
  accept.open(journal);
  expect(accept.refusal).toBeNull();
  return accept;
}

test("A device always takes the same partition, and all partitions are taken", () => {
  const accept = acceptOn({ partitions: 4 });
  const taken = new Set<number>();
  for (let index = 0; index < 200; index++) {
    const { partition } = accept.pathOf(`dev-${index}`).writer;
    expect(accept.pathOf(`dev-${index}`).writer.partition).toBe(partition);
    taken.add(partition);
  }
  expect(taken.size).toBe(4);
});

test("Several messages are one frame with one time, or none of them is taken", async () => {
  const accept = acceptOn({ frameBytesMax: 10_000 });
  const path = accept.pathOf("a");
  const messages = (count: number, bytes: number) =>
    Array.from({ length: count }, () => ({ head, body: Buffer.alloc(bytes) }));
  expect(path.acceptAll(messages(3, 10_000))).toBe("too-large");
  expect(path.acceptAll(messages(2, 3_000))).toBeNull();
  // The next ones do not fit behind them: they are taken whole, into the next frame, or not at all.
  const outcomes = [path.acceptAll(messages(3, 2_000)), path.acceptAll(messages(3, 2_000))];
  expect(outcomes).toEqual([null, "wait"]);
  await path.writer.flush();
  expect(journal.partitions[0]?.batches.map(({ lengths }) => lengths.length)).toEqual([2, 3]);
  expect(accept.counters).toMatchObject({ acceptedMessages: 5, acceptedBytes: 12_000 });
});
