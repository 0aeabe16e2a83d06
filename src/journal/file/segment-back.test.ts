// Reading back: every record once, in the reverse order of batches, whatever the frames' sizes; and what is left of a
// damaged window (J3).

import fc from "fast-check";
import { expect, test } from "vitest";
import { printWindow, windowMs, windowOf } from "../../lib/window.ts";
import type { RecordBatch } from "../journal.ts";
import { headerBytes } from "./segment-format.ts";
import { SimulatedMachine, journalDirectory, storyStartMs } from "./machine.simulated.ts";

const firstWindow = windowOf(storyStartMs);
const firstPath = `${journalDirectory}/0/${printWindow(firstWindow)}.seg`;

function textsOf({ bytes, lengths }: Pick<RecordBatch, "bytes" | "lengths">): string[] {
  let at = 0;
  return Array.from(lengths, (length) => bytes.toString("utf8", at, (at += length)));
}

/** Batches as they come, and the code of the error at the end. */
async function readBack(machine: SimulatedMachine, window: number): Promise<{ batches: string[][]; code: unknown }> {
  const batches: string[][] = [];
  try {
    for await (const batch of machine.running.readBack(0, window, new AbortController().signal)) {
      batches.push(textsOf(batch));
    }
  } catch (error) {
    return { batches, code: (error as { code?: unknown }).code };
  }
  return { batches, code: null };
}

async function readForward(machine: SimulatedMachine): Promise<string[][]> {
  const batches: string[][] = [];
  for (const segment of machine.running.segments(0, 0)) {
    for await (const batch of machine.running.read(segment)) batches.push(textsOf(batch));
  }
  return batches;
}

test("J2: what is read back is what is read forward, in frames of any size, while the window is open and when it is closed", async () => {
  // Below and above what is read at once, for heads and for frames.
  const recordBytes = fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 3, arbitrary: fc.integer({ min: 3000, max: 5000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 900_000, max: 1_200_000 }) },
  );
  const frame = fc.array(recordBytes, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 12 }), async (frames) => {
      const machine = new SimulatedMachine(1, { frameBytesMax: 8 * 1024 * 1024 });
      expect(await machine.start()).toBe(true);
      let number = 0;
      const text = (bytes: number): string => `${number++}`.padEnd(bytes, "x");
      for (const sizes of frames) {
        for (const bytes of sizes.slice(1)) machine.append(text(bytes));
        await machine.accept(text(sizes[0] ?? 1));
      }
      const open = await readBack(machine, firstWindow);
      await machine.clock.pass(windowMs);
      const closed = await readBack(machine, firstWindow);
      const forward = await readForward(machine);
      expect(open).toEqual({ batches: forward.toReversed(), code: null });
      expect(closed).toEqual(open);
      expect(closed.batches.flat()).toHaveLength(number);
    }),
    { numRuns: 8 },
  );
}, 120_000);

test("J3: with a byte flipped anywhere, no record is shown that was not written, the whole ones are, and the damage is told", async () => {
  const written = ["a1", "b1", "c1", "d1"];
  const story = async (isClosed: boolean): Promise<SimulatedMachine> => {
    const machine = new SimulatedMachine(1);
    expect(await machine.start()).toBe(true);
    for (const text of written) await machine.accept(text);
    await machine.clock.pass(isClosed ? windowMs : 1);
    return machine;
  };
  for (const isClosed of [true, false]) {
    const size = (await story(isClosed)).disk.content(firstPath).length;
    const outcomes = new Set<string>();
    for (let at = 0; at < size; at += at < headerBytes ? headerBytes / 8 : 3) {
      const machine = await story(isClosed);
      machine.disk.flipBit(firstPath, at, at % 8);
      const { batches, code } = await readBack(machine, firstWindow);
      const found = batches.flat();
      expect(written.toReversed().filter((text) => found.includes(text))).toEqual(found);
      expect(code === null || code === "journal-corrupt", `byte ${at}: ${String(code)}`).toBe(true);
      if (found.length < 4) expect(code, `byte ${at}`).toBe("journal-corrupt");
      outcomes.add(`${found.length} ${String(code)}`);
      if (code !== null) expect(machine.notices(), `byte ${at}`).toContain("corruption");
    }
    // A head that is damaged hides what is behind it, a body only itself.
    expect([...outcomes]).toEqual(
      expect.arrayContaining([0, 1, 2, 3].map((count) => `${count} journal-corrupt`).concat("4 null")),
    );
  }
}, 60_000);

test("a window that is trimmed while it is looked for is told as such; one that is read stays until then", async () => {
  const machine = new SimulatedMachine(1, { bytesMax: 20_000, retentionMs: 0 });
  expect(await machine.start()).toBe(true);
  for (const text of ["a".repeat(8000), "b".repeat(8000)]) {
    await machine.accept(text);
    await machine.clock.pass(windowMs);
  }
  const reading = machine.running.readBack(0, firstWindow, new AbortController().signal)[Symbol.asyncIterator]();
  const first = reading.next();
  machine.running.release(0, firstWindow + 2);
  await machine.clock.pass(1);
  expect((await first).value?.lengths).toEqual(Uint32Array.of(8000));
  expect(await reading.next()).toMatchObject({ done: true });
  await machine.clock.pass(windowMs);
  expect(await readBack(machine, firstWindow)).toEqual({ batches: [], code: "journal-trimmed" });
});

test("J1: what is durable is read back at every moment, also while its window is being closed", async () => {
  const machine = new SimulatedMachine(1);
  expect(await machine.start()).toBe(true);
  await machine.accept("a");
  machine.disk.delayTurnsMax = 20;
  // Not by its timers: they would wait until nobody reads.
  machine.clock.wallMs += windowMs;
  machine.clock.flowMs += windowMs;
  expect(machine.append("b")).toBeNull();
  for (let look = 0; look < 200; look++) {
    expect(await readBack(machine, firstWindow), `look ${look}`).toEqual({ batches: [["a"]], code: null });
  }
  expect(machine.running.closedBelow(0)).toBe(firstWindow + 1);
});
