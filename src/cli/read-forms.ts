// The forms in which `coldpath read` prints records: JSON lines, CSV, a table; or what the files are.
//
// Memory stays bounded: lines are written as they are read, a table is laid out from its first rows, and CSV reads
// everything twice, first for the columns.

import { ColdpathError } from "../lib/errors.ts";
import { csvLine } from "../lib/csv.ts";
import type { AvroFile } from "./read-source.ts";
import type { Reading } from "./reading.ts";
import { fieldsOf, flatten, jsonLine, type RecordOptions } from "./record-view.ts";
import { TableStream } from "./table.ts";
import type { Terminal } from "./terminal.ts";

type Files = AsyncIterable<AvroFile>;

const writeBytes = 64 * 1024;
const columnsMax = 10_000;

/** Gathers text, so that not every line is a write of its own. */
class Page {
  readonly #terminal: Terminal;
  #text = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async add(text: string): Promise<void> {
    this.#text += text;
    if (this.#text.length >= writeBytes) await this.end();
  }

  async end(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text !== "") await this.#terminal.write(text);
  }
}

export async function printLines(
  reading: Reading,
  files: Files,
  options: RecordOptions,
  terminal: Terminal,
): Promise<void> {
  const page = new Page(terminal);
  for await (const file of files) {
    for await (const record of reading.records(file)) await page.add(`${jsonLine(record, options)}\n`);
    // What was read stands above the complaint about the next file.
    await page.end();
    if (reading.isDone) break;
  }
}

/** @throws ColdpathError `several-kinds`: one header cannot fit devices and measurements. */
export async function printCsv(
  reading: Reading,
  files: Files,
  options: RecordOptions,
  terminal: Terminal,
): Promise<void> {
  const kept: AvroFile[] = [];
  const kinds = new Set<string>();
  const columns = new Map<string, Set<string>>(); // by the record's field, so that its columns stand together
  for await (const file of files) {
    kept.push(file);
    const records = reading.records(file, { onHeader: ({ kind }) => kinds.add(kind), quiet: true });
    for await (const record of records) {
      for (const column of flatten(record, options).keys()) addColumn(columns, column);
    }
    if (reading.isDone) break;
  }
  const [first, second] = kinds;
  if (first !== undefined && second !== undefined) {
    throw new ColdpathError("invalid", "several-kinds", `There are ${[...kinds].join(", ")}, which share no columns.`, {
      hint: `Choose one with --type, e.g. --type ${first}.`,
    });
  }
  reading.rewind();
  const names = [...columns.values()].flatMap((group) => [...group]);
  const page = new Page(terminal);
  if (names.length > 0) await page.add(csvLine(names));
  for (const file of kept) {
    for await (const record of reading.records(file)) {
      const cells = flatten(record, options);
      await page.add(csvLine(names.map((name) => cells.get(name) ?? "")));
    }
    await page.end();
    if (reading.isDone) break;
  }
}

function addColumn(columns: Map<string, Set<string>>, column: string): void {
  const field = /^[^.[]*/.exec(column)?.[0] ?? column;
  const group = columns.get(field);
  if (group === undefined) columns.set(field, new Set([column]));
  else if (!group.has(column)) {
    group.add(column);
    if (group.size > columnsMax) {
      throw new ColdpathError("invalid", "too-many-columns", `${field} has more than ${columnsMax} columns.`, {
        hint: "Read fewer files at once, or print JSON lines.",
      });
    }
  }
}

/** A table for each run of files of one kind. */
export async function printTable(
  reading: Reading,
  files: Files,
  options: RecordOptions,
  terminal: Terminal,
): Promise<void> {
  let table: TableStream | null = null;
  let tableKind = "";
  let tables = 0;
  for await (const file of files) {
    let kind = "";
    for await (const record of reading.records(file, { onHeader: (header) => (kind = header.kind) })) {
      const cells = kind === "measurements" ? measurementCells(record, options) : fieldsOf(record, options);
      if (table === null || kind !== tableKind) {
        await table?.end();
        if (tables++ > 0) terminal.print("");
        table = new TableStream([...cells.keys()], terminal);
        tableKind = kind;
      }
      await table.add([...cells.values()]);
    }
    if (reading.isDone) break;
  }
  await table?.end();
}

/** When, who, what: the rest is in the JSON. */
function measurementCells(record: unknown, options: RecordOptions): ReadonlyMap<string, string> {
  const message = record as {
    readonly EnqueuedTimeUtc: string;
    readonly SystemProperties: Readonly<Record<string, string>>;
    readonly Properties: Readonly<Record<string, string>>;
    readonly Body: Uint8Array | null;
  };
  const properties = Object.entries(message.Properties).map(([key, value]) => `${key}=${value}`);
  return new Map([
    // To the millisecond: more is always zero in our files.
    ["enqueued", message.EnqueuedTimeUtc.replace("T", " ").replace(/0000Z$/, "")],
    ["device", message.SystemProperties["connectionDeviceId"] ?? ""],
    ["properties", properties.join(" ")],
    ["body", jsonLine(message.Body, options)],
  ]);
}

interface FileFacts {
  readonly file: string;
  readonly kind: string;
  readonly records: number;
  readonly codec: string;
  readonly bytes: number;
}

export async function printFiles(reading: Reading, files: Files, json: boolean, terminal: Terminal): Promise<void> {
  const table = new TableStream(["file", "kind", "records", "codec", "bytes"], terminal);
  for await (const file of files) {
    let facts: FileFacts | null = null;
    let records = 0;
    const found = reading.records(file, {
      onHeader: ({ kind, codec }) => (facts = { file: file.name, kind, records: 0, codec, bytes: file.bytes }),
    });
    for await (const _ of found) records++;
    if (facts !== null) {
      const { kind, codec, bytes } = facts as FileFacts;
      if (json) terminal.print(JSON.stringify({ file: file.name, kind, records, codec, bytes }));
      else await table.add([file.name, kind, String(records), codec, String(bytes)]);
    }
    if (reading.isDone) break;
  }
  if (!json) await table.end();
}

export async function printCount(reading: Reading, files: Files, json: boolean, terminal: Terminal): Promise<void> {
  let records = 0;
  for await (const file of files) {
    for await (const _ of reading.records(file)) records++;
    if (reading.isDone) break;
  }
  terminal.print(json ? JSON.stringify({ records, files: reading.filesSeen }) : String(records));
}

/** Each schema once, in the order it is met. */
export async function printSchemas(reading: Reading, files: Files, terminal: Terminal): Promise<void> {
  const seen = new Set<string>();
  for await (const file of files) {
    let schemaText = "";
    for await (const _ of reading.records(file, { onHeader: (header) => (schemaText = header.schemaText) })) break;
    if (schemaText !== "" && !seen.has(schemaText)) {
      seen.add(schemaText);
      terminal.print(schemaText);
    }
  }
}
