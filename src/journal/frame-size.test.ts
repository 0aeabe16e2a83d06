import { expect, test } from "vitest";
import { FrameSize } from "./frame-size.ts";

const mebibyte = 1024 * 1024;

/** A disk that has more to write than it takes: every frame is full. @returns the size it comes to. */
function sizeOn(disk: { syncMs: number; bytesPerMs: number }): FrameSize {
  const size = new FrameSize(8 * mebibyte);
  const write = (bytes: number): void => size.written(bytes, disk.syncMs + bytes / disk.bytesPerMs);
  for (let frame = 0; frame < 401; frame++) write(size.bytesMax);
  return size;
}

test("a fast disk has the largest frames", () => {
  expect(sizeOn({ syncMs: 1, bytesPerMs: 1e6 }).bytesMax).toBe(8 * mebibyte);
});

test("M1: on a disk that is slow to write, a frame takes a tenth of a second", () => {
  const { bytesMax } = sizeOn({ syncMs: 1, bytesPerMs: 30_000 });
  expect(1 + bytesMax / 30_000).toBeLessThan(115);
  expect(bytesMax).toBeGreaterThan(2 * mebibyte);
});

test("where syncs are slow, three quarters of the speed are kept", () => {
  const disk = { syncMs: 60, bytesPerMs: 20_000 };
  const { bytesMax } = sizeOn(disk);
  const bytesPerMs = bytesMax / (disk.syncMs + bytesMax / disk.bytesPerMs);
  expect(bytesPerMs).toBeGreaterThan(disk.bytesPerMs * 0.6);
});

test("a disk that stalled once gets its large frames back", () => {
  const size = new FrameSize(8 * mebibyte);
  size.written(size.bytesMax, 5000);
  expect(size.bytesMax).toBe(4 * mebibyte);
  for (let frame = 0; frame < 8; frame++) size.written(size.bytesMax, 5);
  expect(size.bytesMax).toBe(8 * mebibyte);
});

test("frames that are small anyway stay as they are", () => {
  const size = new FrameSize(1000);
  for (let frame = 0; frame < 100; frame++) size.written(1000, 5000);
  expect(size.bytesMax).toBe(1000);
});
