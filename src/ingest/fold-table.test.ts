import fc from "fast-check";
import { expect, test } from "vitest";
import { FoldTable } from "./fold-table.ts";

/** Digests whose first words collide on purpose: ways through the index are long and cross each other. */
function digestOf(name: number): Uint32Array {
  return Uint32Array.from([name % 3, 0, 0, name]);
}

/** The same, as a list that is searched. */
class Model {
  entries: { name: number; timeMs: number }[] = [];
  forgotten = 0;
  readonly #entriesMax: number;
  readonly #windowMs: number;
  constructor(entriesMax: number, windowMs: number) {
    this.#entriesMax = entriesMax;
    this.#windowMs = windowMs;
  }
  isCurrent(entry: { timeMs: number }, timeMs: number): boolean {
    return timeMs - entry.timeMs < this.#windowMs;
  }
  has(name: number, timeMs: number): boolean {
    const newest = this.entries.findLast((entry) => entry.name === name);
    return newest !== undefined && this.isCurrent(newest, timeMs);
  }
  add(name: number, timeMs: number): void {
    if (this.entries.length === this.#entriesMax) {
      const oldest = this.entries.shift();
      if (oldest !== undefined && this.isCurrent(oldest, timeMs)) this.forgotten++;
    }
    this.entries.push({ name, timeMs });
  }
  addOlder(name: number, timeMs: number): boolean {
    const known = this.entries.findLast((entry) => entry.name === name);
    if (known !== undefined) {
      known.timeMs = Math.max(known.timeMs, timeMs);
      return true;
    }
    if (this.entries.length === this.#entriesMax) return false;
    this.entries.unshift({ name, timeMs });
    return true;
  }
}

test("M1: the table answers like a list that is searched, whatever is added, forgotten and expired", () => {
  const name = fc.nat(30);
  const step = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), name, passMs: fc.nat(4) }),
    fc.record({ kind: fc.constant("older" as const), name, passMs: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 200 }), (entriesMax, steps) => {
      const table = new FoldTable(entriesMax, 20);
      const model = new Model(entriesMax, 20);
      let nowMs = 1000;
      for (const one of steps) {
        const digest = digestOf(one.name);
        if (one.kind === "older") {
          expect(table.addOlder(digest, nowMs - one.passMs)).toBe(model.addOlder(one.name, nowMs - one.passMs));
        } else {
          nowMs += one.passMs;
          const isKnown = model.has(one.name, nowMs);
          expect(table.has(digest, nowMs)).toBe(isKnown);
          if (!isKnown) {
            table.add(digest, nowMs);
            model.add(one.name, nowMs);
          }
        }
        expect([table.entries, table.forgotten]).toEqual([model.entries.length, model.forgotten]);
        for (let other = 0; other <= 30; other++) {
          expect(table.has(digestOf(other), nowMs)).toBe(model.has(other, nowMs));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("The oldest is forgotten first, and only what was forgotten too early is counted", () => {
  const table = new FoldTable(2, 100);
  table.add(digestOf(1), 0);
  table.add(digestOf(2), 10);
  table.add(digestOf(3), 20);
  expect([1, 2, 3].map((name) => table.has(digestOf(name), 20))).toEqual([false, true, true]);
  expect(table.forgotten).toBe(1);
  table.add(digestOf(4), 115);
  expect([2, 3, 4].map((name) => table.has(digestOf(name), 50))).toEqual([false, true, true]);
  expect(table.forgotten).toBe(1); // 2 was over
});
