// The administrator of a story: makes, edits, turns on and off, deletes; one call at a time, at any moment, as the REST
// API would make them. What it was told is what the oracle holds the hub to; when a process died under a call, it looks
// at what became of it.

import type { ExportType } from "../../src/registry/registry.ts";
import { ApiCalls } from "./api-calls.ts";
import { DeviceAdministration } from "./device-administration.ts";
import { ExportAdministration, containers } from "./export-administration.ts";
import type { Hub, Machine } from "./hub.ts";
import type { Oracle } from "./oracle.ts";
import type { SimulatedStore } from "./store.ts";
import { TemplateAdministration } from "./template-administration.ts";
import type { Chance, World } from "./world.ts";

export const administratorActs = [
  "export made",
  "export on",
  "export off",
  "export edited",
  "export deleted",
  "export discarded",
  "export retried",
  "backlog policy",
  "device made",
  "device edited",
  "device disabled",
  "device enabled",
  "device deleted",
  "device made again",
  "device migrated",
  "key rotated",
  "template made",
  "template edited in place",
  "breaking template edit refused",
  "hub policy made",
  "hub policy deleted",
  "storage secret changed",
] as const;
export type Act = (typeof administratorActs)[number];

export interface AdministratorOptions {
  readonly acts: Partial<Record<Act, number>>;
  readonly types: readonly ExportType[];
  readonly exportsMax: number;
  readonly devicesMax: number;
}

export class Administrator {
  readonly devices: DeviceAdministration;
  readonly exports: ExportAdministration;
  readonly #templates: TemplateAdministration;
  isBusy = false;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #machine: Machine;
  readonly #calls: ApiCalls;
  readonly #oracle: Oracle;
  readonly #store: SimulatedStore;
  readonly #options: AdministratorOptions;
  #count = 0;

