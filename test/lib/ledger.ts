// What all publishers of a test sent, and what of it was acknowledged: numbers are given out once, in order.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NumberSet } from "./number-set.ts";

/** Numbers that a story which was cut off may have used after it last wrote its ledger. */
const numbersSkipped = 20_000_000;

export class Ledger {
  next: number;
  readonly acknowledged = new NumberSet();
  /** The same, by the way in which their devices connect and sign in. */
  readonly acknowledgedBy = new Map<string, NumberSet>();

  constructor(next = 0) {
    this.next = next;
  }

  hasSent(number: number): boolean {
    return number < this.next;
  }

  /** @param way  left out: it is not told apart from others. */
  acknowledge(number: number, way?: string): void {
    this.acknowledged.add(number);
    if (way === undefined) return;
    const numbers = this.acknowledgedBy.get(way) ?? new NumberSet();
    this.acknowledgedBy.set(way, numbers);
    numbers.add(number);
  }

  save(directory: string): void {
    const ways = [...this.acknowledgedBy.keys()];
    for (const [index, way] of ways.entries()) {
      write(directory, fileOf(index), this.acknowledgedBy.get(way)?.toBytes() ?? new Uint8Array());
    }
    write(directory, "acknowledged.bin", this.acknowledged.toBytes());
    write(directory, "ledger.json", JSON.stringify({ next: this.next, ways }));
  }

  /** What was saved, for a story that goes on. */
  static load(directory: string): Ledger {
    const text = readFileSync(join(directory, "ledger.json"), "utf8");
    const { next, ways } = JSON.parse(text) as { next: number; ways: readonly string[] };
    const ledger = new Ledger(next + numbersSkipped);
    for (const number of numbersIn(directory, "acknowledged.bin")) ledger.acknowledged.add(number);
    for (const [index, way] of ways.entries()) ledger.acknowledgedBy.set(way, numbersIn(directory, fileOf(index)));
    return ledger;
  }
}

function fileOf(index: number): string {
  return `acknowledged-${index}.bin`;
}

function numbersIn(directory: string, name: string): NumberSet {
  return NumberSet.fromBytes(readFileSync(join(directory, name)));
}

function write(directory: string, name: string, content: string | Uint8Array): void {
  const path = join(directory, name);
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}
