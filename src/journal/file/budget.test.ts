// An operator is told long before devices are refused, and only when it is so.

import { expect, test } from "vitest";
import { windowMs, windowOf } from "../../lib/window.ts";
import { SimulatedMachine, storyStartMs } from "./machine.simulated.ts";

const firstWindow = windowOf(storyStartMs);
const fillings = (machine: SimulatedMachine): number =>
  machine.notices().filter((code) => code === "journal-filling").length;

async function started(options: SimulatedMachine["options"]): Promise<SimulatedMachine> {
  const machine = new SimulatedMachine(1, { recycleBytesMax: 0, ...options });
  if (!(await machine.start())) throw new Error("the journal did not start");
  machine.running.release(0, firstWindow);
  return machine;
}

/** `count` minutes with a message each; the export that owes them keeps up, or stands still. */
async function minutes(machine: SimulatedMachine, count: number, isExported: boolean): Promise<void> {
  for (let minute = 0; minute < count && machine.running.partitions[0]?.refusal === null; minute++) {
    await machine.accept("x".repeat(20_000));
    await machine.clock.pass(windowMs);
    if (isExported) machine.running.release(0, machine.running.closedBelow(0));
    await machine.settle();
  }
}

test("M1: an export that stands still is told hours before the journal is full, with how long it will take", async () => {
  const machine = await started({ bytesMax: 10_000_000, warnBeforeMs: 6 * 3_600_000 });
  await minutes(machine, 30, true);
  expect(machine.running.status().untilFullMs).toBeNull();
  expect(fillings(machine)).toBe(0);
  await minutes(machine, 90, false);
  expect(fillings(machine)).toBe(1);
  const { owedBytes, untilFullMs, notices } = machine.running.status();
  expect(owedBytes).toBeGreaterThan(90 * 20_000);
  const told = notices.find(({ code }) => code === "journal-filling");
  expect(told?.message).toMatch(/full in \d h \d+ min/);
  // It comes true: devices are refused about when it was said.
  const saidMs = untilFullMs ?? 0;
  expect(saidMs).toBeGreaterThan(2 * 3_600_000);
  await minutes(machine, Math.ceil((saidMs * 1.1) / windowMs), false);
  expect(machine.running.partitions[0]?.refusal).toBe("full");
  expect(machine.running.status().untilFullMs).toBe(0);
  expect(fillings(machine)).toBe(2); // again at 80 %
});

test("M1: a journal that is full of exported messages warns of nothing", async () => {
  const machine = await started({ bytesMax: 1_000_000 });
  await minutes(machine, 100, true);
  expect(machine.running.status().bytes).toBeGreaterThan(900_000);
  expect(machine.running.status().owedBytes).toBeLessThan(100_000);
  expect(machine.notices()).toEqual([]);
});

test("M1: without a rate the share alone warns", async () => {
  const machine = await started({ bytesMax: 300_000, warnShare: 0.5 });
  await machine.accept("x".repeat(60_000));
  await machine.accept("x".repeat(60_000));
  expect(fillings(machine)).toBe(0);
  await machine.accept("x".repeat(60_000));
  expect(fillings(machine)).toBe(1);
});

test("M1: a full journal recovers by itself when the export moves on, and warns again the next time", async () => {
  const machine = await started({ bytesMax: 1_000_000 });
  await minutes(machine, 100, false);
  expect(machine.running.partitions[0]?.refusal).toBe("full");
  machine.running.release(0, machine.running.closedBelow(0));
  await machine.settle();
  expect(machine.running.partitions[0]?.refusal).toBeNull();
  const before = fillings(machine);
  await minutes(machine, 100, false);
  expect(fillings(machine)).toBeGreaterThan(before);
});
