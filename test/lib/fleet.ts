// A small fleet for fault tests: an export of measurements into a folder, devices that publish, and the question whether
// the promise was kept.

import { join } from "node:path";
import type { HubProcess } from "./hub-process.ts";
import { Ledger } from "./ledger.ts";
import { MqttPublisher } from "./mqtt-publisher.ts";
import { makePlainDevices } from "./plain-devices.ts";
import { type Breaches, ReadBack } from "./read-back.ts";

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
  await makePlainDevices(hub, devices);
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

/** Waits until all that was acknowledged is exported (at most `secondsMax`), then some windows more, and compares. */
export async function breachesOf({ ledger, measurements }: Fleet, secondsMax: number): Promise<Breaches> {
  const reading = new ReadBack(measurements);
  for (let turn = 0; turn < secondsMax; turn++) {
    await pause(1000);
    await reading.more();
    if (reading.breaches(ledger).lost.length === 0) break;
  }
  await pause(4000);
  await reading.more();
  return reading.breaches(ledger);
}
