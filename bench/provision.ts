// A new fleet: devices that know an ID scope and a key come all at once, are provisioned over MQTT, and connect to the hub they
// are told. And the same fleet again, which is known by then.
//
// All devices live in this process, beside the server on the same cores.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type Socket, connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { makeSasToken } from "../src/ingest/sas-token.ts";
import { derivedKey } from "../src/registry/derived-key.ts";
import { HubProcess } from "../test/lib/hub-process.ts";
import { packet, text } from "../test/lib/mqtt-publisher.ts";
import { emptyTemplate } from "../test/lib/plain-devices.ts";
import { type FleetRow, idOf } from "./fleet-row.ts";
import { cpuMicros, rssMiB } from "./process-usage.ts";

/** `ready`: connected to the hub, after being provisioned. */
export interface ProvisionRow extends FleetRow {
  /** Connections that were refused or cut, and tried again. */
  readonly again: number;
}

const groupKey = Buffer.alloc(64, 7).toString("base64");
const waitMsMax = 300_000;
const retryMsMin = 500;
const retryMsMax = 10_000;
const subscribe = packet(0x82, Buffer.from([0, 1]), text("$dps/registrations/res/#"), Buffer.from([0]));
const register = packet(0x30, text("$dps/registrations/PUT/iotdps-register/?$rid=1"), Buffer.from("{}"));

interface Endpoint {
  readonly port: number;
  /** Null: without TLS. */
  readonly ca: string | null;
}

export async function benchProvision(
  options: { readonly devices: number; readonly directory: string },
  onRow: (row: ProvisionRow) => void,
): Promise<readonly ProvisionRow[]> {
  const rows: ProvisionRow[] = [];
  for (const transport of ["mqtt", "mqtts"] as const) {
    const directory = mkdtempSync(join(options.directory, "bench-provision-"));
    const dataDir = join(directory, "data");
    const { devices } = options;
    const hub = await HubProcess.start(dataDir, "--no-sample", "--log-level=warn", `--connections-max=${devices}`);
    try {
      const { idScope } = await hub.api<{ idScope: string }>("GET", "/provisioning");
      await hub.api("POST", "/device-templates", emptyTemplate);
      const group = { name: "bench", primaryKey: groupKey, templateId: emptyTemplate.id };
      await hub.api("POST", "/enrollment-groups", group);
      const ca = transport === "mqtts" ? readFileSync(join(dataDir, "tls/ca.pem"), "utf8") : null;
      const endpoint = { port: hub.address.ports[transport], ca };
      for (const phase of ["new devices", "known devices"]) {
        const before = cpuMicros(hub.address.pid);
        const { readyMs, again } = await provisionAll(devices, idScope, endpoint);
        const sorted = readyMs.toSorted((a, b) => a - b);
        const row: ProvisionRow = {
          transport,
          phase,
          devices,
          ready: sorted.length,
          seconds: (sorted.at(-1) ?? Number.NaN) / 1000,
          p50Seconds: (sorted[Math.floor(sorted.length / 2)] ?? Number.NaN) / 1000,
          cpuSeconds: (cpuMicros(hub.address.pid) - before) / 1e6,
          rssMiB: rssMiB(hub.address.pid),
          again,
        };
        rows.push(row);
        onRow(row);
      }
    } finally {
      await hub.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return rows;
}

/** Every device begins at once. */
async function provisionAll(
  devices: number,
  idScope: string,
  endpoint: Endpoint,
): Promise<{ readonly readyMs: readonly number[]; readonly again: number }> {
  const readyMs: number[] = [];
  const sockets = new Set<Socket>();
  let again = 0;
  let isOver = false;
  const expiresMs = Date.now() + 3_600_000;
  const keys = Array.from({ length: devices }, (_, index) => derivedKey(groupKey, idOf(index)));
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, waitMsMax);
    const begin = (index: number, isProvisioned: boolean, tries: number): void => {
      if (isOver) return;
      const id = idOf(index);
      const key = keys[index] ?? "";
      const socket = open(endpoint);
      sockets.add(socket);
      let isDone = false;
      const hello = isProvisioned
        ? connectPacket(
            id,
            `localhost/${id}/?api-version=2021-04-12`,
            makeSasToken(`localhost/devices/${id}`, key, expiresMs),
          )
        : connectPacket(
            id,
            `${idScope}/registrations/${id}/api-version=2019-03-31`,
            makeSasToken(`${idScope}/registrations/${id}`, key, expiresMs, "registration"),
          );
      socket.once(endpoint.ca === null ? "connect" : "secureConnect", () => socket.write(hello));
      socket.on("error", () => {}); // "close" follows
      socket.on("data", (bytes: Buffer) => {
        const first = bytes[0] ?? 0;
        if (first === 0x20 && bytes[3] === 0) {
          if (!isProvisioned) return void socket.write(Buffer.concat([subscribe, register]));
          isDone = true;
          readyMs.push(performance.now() - startMs);
          if (readyMs.length < devices) return;
          clearTimeout(timer);
          resolve();
        } else if (bytes.includes('"status":"assigned"')) {
          isDone = true;
          socket.end(Buffer.from([0xe0, 0]));
          begin(index, true, 0);
        }
      });
      socket.once("close", () => {
        sockets.delete(socket);
        if (isDone || isOver) return;
        again++;
        const waitMs = Math.min(retryMsMax, retryMsMin * 2 ** tries) * (0.5 + Math.random() / 2);
        setTimeout(() => begin(index, isProvisioned, tries + 1), waitMs);
      });
    };
    for (let index = 0; index < devices; index++) begin(index, false, 0);
  });
  isOver = true;
  for (const socket of sockets) socket.destroy();
  return { readyMs, again };
}

function open({ port, ca }: Endpoint): Socket {
  return ca === null
    ? connect({ port, host: "127.0.0.1", noDelay: true })
    : connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
}

/** Keep-alive of ten minutes; a clean session. */
function connectPacket(clientId: string, userName: string, password: string): Buffer {
  const header = Buffer.from([4, 0xc2, 2, 88]);
  return packet(0x10, text("MQTT"), header, text(clientId), text(userName), text(password));
}
