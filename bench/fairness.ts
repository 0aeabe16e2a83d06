// Fairness: how long 100 quiet devices wait for their PUBACKs beside noisy ones. The first row is without: what the
// others are divided by.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HubProcess } from "../test/lib/hub-process.ts";
import { makePlainDevices } from "../test/lib/plain-devices.ts";
import type { ClientOptions, NoisyResult, QuietResult, Role } from "./fairness-client.ts";
import { deviceIdOf } from "./load-client.ts";

interface Neighbours {
  readonly role: Exclude<Role, "quiet">;
  readonly connections: number;
  readonly inFlight: number;
  readonly bodyBytes: number;
}

export interface FairnessRow extends QuietResult {
  readonly neighbours: Neighbours | null;
  /** Messages a second of all neighbours. */
  readonly noisyPerSecond: number;
}

const quietConnections = 100;
const noisyMax = 50;
const rows: readonly (Neighbours | null)[] = [
  null,
  { role: "mqtt", connections: 1, inFlight: 10_000, bodyBytes: 200 },
  { role: "mqtt", connections: 4, inFlight: 10_000, bodyBytes: 200 },
  { role: "mqtt", connections: 50, inFlight: 10_000, bodyBytes: 200 },
  { role: "mqtt", connections: 1, inFlight: 64, bodyBytes: 65_000 },
  { role: "mqtt", connections: 50, inFlight: 64, bodyBytes: 65_000 },
  { role: "mqtt", connections: 4, inFlight: 16, bodyBytes: 261_000 },
  { role: "mqtt", connections: 50, inFlight: 16, bodyBytes: 261_000 },
  { role: "https", connections: 4, inFlight: 1, bodyBytes: 20 },
  { role: "https", connections: 50, inFlight: 1, bodyBytes: 20 },
  { role: "deaf", connections: 50, inFlight: 1_000, bodyBytes: 200 },
];

/** @param onRow  told as rows come in. */
export async function benchFairness(
  options: { readonly seconds: number; readonly directory: string },
  onRow: (row: FairnessRow) => void,
): Promise<readonly FairnessRow[]> {
  const results: FairnessRow[] = [];
  for (const neighbours of rows) {
    const directory = mkdtempSync(join(options.directory, "coldpath-bench-"));
    try {
      const row = await measure(neighbours, options.seconds, directory);
      results.push(row);
      onRow(row);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return results;
}

async function measure(neighbours: Neighbours | null, seconds: number, directory: string): Promise<FairnessRow> {
  const dataDir = join(directory, "data");
  const hub = await HubProcess.start(dataDir, "--no-sample", "--log-level=warn", "--https-port=0");
  try {
    await makePlainDevices(hub, quietConnections + noisyMax, deviceIdOf);
    const { primaryKey: policyKey } = await hub.api<{ primaryKey: string }>("GET", "/policies/device/keys");
    const { ports } = hub.address;
    const ca = readFileSync(join(dataDir, "tls", "ca.pem"), "utf8");
    const common = { policyKey, ca, port: ports.mqtt };
    const noisy =
      neighbours === null
        ? null
        : run<NoisyResult>({
            ...common,
            ...neighbours,
            first: quietConnections,
            port: neighbours.role === "https" ? ports.https : ports.mqtt,
            seconds: seconds + 4,
          });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const quiet = await run<QuietResult>({
      ...common,
      role: "quiet",
      first: 0,
      connections: quietConnections,
      inFlight: 10,
      bodyBytes: 200,
      seconds,
    });
    const { acknowledged } = (await noisy) ?? { acknowledged: 0 };
    return { ...quiet, neighbours, noisyPerSecond: Math.round(acknowledged / (seconds + 4)) };
  } finally {
    await hub.kill();
  }
}

async function run<T>(options: ClientOptions): Promise<T> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "fairness-client.ts"), JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`the ${options.role} devices did not run to their end`);
  return JSON.parse(output) as T;
}
