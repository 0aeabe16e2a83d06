// A frame being filled in memory: the records that become durable together. Shared by the adapters.

import { assert } from "../lib/assert.ts";
import { type Window, windowMs, windowOf } from "../lib/window.ts";
import type { DurableWaiter } from "./journal.ts";

const firstBytes = 256 * 1024;
const firstRecords = 1024;

export class OpenFrame {
  buffer: Buffer;
  lengths: Uint32Array = new Uint32Array(firstRecords);
  /** Bytes and records in use. */
  end = 0;
  records = 0;
  window: Window = -1;
  /** Times below this one belong to the frame's window. */
  windowEndMs = 0;
  /** Of the last record. */
  timeMs = 0;
  waiters: DurableWaiter[] = [];

  constructor(bytesMax: number) {
    this.buffer = Buffer.allocUnsafeSlow(Math.min(firstBytes, bytesMax));
  }

  /** Empties the frame for a window; keeps its memory. */
  reset(timeMs: number): void {
    this.end = 0;
    this.records = 0;
    this.window = windowOf(timeMs);
    this.windowEndMs = (this.window + 1) * windowMs;
    this.timeMs = timeMs;
    this.waiters = [];
  }

  /** Grows the memory to hold `bytes` and `records` more; false when that would pass `bytesMax`. */
  makeRoom(bytes: number, records: number, bytesMax: number): boolean {
    const bytesNeeded = this.end + bytes;
    if (bytesNeeded > bytesMax) return false;
    if (bytesNeeded > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(bytesMax, Math.max(bytesNeeded, this.buffer.length * 2)));
      grown.set(this.buffer.subarray(0, this.end));
      this.buffer = grown;
    }
    if (this.records + records > this.lengths.length) {
      const grown = new Uint32Array(Math.max(this.records + records, this.lengths.length * 2));
      grown.set(this.lengths.subarray(0, this.records));
      this.lengths = grown;
    }
    return true;
  }

  commit(end: number): void {
    assert(end > this.end && end <= this.buffer.length, "a record has bytes, within the room reserved");
    this.lengths[this.records++] = end - this.end;
    this.end = end;
  }

  get payload(): Buffer {
    return this.buffer.subarray(0, this.end);
  }
  get recordLengths(): Uint32Array {
    return this.lengths.subarray(0, this.records);
  }
}
