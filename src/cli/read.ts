// `coldpath read`: exported files as JSON lines, CSV or a table. Any Avro container can be read, whoever wrote it.

import type { AvroFile } from "./read-source.ts";
import { avroFiles } from "./read-source.ts";
import { command } from "./command.ts";
import { isDebugging, UsageError } from "./errors.ts";
import { jsonOption } from "./output.ts";
import { recordKinds } from "./record-kinds.ts";
import { readStorageSecret, storageSecretOptions } from "./storage-secret.ts";

const flag = (description: string) => ({ group: "Form", type: "boolean", isFlagOnly: true, description }) as const;

export const readCommand = command({
  name: "read",
  purpose: "print the records of exported Avro files",
  arguments: ["FILE|FOLDER|URL…"],
  details: [
    "A folder stands for all its .avro files, in path order; a URL for a blob, or for all blobs below it when its path does not end in .avro. A URL with neither a SAS nor a secret (see below) is opened with this machine's Entra ID sign-in.",
    'Records are printed as JSON, one a line: a message\'s Body as JSON when it is JSON, as text when it is UTF-8, else as {"base64": "…"}. A damaged file is named on standard error; the others are still read.',
  ].join("\n"),
  options: {
    csv: flag("CSV, nested fields as columns, safe to open in a spreadsheet. Reads everything twice."),
    table: flag("A table for the eye; on a terminal, long cells are cut."),
    files: flag("One line per file instead: kind, records, codec, bytes."),
    count: flag("Only how many records there are."),
    schema: flag("Only the schema that the files were written with."),
    raw: flag("Bytes as base64, whatever they hold."),
    ...jsonOption,
    limit: {
      group: "Selection",
      type: "integer",
      min: "1",
      max: "1000000000000",
      isFlagOnly: true,
      description: "At most so many records.",
    },
    type: {
      group: "Selection",
      type: "enum",
      values: recordKinds,
      isFlagOnly: true,
      description: "Only files of this kind.",
    },
    ...storageSecretOptions,
  },
  examples: [
    ["coldpath read data/lake/iot/measurements --limit 10", "the first ten messages that were exported"],
    ["coldpath read data/lake/iot --type devices --csv > devices.csv", "all snapshots of devices, for a spreadsheet"],
    ["coldpath read 'https://acct.blob.core.windows.net/iot/measurements?sv=…' --files", "what a container holds"],
  ],
  exitCodes: { 1: "A file is damaged, cannot be read or is not there. What could be read was printed." },
  run: async ({ values, positionals, terminal, environment }) => {
    const forms = (["csv", "table", "files", "count", "schema"] as const).filter((form) => values[form] === true);
    if (forms.length > 1) {
      throw new UsageError("read", `Give one of ${forms.map((form) => `--${form}`).join(" and ")}, not both.`);
    }
    // Loaded here: no other command decodes.
    const { Reading } = await import("./reading.ts");
    const { printCount, printCsv, printFiles, printLines, printSchemas, printTable } = await import("./read-forms.ts");
    const secret = await readStorageSecret("read", values, terminal, environment);
    const closers: (() => Promise<void>)[] = [];
    const files = async function* (): AsyncGenerator<AvroFile, void, void> {
      for (const place of positionals) yield* reading.guard(place, avroFiles(place, secret, closers));
    };
    const reading = new Reading(terminal, {
      kind: values.type,
      limit: values.limit,
      json: values.json === true,
      debug: isDebugging(environment),
    });
    const options = { raw: values.raw === true };
    switch (forms[0]) {
      case undefined:
        await printLines(reading, files(), options, terminal);
        break;
      case "csv":
        await printCsv(reading, files(), options, terminal);
        break;
      case "table":
        await printTable(reading, files(), options, terminal);
        break;
      case "files":
        await printFiles(reading, files(), values.json === true, terminal);
        break;
      case "count":
        await printCount(reading, files(), values.json === true, terminal);
        break;
      case "schema":
        await printSchemas(reading, files(), terminal);
        break;
    }
    for (const close of closers) await close();
    if (reading.filesSeen === 0 && !reading.hasFailed) {
      terminal.complain(`coldpath: There is no Avro file in ${positionals.join(", ")} yet.`);
    }
    return reading.hasFailed ? 1 : 0;
  },
});
