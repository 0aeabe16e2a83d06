// The offline tools on real directories: journal-check, journal-cat, reset-clock.

import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Clock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { printWindow, windowMs, windowOf } from "../../lib/window.ts";
import { readAll } from "../journal.contract.ts";
import { append } from "../records.simulated.ts";
import type { PartitionWriter } from "../journal.ts";
import { FileJournal } from "./file-journal.ts";
import { type CatOptions, catJournal } from "./journal-cat.ts";
import { checkJournal } from "./journal-check.ts";
import { type ResetClockOutcome, resetClock } from "./reset-clock.ts";

const startMs = Date.parse("2026-01-02T03:04:05.000Z");
const first = windowOf(startMs);
const hub = "test";
const frameHeadBytes = 44;

let directory = "";
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "coldpath-offline-")), "journal");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true, force: true }));

/** A clock that stands still between the steps of a story. */
class StandingClock implements Clock {
  ms = startMs;
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  timer(): () => void {
    return () => {};
  }
}

async function opened(clock: Clock, partitions = 1): Promise<FileJournal> {
  return FileJournal.open({
    directory,
    hub,
    partitions,
    bytesMax: 1e12,
    warnShare: 0.8,
    warnBeforeMs: 0,
    freeBytesMin: 0,
    retentionMs: 1e12,
    recycleBytesMax: 1e9,
    frameBytesMax: 1024 * 1024,
    clockJumpMaxMs: 300_000,
    clock,
    log: silentLog,
    onFailed: (error) => {
      throw error;
    },
  });
}

async function accept(journal: FileJournal, text: string, partition = 0): Promise<void> {
  const writer = journal.partitions[partition] as PartitionWriter;
  expect(append(writer, text)).toBeNull();
  await writer.flush();
}

/** `a1 a2` and `b` in closed windows, `c` in an open one; closed by the server's stop. */
async function threeWindows(): Promise<StandingClock> {
  const clock = new StandingClock();
  const journal = await opened(clock);
  await accept(journal, "a1");
  await accept(journal, "a2");
  clock.ms += windowMs;
  await accept(journal, "b");
  clock.ms += windowMs;
  await accept(journal, "c");
  await journal.close();
  return clock;
}

function pathOf(window: number, partition = 0): string {
  return join(directory, String(partition), `${printWindow(window)}.seg`);
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 4;
  writeFileSync(path, bytes);
}

async function cat(options: Partial<CatOptions> = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const record of catJournal({ directory, ...options })) {
    expect(windowOf(record.timeMs)).toBe(record.window);
    found.push(`${record.partition}/${record.window - first}/${record.offset} ${record.bytes.toString()}`);
  }
  return found;
}

function snapshot(): Record<string, string> {
  const names = readdirSync(directory, { recursive: true }).map(String).sort();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(directory, name);
      return [name, statSync(path).isFile() ? readFileSync(path).toString("base64") : "directory"];
    }),
  );
}

test("check: a sound journal, its segments and counts, and not a byte changed", async () => {
  await threeWindows();
  const before = snapshot();
  const report = await checkJournal(directory);
  expect(report).toMatchObject({ directory, isSound: true, problems: [] });
  expect(report.partitions).toHaveLength(1);
  expect(report.partitions[0]).toMatchObject({
    partition: 0,
    role: "active",
    floor: { windowNext: first + 2, offsetNext: 3 },
    problems: [],
  });
  expect(report.partitions[0]?.segments).toMatchObject([
    {
      path: pathOf(first),
      window: first,
      state: "closed",
      offsetFirst: 0,
      offsetNext: 2,
      records: 2,
      recordBytes: 4,
      detail: null,
    },
    { window: first + 1, state: "closed", offsetFirst: 2, offsetNext: 3, records: 1, recordBytes: 1 },
    { window: first + 2, state: "open", offsetFirst: 3, offsetNext: 4, records: 1, recordBytes: 1 },
  ]);
  await cat();
  expect(snapshot()).toEqual(before);
});

test("check: damage, a torn tail, a lost segment, a lost table are told, with where", async () => {
  await threeWindows();
  flip(pathOf(first), 4096 + frameHeadBytes + 4); // the first record
  let report = await checkJournal(directory);
  expect(report.isSound).toBe(false);
  expect(report.partitions[0]?.segments[0]).toMatchObject({ state: "damaged", offsetFirst: 0, offsetNext: 2 });
  expect(report.partitions[0]?.segments[0]?.detail).toMatch(/at byte 4096, from offset 0 on/);
  expect(report.partitions[0]?.problems[0]).toContain(pathOf(first));
  flip(pathOf(first), 4096 + frameHeadBytes + 4);

  const open = readFileSync(pathOf(first + 2));
  writeFileSync(pathOf(first + 2), open.subarray(0, 4096 + frameHeadBytes + 2)); // within the lengths
  report = await checkJournal(directory);
  expect(report.isSound).toBe(true);
  expect(report.partitions[0]?.segments[2]).toMatchObject({ state: "torn", records: 0, offsetFirst: 3, offsetNext: 3 });
  expect(report.partitions[0]?.segments[2]?.detail).toMatch(/a frame of 1 records at byte 4096, from offset 3/);
  writeFileSync(pathOf(first + 2), open);

  const closed = readFileSync(pathOf(first + 1));
  rmSync(pathOf(first + 1));
  report = await checkJournal(directory);
  expect(report.partitions[0]?.segments[1]).toMatchObject({ state: "lost", offsetFirst: 2, offsetNext: 3, records: 0 });
  expect(report.isSound).toBe(false);
  writeFileSync(pathOf(first + 1), closed);

  rmSync(join(directory, "partitions.json"));
  report = await checkJournal(directory);
  expect(report.problems[0]).toMatch(/no partition table/);
  expect(report.partitions[0]).toMatchObject({ role: "unlisted" });
});

