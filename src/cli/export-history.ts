// `coldpath export runs | gaps`: what an export wrote, and what was let go.

import type { ExportType } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { ExportAnswer } from "./export-views.ts";
import { serverCommand } from "./family.ts";
import { findExport, listOf } from "./lookup.ts";
import { renderTable } from "./table.ts";

interface RunAnswer {
  readonly number: number;
  readonly type: ExportType;
  readonly window: string;
  readonly definitionVersion: number;
  readonly path: string;
  readonly records: number;
  readonly bytes: number;
  readonly attempts: number;
  readonly committedAt: string;
  readonly outcome: "created" | "adopted";
}

interface RunPage {
  readonly items: readonly RunAnswer[];
  readonly next: number | null;
}

interface GapAnswer {
  readonly type: ExportType;
  readonly partition: number;
  readonly windowFirst: string;
  readonly windowLast: string;
  readonly records: number | null;
  readonly reason: string;
  readonly at: string;
}

const pageSize = 1000;

export const runsCommand = serverCommand({
  name: "export runs",
  purpose: "list the files that an export wrote, newest first",
  arguments: ["EXPORT"],
  options: {
    limit: {
      group: "Options",
      type: "integer",
      min: "1",
      max: "1000000",
      default: "20",
      isFlagOnly: true,
      description: "At most so many.",
    },
  },
  examples: [
    ["coldpath export runs lake", "the last twenty files"],
    ["coldpath export runs lake --limit 1000 --json", "with hashes, for a program"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const { id: exportId } = await findExport<ExportAnswer>(client, id);
    const runs: RunAnswer[] = [];
    let before: number | undefined;
    do {
      const limit = Math.min(pageSize, values.limit - runs.length);
      const page = await client.get<RunPage>(`/exports/${segment(exportId)}/runs`, { limit, before });
      runs.push(...page.items);
      before = page.next ?? undefined;
    } while (before !== undefined && runs.length < values.limit);
    if (values.json === true) {
      terminal.print(JSON.stringify(runs, null, 2));
      return;
    }
    if (runs.length === 0) {
      terminal.complain("coldpath: It wrote no file yet.");
      return;
    }
    const rows = runs.map((run) => [
      run.committedAt,
      run.path,
      String(run.records),
      String(run.bytes),
      String(run.attempts),
      run.outcome,
    ]);
    terminal.print(renderTable(["committed", "path", "records", "bytes", "attempts", "outcome"], rows, terminal));
  },
});

export const gapsCommand = serverCommand({
  name: "export gaps",
  purpose: "list the minutes that were let go: owed, and never to be written",
  arguments: ["EXPORT"],
  options: {},
  examples: [
    ["coldpath export gaps lake", "none, as a rule"],
    ["coldpath export gaps lake --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const { id: exportId } = await findExport<ExportAnswer>(client, id);
    const gaps = await listOf<GapAnswer>(client, `/exports/${segment(exportId)}/gaps`);
    if (values.json === true) terminal.print(JSON.stringify(gaps, null, 2));
    else if (gaps.length === 0) terminal.print("No gap: everything owed was written, or will be.");
    else {
      const rows = gaps.map((gap) => [
        gap.type,
        String(gap.partition),
        gap.windowFirst,
        gap.windowLast,
        gap.records === null ? "unknown" : String(gap.records),
        gap.reason,
        gap.at,
      ]);
      terminal.print(
        renderTable(
          ["type", "partition", "first minute", "last minute", "records", "reason", "let go at"],
          rows,
          terminal,
        ),
      );
    }
  },
});
