import { expect, test } from "vitest";
import { Places } from "./places.ts";

/** Work that ends when the test says so. */
function job(): { readonly work: () => Promise<string>; readonly end: () => void; isBegun: boolean } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const one = {
    isBegun: false,
    end: () => resolve("done"),
    work: () => {
      one.isBegun = true;
      return promise;
    },
  };
  return one;
}
const never = new AbortController().signal;
const turn = (): Promise<void> => new Promise(setImmediate);

test("M1: so many work at a time, so many wait, in order, and the others are told", async () => {
  const places = new Places(2, 2);
  const [first, second, third, fourth, fifth] = [job(), job(), job(), job(), job()];
  const jobs = [first, second, third, fourth, fifth];
  const taken = jobs.slice(0, 4).map(({ work }) => places.take(work, never));
  await expect(places.take(fifth.work, never)).rejects.toMatchObject({
    code: "readers-busy",
    kind: "unavailable",
  });
  expect(jobs.map(({ isBegun }) => isBegun)).toEqual([true, true, false, false, false]);
  second.end();
  await turn();
  expect(jobs.map(({ isBegun }) => isBegun)).toEqual([true, true, true, false, false]);
  for (const one of [first, third, fourth]) one.end();
  expect(await Promise.all(taken)).toEqual(["done", "done", "done", "done"]);
  expect(await places.take(() => Promise.resolve("again"), never)).toBe("again");
});

test("whoever waits and gives up leaves its place in the queue", async () => {
  const places = new Places(1, 1);
  const [first, second] = [job(), job()];
  const working = places.take(first.work, never);
  const gone = new AbortController();
  const waiting = places.take(second.work, gone.signal);
  gone.abort();
  await expect(waiting).rejects.toThrow(/abort/i);
  const third = places.take(() => Promise.resolve("third"), never);
  first.end();
  expect([await working, await third]).toEqual(["done", "third"]);
  expect(second.isBegun).toBe(false);
});

test("work that fails gives its place back", async () => {
  const places = new Places(1, 0);
  await expect(places.take(() => Promise.reject(new Error("it failed")), never)).rejects.toThrow("it failed");
  expect(await places.take(() => Promise.resolve("next"), never)).toBe("next");
});
