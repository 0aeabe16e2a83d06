// What exports did, and what an operator does about one that does not move.

import { Type } from "typebox";
import { ColdpathError } from "../../lib/errors.ts";
import { windowMs, windowOf } from "../../lib/window.ts";
import { acceptedAnswer, auditAnswer, durationOf, exportAnswer, printWindowStart } from "../export-answer.ts";
import type { AdminOptions } from "../options.ts";
import { pageLimit } from "../page-limit.ts";
import { type Api, ref } from "../schema.ts";
import {
  AcceptViolations,
  AcceptedViolationList,
  Discard,
  Discarded,
  Export,
  ExportAudit,
  ExportGapList,
  ExportRunPage,
} from "../schemas/export.ts";

const tags = ["exports"];
const oneExport = Type.Object({ exportId: Type.String() });

export function exportRunRoutes(api: Api, options: AdminOptions): void {
  const { registry, journal, exporter, pageSizeMax } = options;

  api.post(
    "/exports/:exportId/retry",
    {
      schema: {
        operationId: "retryExport",
        summary: "Tries again now, whatever stood in the way.",
        tags,
        access: "administrator",
        params: oneExport,
        response: { 200: ref(Export) },
        failures: [404],
      },
    },
    async (request) => {
      const one = await registry.export(request.params.exportId);
      exporter.retry(one.id);
      return exportAnswer(one, options);
    },
  );

  api.post(
    "/exports/:exportId/discard",
    {
      schema: {
        operationId: "discardBacklog",
        summary: "Lets owed windows go for good: their files are never written, and the gap is recorded.",
        tags,
        access: "administrator",
        params: oneExport,
        body: ref(Discard),
        response: { 200: ref(Discarded) },
        failures: [404],
      },
    },
    async (request) => {
      const { reason, windowLast } = request.body;
      const { id } = await registry.export(request.params.exportId);
      const last = windowLast === undefined ? undefined : closedWindow(windowLast, journal.windowNext());
      return { discarded: await exporter.discard(id, reason, last) };
    },
  );

  api.get(
    "/exports/:exportId/runs",
    {
      schema: {
        operationId: "listExportRuns",
        summary: "Files that an export wrote, newest first.",
        tags,
        access: "administrator",
        params: oneExport,
        querystring: Type.Object(
          {
            limit: Type.Optional(Type.Integer({ description: "100 when left out; at most the server's page size." })),
            before: Type.Optional(Type.Integer({ minimum: 0, description: "The `next` of the page before." })),
          },
          { additionalProperties: false },
        ),
        response: { 200: ref(ExportRunPage) },
        failures: [404],
      },
    },
    async (request) => {
      const { id: exportId } = await registry.export(request.params.exportId);
      const limit = pageLimit(request.query.limit, pageSizeMax);
      const { before } = request.query;
      const runs = await registry.runs({ exportId, limit, ...(before === undefined ? {} : { before }) });
      return {
        items: runs.map(({ exportId: _exportId, ...run }) => ({
          ...run,
          window: printWindowStart(run.window),
          durationMs: durationOf(run),
        })),
        next: runs.length < limit ? null : (runs.at(-1)?.number ?? null),
      };
    },
  );

  api.get(
    "/exports/:exportId/gaps",
    {
      schema: {
        operationId: "listExportGaps",
        summary: "Owed windows of an export that were let go.",
        tags,
        access: "administrator",
        params: oneExport,
        response: { 200: ref(ExportGapList) },
        failures: [404],
      },
    },
    async (request) => {
      const { id } = await registry.export(request.params.exportId);
      const gaps = await registry.gaps(id);
      return {
        items: gaps.map(({ exportId: _exportId, offsets: _offsets, windowFirst, windowLast, ...gap }) => ({
          ...gap,
          windowFirst: printWindowStart(windowFirst),
          windowLast: printWindowStart(windowLast),
        })),
      };
    },
  );

  api.get(
    "/exports/:exportId/audit",
    {
      schema: {
        operationId: "getExportAudit",
        summary: "Whether all that was journaled is exported, waiting or let go; what is not, by window.",
        tags,
        access: "administrator",
        params: oneExport,
        response: { 200: ref(ExportAudit) },
        failures: [404],
      },
    },
    async (request) => {
      const { id } = await registry.export(request.params.exportId);
      return auditAnswer(exporter.status(id)?.audit ?? null);
    },
  );

  api.post(
    "/exports/:exportId/audit/accept",
    {
      schema: {
        operationId: "acceptViolations",
        summary: "Puts violations of the audit on record as looked into: they alarm no more, and stay in the audit.",
        tags,
        access: "administrator",
        params: oneExport,
        body: ref(AcceptViolations),
        response: { 200: ref(AcceptedViolationList) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { violations, reason } = request.body;
      const { id } = await registry.export(request.params.exportId);
      return { items: (await exporter.acceptViolations(id, violations, reason)).map(acceptedAnswer) };
    },
  );
}

/** The window that starts at `start`, when it is closed. */
function closedWindow(start: string, windowOpen: number): number {
  const timeMs = Date.parse(start);
  const refuse = (what: string, hint: string): ColdpathError =>
    new ColdpathError("invalid", "input-invalid", `windowLast ${what}.`, { field: "windowLast", hint });
  if (Number.isNaN(timeMs) || timeMs % windowMs !== 0) {
    throw refuse("must be the start of a minute", "Write a whole minute in UTC, e.g. 2026-01-02T03:04:00Z.");
  }
  const window = windowOf(timeMs);
  if (window >= windowOpen) throw refuse("is not closed yet", `Name one before ${printWindowStart(windowOpen)}.`);
  return window;
}
