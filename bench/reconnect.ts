// A restart: how long until a whole fleet is back, with its sessions, and has heard what changed meanwhile.
//
// All devices live in this process, beside the server on the same cores. They lose their connections at once, when the server is
// killed, and try again as the SDKs do. Times count from the kill, the server's own start included.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HubProcess } from "../test/lib/hub-process.ts";
import { type FleetRow, idOf } from "./fleet-row.ts";
import { cpuMicros, rssMiB } from "./process-usage.ts";
import { type Endpoint, Fleet, type Round, keyOf } from "./reconnect-fleet.ts";

export interface ReconnectRow extends FleetRow {
  readonly p99Seconds: number;
  /** The server's. */
  readonly startSeconds: number;
  readonly attempts: number;
  /** CONNACK 3, after which devices try again; and others, after which they do not. */
  readonly triedLater: number;
  readonly refused: number;
  /** What the server says it refused, by reason. */
  readonly rejections: Readonly<Record<string, number>>;
  /** Patches that came, and that were owed. */
  readonly told: number;
  readonly owed: number;
}

const template = {
  id: "bench",
  name: "Bench",
  publish: true,
  measurements: { telemetry: { humidity: { name: "Humidity", dataType: "double" } }, states: {}, events: {} },
  settings: { device: { fan: { name: "Fan", dataType: "double", initialValue: 0 } } },
  properties: { cloud: {}, device: { firmware: { name: "Firmware", dataType: "string" } } },
};
const waitMsMax = 180_000;
/** Of so many devices one has a setting changed while it is away. */
const changedEach = 20;

export async function benchReconnect(
  options: {
    readonly devices: number;
    readonly directory: string;
    readonly transports: readonly ReconnectRow["transport"][];
  },
  onRow: (row: ReconnectRow) => void,
): Promise<readonly ReconnectRow[]> {
  const rows: ReconnectRow[] = [];
  for (const transport of options.transports) {
    const directory = mkdtempSync(join(options.directory, "bench-reconnect-"));
    try {
      await benchTransport(transport, options.devices, join(directory, "data"), (row) => {
        rows.push(row);
        onRow(row);
      });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return rows;
}

async function benchTransport(
  transport: ReconnectRow["transport"],
  devices: number,
  dataDir: string,
  onRow: (row: ReconnectRow) => void,
): Promise<void> {
  const flags = [
    "--no-sample",
    "--log-level=warn",
    `--connections-max=${devices}`,
    "--request-bytes-max=16MiB",
    // All devices' parts of their handshakes share this process: each takes longer than a device with a CPU of its own.
    "--connect-timeout=60s",
  ];
  let hub: HubProcess | null = await HubProcess.start(dataDir, ...flags);
  let endpoint: Endpoint | null = null;
  const listens = (): void => {
    if (hub === null) return;
    const { ports } = hub.address;
    const port = transport === "mqtt-ws" || transport === "amqp-ws" ? ports.https : ports[transport];
    endpoint = { port, ca: readFileSync(join(dataDir, "tls/ca.pem"), "utf8") };
  };
  const fleet = new Fleet({ transport, count: devices, idOf, endpoint: () => endpoint });
  const row = async (phase: string, round: Round, startMs: number, owed: number): Promise<ReconnectRow> => {
    if (hub === null) throw new Error("no server runs");
    const { pid } = hub.address;
    const readyMs = round.readyMs.toSorted((a, b) => a - b);
    const seconds = (share: number): number =>
      (readyMs[Math.min(readyMs.length - 1, Math.floor(share * readyMs.length))] ?? Number.NaN) / 1000;
    const triedLater = round.refusals.get(3) ?? 0;
    return {
      transport,
      phase,
      devices,
      ready: readyMs.length,
      seconds: seconds(1),
      p50Seconds: seconds(0.5),
      p99Seconds: seconds(0.99),
      startSeconds: startMs / 1000,
      cpuSeconds: cpuMicros(pid) / 1e6,
      rssMiB: rssMiB(pid),
      attempts: round.attempts,
      triedLater,
      refused: [...round.refusals.values()].reduce((sum, count) => sum + count, 0) - triedLater,
      rejections: await rejectionsOf(hub),
      told: round.pushes,
      owed,
    };
  };
  /** SIGKILL, and a start, while the devices try already. */
  const restart = async (reports: boolean): Promise<{ readonly round: Round; readonly startMs: number }> => {
    endpoint = null;
    await hub?.kill();
    const killedMs = performance.now();
    fleet.start(reports);
    hub = await HubProcess.start(dataDir, ...flags);
    listens();
    const startMs = performance.now() - killedMs;
    return { round: await fleet.ready(waitMsMax), startMs };
  };
  try {
    await makeDevices(hub, devices);
    listens();
    fleet.start(false);
    onRow(await row("connect, subscribe", await fleet.ready(waitMsMax), 0, 0));
    fleet.leave();
    const owed = Math.floor(devices / changedEach);
    for (let index = 0; index < owed; index++) {
      await hub.api("PATCH", `/devices/${idOf(index * changedEach)}`, { settings: { device: { fan: 3 } } });
    }
    const back = await restart(false);
    await until(() => back.round.pushes >= owed, 10_000);
    onRow(await row("restart", back.round, back.startMs, owed));
    fleet.leave();
    // The patches came less than ten seconds before the end: they may come again.
    const reported = await restart(true);
    onRow(await row("restart, report", reported.round, reported.startMs, 0));
    fleet.leave();
  } finally {
    fleet.leave();
    await hub?.kill();
  }
}

async function makeDevices(hub: HubProcess, count: number): Promise<void> {
  await hub.api("POST", "/device-templates", template);
  for (let first = 0; first < count; first += 5000) {
    const devices = Array.from({ length: Math.min(5000, count - first) }, (_, at) => {
      const id = idOf(first + at);
      return { id, templateId: template.id, primaryKey: keyOf(id), secondaryKey: keyOf(`${id} too`) };
    });
    await hub.api("POST", "/devices/batch", { devices });
  }
}

async function rejectionsOf(hub: HubProcess): Promise<Record<string, number>> {
  const page = await (await fetch(`${hub.address.url}/metrics`)).text();
  const counts = page.matchAll(/^coldpath_ingest_rejections_total\{reason="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries(
    [...counts].map(([, reason = "", count]) => [reason, Number(count)] as const).filter(([, count]) => count > 0),
  );
}

async function until(isSo: () => boolean, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!isSo() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 50));
}
