// `coldpath device import | export`: devices as CSV files.

import { readFileSync } from "node:fs";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import type { ExitCode } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findTemplate } from "./lookup.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface ImportReport {
  readonly dryRun: boolean;
  readonly created: number;
  readonly existing: number;
  readonly failed: number;
  readonly stopped: { readonly message: string; readonly hint?: string | undefined } | null;
  readonly rows: readonly {
    readonly row: number;
    readonly deviceId: string;
    readonly outcome: "exists" | "failed";
    readonly message: string;
    readonly field?: string | undefined;
  }[];
  readonly rowsLeftOut: number;
}

const group = "Options";

export const importDevicesCommand = serverCommand({
  name: "device import",
  purpose: "make devices from a CSV file",
  arguments: ["FILE.csv"],
  usage: "[--template T]",
  details:
    "The first line names the columns: IOTC_DeviceID, IOTC_DeviceName, or those that device export writes. Each good row becomes a device; the others are told with their number. Devices that exist are left as they are, so a file can be imported again. - reads standard input.",
  options: {
    template: {
      group,
      type: "string",
      isFlagOnly: true,
      description: "Their device template: id or name. Not needed while there is only one.",
    },
    "template-version": {
      group,
      type: "string",
      isFlagOnly: true,
      description: "Version of the template; the newest published one when left out.",
    },
    simulated: { group, type: "boolean", isFlagOnly: true, description: "The server sends in their place." },
    "dry-run": { group, type: "boolean", isFlagOnly: true, description: "Makes nothing, and says what would be." },
  },
  examples: [
    ["coldpath device import fleet.csv --template Pump --dry-run", "what would become of each row"],
    ["coldpath device import fleet.csv --template Pump", "makes them"],
  ],
  exitCodes: { 1: "rows failed; the others were made" },
  run: async ({ client, values, positionals: [file = ""], terminal }): Promise<ExitCode> => {
    const { id: templateId } = await findTemplate(client, values.template, values.templateVersion);
    const text = await readCsv(file, terminal);
    const { templateVersion, simulated, dryRun } = values;
    const query = { templateId, templateVersion, simulated, dryRun };
    const report = await client.postText<ImportReport>("/devices/import", query, "text/csv", text);
    if (values.json === true) terminal.print(JSON.stringify(report, null, 2));
    else printReport(report, terminal);
    return report.failed > 0 || report.stopped !== null ? 1 : 0;
  },
});

export const exportDevicesCommand = serverCommand({
  name: "device export",
  purpose: "print devices as a CSV file that device import takes",
  options: {
    search: { group, type: "string", isFlagOnly: true, description: "Only those with this text in their id or name." },
    template: {
      group,
      type: "string",
      isFlagOnly: true,
      description: "Only those of this device template: its id or name.",
    },
    simulated: {
      group,
      type: "boolean",
      isFlagOnly: true,
      description: "Only simulated ones; with --no-simulated only real ones.",
    },
    keys: {
      group,
      type: "boolean",
      isFlagOnly: true,
      description: "With their keys: keep such a file as safe as the keys.",
    },
  },
  examples: [
    ["coldpath device export > fleet.csv", "ids and names, safe to open in a spreadsheet"],
    ["coldpath device export --template Pump --keys > pumps.csv", "to move them to another hub"],
  ],
  run: async ({ client, values, terminal }) => {
    const { search, template, simulated, keys } = values;
    const templateId = template === undefined ? undefined : (await findTemplate(client, template)).id;
    await terminal.write(await client.getText("/devices.csv", { search, templateId, simulated, keys }));
  },
});

function printReport(
  { dryRun, created, existing, failed, stopped, rows, rowsLeftOut }: ImportReport,
  terminal: Terminal,
): void {
  const made = dryRun ? "would be made" : "were made";
  terminal.print(`${created} devices ${made}; ${existing} exist already, ${failed} rows failed.`);
  const failures = rows.filter(({ outcome }) => outcome === "failed");
  if (failures.length > 0) {
    const lines = failures.map(({ row, deviceId, field = "", message }) => [String(row), deviceId, field, message]);
    terminal.print(renderTable(["row", "device", "column", "why"], lines, terminal));
  }
  if (failed > failures.length) terminal.complain(`coldpath: ${rowsLeftOut} rows are not listed.`);
  if (stopped !== null) terminal.complain(`coldpath: ${stopped.message} ${stopped.hint ?? ""}`.trimEnd());
}

async function readCsv(file: string, terminal: Terminal): Promise<string | Buffer> {
  try {
    return file === "-" ? await terminal.readInput() : readFileSync(file);
  } catch (cause) {
    throw new ColdpathError("invalid", "file-unreadable", `Cannot read ${file}: ${messageOf(cause)}.`, {
      hint: "Name a CSV file; `coldpath device export` prints one to start from.",
      cause,
    });
  }
}