test("cat: a segment of another partition is damage, not a record under another's offset", async () => {
  // Found by test/fuzz.
  const journal = await opened(new StandingClock(), 2);
  expect(append(journal.partitions[0] as PartitionWriter, "a")).toBeNull();
  await journal.close();
  copyFileSync(pathOf(first), pathOf(first, 1));
  const told: string[] = [];
  expect(await cat({ partition: 1, onDamage: (what) => told.push(what) })).toEqual([]);
  expect(told).toEqual([expect.stringContaining("belongs to partition 0")]);
});

test("cat: all records, a window, a range of offsets, a partition", async () => {
  await threeWindows();
  expect(await cat()).toEqual(["0/0/0 a1", "0/0/1 a2", "0/1/2 b", "0/2/3 c"]);
  expect(await cat({ windowFirst: first + 1, windowLast: first + 1 })).toEqual(["0/1/2 b"]);
  expect(await cat({ offsetFirst: 1, offsetNext: 3 })).toEqual(["0/0/1 a2", "0/1/2 b"]);
  expect(await cat({ partition: 1 })).toEqual([]);
});

test("cat: stops at damage, or skips over it when asked, and says so", async () => {
  await threeWindows();
  flip(pathOf(first), 4096 + frameHeadBytes + 4);
  await expect(cat()).rejects.toMatchObject({ code: "journal-corrupt" });
  const skipped: string[] = [];
  expect(await cat({ onDamage: (what) => skipped.push(what) })).toEqual(["0/0/1 a2", "0/1/2 b", "0/2/3 c"]);
  expect(skipped).toHaveLength(1);
  expect(skipped[0]).toMatch(/skipped from byte 4096 and offset 0 to byte \d+ and offset 1/);

  skipped.length = 0;
  flip(pathOf(first + 1), 20); // its header: nothing of it can be read
  rmSync(pathOf(first)); // the oldest: as if trimmed
  expect(await cat({ onDamage: (what) => skipped.push(what) })).toEqual(["0/2/3 c"]);
  expect(skipped[0]).toMatch(/its header is not readable/);
});

async function reset(nowMs: number, isForced = false): Promise<ResetClockOutcome> {
  return resetClock({ directory, hub, nowMs, isForced });
}

test("reset-clock: refuses when the clock is not behind, and changes nothing then", async () => {
  const clock = await threeWindows();
  const before = snapshot();
  await expect(reset(clock.ms + windowMs)).rejects.toMatchObject({ code: "clock-not-behind", kind: "conflict" });
  expect(snapshot()).toEqual(before);
  expect(await reset(clock.ms + windowMs, true)).toMatchObject({ aheadMs: 0, retired: [0], active: [1] });
});

test("reset-clock: what was stamped in a wrong year stays readable, and new records get the right time", async () => {
  const clock = await threeWindows();
  const rightMs = startMs - 365 * 24 * 3_600_000;
  const outcome = await reset(rightMs);
  expect(outcome).toEqual({
    aheadMs: clock.ms - rightMs,
    retired: [0],
    active: [1],
    sealed: [{ partition: 0, window: first + 2, offsetFirst: 3, offsetNext: 4 }],
  });
  expect((await checkJournal(directory)).isSound).toBe(true);
  clock.ms = rightMs;
  const journal = await opened(clock);
  expect(journal.partitionNumbers()).toEqual([0, 1]);
  expect(journal.closedBelow(0)).toBe(Number.MAX_SAFE_INTEGER);
  const old = journal.segments(0, 0);
  expect(await Promise.all(old.map((segment) => readAll(journal, segment)))).toEqual([["a1", "a2"], ["b"], ["c"]]);
  await accept(journal, "right");
  expect(journal.partitions[0]).toMatchObject({ partition: 1, timeMs: rightMs });
  await journal.close();
  expect((await cat()).at(-1)).toContain("right");
});

test("reset-clock: twice, and with several partitions, uses no number twice", async () => {
  const clock = new StandingClock();
  const journal = await opened(clock, 2);
  await accept(journal, "p1", 1);
  await journal.close();
  expect(await reset(startMs - 1e9)).toMatchObject({ retired: [0, 1], active: [2, 3], sealed: [{ partition: 1 }] });
  expect(await reset(startMs - 2e9)).toMatchObject({ retired: [2, 3], active: [4, 5], sealed: [] });
  clock.ms = startMs - 2e9;
  const again = await opened(clock, 2);
  expect(again.partitionNumbers()).toEqual([0, 1, 2, 3, 4, 5]);
  await again.close();
});

test("reset-clock: a partition that lost its floor and its segments is retired when forced", async () => {
  const clock = await threeWindows();
  for (const name of readdirSync(join(directory, "0"))) rmSync(join(directory, "0", name));
  await expect(opened(clock)).rejects.toMatchObject({ code: "journal-floor-damaged" });
  expect(await reset(clock.ms, true)).toMatchObject({ retired: [0], active: [1] });
  const journal = await opened(clock);
  await accept(journal, "new");
  await journal.close();
});
