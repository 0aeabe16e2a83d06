// The import of devices from a CSV file: every good row becomes a device, every other one a line of the report.
//
// Rows are made in batches, each in one transaction, so nobody waits long for the registry. An import that was cut off can
// be made again: what exists is left as it is and reported as such.

import { ColdpathError } from "../lib/errors.ts";
import type { NewDevice, Registry } from "../registry/registry.ts";
import { type CsvRow, csvRows } from "./csv-reader.ts";
import { type SheetColumns, columnOf, deviceOfRow, faultOfRow, sheetColumns } from "./device-sheet.ts";

export interface ImportOptions {
  readonly templateId: string;
  readonly templateVersion?: string | undefined;
  readonly simulated?: boolean | undefined;
  /** Makes nothing. */
  readonly dryRun: boolean;
}

export interface ImportedRow {
  readonly row: number;
  readonly deviceId: string;
  readonly outcome: "exists" | "failed";
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
  readonly hint?: string | undefined;
}

export interface ImportReport {
  readonly dryRun: boolean;
  readonly read: number;
  readonly created: number;
  readonly existing: number;
  readonly failed: number;
  /** Why the file was not read to its end, or null. */
  readonly stopped: { readonly code: string; readonly message: string; readonly hint: string | undefined } | null;
  readonly rows: readonly ImportedRow[];
  readonly rowsLeftOut: number;
}

const batchRows = 200;
/** A row number of a large spreadsheet; a larger file is to be split. */
const rowsMax = 200_000;
/** Of each outcome. */
const rowsListedMax = 1_000;

/**
 * @param bytes  the file.
 * @throws ColdpathError `csv-unreadable`, `csv-heading`, or about the template: nothing was made.
 */
export async function importDevices(
  registry: Pick<Registry, "createEachDevice">,
  bytes: Buffer,
  options: ImportOptions,
): Promise<ImportReport> {
  const tally = new Tally(options.dryRun);
  let found: SheetColumns | null = null;
  let batch: { readonly row: number; readonly device: NewDevice & { readonly id: string } }[] = [];
  const rowOfId = new Map<string, number>();

  const make = async (): Promise<void> => {
    const rows = batch;
    batch = [];
    const outcomes = await registry.createEachDevice(
      rows.map(({ device }) => device),
      options.dryRun,
    );
    for (const [index, outcome] of outcomes.entries()) {
      const { row, device } = rows[index] ?? { row: 0, device: { id: "" } };
      if (!(outcome instanceof ColdpathError)) tally.created++;
      else if (outcome.field === "templateId" || outcome.field === "templateVersion") throw outcome;
      else tally.list(row, device.id, outcome);
    }
  };

  const take = (row: CsvRow, columns: SheetColumns): void => {
    const device = deviceOfRow(row.cells, columns);
    if (device === null) return;
    tally.read++;
    const fault = faultOfRow(row.cells, columns) ?? twice(device.id, row.number, rowOfId);
    if (fault !== null) tally.list(row.number, device.id, fault);
    else {
      const { templateId, templateVersion, simulated } = options;
      batch.push({ row: row.number, device: { ...device, templateId, templateVersion, simulated } });
    }
  };

  try {
    for await (const rows of csvRows(bytes)) {
      for (const row of rows) {
        if (row.number > rowsMax) throw tooLong();
        if (found === null) found = sheetColumns(row.cells);
        else take(row, found);
        if (batch.length >= batchRows) await make();
      }
    }
  } catch (error) {
    if (!(error instanceof ColdpathError) || error.code !== "csv-unreadable" || found === null) throw error;
    await make();
    tally.breakOff(error);
    return tally.report();
  }
  if (found === null) sheetColumns([]); // says what is missing
  await make();
  return tally.report();
}

function twice(id: string, row: number, rowOfId: Map<string, number>): ColdpathError | null {
  const earlier = rowOfId.get(id);
  if (earlier === undefined) {
    rowOfId.set(id, row);
    return null;
  }
  return new ColdpathError("invalid", "device-twice", `The device ${id} stands in row ${earlier}, too.`, {
    field: "id",
    hint: "Remove one of the two rows.",
  });
}

function tooLong(): ColdpathError {
  return new ColdpathError(
    "invalid",
    "csv-unreadable",
    `The file has more than ${rowsMax} rows; the rest was not read.`,
    {
      hint: "Split it, and import what is left: devices that were made are left as they are.",
    },
  );
}

class Tally {
  readonly #dryRun: boolean;
  readonly #listed = { exists: [] as ImportedRow[], failed: [] as ImportedRow[] };
  readonly #counts = { exists: 0, failed: 0 };
  #end: ColdpathError | null = null;
  read = 0;
  created = 0;

  constructor(dryRun: boolean) {
    this.#dryRun = dryRun;
  }

  list(row: number, id: string, { code, message, field, hint }: ColdpathError): void {
    const outcome = code === "device-exists" ? "exists" : "failed";
    this.#counts[outcome]++;
    const listed = this.#listed[outcome];
    if (listed.length >= rowsListedMax) return;
    const deviceId = id.length <= 128 ? id : `${id.slice(0, 128).toWellFormed()}…`;
    listed.push({ row, deviceId, outcome, code, message, field: columnOf(field), hint });
  }

  /** The file ends for us where it cannot be read. */
  breakOff(why: ColdpathError): void {
    this.#end = why;
  }

  report(): ImportReport {
    const { exists, failed } = this.#listed;
    const rows = [...failed, ...exists].sort((a, b) => a.row - b.row);
    const end = this.#end;
    const { exists: existing, failed: failures } = this.#counts;
    return {
      dryRun: this.#dryRun,
      read: this.read,
      created: this.created,
      existing,
      failed: failures,
      stopped: end === null ? null : { code: end.code, message: end.message, hint: end.hint },
      rows,
      rowsLeftOut: existing + failures - rows.length,
    };
  }
}
