import { expect, test } from "vitest";
import { windowStartMs } from "../lib/window.ts";
import { holdBacklog } from "../registry/registry.ts";
import { type PolicyStream, overdue } from "./overdue.ts";

const nowMs = windowStartMs(1000);
const stream = (blocked: boolean, ...windows: readonly [number, number][]): PolicyStream => ({
  backlog: { owed: () => windows.map(([window, bytes]) => ({ window, bytes })) },
  status: { blocked: blocked ? {} : null },
});

test("A backlog without limits is held, however old and large", () => {
  expect(overdue(holdBacklog, [stream(true, [1, 1e12])], nowMs)).toBeNull();
});

test("Age lets go of what ended that long ago, and only while the export cannot write", () => {
  const policy = { letGoAfterHours: 1, letGoAfterBytes: null };
  const windows: [number, number][] = [
    [930, 1],
    [938, 1],
    [939, 1],
    [940, 1],
    [990, 1],
  ];
  expect(overdue(policy, [stream(false, ...windows)], nowMs)).toBeNull();
  expect(overdue(policy, [stream(true, ...windows)], nowMs)?.windowLast).toBe(939);
  expect(overdue(policy, [stream(true, [940, 1])], nowMs)).toBeNull();
});

test("Bytes let the oldest windows go, over all streams, and keep the newest that fit", () => {
  const policy = { letGoAfterHours: null, letGoAfterBytes: 100 };
  expect(overdue(policy, [stream(false, [1, 60], [3, 40]), stream(false, [2, 60])], nowMs)?.windowLast).toBe(1);
  expect(overdue(policy, [stream(false, [1, 60], [3, 41]), stream(false, [2, 60])], nowMs)?.windowLast).toBe(2);
  expect(overdue(policy, [stream(false, [1, 40], [3, 60])], nowMs)).toBeNull();
});
