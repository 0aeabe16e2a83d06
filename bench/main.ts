// The benchmarks: `npm run bench -- ingest|fairness|devices|reconnect|provision [--seconds 10] [--directory DIR] [--json]`.

import { type DevicesRow, benchDevices } from "./devices.ts";
import { type FairnessRow, benchFairness } from "./fairness.ts";
import { refuse, scriptArguments } from "../test/lib/script-arguments.ts";
import { type ReconnectRow, benchReconnect } from "./reconnect.ts";
import { type ProvisionRow, benchProvision } from "./provision.ts";
import { type IngestRow, benchIngest, machineLine } from "./ingest.ts";

const help = `npm run bench -- ingest|fairness|devices|reconnect|provision [options]

ingest    durable QoS 1 messages over plain MQTT through the real server, beside a bare loop that does the least
          (the floor)
fairness  time to PUBACK of 100 quiet devices, beside noisy ones
devices   lists of devices in a large registry, and how long each holds the event loop
reconnect a fleet over MQTT that connects and subscribes, and is back after the server was killed; plain and over TLS
provision a fleet that knows an ID scope and a key: provisioned over MQTT and connected; new, known; plain, over TLS

  --seconds N      measured seconds a row (default 10, after 3 to warm up)
  --devices N      in the registry (default 100000; reconnect, provision 10000)
  --directory DIR  where journals are written (default: this directory); choose the disk you mean to use
  --json           rows as JSON`;

const { values, positionals } = scriptArguments(
  help,
  {
    seconds: { type: "string", default: "10" },
    devices: { type: "string" },
    directory: { type: "string", default: process.cwd() },
    json: { type: "boolean", default: false },
  },
  { seconds: 1, devices: 1 },
  1,
);

type Cell = string | number;

function printer(widths: readonly number[]): (cells: readonly Cell[]) => void {
  return (cells) => {
    const padded = cells.map((cell, index) => {
      const width = widths[index] ?? 0;
      return index === 0 ? String(cell).padEnd(width) : String(cell).padStart(width);
    });
    console.log(padded.join(" "));
  };
}

async function ingest(): Promise<readonly IngestRow[]> {
  const print = printer([10, 24, 8, 9, 11, 8, 8, 8, 8]);
  let floorMicros = Number.NaN;
  if (!values.json) {
    print(["", "connections × in flight", "body", "msg/s", "CPU µs/msg", "÷ floor", "p50 ms", "p99 ms", "RSS MiB"]);
  }
  return await benchIngest(options, (row) => {
    if (row.subject === "floor") floorMicros = row.cpuMicrosPerMessage;
    if (values.json) return;
    print([
      row.subject,
      `${row.connections} × ${row.inFlight}`,
      `${row.bodyBytes} B`,
      row.perSecond,
      row.cpuMicrosPerMessage.toFixed(2),
      row.subject === "floor" ? "1" : (row.cpuMicrosPerMessage / floorMicros).toFixed(2),
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      row.rssMiB,
    ]);
  });
}

async function fairness(): Promise<readonly FairnessRow[]> {
  const print = printer([34, 12, 9, 9, 9, 9, 9]);
  let aloneMs = Number.NaN;
  if (!values.json)
    print(["neighbours × in flight, body", "their msg/s", "PUBACKs", "p50 ms", "p99 ms", "max ms", "÷ alone"]);
  return await benchFairness(options, (row) => {
    const { neighbours } = row;
    if (neighbours === null) aloneMs = row.p99Ms;
    if (values.json) return;
    print([
      neighbours === null
        ? "none"
        : `${neighbours.connections} ${neighbours.role} × ${neighbours.inFlight}, ${neighbours.bodyBytes} B`,
      row.noisyPerSecond,
      row.messages,
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      row.maxMs.toFixed(1),
      (row.p99Ms / aloneMs).toFixed(1),
    ]);
  });
}

async function devices(): Promise<readonly DevicesRow[]> {
  const rows = await benchDevices({ devices: Number(values.devices ?? 100_000), directory: values.directory });
  if (values.json) return rows;
  const print = printer([30, 10, 9, 9, 9]);
  print(["list", "devices", "p50 ms", "p99 ms", "held ms"]);
  for (const { list, devices: count, p50Ms, p99Ms, heldMs } of rows) {
    print([list, count, p50Ms.toFixed(1), p99Ms.toFixed(1), heldMs.toFixed(1)]);
  }
  return rows;
}

async function reconnect(): Promise<readonly ReconnectRow[]> {
  const print = printer([26, 8, 9, 8, 8, 8, 8, 8, 9, 9, 8, 12]);
  if (!values.json) {
    const times = ["all s", "p50 s", "p99 s", "start s"];
    print(["", "devices", "ready", ...times, "CPU s", "RSS MiB", "attempts", "refused", "told"]);
  }
  return await benchReconnect({ ...options, devices: Number(values.devices ?? 10_000) }, (row) => {
    if (values.json) return;
    print([
      `${row.transport}: ${row.phase}`,
      row.devices,
      row.ready,
      row.seconds.toFixed(1),
      row.p50Seconds.toFixed(1),
      row.p99Seconds.toFixed(1),
      row.startSeconds.toFixed(1),
      row.cpuSeconds.toFixed(1),
      row.rssMiB,
      row.attempts,
      `${row.triedLater}+${row.refused}`,
      `${row.told} of ${row.owed}`,
    ]);
    const rejections = Object.entries(row.rejections).map(([reason, count]) => `${count} ${reason}`);
    if (rejections.length > 0) console.log(`  refused by the server: ${rejections.join(", ")}`);
  });
}

async function provision(): Promise<readonly ProvisionRow[]> {
  const print = printer([22, 8, 8, 8, 8, 8, 9, 8]);
  if (!values.json) print(["", "devices", "ready", "all s", "p50 s", "CPU s", "RSS MiB", "again"]);
  return await benchProvision({ ...options, devices: Number(values.devices ?? 10_000) }, (row) => {
    if (values.json) return;
    print([
      `${row.transport}: ${row.phase}`,
      row.devices,
      row.ready,
      row.seconds.toFixed(1),
      row.p50Seconds.toFixed(1),
      row.cpuSeconds.toFixed(1),
      row.rssMiB,
      row.again,
    ]);
  });
}

const benches = { ingest, fairness, devices, reconnect, provision };
const [wanted = ""] = positionals;
const bench =
  Object.entries(benches).find(([name]) => name === wanted)?.[1] ??
  refuse(help, wanted === "" ? "Name a benchmark." : `There is no benchmark ${wanted}.`);
const options = { seconds: Number(values.seconds), directory: values.directory };
const machine = machineLine(values.directory);
if (!values.json) console.log(machine);
const rows = await bench();
if (values.json) console.log(JSON.stringify({ machine, rows }, null, 2));
