// Fair share: who gets the room in a partition's frames when more is sent than the disk takes. A slow disk is one whose
// frames become durable when the test says so.

import { expect, test } from "vitest";
import { SimulatedClock } from "./clock.simulated.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { OpenFrame } from "./frame.ts";
import { ClockGuard, PartitionClock } from "./partition-clock.ts";
import { append } from "./records.simulated.ts";

class SlowDisk extends FrameQueue {
  /** The records of each frame that was written, by the first letter of their text. */
  readonly frames: string[] = [];
  /** Comes between the start of a write and the call to those that wait: a socket that is read just then. */
  between: () => void = () => {};
  #frame: OpenFrame | null = null;

  static of(frameBytesMax: number): SlowDisk {
    const clock = new SimulatedClock(Date.parse("2026-01-02T03:04:05Z"), () => Promise.resolve());
    return new SlowDisk(0, new PartitionClock(clock, new ClockGuard(clock, 300_000, () => {}), 0), frameBytesMax);
  }

  /** The frame under way is durable, and the next one is begun. */
  async write(): Promise<void> {
    if (this.#frame !== null) this.frameDurable(0);
    this.#frame = this.takeFrame();
    this.between();
    let at = 0;
    let letters = "";
    for (const length of this.#frame?.recordLengths ?? []) {
      letters += String.fromCharCode(this.#frame?.buffer[at] ?? 0);
      at += length;
    }
    this.frames.push(letters);
    // Room is offered in pieces, between which sockets are looked at.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  }

  protected override frameBegan(): void {}
  protected override clockRefused(): void {}
}

/** Sends `text` again and again: as much as there is room for. @returns how often it was taken. */
function noisy(disk: SlowDisk, text: string): { taken: number } {
  const count = { taken: 0 };
  const pump = (): void => {
    while (append(disk, text) === null) count.taken++;
    disk.onRoom(pump, 1_000_000);
  };
  pump();
  return count;
}

/** Sends one message, as soon as it may. */
function quiet(disk: SlowDisk, letter: string): void {
  const send = (): void => {
    if (append(disk, letter.repeat(1000)) !== null) disk.onRoom(send, 1000);
  };
  send();
}

test("M1: a message is in one of the next two frames, however much fifty others send", async () => {
  const disk = SlowDisk.of(256 * 1024);
  for (let index = 0; index < 50; index++) noisy(disk, "N".repeat(1000));
  for (let frame = 0; frame < 5; frame++) await disk.write();
  for (let message = 0; message < 10; message++) {
    const from = disk.frames.length;
    quiet(disk, "q");
    await disk.write();
    await disk.write();
    expect(disk.frames.slice(from).join("")).toContain("q");
  }
  expect(disk.frames.at(-1)?.length).toBeGreaterThan(200); // and the frames are full
});

test("M1: those that send as much as they can get as much as each other, whatever the size of their messages", async () => {
  const disk = SlowDisk.of(256 * 1024);
  const small = noisy(disk, "s".repeat(200));
  const others = Array.from({ length: 9 }, () => noisy(disk, "m".repeat(2_000)));
  const large = noisy(disk, "L".repeat(100_000));
  for (let frame = 0; frame < 200; frame++) await disk.write();
  const bytes = [small.taken * 200, ...others.map(({ taken }) => taken * 2_000)];
  const most = Math.max(...bytes);
  const least = Math.min(...bytes);
  expect(least).toBeGreaterThan(most * 0.7);
  // One message a round is more than a share, and it is not left out.
  expect(large.taken).toBeGreaterThan(100);
});

test("M1: who comes while others wait stands behind them, also whoever was acknowledged just now", async () => {
  const disk = SlowDisk.of(4096);
  let taken = 0;
  const greedy = (): void => {
    while (append(disk, "G".repeat(100)) === null) taken++;
    disk.onDurable({ durable: greedy });
  };
  greedy();
  await disk.write();
  disk.between = greedy;
  greedy();
  quiet(disk, "q");
  for (let frame = 0; frame < 3; frame++) await disk.write();
  expect(disk.frames.join("")).toContain("q");
  expect(taken).toBeGreaterThan(50);
});

test("who gave its place up is not called, and does not keep others waiting", async () => {
  const disk = SlowDisk.of(4096);
  while (append(disk, "x".repeat(1000)) === null);
  let called = 0;
  const leave = disk.onRoom(() => called++, 1);
  expect(append(disk, "y")).toBe("wait");
  leave();
  await disk.write();
  await disk.write();
  expect(called).toBe(0);
  expect(append(disk, "y")).toBeNull();
});

test("with nothing to wait for any more, those that waited are called and hear why", async () => {
  const disk = SlowDisk.of(4096);
  const heard: (string | null)[] = [];
  while (append(disk, "x".repeat(1000)) === null);
  for (let index = 0; index < 3; index++) disk.onRoom(() => heard.push(append(disk, "y")), 1);
  (disk as unknown as { refuse: (refusal: "draining") => void }).refuse("draining");
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(heard).toEqual(["draining", "draining", "draining"]);
});
