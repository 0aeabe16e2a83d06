// Which simulated devices exist: the registry's view of them, kept up to date.
//
// Events name a device and no more, so each is looked up. Lookups are made one after the other; while one is under way
// further events of the same device count once. A flood of them (an import) is answered by reading the whole list anew
// instead of remembering it (M1).
//
//   D1  What was read before a change is never told after it: a device that was deleted meanwhile stays silent.

import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Device, DeviceTemplate, Registry, RegistryEvent } from "../registry/registry.ts";

export type FleetRegistry = Pick<Registry, "device" | "devices" | "template" | "subscribe">;

export interface FleetListener {
  /** It is there and enabled, perhaps changed. */
  present(device: Device, template: DeviceTemplate): void;
  /** It is gone, disabled, or not simulated. Called at once when access is taken away (D1). */
  absent(deviceId: string): void;
}

const pendingMax = 10_000;
const templatesMax = 100;
const pageSize = 500;

export class Fleet {
  readonly #registry: FleetRegistry;
  readonly #listener: FleetListener;
  readonly #log: Log;
  readonly #pending = new Set<string>();
  /** Changed since the present reading began: what it says of them is out of date. */
  readonly #touched = new Set<string>();
  #isListStale = true;
  #working: Promise<void> | null = null;
  readonly #unsubscribe: () => void;
  /** Forgotten whenever the list is read, as when one of them changes. */
  readonly #templates = new Map<string, DeviceTemplate>();
  #isStopped = false;

  constructor(registry: FleetRegistry, listener: FleetListener, log: Log) {
    this.#registry = registry;
    this.#listener = listener;
    this.#log = log;
    this.#unsubscribe = registry.subscribe((event) => this.#hear(event));
  }

  /** Resolves when all that is known now was looked up. */
  async settle(): Promise<void> {
    this.#work();
    while (this.#working !== null) await this.#working;
  }

  /** Reads the whole list again. */
  refresh(): void {
    this.#isListStale = true;
    this.#work();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe();
    await this.#working;
  }

  #hear(event: RegistryEvent): void {
    switch (event.kind) {
      case "device-deleted":
        this.#listener.absent(event.deviceId);
        this.#ask(event.deviceId);
        return;
      case "device-changed":
        if (event.access) this.#listener.absent(event.deviceId);
        this.#ask(event.deviceId);
        return;
      case "device-created":
        this.#ask(event.deviceId);
        return;
      case "template-changed":
        // The devices of that version are to follow, and they are not known here: so all are looked at.
        this.refresh();
        return;
      case "desired-changed":
      case "cloud-messages-changed":
      case "module-changed":
      case "policy-changed":
      case "ca-certificate-changed":
      case "provisioning-changed":
      case "registration-changed":
      case "storage-changed":
      case "export-changed":
      case "user-changed":
      case "session-ended":
      case "api-token-changed":
        return;
    }
  }

  #ask(deviceId: string): void {
    if (!this.#isListStale) {
      this.#pending.add(deviceId);
      this.#touched.add(deviceId);
      if (this.#pending.size > pendingMax || this.#touched.size > pendingMax) this.#isListStale = true;
    }
    this.#work();
  }

  #work(): void {
    if (this.#working !== null || this.#isStopped) return;
    this.#working = this.#lookUp()
      .catch((error: unknown) => {
        this.#isListStale = true;
        this.#log.error({ error: messageOf(error) }, "Simulated devices could not be looked up; some may be missing.");
      })
      .finally(() => {
        this.#working = null;
      });
  }

  async #lookUp(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#isListStale) {
        await this.#readList();
        continue;
      }
      const [deviceId] = this.#pending;
      if (deviceId === undefined) return;
      this.#pending.delete(deviceId);
      await this.#readOne(deviceId);
    }
  }

  async #readList(): Promise<void> {
    // Before reading, so that events from now on are looked up one by one after it.
    this.#isListStale = false;
    this.#pending.clear();
    this.#touched.clear();
    this.#templates.clear();
    let after: string | undefined;
    do {
      const page = await this.#registry.devices({ simulated: true, limit: pageSize, after });
      for (const device of page.items) await this.#tell(device);
      after = page.next ?? undefined;
    } while (after !== undefined && !this.#isStopped && !this.#isListStale);
  }

  async #readOne(deviceId: string): Promise<void> {
    this.#touched.clear();
    let device: Device;
    try {
      device = await this.#registry.device(deviceId);
    } catch {
      return; // deleted: the listener was told at once
    }
    if (device.simulated) await this.#tell(device);
  }

  async #tell(device: Device): Promise<void> {
    const template = await this.#templateOf(device);
    if (this.#isStopped || this.#isListStale || this.#touched.has(device.id)) return;
    if (device.enabled) this.#listener.present(device, template);
    else this.#listener.absent(device.id);
  }

  async #templateOf(device: Device): Promise<DeviceTemplate> {
    const key = `${device.templateId} ${device.templateVersion}`;
    const known = this.#templates.get(key);
    if (known !== undefined) return known;
    const template = await this.#registry.template(device.templateId, device.templateVersion);
    if (this.#templates.size >= templatesMax) this.#templates.clear();
    this.#templates.set(key, template);
    return template;
  }
}
