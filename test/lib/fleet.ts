// A small fleet for fault tests: an export of measurements into a folder, devices that publish, and the question whether
// the promise was kept.

import { join } from "node:path";
import type { HubProcess } from "./hub-process.ts";
import { lakeNumbers } from "./lake.ts";
import { Ledger, MqttPublisher } from "./mqtt-publisher.ts";

export interface Fleet {
  readonly devices: number;
  readonly ledger: Ledger;
  /** The folder of exported measurements. */
  readonly measurements: string;
  readonly policyKey: string;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Makes devices and an export into `{directory}/lake` on a fresh server. */
export async function makeFleet(hub: HubProcess, directory: string, devices: number): Promise<Fleet> {
  const lake = join(directory, "lake");
  const { id: storageAccountId } = await hub.api<{ id: string }>("POST", "/storage-accounts", {
    name: "lake",
    settings: { kind: "folder", path: lake },
  });
  await hub.api("POST", `/storage-accounts/${storageAccountId}/containers`, { name: "iot" });
  const { id: templateId } = await hub.api<{ id: string }>("POST", "/device-templates", {
    name: "T",
    publish: true,
    measurements: { telemetry: {}, states: {}, events: {} },
    settings: { device: {} },
    properties: { cloud: {}, device: {} },
  });
  for (let index = 0; index < devices; index++) await hub.api("POST", "/devices", { id: `dev-${index}`, templateId });
  const types = ["measurements"];
  await hub.api("POST", "/exports", { name: "m", storageAccountId, container: "iot", types, on: true });
  const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", "/policies/device/keys");
  return { devices, ledger: new Ledger(), measurements: join(lake, "iot", "measurements"), policyKey: primaryKey };
}

/** Every device publishes as fast as it is acknowledged. */
export function publish({ devices, ledger, policyKey }: Fleet, hub: HubProcess, inFlight: number): MqttPublisher[] {
  const port = hub.address.ports.mqtt;
  return Array.from(
    { length: devices },
    (_, index) => new MqttPublisher({ port, deviceId: `dev-${index}`, policyKey, ledger, inFlight }),
  );
}

export interface Breaches {
  /** Acknowledged, and in no file. */
  readonly lost: readonly number[];
  /** Numbers that stand more than once, with how often. */
  readonly doubled: readonly (readonly [number, number])[];
  /** In a file, and never sent. */
  readonly invented: readonly number[];
}

export const noBreaches: Breaches = { lost: [], doubled: [], invented: [] };

/** Waits until all that was acknowledged is exported (at most `secondsMax`), then some windows more, and compares. */
export async function breachesOf({ ledger, measurements }: Fleet, secondsMax: number): Promise<Breaches> {
  for (let turn = 0; turn < secondsMax; turn++) {
    await pause(1000);
    const counts = await lakeNumbers(measurements);
    if ([...ledger.acknowledged].every((number) => counts.has(number))) break;
  }
  await pause(4000);
  const counts = await lakeNumbers(measurements);
  return {
    lost: [...ledger.acknowledged].filter((number) => !counts.has(number)),
    doubled: [...counts].filter(([, count]) => count !== 1),
    invented: [...counts.keys()].filter((number) => !ledger.sent.has(number)),
  };
}
