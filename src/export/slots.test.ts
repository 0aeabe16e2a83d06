import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

const { signal } = new AbortController();
const first = (storageAccountId: string) => ({ storageAccountId, isRetry: false });
const again = (storageAccountId: string) => ({ storageAccountId, isRetry: true });

/** Takes a place when there is one now. */
async function takeNow(slots: Slots, claim: Parameters<Slots["take"]>[0]): Promise<(() => void) | null> {
  const impatience = new AbortController();
  const taking = slots.take(claim, impatience.signal);
  await new Promise(setImmediate);
  impatience.abort();
  return await taking;
}

test("M1: there are so many places and no more; one that is given back goes to who waited longest", async () => {
  const slots = new Slots(2);
  const one = await slots.take(first("a"), signal);
  const other = await slots.take(first("b"), signal);
  const order: string[] = [];
  const waiting = ["c", "d"].map(async (name) => {
    const release = await slots.take(first(name), signal);
    order.push(name);
    return release;
  });
  await new Promise(setImmediate);
  expect(order).toEqual([]);
  one?.();
  one?.(); // a place is given back once
  await new Promise(setImmediate);
  expect(order).toEqual(["c"]);
  other?.();
  await Promise.all(waiting);
  expect(order).toEqual(["c", "d"]);
});

test("a storage account never holds the last place, however many of its files wait", async () => {
  const slots = new Slots(4);
  for (let count = 0; count < 3; count++) expect(await takeNow(slots, first("hangs"))).not.toBeNull();
  const waiting = slots.take(first("hangs"), signal);
  const other = await takeNow(slots, first("well"));
  expect(other).not.toBeNull();
  other?.();
  expect(await takeNow(slots, first("well"))).not.toBeNull();
  expect(await Promise.race([waiting, Promise.resolve("waits")])).toBe("waits");
});

test("what failed the last time gets half of the places, over all accounts", async () => {
  const slots = new Slots(4);
  expect(await takeNow(slots, again("hangs"))).not.toBeNull();
  expect(await takeNow(slots, again("hangs too"))).not.toBeNull();
  expect(await takeNow(slots, again("and this one"))).toBeNull();
  expect(await takeNow(slots, first("well"))).not.toBeNull();
  expect(await takeNow(slots, first("well"))).not.toBeNull();
});

test("a single place is for everybody", async () => {
  const slots = new Slots(1);
  const release = await takeNow(slots, again("a"));
  expect(release).not.toBeNull();
  expect(await takeNow(slots, first("b"))).toBeNull();
  release?.();
  expect(await takeNow(slots, first("a"))).not.toBeNull();
});

test("who gives up waiting is forgotten", async () => {
  const slots = new Slots(1);
  const release = await slots.take(first("a"), signal);
  expect(await takeNow(slots, first("b"))).toBeNull();
  release?.();
  expect(await takeNow(slots, first("c"))).not.toBeNull();
});