  constructor(world: World, machine: Machine, oracle: Oracle, store: SimulatedStore, options: AdministratorOptions) {
    this.#world = world;
    this.#chance = world.chance("administrator");
    this.#machine = machine;
    this.#oracle = oracle;
    this.#store = store;
    this.#options = options;
    this.#calls = new ApiCalls(world, machine);
    this.devices = new DeviceAdministration(this.#chance, this.#calls, oracle, () => ++this.#count);
    this.#templates = new TemplateAdministration(world, this.#chance, this.#calls, () => ++this.#count);
    this.exports = new ExportAdministration(this.#chance, this.#calls, oracle, options.types);
  }

  /** On a fresh hub: a storage account, containers, a template, devices, an export of everything. */
  async setUp(devices: number): Promise<void> {
    const secret = this.#secret();
    const account = await this.#calls.must("storage account", (hub) =>
      hub.registry.createStorageAccount({
        name: "lake",
        settings: {
          kind: "azure-blob",
          auth: "account-key",
          endpoint: "https://sim.blob.core.windows.net",
          accountName: "sim",
        },
        secret,
      }),
    );
    this.exports.storageAccountId = account.id;
    for (const name of containers) this.#store.createContainer(name);
    await this.#templates.setUp();
    await this.devices.learnPolicy("device");
    for (let index = 1; index <= devices; index++) await this.devices.make(`dev-${index}`);
    await this.exports.make("all", { types: [...this.#options.types] }, true);
  }

  /** The process is gone: whoever waits for its answer waits no longer. */
  processGone(): void {
    this.#calls.processGone();
  }

  /** Does something, if it is not busy and there is a hub. Returns at once. */
  act(): void {
    if (this.isBusy || this.#machine.hub === null) return;
    this.isBusy = true;
    void this.#act().finally(() => {
      this.isBusy = false;
    });
  }

  /** Whatever was stopped is mended: foreign objects are gone, exports told to try again. */
  async mend(): Promise<void> {
    for (const { id } of this.exports.all.values()) {
      await this.#calls.call("retry", (hub) => Promise.resolve(hub.exporter.retry(id)));
    }
  }

  async discard(exportId: string): Promise<void> {
    await this.#calls.call("discard", (hub) => hub.exporter.discard(exportId, "an administrator said so"));
  }

  async #act(): Promise<void> {
    if (this.#calls.isUnsure) await this.learn();
    const act = this.#chance.weighted(this.#options.acts);
    const done = await this.#do(act);
    if (done) this.#world.count(act);
  }

  async #do(act: Act): Promise<boolean> {
    const chance = this.#chance;
    const exports = [...this.exports.all.values()];
    const devices = [...this.devices.identities.values()];
    const present = devices.filter(({ id }) => !this.devices.deleted.has(id));
    switch (act) {
      case "export made": {
        if (exports.length >= this.#options.exportsMax) return false;
        return await this.exports.make(`e${++this.#count}`, { types: this.exports.types() }, chance.is(0.8));
      }
      case "export on":
      case "export off":
        if (exports.length === 0) return false;
        return await this.exports.turn(chance.pick(exports), act === "export on");
      case "export edited":
        return exports.length > 0 && (await this.exports.edit(chance.pick(exports)));
      case "export deleted":
        return exports.length > 0 && (await this.exports.delete(chance.pick(exports)));
      case "export discarded": {
        if (exports.length === 0) return false;
        const { id } = chance.pick(exports);
        return await this.#calls.isDone(act, (hub) => hub.exporter.discard(id, "an administrator said so"));
      }
      case "export retried": {
        if (exports.length === 0) return false;
        const { id } = chance.pick(exports);
        return await this.#calls.isDone(act, (hub) => Promise.resolve(hub.exporter.retry(id)));
      }
      case "backlog policy": {
        if (exports.length === 0) return false;
        const { id } = chance.pick(exports);
        const backlog = {
          letGoAfterHours: chance.is(0.5) ? chance.pick([0.05, 0.1, 1]) : null,
          letGoAfterBytes: chance.is(0.5) ? chance.pick([2_000, 20_000]) : null,
        };
        const newest = (hub: Hub) => () => hub.journal.windowNewest();
        return await this.#calls.isDone(act, (hub) => hub.registry.updateExport(id, { backlog }, newest(hub)));
      }
      case "device made":
        return (
          this.devices.identities.size < this.#options.devicesMax &&
          (await this.devices.make(`dev-${10 + ++this.#count}`))
        );
      case "device made again": {
        const gone = [...this.devices.deleted];
        return gone.length > 0 && (await this.devices.make(chance.pick(gone)));
      }
      case "device edited":
        return devices.length > 0 && (await this.devices.edit(chance.pick(devices)));
      case "device disabled":
      case "device enabled":
        return devices.length > 0 && (await this.devices.enable(chance.pick(devices), act === "device enabled"));
      case "device deleted":
        return present.length > 1 && (await this.devices.delete(chance.pick(present)));
      case "device migrated": {
        if (devices.length === 0) return false;
        const { id } = chance.pick(devices);
        const version = this.#templates.version();
        return await this.#calls.isDone(`${act} ${id} ${version}`, (hub) => hub.registry.migrateDevice(id, version));
      }
      case "key rotated":
        return devices.length > 0 && (await this.devices.rotate(chance.pick(devices)));
      case "template made":
        return await this.#templates.make();
      case "template edited in place":
        return await this.#templates.editInPlace();
      case "breaking template edit refused":
        return await this.#templates.break();
      case "hub policy made": {
        const name = `p${++this.#count}`;
        const made = await this.#calls.call(`${act} ${name}`, (hub) => hub.registry.createPolicy(name));
        if (made.kind === "done") await this.devices.learnPolicy(name);
        return made.kind === "done";
      }
      case "hub policy deleted": {
        const names = [
          ...new Set(this.devices.policies.filter(({ isRevoked }) => !isRevoked).map(({ policy }) => policy ?? "")),
        ];
        if (names.length === 0) return false;
        const name = chance.pick(names);
        const gone = await this.#calls.call(`${act} ${name}`, (hub) => hub.registry.deletePolicy(name));
        if (gone.kind !== "done") return false;
        this.devices.revoke(null, (key) => key.policy === name);
        return true;
      }
      case "storage secret changed": {
        const secret = this.#secret();
        const id = this.exports.storageAccountId;
        return await this.#calls.isDone(act, async (hub) => {
          const { name, settings } = await hub.registry.storageAccount(id);
          return await hub.registry.updateStorageAccount(id, { name, settings, secret });
        });
      }
    }
  }

  /** After a lost call: what is there now. */
  async learn(): Promise<void> {
    const known = await this.#calls.call("look at everything", async (hub) => {
      const { registry } = hub;
      const exports = await registry.exports();
      const devices = (await registry.devices({ limit: 1000 })).items;
      const keys = await Promise.all(devices.map(({ id }) => registry.deviceKeys(id)));
      return { exports, devices, keys, policies: await registry.policies() };
    });
    if (known.kind !== "done") return;
    this.#calls.isUnsure = false;
    const { exports, devices, keys, policies } = known.value;
    this.exports.learn(exports);
    this.devices.learn(devices, keys, policies);
  }

  #secret(): string {
    const secret = this.#world.bytes(32).toString("base64");
    this.#oracle.secrets.add(secret);
    return secret;
  }
}
