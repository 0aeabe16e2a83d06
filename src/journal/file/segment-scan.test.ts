// What one file can tell of itself: every flipped bit and every cut is seen; nothing foreign is taken for a frame.

import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { printWindow } from "../../lib/window.ts";
import { SimulatedDisk, seededRandom } from "../../lib/disk.simulated.ts";
import { OpenSegment } from "./open-segment.ts";
import { sealBytes } from "./seal.ts";
import { SegmentPool } from "./segment-pool.ts";
import { readSegment } from "./segment-read.ts";
import { type SegmentScan, scanSegment } from "./segment-scan.ts";
import { headerBytes, sealCopyAt } from "./segment-format.ts";

const directory = "/p";
const window = 29_456_824;
const path = `${directory}/${printWindow(window)}.seg`;
const offsetFirst = 2 ** 40;

interface Written {
  readonly simulated: SimulatedDisk;
  readonly segment: OpenSegment;
  /** Where each frame starts, and the end. */
  readonly positions: number[];
}

async function write(
  frames: readonly string[][],
  more: { witness?: boolean; seal?: boolean; seed?: number } = {},
): Promise<Written> {
  const simulated = new SimulatedDisk(more.seed ?? 1);
  const disk = simulated.session();
  await disk.makeDirectory(directory);
  const pool = await SegmentPool.open(disk, "/free", 0);
  const of = { hub: "test", partition: 3, window, offsetFirst, timeMs: window * 60_000, bytesWanted: 0 };
  const segment = await OpenSegment.create(disk, pool, directory, of);
  const positions = [headerBytes];
  for (const [index, frame] of frames.entries()) {
    const lengths = Buffer.alloc(frame.length * 4);
    for (const [at, text] of frame.entries()) lengths.writeUInt32LE(text.length, at * 4);
    await segment.append(frame.length, lengths, Buffer.from(frame.join("")), window * 60_000 + index);
    positions.push(simulated.content(path).length);
  }
  if (more.witness === true) await segment.witness();
  if (more.seal === true) await segment.seal();
  return { simulated, segment, positions };
}

async function scanOf(simulated: SimulatedDisk): Promise<SegmentScan> {
  const file = await simulated.session().open(path, "read");
  return scanSegment(file);
}

async function readOf(simulated: SimulatedDisk, offsetNext: number): Promise<string[]> {
  const texts: string[] = [];
  const segment = { partition: 3, window, offsetFirst, offsetNext, recordBytes: 0 };
  for await (const batch of readSegment(simulated.session(), path, segment)) texts.push(batch.bytes.toString());
  return texts;
}

const frames = [["one", "two"], ["three"], ["four", "five", "six"]];

test("a closed segment is read as it was written, offsets beyond 2^32 too", async () => {
  const { simulated } = await write(frames, { seal: true });
  expect(await readOf(simulated, offsetFirst + 6)).toEqual(["onetwo", "three", "fourfivesix"]);
  expect(await scanOf(simulated)).toMatchObject({
    kind: "sealed",
    isHeaderWhole: true,
    seal: { offsetNext: offsetFirst + 6, recordBytes: 22 },
  });
});

test("the bytes are those of docs/formats.md", async () => {
  const { simulated, positions } = await write([["one", "two"]], { witness: true, seal: true });
  const file = simulated.content(path);
  const identity = file.subarray(16, 16 + file.readUInt32LE(12));
  const tag = crc32(identity);
  expect(file.toString("latin1", 0, 8)).toBe("CPSEGMNT");
  expect([8, 12, 16, 20].map((at) => file.readUInt32LE(at))).toEqual([1, 36, 3, window]);
  expect(file.readBigUInt64LE(24)).toBe(BigInt(offsetFirst));
  expect(file.toString("utf8", 48, 52)).toBe("test");
  expect(file.readUInt32LE(52)).toBe(crc32(file.subarray(0, 52)));
  const [start, end] = positions as [number, number];
  const frame = file.subarray(start, end);
  expect(frame.toString("latin1", 0, 4)).toBe("CPFM");
  expect([4, 8, 12, 32].map((at) => frame.readUInt32LE(at))).toEqual([tag, 1, 2, 6]);
  expect([frame.readBigUInt64LE(16), frame.readBigUInt64LE(24)]).toEqual([
    BigInt(offsetFirst),
    BigInt(window * 60_000),
  ]);
  expect(frame.readUInt32LE(36)).toBe(crc32(frame.subarray(44), tag));
  expect(frame.readUInt32LE(40)).toBe(crc32(frame.subarray(0, 40), tag));
  expect([frame.readUInt32LE(44), frame.readUInt32LE(48)]).toEqual([3, 3]);
  expect(frame.toString("latin1", 52)).toBe("onetwo");
  expect(file.readUInt32LE(end + 8), "a witness").toBe(2);
  const seal = file.subarray(end + 44);
  expect(seal.length).toBe(60);
  expect(seal.readUInt32LE(8)).toBe(3);
  expect([16, 44, 52].map((at) => seal.readBigUInt64LE(at))).toEqual([BigInt(offsetFirst + 2), BigInt(end + 44), 6n]);
  expect(file.subarray(1024, 1084)).toEqual(seal);
});

