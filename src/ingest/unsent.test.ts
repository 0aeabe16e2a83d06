// Answers that a device does not read: few writes, all bytes, in order.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Unsent } from "./unsent.ts";

/** A socket whose peer reads when it is told to. */
class SlowSocket {
  readonly waiting: { readonly bytes: Uint8Array; readonly done: (() => void) | undefined }[] = [];
  readonly read: number[] = [];

  get writableLength(): number {
    return this.waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    this.waiting.push({ bytes, done });
    return false;
  }

  readAll(): void {
    const all = this.waiting.splice(0);
    for (const { bytes } of all) this.read.push(...bytes);
    for (const { done } of all) done?.();
  }
}

test("M1: a device that reads none of its PUBACKs has a few hundred of them wait one by one, whatever their number", () => {
  const socket = new SlowSocket();
  const unsent = new Unsent(socket, 262_144, () => {});
  for (let count = 0; count < 65_536; count++) unsent.write(Buffer.alloc(4));
  expect(unsent.bytes).toBe(4 * 65_536);
  expect(socket.waiting.length).toBeLessThan(300);
});

test("Every answer is sent once and in order, however slowly they are read; it is told when there is less", () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constant("read" as const)), { maxLength: 60 });
  const bounds = fc.constantFrom(64, 1024, 262_144);
  fc.assert(
    fc.property(steps, bounds, (some, bytesMax) => {
      const socket = new SlowSocket();
      let told = 0;
      const unsent = new Unsent(socket, bytesMax, () => told++);
      const sent: number[] = [];
      let bursts = 0;
      for (const step of some) {
        if (step === "read") {
          const wasBehind = unsent.bytes > Math.min(1024, bytesMax);
          const before = told;
          socket.readAll();
          if (wasBehind) expect(told).toBeGreaterThan(before);
          continue;
        }
        const bytes = new Uint8Array(step).fill(bursts++);
        sent.push(...bytes);
        unsent.write(bytes);
        expect(socket.read.length + unsent.bytes).toBe(sent.length);
      }
      unsent.flush(); // as at a stop
      while (socket.waiting.length > 0) socket.readAll();
      expect(Buffer.from(socket.read).equals(Buffer.from(sent))).toBe(true);
      expect(unsent.bytes).toBe(0);
    }),
  );
});
