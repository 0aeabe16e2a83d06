// `coldpath schema`: the Avro schemas of exported files, byte for byte as they stand in the files' headers.

import type { SchemaName } from "../avro/avro.ts";
import { suggest } from "../config/suggest.ts";
import { ColdpathError } from "../lib/errors.ts";
import { command } from "./command.ts";
import { jsonOption } from "./output.ts";
import { renderTable } from "./table.ts";

const meanings: Readonly<Record<SchemaName, string>> = {
  measurements: "what devices sent, as Azure IoT Hub's message routing writes it",
  "devices-2018-07": "snapshots of devices, format revision 2018-07",
  "devices-2018-09": "snapshots of devices, format revision 2018-09: with deviceId",
  "device-templates": "snapshots of device templates, both revisions",
};

export const schemaCommand = command({
  name: "schema",
  purpose: "list the Avro schemas of exported files, or print one",
  arguments: ["[NAME]"],
  options: {
    pretty: { group: "Options", type: "boolean", isFlagOnly: true, description: "Print the schema indented." },
    ...jsonOption,
  },
  examples: [
    ["coldpath schema", "lists them"],
    ["coldpath schema measurements > measurements.avsc", "the schema of what devices sent"],
  ],
  run: async ({ values, positionals: [name], terminal }) => {
    // Loaded here: the overview lists this command, too, and decodes nothing.
    const { schemaNames, schemaText } = await import("../avro/avro.ts");
    if (name === undefined) {
      const rows = schemaNames.map((one) => ({ name: one, meaning: meanings[one] }));
      if (values.json === true) terminal.print(JSON.stringify(rows, null, 2));
      else
        terminal.print(
          renderTable(
            ["name", "of"],
            rows.map((row) => [row.name, row.meaning]),
            terminal,
          ),
        );
      return;
    }
    const known = schemaNames.find((one) => one === name);
    if (known === undefined) {
      const meant = suggest(name, schemaNames);
      throw new ColdpathError("not-found", "schema-not-found", `There is no schema ${JSON.stringify(name)}.`, {
        hint: `${meant === null ? "" : `Did you mean ${meant}? `}There are ${schemaNames.join(", ")}.`,
      });
    }
    const text = schemaText(known);
    terminal.print(values.pretty === true ? JSON.stringify(JSON.parse(text), null, 2) : text);
  },
});
