// `coldpath export audit | accept`: whether the records balance, and what an operator says about those that do not.

import { type Client, segment } from "./client.ts";
import { UsageError } from "./errors.ts";
import { type ExportAnswer, auditText } from "./export-views.ts";
import { serverCommand } from "./family.ts";
import { findExport } from "./lookup.ts";
import { confirm, counted, yesOption } from "./output.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface Extent {
  readonly kind: string;
  readonly type: string;
  readonly partition: number;
  readonly windowFirst: string;
  readonly windowLast: string;
  readonly offsetFirst: number | null;
  readonly offsetNext: number | null;
  readonly records: number;
}

interface AuditAnswer {
  readonly at: string | null;
  readonly balances: readonly {
    readonly type: string;
    readonly partition: number;
    readonly tenure: number | null;
    readonly journaled: number;
    readonly exported: number;
    readonly waiting: number;
    readonly discarded: number;
    readonly accepted: number;
  }[];
  readonly violations: readonly (Extent & { readonly id: string; readonly message: string; readonly hint: string })[];
  readonly violationCount: number;
  readonly accepted: readonly (Extent & { readonly reason: string; readonly at: string })[];
}

export const auditCommand = serverCommand({
  name: "export audit",
  purpose: "whether the records of an export balance, by stream; violations, and those that were accepted",
  arguments: ["EXPORT"],
  options: {},
  examples: [
    ["coldpath export audit lake", "each stream and time it was on"],
    ["coldpath export audit lake --json", "for a program"],
  ],
  exitCodes: { 0: "The records balance.", 1: "They do not, or the operation failed." },
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const one = await findExport<ExportAnswer>(client, id);
    const audit = await auditOf(client, one.id);
    if (values.json === true) terminal.print(JSON.stringify(audit, null, 2));
    else if (audit.at === null || one.status.audit === null) terminal.print(`${one.name}: not audited yet`);
    else {
      terminal.print(`${one.name}: ${auditText(one.status.audit)}`);
      printAudit(audit, terminal);
    }
    return audit.violationCount > 0 ? 1 : 0;
  },
});

export const acceptCommand = serverCommand({
  name: "export accept",
  purpose: "put violations of the audit on record as looked into, so that they alarm no more",
  arguments: ["EXPORT", "[VIOLATION]"],
  usage: "--reason TEXT",
  details:
    "VIOLATION is an id that `coldpath export audit` shows. Only these numbers are accepted: whatever is more, or comes later, alarms. It cannot be undone, changes no file, and nothing counts as exported because of it.",
  options: {
    reason: { group: "Options", type: "string", isFlagOnly: true, description: "What was found out; it is kept." },
    all: { group: "Options", type: "boolean", isFlagOnly: true, description: "All that stand now." },
    ...yesOption,
  },
  examples: [
    [
      "coldpath export accept lake lost/measurements/0/20260102T0305Z/3 --reason 'segment destroyed by a bad disk'",
      "one; asks first",
    ],
    ["coldpath export accept lake --all --reason 'the machine of May was lost' --yes", "all that stand now"],
  ],
  run: async ({ client, values, positionals: [id = "", violation], terminal }) => {
    const { reason } = values;
    if (reason === undefined || reason.trim() === "") {
      throw new UsageError("export accept", "Why? Give --reason TEXT; it is kept.", "reason");
    }
    if ((violation === undefined) !== (values.all === true)) {
      throw new UsageError("export accept", "Give the id of one VIOLATION, or --all.");
    }
    const { id: exportId, name } = await findExport<ExportAnswer>(client, id);
    const audit = await auditOf(client, exportId);
    const violations = audit.violations.filter((one) => violation === undefined || one.id === violation);
    if (violation === undefined && violations.length === 0) {
      terminal.print(`No violation of ${name} stands: there is nothing to accept.`);
      return;
    }
    for (const { message } of violations) terminal.complain(`coldpath: ${message}`);
    await confirm("export accept", `Accept this of ${name}, for good?`, values, terminal);
    const ids = violation === undefined ? violations.map((one) => one.id) : [violation];
    const { items } = await client.post<{ readonly items: AuditAnswer["accepted"] }>(
      `/exports/${segment(exportId)}/audit/accept`,
      { violations: ids, reason },
    );
    if (values.json === true) terminal.print(JSON.stringify(items, null, 2));
    else terminal.print(`On record: ${items.length} accepted. \`coldpath export audit ${name}\` shows them.`);
  },
});

async function auditOf(client: Client, exportId: string): Promise<AuditAnswer> {
  return await client.get<AuditAnswer>(`/exports/${segment(exportId)}/audit`);
}

function printAudit({ balances, violations, violationCount, accepted }: AuditAnswer, terminal: Terminal): void {
  const rows = balances.map((one) => [
    one.type,
    String(one.partition),
    one.tenure === null ? "all" : String(one.tenure),
    ...[one.journaled, one.exported, one.waiting, one.discarded, one.accepted].map(String),
  ]);
  const headings = ["type", "partition", "tenure", "journaled", "exported", "waiting", "let go", "accepted"];
  if (rows.length > 0) terminal.print(renderTable(headings, rows, terminal));
  for (const { id, message, hint } of violations) {
    terminal.print(`VIOLATION ${id}`);
    terminal.print(`  ${message}`);
    terminal.print(`  → ${hint}`);
  }
  if (violationCount > violations.length) terminal.print(`… and ${violationCount - violations.length} more.`);
  for (const one of accepted) {
    const windows = one.windowFirst === one.windowLast ? one.windowFirst : `${one.windowFirst} to ${one.windowLast}`;
    const offsets = one.offsetFirst === null ? "" : `, offsets ${one.offsetFirst} to ${one.offsetNext}`;
    const records = counted(one.records, "record");
    const what = `${one.kind}, ${records} of ${one.type}, partition ${one.partition}, ${windows}${offsets}`;
    terminal.print(`accepted ${one.at}: ${what} (${one.reason})`);
  }
}
