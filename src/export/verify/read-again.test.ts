import { expect, test } from "vitest";
import { type Destination, DestinationError, type ListedObject } from "../../destinations/destination.ts";
import type { Clock } from "../../lib/clock.ts";
import { listAgain, readAgain } from "./read-again.ts";

const failureOf = (kind: "temporary" | "permanent") =>
  new DestinationError({ kind, code: "ECONNRESET", message: "cut", hint: "wait" });

/** Waits are over at once, and noted. */
function setting() {
  const waits: number[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    timer: (_delayMs, fire) => {
      queueMicrotask(fire);
      return () => {};
    },
  };
  const stop = new AbortController();
  const onRetry = (_failure: unknown, delayMs: number): void => void waits.push(delayMs);
  return { waits, stop, options: { clock, signal: stop.signal, onRetry } };
}

/** Throws as often as there are failures, then answers. */
function failing(failures: Error[]): () => Promise<string> {
  return () => {
    const failure = failures.shift();
    return failure === undefined ? Promise.resolve("read") : Promise.reject(failure);
  };
}

test("a temporary failure is tried again with growing waits, five times in all", async () => {
  const { waits, options } = setting();
  const temporary = failureOf("temporary");
  expect(await readAgain(options, failing([temporary, temporary]))).toBe("read");
  expect(waits).toEqual([1000, 2000]);
  await expect(readAgain(options, failing(Array.from({ length: 5 }, () => temporary)))).rejects.toBe(temporary);
  expect(waits.slice(2)).toEqual([1000, 2000, 4000, 8000]);
});

test("what is permanent, or no answer of a store, or was stopped, is thrown at once", async () => {
  const { waits, stop, options } = setting();
  const permanent = failureOf("permanent");
  await expect(readAgain(options, failing([permanent]))).rejects.toBe(permanent);
  await expect(readAgain(options, failing([new RangeError("a fault")]))).rejects.toThrow("a fault");
  stop.abort();
  const temporary = failureOf("temporary");
  await expect(readAgain(options, failing([temporary]))).rejects.toBe(temporary);
  expect(waits).toEqual([]);
});

test("a listing that is cut off goes on where it was, each object once, as often as it gets on", async () => {
  const { waits, options } = setting();
  const paths = Array.from({ length: 20 }, (_, index) => `a/${String(index).padStart(2, "0")}`);
  let cutAfter = 0;
  const list = async function* (): AsyncGenerator<ListedObject> {
    cutAfter += 2;
    for (const [index, path] of paths.entries()) {
      if (index === cutAfter) throw failureOf("temporary");
      yield { path, bytes: 1 };
    }
    await Promise.resolve();
  };
  const listed: string[] = [];
  for await (const { path } of listAgain(options, { list } as unknown as Destination, "a/")) listed.push(path);
  expect(listed).toEqual(paths);
  expect(waits).toEqual(Array.from({ length: 9 }, () => 1000));
});
