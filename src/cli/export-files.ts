// `coldpath export files | preview`: what lies in the destination, and what is in a file, seen through the server.

import type { OptionTable } from "../config/option.ts";
import { segment } from "./client.ts";
import type { ExportAnswer } from "./export-views.ts";
import { serverCommand } from "./family.ts";
import { findExport } from "./lookup.ts";
import { bytesText } from "./output.ts";
import { renderTable } from "./table.ts";

interface FileAnswer {
  readonly path: string;
  readonly bytes: number;
  readonly run: { readonly records: number; readonly committedAt: string; readonly attempts: number } | null;
}

interface LevelAnswer {
  readonly prefix: string;
  readonly folders: readonly string[];
  readonly files: readonly FileAnswer[];
  readonly next: string | null;
}

interface PreviewAnswer {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  readonly records: readonly Readonly<Record<string, unknown>>[];
  readonly offset: number;
  readonly next: number | null;
  readonly damage: string | null;
  readonly isCut: boolean;
}

const group = "Options";
const definitionOption = {
  definition: {
    group,
    type: "integer",
    min: "1",
    max: "1000000",
    isFlagOnly: true,
    description: "A version of the export's definition, for files in a former container.",
  },
} as const satisfies OptionTable;
const pageSize = 1000;

export const filesCommand = serverCommand({
  name: "export files",
  purpose: "list an export's files in its destination, folder by folder",
  arguments: ["EXPORT", "[PREFIX]"],
  details:
    "PREFIX is a folder of the export's paths, e.g. measurements/coldpath/2026/01; without it, the top is listed.",
  options: {
    limit: {
      group,
      type: "integer",
      min: "1",
      max: "1000000",
      default: "1000",
      isFlagOnly: true,
      description: "At most so many folders and files.",
    },
    ...definitionOption,
  },
  examples: [
    ["coldpath export files lake", "the types that were exported"],
    ["coldpath export files lake measurements/coldpath/2026/01/02/03/04", "the files of a minute"],
  ],
  run: async ({ client, values, positionals: [id = "", prefix], terminal }) => {
    const { id: exportId } = await findExport<ExportAnswer>(client, id);
    const folders: string[] = [];
    const files: FileAnswer[] = [];
    let after: string | undefined;
    let shownPrefix = "";
    do {
      const limit = Math.min(pageSize, values.limit - folders.length - files.length);
      const query = { prefix, limit, after, version: values.definition };
      const level = await client.get<LevelAnswer>(`/exports/${segment(exportId)}/files`, query);
      shownPrefix = level.prefix;
      folders.push(...level.folders);
      files.push(...level.files);
      after = level.next ?? undefined;
    } while (after !== undefined && folders.length + files.length < values.limit);
    if (values.json === true) terminal.print(JSON.stringify({ prefix: shownPrefix, folders, files }, null, 2));
    else if (folders.length + files.length === 0) terminal.complain("coldpath: There is no file here.");
    else {
      const rows = [
        ...folders.map((name) => [`${shownPrefix}${name}/`, "–", "–", "–"]),
        ...files.map(({ path, bytes, run }) => [
          path,
          bytesText(bytes),
          run === null ? "–" : String(run.records),
          run === null ? "–" : run.committedAt,
        ]),
      ];
      terminal.print(renderTable(["path", "size", "records", "committed"], rows, terminal));
    }
  },
});

export const previewCommand = serverCommand({
  name: "export preview",
  purpose: "print records of an exported file, read by the server",
  arguments: ["EXPORT", "PATH"],
  details:
    "PATH is the file's path in the container, as `coldpath export files` shows it. One record a line, as JSON. For files that this machine can read itself, `coldpath read` does more.",
  options: {
    limit: {
      group,
      type: "integer",
      min: "1",
      max: "1000",
      default: "10",
      isFlagOnly: true,
      description: "At most so many records.",
    },
    offset: {
      group,
      type: "integer",
      min: "0",
      max: "1000000000000",
      default: "0",
      isFlagOnly: true,
      description: "Records to pass over.",
    },
    ...definitionOption,
  },
  examples: [
    ["coldpath export preview lake measurements/coldpath/2026/01/02/03/04/00.avro", "its first ten messages"],
    ["coldpath export preview lake devices/coldpath/2026/01/02/03/04/00.avro --json", "with schema and codec"],
  ],
  exitCodes: { 0: "Done.", 1: "The file is damaged, what stands before it was printed; or the operation failed." },
  run: async ({ client, values, positionals: [id = "", path = ""], terminal }) => {
    const { id: exportId } = await findExport<ExportAnswer>(client, id);
    const { limit, offset, definition: version } = values;
    const query = { path, limit, offset, version };
    const shown = await client.get<PreviewAnswer>(`/exports/${segment(exportId)}/files/preview`, query);
    if (values.json === true) terminal.print(JSON.stringify(shown, null, 2));
    else {
      for (const record of shown.records) terminal.print(recordLine(record));
      if (shown.damage !== null) terminal.complain(`coldpath: ${path}: ${shown.damage}`);
      else if (shown.isCut) terminal.complain("coldpath: A preview reads no further; download the file.");
      else if (shown.next !== null) terminal.complain(`coldpath: There are more: go on with --offset ${shown.next}.`);
    }
    return shown.damage === null ? 0 : 1;
  },
});

/** As `coldpath read` prints it: a Body as the JSON or text that it is. */
function recordLine(record: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(record).map(([name, value]) => {
    const text = name === "Body" ? bodyText(value) : JSON.stringify(value);
    return `${JSON.stringify(name)}:${text}`;
  });
  return `{${fields.join(",")}}`;
}

function bodyText(body: unknown): string {
  if (typeof body !== "object" || body === null) return JSON.stringify(body);
  const { json, text, base64 } = body as { readonly json?: unknown; readonly text?: string; readonly base64?: string };
  // The exact text of JSON: white space is all that a line break in it can be.
  if (json !== undefined) return text === undefined ? JSON.stringify(json) : text.trim().replaceAll(/[\r\n]+/g, " ");
  return JSON.stringify(text ?? { base64 });
}
