// What an export's state is, from its streams: for the page, the CLI and metrics. Pure.

import { type Window, windowStartMs } from "../lib/window.ts";
import type { Export } from "../registry/registry.ts";
import { tenureAt } from "../registry/tenure.ts";
import type { AuditStatus } from "./audit/auditor.ts";
import type { ExportState, ExportStatus } from "./export.ts";
import type { Stream } from "./stream.ts";

export interface StatusFacts {
  readonly export: Export;
  readonly streams: readonly Pick<Stream, "backlog" | "status">[];
  /** Of a former run of the server, from the history. */
  readonly lastFile: ExportStatus["lastFile"];
  readonly windowOpen: Window;
  /** All snapshots due in windows up to this one are cut. */
  readonly windowCut: Window;
  readonly nowMs: number;
  readonly audit: AuditStatus | null;
}

export function exportStatus(facts: StatusFacts): ExportStatus {
  const { streams, nowMs } = facts;
  const sizes = streams.map(({ backlog }) => backlog.size());
  const owedWindows = sizes.map(({ oldestWindow }) => oldestWindow).filter((window) => window !== null);
  const oldestOwedWindow = owedWindows.length === 0 ? null : Math.min(...owedWindows);
  const blocked = streams.map(({ status }) => status.blocked).filter((entry) => entry !== null);
  const worst = blocked.find(({ kind }) => kind !== "temporary") ?? blocked[0] ?? null;
  const files = streams.map(({ status }) => status.lastFile).filter((file) => file !== null);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const isTrouble = worst === null ? null : worst.kind === "temporary" ? "retrying" : "stopped";
  return {
    exportId: facts.export.id,
    state: isTrouble ?? quietState(facts, oldestOwedWindow !== null),
    trouble: worst?.trouble ?? null,
    owedFiles: sum(sizes.map((size) => size.files)),
    owedBytes: sum(sizes.map((size) => size.bytes)),
    oldestOwedWindow,
    lagMs: oldestOwedWindow === null ? 0 : Math.max(0, nowMs - windowStartMs(oldestOwedWindow)),
    lastFile: files.toSorted((one, other) => (one.committedAt < other.committedAt ? 1 : -1))[0] ?? facts.lastFile,
    filesWritten: sum(streams.map(({ status }) => status.files)),
    recordsWritten: sum(streams.map(({ status }) => status.records)),
    bytesWritten: sum(streams.map(({ status }) => status.bytes)),
    audit: facts.audit,
  };
}

/** The state of an export that nothing stands in the way of. */
function quietState(facts: StatusFacts, owesFiles: boolean): ExportState {
  const { export: one, streams, windowOpen, windowCut } = facts;
  const wasLookedAt = streams.every(({ status }) => status.outcome !== null);
  if (one.on) return wasLookedAt ? "healthy" : "starting";
  const last = one.tenures.at(-1);
  if (last === undefined) return "off";
  // The window it was turned off in may be open still, or its snapshots not cut yet.
  const isOver = tenureAt(one, windowOpen) === null && (last.windowLast ?? Infinity) <= windowCut;
  return wasLookedAt && isOver && !owesFiles ? "off" : "draining";
}
