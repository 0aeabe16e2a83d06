import { expect, test } from "vitest";
import { RoomQueue } from "./room-queue.ts";

const little = 300;
const much = 1_000_000;

function queueOf(...wants: readonly [name: string, bytes: number][]): { queue: RoomQueue; called: string[] } {
  const queue = new RoomQueue();
  const called: string[] = [];
  for (const [name, bytes] of wants) queue.add(() => called.push(name), bytes, false);
  return { queue, called };
}

/** Calls the next one, who gets `bytes`. */
function serve(queue: RoomQueue, bytes: number): void {
  const place = queue.next();
  if (place === null) throw new Error("nobody waits");
  place.call();
  queue.got(place, bytes);
}

test("M1: those that want the same are called in the order they came", () => {
  const { queue, called } = queueOf(["a", little], ["b", little], ["c", little]);
  for (let turn = 0; turn < 3; turn++) serve(queue, little);
  expect(called).toEqual(["a", "b", "c"]);
  expect(queue.isEmpty).toBe(true);
  expect(queue.next()).toBeNull();
});

test("M1: who wants little waits for one of those that want much, not for all", () => {
  const { queue, called } = queueOf(["A", much], ["B", much], ["C", much], ["a", little], ["b", little]);
  serve(queue, little);
  serve(queue, much);
  serve(queue, little);
  expect(called).toEqual(["a", "A", "b"]);
});

test("M1: neither line keeps the other one waiting: both get as many bytes", () => {
  const { queue, called } = queueOf();
  const again = (name: string, bytes: number): void => {
    queue.add(
      () => {
        called.push(name);
        again(name, bytes);
      },
      bytes,
      false,
    );
  };
  for (let index = 0; index < 20; index++) again(`little-${index}`, 10_000);
  for (let index = 0; index < 5; index++) again(`much-${index}`, 100_000);
  let bytes = 0;
  for (let turn = 0; turn < 2000; turn++) {
    const place = queue.next() as NonNullable<ReturnType<RoomQueue["next"]>>;
    place.call();
    const got = called.at(-1)?.startsWith("little") === true ? 10_000 : 100_000;
    queue.got(place, got);
    bytes += got === 10_000 ? got : -got;
  }
  expect(Math.abs(bytes)).toBeLessThanOrEqual(100_000);
  const turnsOf = (name: string): number => called.filter((one) => one === name).length;
  expect(Math.abs(turnsOf("little-0") - turnsOf("little-19"))).toBeLessThanOrEqual(1);
  expect(Math.abs(turnsOf("much-0") - turnsOf("much-4"))).toBeLessThanOrEqual(1);
});

test("M1: what one line did not want earlier gives it no claim later", () => {
  const { queue, called } = queueOf(["A", much]);
  for (let turn = 0; turn < 100; turn++) {
    serve(queue, much);
    queue.add(() => called.push("A"), much, false);
  }
  called.length = 0;
  for (let index = 0; index < 100; index++) queue.add(() => called.push("a"), 16_000, false);
  for (let turn = 0; turn < 3; turn++) serve(queue, called.at(-1) === "A" ? much : 16_000);
  expect(called).toContain("A");
});

test("who was called and got nothing keeps its place; who gave up has none", () => {
  const { queue, called } = queueOf(["a", little], ["b", little], ["c", little]);
  const a = queue.next();
  expect(a).not.toBeNull();
  queue.add(() => called.push("a"), little, true);
  const d = queue.add(() => called.push("d"), little, false);
  queue.leave(d);
  while (!queue.isEmpty) serve(queue, little);
  expect(called).toEqual(["a", "b", "c"]);
});
