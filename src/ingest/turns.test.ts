// Fair share of the event loop: heavy work in pieces, in the order it came.

import { expect, test } from "vitest";
import { Turns, inTurn } from "./turns.ts";

/** Work that takes `ms` of a clock of its own. */
function bench(): { turns: Turns; did: string[]; work: (name: string, ms: number) => void } {
  let nowMs = 0;
  const did: string[] = [];
  const turns = new Turns(() => nowMs);
  const work = (name: string, ms: number): void => {
    const turn = (): void => {
      did.push(name);
      nowMs += ms;
    };
    if (turns.take({ turn })) turn();
  };
  return { turns, did, work };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("M1: a turn takes heavy work for some milliseconds; the rest waits in order", async () => {
  const { did, work, turns } = bench();
  for (let index = 0; index < 10; index++) work(String(index), 3);
  expect(did).toEqual(["0", "1"]);
  expect(turns.waiting).toBe(8);
  await nextTurn();
  expect(did).toEqual(["0", "1", "2", "3"]);
  work("late", 3);
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  expect(did).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "late"]);
  expect(turns.waiting).toBe(0);
});

test("M1: however long one piece takes, one is done in each turn, and one only", async () => {
  const { did, work } = bench();
  for (let index = 0; index < 4; index++) work(String(index), 100);
  expect(did).toEqual(["0"]);
  await nextTurn();
  expect(did).toEqual(["0", "1"]);
});

test("who left is not called", async () => {
  const { turns, did, work } = bench();
  work("long", 100);
  const gone = { turn: () => did.push("gone") };
  expect(turns.take(gone)).toBe(false);
  turns.leave(gone);
  await nextTurn();
  await nextTurn();
  expect(did).toEqual(["long"]);
});

test("work in its turn has its outcome, also when it fails", async () => {
  const turns = new Turns(() => 0);
  await expect(inTurn(turns, () => 7)).resolves.toBe(7);
  await expect(
    inTurn(turns, () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
});
