// Ingest: durable QoS 1 messages through the real server, beside the floor in the same run.
//
// Each row: the floor under a load, then the server under the same load; both with the load's process on the same cores.
// CPU is the server process's own, as the kernel counts it. A ratio is worth more than a figure: machines differ.

import { type ChildProcess, fork, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { HubProcess } from "../test/lib/hub-process.ts";
import { type LoadOptions, type LoadResult, deviceIdOf } from "./load-client.ts";
import { cpuMicros, rssMiB } from "./process-usage.ts";

interface Scenario {
  readonly connections: number;
  readonly inFlight: number;
  readonly bodyBytes: number;
}

export interface IngestRow extends Scenario {
  readonly subject: "floor" | "coldpath";
  readonly perSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMiB: number;
}

const scenarios: readonly Scenario[] = [
  { connections: 200, inFlight: 100, bodyBytes: 200 },
  { connections: 1000, inFlight: 10, bodyBytes: 200 },
  { connections: 200, inFlight: 100, bodyBytes: 1024 },
];

/** @param onRow  told as rows come in: it takes a minute or two. */
export async function benchIngest(
  options: { readonly seconds: number; readonly directory: string },
  onRow: (row: IngestRow) => void,
): Promise<readonly IngestRow[]> {
  const rows: IngestRow[] = [];
  for (const scenario of scenarios) {
    for (const subject of ["floor", "coldpath"] as const) {
      const directory = mkdtempSync(join(options.directory, "coldpath-bench-"));
      try {
        const row = await (subject === "floor" ? benchFloor : benchServer)(scenario, options.seconds, directory);
        rows.push(row);
        onRow(row);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }
  }
  return rows;
}

async function benchFloor(scenario: Scenario, seconds: number, directory: string): Promise<IngestRow> {
  const floor = spawn(process.execPath, [join(import.meta.dirname, "floor.ts"), join(directory, "floor")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<number>((resolve) => floor.stdout.once("data", (line) => resolve(Number(line))));
  try {
    return { ...scenario, subject: "floor", ...(await measure(floor.pid ?? 0, port, "", scenario, seconds)) };
  } finally {
    floor.kill();
  }
}

async function benchServer(scenario: Scenario, seconds: number, directory: string): Promise<IngestRow> {
  const hub = await HubProcess.start(join(directory, "data"), "--no-sample", "--log-level=warn");
  try {
    const template = await hub.api<{ id: string }>("POST", "/device-templates", {
      name: "Load",
      publish: true,
      measurements: { telemetry: { humidity: { name: "Humidity", dataType: "double" } }, states: {}, events: {} },
      settings: { device: {} },
      properties: { cloud: {}, device: {} },
    });
    for (let index = 0; index < scenario.connections; index++) {
      await hub.api("POST", "/devices", { id: deviceIdOf(index), templateId: template.id });
    }
    const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", "/policies/device/keys");
    const { pid, ports } = hub.address;
    return { ...scenario, subject: "coldpath", ...(await measure(pid, ports.mqtt, primaryKey, scenario, seconds)) };
  } finally {
    await hub.stop();
  }
}

/** Runs the load against a port, and accounts the CPU of `pid` while it is measured. */
async function measure(
  pid: number,
  port: number,
  policyKey: string,
  scenario: Scenario,
  seconds: number,
): Promise<Omit<IngestRow, keyof Scenario | "subject">> {
  const load: LoadOptions = {
    port,
    host: "127.0.0.1",
    connections: scenario.connections,
    inFlight: scenario.inFlight,
    bodyBytes: scenario.bodyBytes,
    seconds,
    warmUpSeconds: 3,
    policyKey: policyKey === "" ? Buffer.alloc(32).toString("base64") : policyKey,
  };
  const child: ChildProcess = fork(join(import.meta.dirname, "load-client.ts"), [JSON.stringify(load)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  let beforeMicros = 0;
  let usedMicros = 0;
  let memoryMiB = 0;
  child.on("message", (message) => {
    if (message === "measuring") beforeMicros = cpuMicros(pid);
    else {
      usedMicros = cpuMicros(pid) - beforeMicros;
      memoryMiB = rssMiB(pid);
    }
  });
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error("the load did not run to its end");
  const result = JSON.parse(output) as LoadResult;
  return {
    perSecond: Math.round(result.perSecond),
    cpuMicrosPerMessage: usedMicros / result.messages,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssMiB: memoryMiB,
  };
}

/** What the figures were measured on. */
export function machineLine(directory: string): string {
  const [cpu] = cpus();
  const disk = statfsSync(directory);
  const freeGiB = Math.round((disk.bavail * disk.bsize) / 2 ** 30);
  return `Node ${process.versions.node}, ${cpus().length} × ${cpu?.model ?? "unknown CPU"}, ${freeGiB} GiB free in ${directory}`;
}
