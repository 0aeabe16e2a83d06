// What a server needs: `npm run sizing`. Each scenario has a real server of its own, in a directory of its own; the devices
// are on this machine. docs/operating.md "Sizing" has the figures.
//
// Resumable: a scenario that stands in the file of results is not run again.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { refuse, scriptArguments } from "../../test/lib/script-arguments.ts";
import { machineLine } from "../ingest.ts";
import { exports, segments, window } from "./backlogs.ts";
import { connections, idle, unread } from "./connections.ts";
import { fleet } from "./fleet.ts";
import { requests } from "./requests.ts";
import { type SizingRow, SizingStand } from "./stand.ts";

interface Scenario {
  readonly what: string;
  readonly run: (stand: SizingStand) => Promise<void>;
}

const scenarios: Readonly<Record<string, Scenario>> = {
  idle: { what: "a server with nothing to do", run: idle },
  connections: { what: "10,000 devices connected, silent", run: (stand) => connections(stand, 10_000, false) },
  tls: { what: "3,000 devices connected over TLS, silent", run: (stand) => connections(stand, 3000, true) },
  unread: { what: "1,000 devices that do not read long answers", run: (stand) => unread(stand, 1000, "long") },
  pubacks: { what: "50 devices that do not read their PUBACKs", run: (stand) => unread(stand, 50, "short") },
  requests: { what: "400 HTTPS requests at once, 250,000 bytes each", run: (stand) => requests(stand, 400, 16_000) },
  drips: { what: "20 HTTPS requests at once, byte by byte", run: (stand) => requests(stand, 20, 1) },
  segments: { what: "20,000 minutes owed to an export", run: (stand) => segments(stand, 20_000, 1) },
  backlogs: { what: "20,000 minutes owed to each of 20 exports", run: (stand) => segments(stand, 20_000, 20) },
  fleet: { what: "100,000 devices in the registry", run: (stand) => fleet(stand, 100_000) },
  exports: { what: "100 exports at once", run: (stand) => exports(stand, 100) },
  window: { what: "gigabytes in one minute, both codecs", run: (stand) => window(stand, 40) },
};

const names = Object.entries(scenarios).map(([name, { what }]) => `  ${name.padEnd(13)} ${what}`);
const help = `npm run sizing -- [scenario …] [options]

Starts a real server for each scenario and prints what it needs. About 15 minutes for all; the shell's limit of open
files (ulimit -n) must be above 10,000.

${names.join("\n")}

  --directory DIR  where servers keep their data meanwhile (default: this directory); about 10 GB
  --results FILE   what was measured (default: test-results/sizing.json); scenarios that stand there are not run again
  --again          run them again
  --json           print the file of results at the end, and nothing else`;

const { values, positionals } = scriptArguments(
  help,
  {
    directory: { type: "string", default: process.cwd() },
    results: { type: "string", default: "test-results/sizing.json" },
    again: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  {},
  Infinity,
);
const unknown = positionals.filter((name) => !Object.hasOwn(scenarios, name));
if (unknown.length > 0) refuse(help, `There is no scenario ${unknown.join(", ")}.`);

interface Result {
  readonly at: string;
  readonly machine: string;
  readonly rows: readonly SizingRow[];
  readonly findings: readonly string[];
}

const resultsPath = resolve(values.results);
const results: Record<string, Result> = existsSync(resultsPath)
  ? (JSON.parse(readFileSync(resultsPath, "utf8")) as Record<string, Result>)
  : {};
const machine = machineLine(values.directory);
const print = (line: string): void => {
  if (!values.json) console.log(line);
};

function printRow(row: SizingRow): void {
  const numbers = [row.rssMiB, row.peakMiB, row.heapMiB, row.externalMiB, row.fds, row.loopMaxMs, row.cpuSeconds];
  print(`  ${row.phase.padEnd(36)}${numbers.map((number) => String(number).padStart(8)).join("")}  ${row.note}`);
}

print(machine);
print(
  `  ${"MiB, descriptors, ms, s".padEnd(36)}${["RSS", "peak", "heap", "extern", "fds", "loop", "CPU"].map((one) => one.padStart(8)).join("")}`,
);
for (const [name, { what, run }] of Object.entries(scenarios)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  print(`${name}: ${what}`);
  const known = values.again ? undefined : results[name];
  if (known !== undefined) {
    print(`  (measured ${known.at})`);
    for (const row of known.rows) printRow(row);
  } else {
    const directory = mkdtempSync(join(values.directory, "coldpath-sizing-"));
    const stand = new SizingStand(directory, printRow);
    try {
      await run(stand);
    } finally {
      await stand.kill();
      rmSync(directory, { recursive: true, force: true });
    }
    results[name] = { at: new Date().toISOString(), machine, rows: stand.rows, findings: stand.findings };
    mkdirSync(dirname(resultsPath), { recursive: true });
    writeFileSync(resultsPath, `${JSON.stringify(results, null, 2)}\n`);
  }
  for (const finding of results[name]?.findings ?? []) print(`  → ${finding}`);
}
if (values.json) console.log(JSON.stringify(results, null, 2));
process.exit(0);
