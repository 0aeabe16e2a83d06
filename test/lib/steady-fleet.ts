// Devices that publish all the time at a steady pace, and connect again whenever they are cut off: the load of the fault
// matrix. Nothing is ever sent twice.

import { pause } from "./fleet.ts";
import type { HubProcess } from "./hub-process.ts";
import type { Ledger } from "./ledger.ts";
import { MqttPublisher } from "./mqtt-publisher.ts";
import { makePlainDevices } from "./plain-devices.ts";

export interface SteadyFleetOptions {
  /** Asked at every connection: the server may have been started again. */
  readonly hub: () => HubProcess;
  readonly ledger: Ledger;
  /** Devices `dev-0` and on; they exist. */
  readonly devices: number;
  /** Of each device. */
  readonly perSecond: number;
  readonly padBytesMax?: number | undefined;
  /** The devices are there already. */
  readonly haveDevices?: boolean | undefined;
}

export class SteadyFleet {
  /** Connections that were refused, by the code of their CONNACK. */
  readonly refused = new Map<number, number>();
  readonly #options: SteadyFleetOptions;
  readonly #policyKey: string;
  readonly #devices: readonly Promise<void>[];
  readonly #publishers = new Set<MqttPublisher>();
  #isStopped = false;

  private constructor(options: SteadyFleetOptions, policyKey: string) {
    this.#options = options;
    this.#policyKey = policyKey;
    this.#devices = Array.from({ length: options.devices }, (_, index) => this.#run(`dev-${index}`));
  }

  /** Makes the devices, with a device template for them, and lets them publish. */
  static async start(options: SteadyFleetOptions): Promise<SteadyFleet> {
    const hub = options.hub();
    if (options.haveDevices !== true) await makePlainDevices(hub, options.devices);
    const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", "/policies/device/keys");
    return new SteadyFleet(options, primaryKey);
  }

  /** Sends no more, waits for what is in flight. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#publishers].map((publisher) => publisher.stop()));
    await Promise.all(this.#devices);
  }

  async #run(deviceId: string): Promise<void> {
    const { hub, ledger, perSecond, padBytesMax } = this.#options;
    while (!this.#isStopped) {
      const port = this.#port(hub);
      const policyKey = this.#policyKey;
      if (port !== null) {
        const publisher = new MqttPublisher({
          port,
          deviceId,
          policyKey,
          ledger,
          perSecond,
          padBytesMax,
          inFlight: 50,
        });
        this.#publishers.add(publisher);
        await publisher.ended;
        this.#publishers.delete(publisher);
        const { connack = 0 } = publisher;
        if (connack !== 0) this.refused.set(connack, (this.refused.get(connack) ?? 0) + 1);
      }
      if (!this.#isStopped) await pause(200);
    }
  }

  /** Null while the server is down. */
  #port(hub: () => HubProcess): number | null {
    try {
      return hub().address.ports.mqtt;
    } catch {
      return null;
    }
  }
}
