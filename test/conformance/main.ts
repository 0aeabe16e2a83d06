// `npm run conformance`: tries the SDKs, prints what was found as a table, and writes docs/compatibility.md.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scriptArguments } from "../lib/script-arguments.ts";
import { kinds, rows } from "./rows.ts";
import { languages } from "./sdk-process.ts";
import { type FoundCell, complaintOf, tryRows } from "./suite.ts";
import { compatibilityDocument, terminalTable, titleOf } from "./table.ts";

const documentPath = join(import.meta.dirname, "../../docs/compatibility.md");

const { values } = scriptArguments(
  `npm run conformance -- [--language NAME] [--transport NAME] [--kind NAME] [--width N] [--json]

Tries the unmodified Azure IoT SDKs against a real hub, prints the table of SDK, transport and feature, and writes
docs/compatibility.md from test/conformance/rows.ts. Where the two differ, it says so and writes nothing.

  --language NAME   only this language: ${languages.join(", ")}
  --transport NAME  only this transport: Mqtt, MqttWs, Amqp, AmqpWs or Http
  --kind NAME       only these clients: ${kinds.join(", ")}
  --width N         so many rows at a time, each with a hub of its own; 2 if not given
  --json            what was found, as JSON

Exit codes: 0 as rows.ts says, 1 something differs, 2 not understood.`,
  {
    language: { type: "string" },
    transport: { type: "string" },
    kind: { type: "string" },
    width: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
  },
  { width: 1 },
);

const wanted = rows.filter(
  ({ language, transport, kind }) =>
    (values.language ?? language) === language &&
    (values.transport ?? transport) === transport &&
    (values.kind ?? kind) === kind,
);
const cells: FoundCell[] = [];
for (const tried of tryRows(wanted, Number(values.width)).values()) cells.push(...(await tried));
const complaints = cells.flatMap((cell) => {
  const complaint = complaintOf(cell);
  return complaint === null ? [] : [{ cell, complaint }];
});

if (values.json) console.log(JSON.stringify(cells.map(plain), null, 2));
else {
  for (const kind of kinds) {
    const ofKind = wanted.filter((row) => row.kind === kind);
    if (ofKind.length > 0) console.log(`\n${terminalTable(ofKind, wordOf)}`);
  }
  for (const { cell, complaint } of complaints) {
    console.log(`\n${titleOf(cell.row)}, ${cell.feature.title}: ${complaint.stack ?? complaint.message}`);
  }
}
if (complaints.length === 0 && wanted.length === rows.length) writeFileSync(documentPath, compatibilityDocument());
process.exit(complaints.length === 0 ? 0 : 1);

function plain({ row, feature, found }: FoundCell): object {
  const { kind, language, transport } = row;
  const said = found.state === "fails" ? { error: found.error.message } : {};
  return { kind, language, transport, feature: feature.id, ...found, ...said };
}

function wordOf(row: FoundCell["row"], feature: FoundCell["feature"]): string {
  const cell = cells.find((one) => one.row === row && one.feature === feature);
  if (cell?.found.state === "works") return `${cell.found.seconds} s`;
  return row.none[feature.id] === undefined ? "no" : "–";
}
