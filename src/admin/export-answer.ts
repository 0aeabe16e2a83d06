// An export as the API shows it: its versions, its tenures, and how far the exporter is.

import { sumOf } from "../export/audit/balance.ts";
import type { Violation } from "../export/audit/violation.ts";
import type { AuditStatus } from "../export/audit/auditor.ts";
import { adviceOf } from "../export/advice.ts";
import type { ExportState, ExportStatus } from "../export/export.ts";
import { printPath } from "../export/path-template.ts";
import { must } from "../lib/assert.ts";
import { type Window, windowStartMs } from "../lib/window.ts";
import type { AcceptedViolation, Export, ExportDefinition, ExportRun } from "../registry/registry.ts";
import type { AdminOptions } from "./options.ts";

/** What of a run concerns its file. */
export function fileRunAnswer(run: ExportRun & { readonly number: number }) {
  const { number, window, records, committedAt, attempts } = run;
  return { number, window: printWindowStart(window), records, committedAt, attempts, durationMs: durationOf(run) };
}

/** By the window clock, which may have been set back in between. */
export function durationOf({ startedAt, committedAt }: Pick<ExportRun, "startedAt" | "committedAt">): number {
  return Math.max(0, Date.parse(committedAt) - Date.parse(startedAt));
}

export function exportAnswer(one: Export, options: Pick<AdminOptions, "registry" | "journal" | "exporter">) {
  const windowOpen = options.journal.windowNext();
  const latest = must(one.definitions.at(-1), "an export is made with its first definition");
  const inForce = one.definitions.findLast(({ windowFirst }) => windowFirst <= windowOpen) ?? null;
  const { pathTemplate, types } = inForce ?? latest;
  const type = must(types[0], "an export has at least one type");
  const { oldestOwedWindow, audit, ...status } = statusOf(one, options);
  return {
    id: one.id,
    name: one.name,
    on: one.on,
    definition: inForce === null ? null : definitionAnswer(inForce),
    latestDefinition: definitionAnswer(latest),
    backlog: one.backlog,
    tenures: one.tenures.map(({ number, windowFirst, windowLast }) => ({
      number,
      windowFirst: printWindowStart(windowFirst),
      windowLast: windowLast === null ? null : printWindowStart(windowLast),
    })),
    status: {
      ...status,
      oldestOwedWindow: oldestOwedWindow === null ? null : printWindowStart(oldestOwedWindow),
      audit: auditSummary(audit),
    },
    advice: adviceOf(status),
    nextPath: printPath(pathTemplate, options.registry.installation.hubName, {
      type,
      window: windowOpen,
      partition: options.journal.status().partitions[0]?.partition ?? 0,
      part: 0,
    }),
    etag: one.etag,
    createdAt: one.createdAt,
  };
}

function definitionAnswer({ windowFirst, ...definition }: ExportDefinition) {
  return { ...definition, windowFirst: printWindowStart(windowFirst) };
}

/** The exporter's word; what was made or turned on or off a moment ago it may not have looked at yet. */
export function statusOf(one: Export, { exporter }: Pick<AdminOptions, "exporter">): Omit<ExportStatus, "exportId"> {
  const known = exporter.status(one.id);
  if (known !== null) {
    const { exportId: _exportId, ...status } = known;
    if (one.on && (status.state === "off" || status.state === "draining")) return { ...status, state: "starting" };
    if (!one.on && (status.state === "healthy" || status.state === "starting")) return { ...status, state: "draining" };
    return status;
  }
  const state: ExportState = one.tenures.length > 0 ? "starting" : "off";
  return {
    state,
    trouble: null,
    owedFiles: 0,
    owedBytes: 0,
    oldestOwedWindow: null,
    lagMs: 0,
    lastFile: null,
    filesWritten: 0,
    recordsWritten: 0,
    bytesWritten: 0,
    audit: null,
  };
}

export function auditSummary(audit: AuditStatus | null) {
  if (audit === null) return null;
  return { at: audit.at, ...sumOf(audit.balances), violations: audit.violationCount };
}

export function auditAnswer(audit: AuditStatus | null) {
  if (audit === null) return { at: null, balances: [], violations: [], violationCount: 0, accepted: [] };
  return {
    ...audit,
    violations: audit.violations.map((one) => placed(one)),
    accepted: audit.accepted.map(acceptedAnswer),
  };
}

export function acceptedAnswer({ exportId: _exportId, ...accepted }: AcceptedViolation) {
  return placed(accepted);
}

function placed<T extends Pick<Violation, "offsets" | "windowFirst" | "windowLast">>({
  offsets,
  windowFirst,
  windowLast,
  ...rest
}: T) {
  return {
    ...rest,
    windowFirst: printWindowStart(windowFirst),
    windowLast: printWindowStart(windowLast),
    offsetFirst: offsets?.first ?? null,
    offsetNext: offsets?.next ?? null,
  };
}

/** `2026-01-02T03:04:00Z`. */
export function printWindowStart(window: Window): string {
  return new Date(windowStartMs(window)).toISOString().replace(".000Z", "Z");
}
