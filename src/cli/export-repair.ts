// `coldpath export retry | discard`: what an operator does about an export that does not move.

import { segment } from "./client.ts";
import { UsageError } from "./errors.ts";
import type { ExportAnswer } from "./export-views.ts";
import { serverCommand } from "./family.ts";
import { findExport } from "./lookup.ts";
import { confirm, counted, yesOption } from "./output.ts";

export const retryExportCommand = serverCommand({
  name: "export retry",
  purpose: "try again now, whatever stood in the way",
  arguments: ["EXPORT"],
  options: {},
  examples: [
    ["coldpath export retry lake", "after the cause is repaired"],
    ["coldpath export retry lake && coldpath export status lake", "and see how it is"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const { id: exportId } = await findExport<ExportAnswer>(client, id);
    const one = await client.post<ExportAnswer>(`/exports/${segment(exportId)}/retry`);
    if (values.json === true) terminal.print(JSON.stringify(one, null, 2));
    else terminal.print(`The export ${one.name} tries again now; \`coldpath export status\` shows how it goes.`);
  },
});

export const discardCommand = serverCommand({
  name: "export discard",
  purpose: "let owed minutes go for good, and record the gap",
  arguments: ["EXPORT"],
  usage: "--reason TEXT",
  details: "Only where the files cannot or need not be written any more. It cannot be undone.",
  options: {
    reason: { group: "Options", type: "string", isFlagOnly: true, description: "Why; it is kept with the gap." },
    to: {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::00)?Z?$/,
      form: "a UTC minute such as 2026-01-02T03:04",
      description: "The last minute to let go, in UTC; all that are over when left out.",
    },
    ...yesOption,
  },
  examples: [
    ["coldpath export discard lake --reason 'the account was closed'", "all that it owes; asks first"],
    ["coldpath export discard lake --to 2026-01-02T03:04 --reason 'test data' --yes", "up to that minute"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const { reason, to } = values;
    if (reason === undefined || reason.trim() === "") {
      throw new UsageError("export discard", "Why? Give --reason TEXT; it is kept with the gap.", "reason");
    }
    const { id: exportId, name, status } = await findExport<ExportAnswer>(client, id);
    const extent =
      to === undefined ? `all that it owes (${counted(status.owedFiles, "file")})` : `what it owes up to ${to}`;
    await confirm("export discard", `Let ${name} go without ${extent}, for good?`, values, terminal);
    const outcome = await client.post<{ readonly discarded: number }>(`/exports/${segment(exportId)}/discard`, {
      reason,
      windowLast: to === undefined ? undefined : `${to.slice(0, 16)}:00Z`,
    });
    if (values.json === true) terminal.print(JSON.stringify(outcome));
    else terminal.print(`${name}: ${counted(outcome.discarded, "owed file")} let go. See coldpath export gaps.`);
  },
});