test("J3: a flipped bit anywhere in a closed segment is detected when it is read", async () => {
  const { simulated } = await write(frames, { seal: true });
  const size = simulated.content(path).length;
  for (let at = 0; at < size; at++) {
    const isUsed = at < 64 || (at >= sealCopyAt && at < sealCopyAt + sealBytes) || at >= headerBytes;
    for (let bit = isUsed ? 0 : at % 8; bit < (isUsed ? 8 : (at % 8) + 1); bit++) {
      simulated.flipBit(path, at, bit);
      await expect(readOf(simulated, offsetFirst + 6), `bit ${bit} of byte ${at}`).rejects.toMatchObject({
        code: "journal-corrupt",
      });
      simulated.flipBit(path, at, bit);
    }
  }
  expect(await readOf(simulated, offsetFirst + 6)).toHaveLength(3);
});

test("J3: a closed segment that was cut anywhere is detected when it is read", async () => {
  const { simulated } = await write(frames, { seal: true });
  const whole = simulated.content(path);
  for (let length = 0; length < whole.length; length += length < headerBytes ? 61 : 1) {
    simulated.setContent(path, whole.subarray(0, length));
    await expect(readOf(simulated, offsetFirst + 6), `cut at ${length}`).rejects.toMatchObject({
      code: "journal-corrupt",
    });
  }
});

test("J3: a closed segment in the place of another is detected when it is read", async () => {
  const { simulated } = await write(frames, { seal: true });
  await expect(readOf(simulated, offsetFirst + 7)).rejects.toMatchObject({ code: "journal-corrupt" });
  const segment = { partition: 2, window, offsetFirst, offsetNext: offsetFirst + 6, recordBytes: 0 };
  await expect(readSegment(simulated.session(), path, segment).next()).rejects.toMatchObject({
    code: "journal-corrupt",
  });
});

test("J3: a flipped bit in a frame with a successor is damage, with the offsets behind it known", async () => {
  for (const witness of [false, true]) {
    const { simulated, positions } = await write(frames, { witness });
    const last = witness ? (positions[3] as number) : (positions[2] as number);
    for (let at = headerBytes; at < last; at++) {
      for (let bit = 0; bit < 8; bit++) {
        simulated.flipBit(path, at, bit);
        const scan = await scanOf(simulated);
        expect(scan.kind, `bit ${bit} of byte ${at}`).toBe("damaged");
        if (scan.kind === "damaged") expect(scan.offsetNext).toBe(offsetFirst + 6);
        simulated.flipBit(path, at, bit);
      }
    }
  }
});

test("J3: a flipped bit in the header of the open segment is damage", async () => {
  const { simulated } = await write(frames);
  for (let at = 0; at < 56; at++) {
    simulated.flipBit(path, at, at % 8);
    expect((await scanOf(simulated)).kind).toMatch(/damaged|newer/);
    simulated.flipBit(path, at, at % 8);
  }
});

test("J3: an open segment cut within its last frame has a torn tail, and all before it", async () => {
  const { simulated, positions } = await write(frames);
  const [, , third, end] = positions as [number, number, number, number];
  const whole = simulated.content(path);
  for (let length = third; length < end; length++) {
    simulated.setContent(path, whole.subarray(0, length));
    const scan = await scanOf(simulated);
    expect(scan).toMatchObject({ kind: "open", end: third, offsetNext: offsetFirst + 3 });
    // From its mark on it is known that a frame was begun; from its head on, of how many records.
    if (scan.kind === "open" && length >= third + 8) expect(scan.torn).not.toBeNull();
    if (scan.kind === "open" && length >= third + 44) expect(scan.torn).toEqual({ records: 3 });
  }
});

test("J3: random bytes behind the last frame are not taken for frames", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0 }), fc.integer({ min: 0, max: 3000 }), async (seed, length) => {
      const { simulated, positions } = await write(frames, { seed });
      const random = seededRandom(seed);
      const garbage = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
      simulated.setContent(path, Buffer.concat([simulated.content(path), garbage]));
      expect(await scanOf(simulated)).toMatchObject({ kind: "open", end: positions[3], offsetNext: offsetFirst + 6 });
    }),
    { numRuns: 100 },
  );
});

test("J3: a recycled file's former frames are not taken for frames, wherever they begin", async () => {
  // The same hub, partition, window and offsets: only the nonce differs.
  const former = await write([["former 1"], ["former 2"], ["former 3"]], { witness: true });
  const old = former.simulated.content(path);
  const { simulated, positions } = await write([["one"]]);
  const now = simulated.content(path);
  for (let from = headerBytes; from < old.length; from++) {
    simulated.setContent(path, Buffer.concat([now, old.subarray(from)]));
    expect(await scanOf(simulated)).toMatchObject({
      kind: "open",
      end: positions[1],
      offsetNext: offsetFirst + 1,
      torn: null,
    });
  }
});

test("J2: the frames of a segment that is written again from the middle are one sequence", async () => {
  const { simulated } = await write(frames);
  const scan = await scanOf(simulated);
  if (scan.kind !== "open") throw new Error(scan.kind);
  const segment = await OpenSegment.resume(simulated.session(), path, scan, window * 60_000 + 5);
  await segment.append(1, Buffer.from([5, 0, 0, 0]), Buffer.from("seven"), window * 60_000 + 6);
  await segment.seal();
  expect(await readOf(simulated, offsetFirst + 7)).toEqual(["onetwo", "three", "fourfivesix", "seven"]);
});
