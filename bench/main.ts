// The benchmarks: `npm run bench -- ingest [--seconds 10] [--directory DIR] [--json]`.

import { parseArgs } from "node:util";
import { type IngestRow, benchIngest, machineLine } from "./ingest.ts";

const help = `npm run bench -- ingest [options]

Durable QoS 1 messages over plain MQTT through the real server, beside a bare loop that does the least (the floor).

  --seconds N      measured seconds a row (default 10, after 3 to warm up)
  --directory DIR  where journals are written (default: this directory); choose the disk you mean to use
  --json           rows as JSON`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    directory: { type: "string", default: process.cwd() },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const columns = [
  "",
  "connections × in flight",
  "body",
  "msg/s",
  "CPU µs/msg",
  "÷ floor",
  "p50 ms",
  "p99 ms",
  "RSS MiB",
];

function print(cells: readonly string[]): void {
  const widths = [10, 24, 8, 9, 11, 8, 8, 8, 8];
  console.log(
    cells
      .map((cell, index) => (index < 1 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join(" "),
  );
}

if (values.help || positionals[0] !== "ingest") {
  console.log(help);
  process.exit(values.help ? 0 : 2);
}
let floorMicros = Number.NaN;
if (!values.json) {
  console.log(machineLine(values.directory));
  print(columns);
}
const rows = await benchIngest({ seconds: Number(values.seconds), directory: values.directory }, (row: IngestRow) => {
  if (row.subject === "floor") floorMicros = row.cpuMicrosPerMessage;
  if (values.json) return;
  print([
    row.subject,
    `${row.connections} × ${row.inFlight}`,
    `${row.bodyBytes} B`,
    String(row.perSecond),
    row.cpuMicrosPerMessage.toFixed(2),
    row.subject === "floor" ? "1" : (row.cpuMicrosPerMessage / floorMicros).toFixed(2),
    row.p50Ms.toFixed(1),
    row.p99Ms.toFixed(1),
    String(row.rssMiB),
  ]);
});
if (values.json) console.log(JSON.stringify({ machine: machineLine(values.directory), rows }, null, 2));
