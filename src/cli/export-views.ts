// `coldpath export list | show | status`.

import type { ExportState, ExportTrouble } from "../export/export.ts";
import type { BacklogPolicy, ExportSettings, StorageAccount } from "../registry/registry.ts";
import { serverCommand } from "./family.ts";
import { findExport, listOf } from "./lookup.ts";
import { bytesText, counted, durationText, stateCell } from "./output.ts";
import { renderFields, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { type Client, segment } from "./client.ts";

/** `violations` is how many. */
interface AuditSummary {
  readonly at: string;
  readonly journaled: number;
  readonly exported: number;
  readonly waiting: number;
  readonly discarded: number;
  readonly accepted: number;
  readonly violations: number;
}

/** An export, as the API answers it: windows are the start of their minute. */
export interface ExportAnswer {
  readonly id: string;
  readonly name: string;
  readonly on: boolean;
  readonly latestDefinition: ExportSettings & { readonly version: number; readonly windowFirst: string };
  readonly tenures: readonly { readonly windowFirst: string; readonly windowLast: string | null }[];
  readonly status: {
    readonly state: ExportState;
    readonly trouble: ExportTrouble | null;
    readonly owedFiles: number;
    readonly owedBytes: number;
    readonly oldestOwedWindow: string | null;
    readonly lagMs: number;
    readonly lastFile: { readonly path: string; readonly committedAt: string; readonly records: number } | null;
    readonly filesWritten: number;
    readonly recordsWritten: number;
    readonly bytesWritten: number;
    readonly audit: AuditSummary | null;
  };
  readonly advice: { readonly happened: string; readonly toDo: string | null };
  readonly backlog: BacklogPolicy;
  readonly nextPath: string;
  readonly etag: number;
  readonly createdAt: string;
}

export const listExportsCommand = serverCommand({
  name: "export list",
  purpose: "list exports",
  options: {},
  examples: [
    ["coldpath export list", "a table"],
    ["coldpath export list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const exports = await listOf<ExportAnswer>(client, "/exports");
    if (values.json === true) {
      terminal.print(JSON.stringify(exports, null, 2));
      return;
    }
    if (exports.length === 0) {
      terminal.complain("coldpath: There is no export yet; `coldpath export create` makes one.");
      return;
    }
    const places = await placesOf(client);
    const rows = exports.map(({ id, name, status, latestDefinition }) => [
      id,
      name,
      stateCell(status.state),
      `${places.get(latestDefinition.storageAccountId) ?? "?"}/${latestDefinition.container}`,
      latestDefinition.types.join(", "),
      latestDefinition.codec,
    ]);
    terminal.print(renderTable(["id", "name", "state", "destination", "types", "codec"], rows, terminal));
  },
});

export const showExportCommand = serverCommand({
  name: "export show",
  purpose: "show an export's settings and when it was on",
  arguments: ["EXPORT"],
  options: {},
  examples: [
    ["coldpath export show lake", "one export"],
    ["coldpath export show lake --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const one = await findExport<ExportAnswer>(client, id);
    if (values.json === true) {
      terminal.print(JSON.stringify(one, null, 2));
      return;
    }
    const places = await placesOf(client);
    const { latestDefinition: settings, tenures, status } = one;
    terminal.print(
      renderFields(
        [
          ["id", one.id],
          ["name", one.name],
          ["state", stateCell(status.state)],
          ["which means", one.advice.happened],
          ...(one.advice.toDo === null ? [] : [["what to do", one.advice.toDo] as const]),
          ["storage", places.get(settings.storageAccountId) ?? settings.storageAccountId],
          ["container", settings.container],
          ["types", settings.types.join(", ")],
          ["path template", settings.pathTemplate],
          ["next file", one.nextPath],
          ["codec", settings.codec],
          ["format revision", settings.formatRevision],
          ["block size", bytesText(settings.blockBytes)],
          ["largest file", bytesText(settings.fileBytesMax)],
          ["backlog", backlogText(one.backlog)],
          ["definition", `version ${settings.version}, in force from ${settings.windowFirst}`],
          ["on", tenures.map((one) => `${one.windowFirst} to ${one.windowLast ?? "now"}`).join("\n") || "never"],
          ["created", one.createdAt],
        ],
        terminal,
      ),
    );
  },
});

export const exportStatusCommand = serverCommand({
  name: "export status",
  purpose: "how exports are: state, lag, what is owed, whether the records balance, and what to do",
  arguments: ["[EXPORT]"],
  details:
    "States: starting (nothing tried yet), healthy, retrying (a temporary failure; goes on by itself), stopped (something must be done), draining (off, and still writing what it owes), off.",
  options: {},
  examples: [
    ["coldpath export status", "all exports"],
    ["coldpath export status lake --json", "one, for a program"],
  ],
  exitCodes: {
    0: "Done; no export shown is stopped, and the records of each balance.",
    1: "An export is stopped or its records do not balance, or the operation failed.",
  },
  run: async ({ client, values, positionals: [id], terminal }) => {
    const exports =
      id === undefined ? await listOf<ExportAnswer>(client, "/exports") : [await findExport<ExportAnswer>(client, id)];
    if (values.json === true) {
      terminal.print(
        JSON.stringify(
          exports.map(({ id, name, on, status, advice }) => ({ id, name, on, ...status, advice })),
          null,
          2,
        ),
      );
    } else if (exports.length === 0) terminal.complain("coldpath: There is no export.");
    else {
      const rows = exports.map(({ name, status }) => [
        name,
        stateCell(status.state),
        status.lagMs === 0 ? "0" : durationText(status.lagMs),
        status.owedFiles === 0 ? "0" : `${counted(status.owedFiles, "file")}, ${bytesText(status.owedBytes)}`,
        String(status.filesWritten),
        status.lastFile === null ? "–" : status.lastFile.path,
      ]);
      terminal.print(renderTable(["export", "state", "lag", "owed", "written", "last file"], rows, terminal));
      for (const one of exports) printTrouble(one, terminal);
      terminal.print("");
      for (const one of exports) await printAudit(client, one, terminal);
    }
    return exports.some(({ status }) => status.state === "stopped" || (status.audit?.violations ?? 0) > 0) ? 1 : 0;
  },
});

function printTrouble({ name, status: { trouble }, advice }: ExportAnswer, terminal: Terminal): void {
  if (trouble === null) return;
  const { code, message, hint, since, nextAttempt, attempts, path } = trouble;
  const next = nextAttempt === null ? "not tried again by itself" : `tried again at ${nextAttempt}`;
  terminal.print("");
  terminal.print(`${name}: ${message} (${code})`);
  if (path !== null) terminal.print(`  file: ${path}`);
  terminal.print(`  since ${since}, ${counted(attempts, "attempt")}, ${next}`);
  terminal.print(`  → ${hint}`);
  terminal.print(`  ${advice.happened}`);
  if (advice.toDo !== null && advice.toDo !== hint) terminal.print(`  → ${advice.toDo}`);
}

async function printAudit(client: Client, { id, name, status }: ExportAnswer, terminal: Terminal): Promise<void> {
  const { audit } = status;
  if (audit === null) {
    terminal.print(`${name}: not audited yet`);
    return;
  }
  terminal.print(`${name}: ${auditText(audit)}`);
  const { violations } = audit;
  if (violations === 0) return;
  const found = await client.get<{ violations: readonly { message: string; hint: string }[] }>(
    `/exports/${segment(id)}/audit`,
  );
  for (const { message, hint } of found.violations) {
    terminal.print(`  ${message}`);
    terminal.print(`  → ${hint}`);
  }
}

export function auditText({ journaled, exported, waiting, discarded, accepted, violations }: AuditSummary): string {
  const known = accepted === 0 ? "" : `, ${accepted} accepted as missing`;
  const balance = `${counted(journaled, "record")} journaled: ${exported} exported, ${waiting} waiting, ${discarded} let go${known}`;
  return `${balance}; ${violations === 0 ? "balanced" : `${violations} VIOLATIONS`}`;
}

async function placesOf(client: Client): Promise<ReadonlyMap<string, string>> {
  const accounts = await listOf<StorageAccount>(client, "/storage-accounts");
  return new Map(accounts.map(({ id, name }) => [id, name]));
}

function backlogText({ letGoAfterHours, letGoAfterBytes }: BacklogPolicy): string {
  const limits = [
    ...(letGoAfterHours === null ? [] : [`after ${letGoAfterHours} hours without a way to write`]),
    ...(letGoAfterBytes === null ? [] : [`beyond ${bytesText(letGoAfterBytes)}`]),
  ];
  return limits.length === 0 ? "held" : `let go ${limits.join(", or ")}`;
}
