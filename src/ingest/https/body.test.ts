// Reading a request's body: what it holds in memory, whatever the pieces it comes in.

import { PassThrough } from "node:stream";
import type { IncomingMessage } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BodyBudget, type BodyOutcome, pieceBytesMin, readBody } from "./body.ts";

const bytesMax = 256 * 1024;

/** A request that sends the pieces, as far as a body is concerned. */
class Sending {
  readonly stream = new PassThrough();
  isReading = true;
  readonly outcome: Promise<BodyOutcome>;
  takenBytes = 0;

  constructor(budget: BodyBudget, headers: Readonly<Record<string, string>> = {}) {
    const socket = { pause: () => (this.isReading = false) };
    const request = Object.assign(this.stream, { headers, socket }) as unknown as IncomingMessage;
    this.outcome = readBody(request, bytesMax, budget, (bytes) => {
      this.takenBytes += bytes;
    });
  }
}

test("M1: a body that comes in small pieces takes the memory of its bytes, not that of its pieces", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const one = new Sending(new BodyBudget(64 * 1024 * 1024));
  collect();
  const before = process.memoryUsage();
  for (let index = 0; index < bytesMax / pieceBytesMin; index++) {
    one.stream.write(Buffer.alloc(pieceBytesMin, index));
    if (index % 1000 === 0) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  collect();
  const after = process.memoryUsage();
  // Kept as they came they are more than 2 MiB.
  expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(1024 * 1024);
  one.stream.end();
  const body = (await one.outcome) as Buffer;
  expect(body.length).toBe(bytesMax);
  expect(body.every((byte, index) => byte === (Math.floor(index / pieceBytesMin) & 255))).toBe(true);
});

test("M1: the budget counts the room that a body has, less than twice what came, and no more than is declared or allowed", async () => {
  const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 20_000 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (some, isDeclared) => {
      const all = Buffer.concat(some);
      const headers = isDeclared ? { "content-length": String(all.length) } : undefined;
      const one = new Sending(new BodyBudget(64 * 1024 * 1024), headers);
      for (const piece of some) one.stream.write(piece);
      one.stream.end();
      const outcome = await one.outcome;
      if (all.length > bytesMax) return expect(outcome).toBe("too-large");
      expect(all.equals(outcome as Buffer)).toBe(true);
      expect(one.takenBytes).toBeGreaterThanOrEqual(all.length);
      expect(one.takenBytes).toBeLessThanOrEqual(isDeclared ? all.length : Math.min(bytesMax, 4096 + 2 * all.length));
    }),
    { numRuns: 60 },
  );
});

test("M1: beyond the budget a body is refused, and what it took is known", async () => {
  const budget = new BodyBudget(100_000);
  const first = new Sending(budget, { "content-length": "90000" });
  first.stream.end(Buffer.alloc(90_000));
  expect(await first.outcome).toHaveLength(90_000);
  const second = new Sending(budget, { "content-length": "90000" });
  second.stream.end(Buffer.alloc(90_000));
  expect(await second.outcome).toBe("overloaded");
  budget.giveBack(first.takenBytes + second.takenBytes);
  expect(budget.take(100_000)).toBe(true);
});

test("M1: a body byte by byte is read for a thousand pieces and no further", async () => {
  const one = new Sending(new BodyBudget(64 * 1024 * 1024));
  for (let index = 0; index < 2000 && one.isReading; index++) {
    one.stream.write(Buffer.from([index & 255]));
    await new Promise(setImmediate);
  }
  expect(await one.outcome).toBe("fragmented");
  expect(one.isReading).toBe(false);
  expect(one.takenBytes).toBe(4096);
});
