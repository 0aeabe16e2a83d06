// The benchmarks: `npm run bench -- ingest|fairness|devices|reconnect|provision [--seconds 10] [--directory DIR] [--json]`.

import { type DevicesRow, benchDevices } from "./devices.ts";
import { type FairnessRow, benchFairness } from "./fairness.ts";
import { refuse, scriptArguments } from "../test/lib/script-arguments.ts";
import { type ReconnectRow, benchReconnect } from "./reconnect.ts";
import { type ProvisionRow, benchProvision } from "./provision.ts";
import { type IngestRow, benchIngest, machineLine } from "./ingest.ts";
import { fleetColumns, fleetTransports } from "./fleet-row.ts";
import { type Column, decimals, plain, printTable } from "./table.ts";

const help = `npm run bench -- ingest|fairness|devices|reconnect|provision [options]

ingest    durable QoS 1 messages over plain MQTT through the real server, beside a bare loop that does the least
          (the floor)
fairness  time to PUBACK of 100 quiet devices, beside noisy ones
devices   lists of devices in a large registry, and how long each holds the event loop
reconnect a fleet that connects and subscribes, and is back after the server was killed
provision a fleet that knows an ID scope and a key: provisioned over MQTT and connected; new, known; plain, over TLS

  --seconds N      measured seconds a row (default 10, after 3 to warm up)
  --devices N      in the registry (default 100000; reconnect, provision 10000)
  --over NAMES     of reconnect: mqtt (plain), mqtts, mqtt-ws, amqps, amqp-ws (default mqtt,mqtts)
  --directory DIR  where journals are written (default: this directory); choose the disk you mean to use
  --json           rows as JSON`;

const { values, positionals } = scriptArguments(
  help,
  {
    seconds: { type: "string", default: "10" },
    devices: { type: "string" },
    over: { type: "string", default: "mqtt,mqtts" },
    directory: { type: "string", default: process.cwd() },
    json: { type: "boolean", default: false },
  },
  { seconds: 1, devices: 1 },
  1,
);

/** Prints rows as they come, or not at all where they are asked for as JSON. */
function shown<R>(columns: readonly Column<R>[]): (row: R) => void {
  return values.json ? () => {} : printTable(columns);
}

async function ingest(): Promise<readonly IngestRow[]> {
  let floorMicros = Number.NaN;
  const print = shown<IngestRow>([
    plain("", 10, ({ subject }) => subject),
    plain("connections × in flight", 24, ({ connections, inFlight }) => `${connections} × ${inFlight}`),
    plain("body", 8, ({ bodyBytes }) => `${bodyBytes} B`),
    plain("msg/s", 9, ({ perSecond }) => perSecond),
    decimals("CPU µs/msg", 11, 2, ({ cpuMicrosPerMessage }) => cpuMicrosPerMessage),
    decimals("÷ floor", 8, 2, ({ cpuMicrosPerMessage }) => cpuMicrosPerMessage / floorMicros),
    decimals("p50 ms", 8, 1, ({ p50Ms }) => p50Ms),
    decimals("p99 ms", 8, 1, ({ p99Ms }) => p99Ms),
    plain("RSS MiB", 8, ({ rssMiB }) => rssMiB),
  ]);
  return await benchIngest(options, (row) => {
    if (row.subject === "floor") floorMicros = row.cpuMicrosPerMessage;
    print(row);
  });
}

async function fairness(): Promise<readonly FairnessRow[]> {
  let aloneMs = Number.NaN;
  const print = shown<FairnessRow>([
    plain("neighbours × in flight, body", 34, ({ neighbours }) =>
      neighbours === null
        ? "none"
        : `${neighbours.connections} ${neighbours.role} × ${neighbours.inFlight}, ${neighbours.bodyBytes} B`,
    ),
    plain("their msg/s", 12, ({ noisyPerSecond }) => noisyPerSecond),
    plain("PUBACKs", 9, ({ messages }) => messages),
    decimals("p50 ms", 9, 1, ({ p50Ms }) => p50Ms),
    decimals("p99 ms", 9, 1, ({ p99Ms }) => p99Ms),
    decimals("max ms", 9, 1, ({ maxMs }) => maxMs),
    decimals("÷ alone", 9, 1, ({ p99Ms }) => p99Ms / aloneMs),
  ]);
  return await benchFairness(options, (row) => {
    if (row.neighbours === null) aloneMs = row.p99Ms;
    print(row);
  });
}

async function devices(): Promise<readonly DevicesRow[]> {
  const rows = await benchDevices({ devices: devicesOr(100_000), directory: values.directory });
  const print = shown<DevicesRow>([
    plain("list", 30, ({ list }) => list),
    plain("devices", 10, (row) => row.devices),
    decimals("p50 ms", 9, 1, ({ p50Ms }) => p50Ms),
    decimals("p99 ms", 9, 1, ({ p99Ms }) => p99Ms),
    decimals("held ms", 9, 1, ({ heldMs }) => heldMs),
  ]);
  for (const row of rows) print(row);
  return rows;
}

async function reconnect(): Promise<readonly ReconnectRow[]> {
  const print = shown<ReconnectRow>([
    ...fleetColumns<ReconnectRow>([
      decimals("p99 s", 8, 1, ({ p99Seconds }) => p99Seconds),
      decimals("start s", 8, 1, ({ startSeconds }) => startSeconds),
    ]),
    plain("attempts", 9, ({ attempts }) => attempts),
    plain("refused", 8, ({ triedLater, refused }) => `${triedLater}+${refused}`),
    plain("told", 12, ({ told, owed }) => `${told} of ${owed}`),
  ]);
  const over = values.over.split(",");
  const transports = fleetTransports.filter((one) => over.includes(one));
  if (transports.length < over.length) refuse(help, `Not all of ${values.over} are transports.`);
  return await benchReconnect({ ...options, devices: devicesOr(10_000), transports }, (row) => {
    print(row);
    const rejections = Object.entries(row.rejections).map(([reason, count]) => `${count} ${reason}`);
    if (!values.json && rejections.length > 0) console.log(`  refused by the server: ${rejections.join(", ")}`);
  });
}

async function provision(): Promise<readonly ProvisionRow[]> {
  const print = shown<ProvisionRow>([...fleetColumns<ProvisionRow>(), plain("again", 8, ({ again }) => again)]);
  return await benchProvision({ ...options, devices: devicesOr(10_000) }, print);
}

function devicesOr(usual: number): number {
  return Number(values.devices ?? usual);
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
