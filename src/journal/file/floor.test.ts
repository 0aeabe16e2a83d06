// The floor survives what one file can suffer.

import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../lib/disk.simulated.ts";
import { type Floor, readFloor, writeFloor } from "./floor.ts";

const directory = "/7";
const path = "/7/floor";

async function written(floor: Floor): Promise<SimulatedDisk> {
  const simulated = new SimulatedDisk(1);
  await simulated.session().makeDirectory(directory);
  await writeFloor(simulated.session(), directory, floor);
  return simulated;
}

test("a floor of any size is read as it was written", async () => {
  for (const floor of [
    { windowNext: 0, offsetNext: 0 },
    { windowNext: 29_456_824, offsetNext: 2 ** 33 + 7 },
    { windowNext: 2 ** 32 - 1, offsetNext: Number.MAX_SAFE_INTEGER },
  ]) {
    const simulated = await written(floor);
    expect(await readFloor(simulated.session(), directory)).toEqual({ kind: "floor", floor, isWhole: true });
  }
});

test("a power cut at any step leaves the old floor or the new one", async () => {
  const before = { windowNext: 10, offsetNext: 100 };
  const after = { windowNext: 11, offsetNext: 200 };
  const seen = new Set<number>();
  for (let seed = 0; seed < 200; seed++) {
    const simulated = new SimulatedDisk(seed);
    await simulated.session().makeDirectory(directory);
    await writeFloor(simulated.session(), directory, before);
    simulated.freezeAfter(seed % 6);
    let isDone = false;
    void writeFloor(simulated.session(), directory, after).then(() => (isDone = true));
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    simulated.powerCut();
    const outcome = await readFloor(simulated.session(), directory);
    expect(outcome).toMatchObject({ kind: "floor", isWhole: true });
    const windowNext = outcome.kind === "floor" ? outcome.floor.windowNext : 0;
    expect([10, 11]).toContain(windowNext);
    if (isDone) expect(windowNext).toBe(11);
    seen.add(windowNext);
  }
  expect([...seen].sort((a, b) => a - b)).toEqual([10, 11]);
});

test("a flipped bit in one copy is told, and the other copy is used", async () => {
  const floor = { windowNext: 29_456_824, offsetNext: 1234 };
  for (const start of [0, 4096]) {
    for (let at = start; at < start + 4096; at += at < start + 40 ? 1 : 211) {
      for (let bit = 0; bit < 8; bit++) {
        const simulated = await written(floor);
        simulated.flipBit(path, at, bit);
        expect(await readFloor(simulated.session(), directory)).toEqual({ kind: "floor", floor, isWhole: false });
      }
    }
  }
});

test("damage in both copies, and a lost file, are told", async () => {
  const simulated = await written({ windowNext: 7, offsetNext: 8 });
  simulated.flipBit(path, 6, 0);
  simulated.flipBit(path, 4102, 0);
  expect(await readFloor(simulated.session(), directory)).toEqual({ kind: "damaged" });
  simulated.damage(path, 0);
  expect(await readFloor(simulated.session(), directory)).toEqual({ kind: "damaged" });
  simulated.damage(path, null);
  expect(await readFloor(simulated.session(), directory)).toEqual({ kind: "missing" });
});

test("a floor of a newer version is refused, not taken for damage", async () => {
  const simulated = await written({ windowNext: 7, offsetNext: 8 });
  const text = "floor 3 7 8 9 10";
  const line = `${text} ${crc32(text).toString(16).padStart(8, "0")}`;
  simulated.setContent(path, Buffer.from(line.padEnd(4096, "\n").repeat(2)));
  await expect(readFloor(simulated.session(), directory)).rejects.toMatchObject({ code: "journal-newer" });
});

test("J3: another partition's floor is damage, not this one's", async () => {
  const simulated = await written({ windowNext: 7, offsetNext: 8 });
  const disk = simulated.session();
  await disk.makeDirectory("/8");
  await disk.rename(path, "/8/floor");
  expect(await readFloor(disk, "/8")).toEqual({ kind: "damaged" });
  await disk.rename("/8/floor", path);
  expect(await readFloor(disk, directory)).toMatchObject({ kind: "floor" });
});

test("a floor of the first version, which names no partition, is read", async () => {
  const simulated = await written({ windowNext: 7, offsetNext: 8 });
  const text = "floor 1 29456825 3";
  simulated.setContent(path, Buffer.from(`${text} 7ccf9749`.padEnd(4096, "\n").repeat(2)));
  const floor = { windowNext: 29_456_825, offsetNext: 3 };
  expect(await readFloor(simulated.session(), directory)).toEqual({ kind: "floor", floor, isWhole: true });
});
