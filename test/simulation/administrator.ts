// The administrator of a story: makes, edits, turns on and off, deletes; one call at a time, at any moment, as the REST
// API would make them. What it was told is what the oracle holds the hub to; when a process died under a call, it looks
// at what became of it.

import { defaultPathTemplate } from "../../src/export/path-template.ts";
import { codeOf, messageOf } from "../../src/lib/errors.ts";
import {
  type DevicePatch,
  type ExportSettings,
  type ExportType,
  type NewTemplate,
} from "../../src/registry/registry.ts";
import type { Identity, Key } from "./devices.ts";
import type { Hub, Machine } from "./hub.ts";
import type { Oracle } from "./oracle.ts";
import type { SimulatedStore } from "./store.ts";
import { type Chance, DeadProcess, type World } from "./world.ts";

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
  "hub policy made",
  "hub policy deleted",
  "storage secret changed",
] as const;
export type Act = (typeof administratorActs)[number];

interface KnownExport {
  readonly id: string;
  readonly name: string;
  on: boolean;
  settings: ExportSettings;
}

/** What a call came to: `lost` when its process died under it. */
type Outcome<T> = { readonly kind: "done"; readonly value: T } | { readonly kind: "refused" | "lost" };

const templateId = "cooler";

export interface AdministratorOptions {
  readonly acts: Partial<Record<Act, number>>;
  readonly types: readonly ExportType[];
  readonly exportsMax: number;
  readonly devicesMax: number;
}

export class Administrator {
  readonly identities = new Map<string, Identity>();
  readonly policies: Key[] = [];
  readonly exports = new Map<string, KnownExport>();
  /** Told of a device that is new. */
  onDevice: (identity: Identity) => void = () => {};
  /** Told when access was taken away, with the keys concerned. */
  onAccess: (deviceId: string | null, concerned: (key: Key) => boolean) => void = () => {};
  isBusy = false;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #machine: Machine;
  readonly #oracle: Oracle;
  readonly #store: SimulatedStore;
  readonly #options: AdministratorOptions;
  #storageAccountId = "";
  #templateVersion = 1;
  #count = 0;
  /** A call was lost: what became of it must be looked at. */
  #isUnsure = false;
  #giveUp: (() => void) | null = null;

  constructor(world: World, machine: Machine, oracle: Oracle, store: SimulatedStore, options: AdministratorOptions) {
    this.#world = world;
    this.#chance = world.chance("administrator");
    this.#machine = machine;
    this.#oracle = oracle;
    this.#store = store;
    this.#options = options;
  }

  /** On a fresh hub: a storage account, containers, a template, devices, an export of everything. */
  async setUp(devices: number): Promise<void> {
    const secret = this.#secret();
    const account = await this.#must("storage account", (hub) =>
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
    this.#storageAccountId = account.id;
    for (const name of containers) this.#store.createContainer(name);
    await this.#must("template", (hub) =>
      hub.registry.createTemplate({ id: templateId, publish: true, ...template(1) }),
    );
    await this.#learnPolicy("device");
    for (let index = 1; index <= devices; index++) await this.#makeDevice(`dev-${index}`);
    await this.#makeExport("all", { types: [...this.#options.types] }, true);
  }

  /** The process is gone: whoever waits for its answer waits no longer. */
  processGone(): void {
    this.#giveUp?.();
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
    for (const { id } of this.exports.values()) {
      await this.#call("retry", (hub) => Promise.resolve(hub.exporter.retry(id)));
    }
  }

  async discard(exportId: string): Promise<void> {
    await this.#call("discard", (hub) => hub.exporter.discard(exportId, "an administrator said so"));
  }

  async #act(): Promise<void> {
    if (this.#isUnsure) await this.learn();
    const act = this.#chance.weighted(this.#options.acts);
    const done = await this.#do(act);
    if (done) this.#world.count(act);
  }

  async #do(act: Act): Promise<boolean> {
    const chance = this.#chance;
    const exports = [...this.exports.values()];
    const devices = [...this.identities.values()];
    const present = devices.filter(({ id }) => !this.#deleted.has(id));
    switch (act) {
      case "export made": {
        if (exports.length >= this.#options.exportsMax) return false;
        return await this.#makeExport(`e${++this.#count}`, { types: this.#types() }, chance.is(0.8));
      }
      case "export on":
      case "export off":
        if (exports.length === 0) return false;
        return await this.#turn(chance.pick(exports), act === "export on");
      case "export edited":
        return exports.length > 0 && (await this.#edit(chance.pick(exports)));
      case "export deleted":
        return exports.length > 0 && (await this.#deleteExport(chance.pick(exports)));
      case "export discarded": {
        if (exports.length === 0) return false;
        const { id } = chance.pick(exports);
        return (await this.#call(act, (hub) => hub.exporter.discard(id, "an administrator said so"))).kind === "done";
      }
      case "export retried": {
        if (exports.length === 0) return false;
        const { id } = chance.pick(exports);
        return (await this.#call(act, (hub) => Promise.resolve(hub.exporter.retry(id)))).kind === "done";
      }
      case "backlog policy": {
        if (exports.length === 0) return false;
        const { id } = chance.pick(exports);
        const backlog = {
          letGoAfterHours: chance.is(0.5) ? chance.pick([0.05, 0.1, 1]) : null,
          letGoAfterBytes: chance.is(0.5) ? chance.pick([2_000, 20_000]) : null,
        };
        const newest = (hub: Hub) => () => hub.journal.windowNewest();
        return (
          (await this.#call(act, (hub) => hub.registry.updateExport(id, { backlog }, newest(hub)))).kind === "done"
        );
      }
      case "device made":
        return this.identities.size < this.#options.devicesMax && (await this.#makeDevice(`dev-${10 + ++this.#count}`));
      case "device made again": {
        const gone = [...this.#deleted];
        return gone.length > 0 && (await this.#makeDevice(chance.pick(gone)));
      }
      case "device edited":
        return devices.length > 0 && (await this.#editDevice(chance.pick(devices)));
      case "device disabled":
      case "device enabled":
        return devices.length > 0 && (await this.#enable(chance.pick(devices), act === "device enabled"));
      case "device deleted":
        return present.length > 1 && (await this.#deleteDevice(chance.pick(present)));
      case "device migrated": {
        if (devices.length === 0) return false;
        const { id } = chance.pick(devices);
        const version = `1.0.${chance.int(0, this.#templateVersion - 1)}`;
        return (
          (await this.#call(`${act} ${id} ${version}`, (hub) => hub.registry.migrateDevice(id, version))).kind ===
          "done"
        );
      }
      case "key rotated":
        return devices.length > 0 && (await this.#rotate(chance.pick(devices)));
      case "template made": {
        const patch = this.#templateVersion;
        const made = await this.#call(`${act} 1.0.${patch}`, (hub) =>
          hub.registry.createTemplateVersion(templateId, {
            version: `1.0.${patch}`,
            publish: true,
            ...template(chance.int(2, 9)),
          }),
        );
        if (made.kind !== "refused") this.#templateVersion++;
        return made.kind === "done";
      }
      case "hub policy made": {
        const name = `p${++this.#count}`;
        const made = await this.#call(`${act} ${name}`, (hub) => hub.registry.createPolicy(name));
        if (made.kind === "done") await this.#learnPolicy(name);
        return made.kind === "done";
      }
      case "hub policy deleted": {
        const names = [
          ...new Set(this.policies.filter(({ isRevoked }) => !isRevoked).map(({ policy }) => policy ?? "")),
        ];
        if (names.length === 0) return false;
        const name = chance.pick(names);
        const gone = await this.#call(`${act} ${name}`, (hub) => hub.registry.deletePolicy(name));
        if (gone.kind !== "done") return false;
        this.#revoke(null, (key) => key.policy === name);
        return true;
      }
      case "storage secret changed": {
        const secret = this.#secret();
        const id = this.#storageAccountId;
        return (
          (
            await this.#call(act, async (hub) => {
              const { name, settings } = await hub.registry.storageAccount(id);
              return await hub.registry.updateStorageAccount(id, { name, settings, secret });
            })
          ).kind === "done"
        );
      }
    }
  }

  // ---- exports ----

  #types(): ExportType[] {
    const types = this.#options.types.filter(() => this.#chance.is(0.75));
    return types.length === 0 ? ["measurements"] : types;
  }

  async #makeExport(name: string, more: Partial<ExportSettings>, on: boolean): Promise<boolean> {
    const chance = this.#chance;
    const settings: ExportSettings = {
      storageAccountId: this.#storageAccountId,
      container: chance.pick(containers),
      types: ["measurements"],
      pathTemplate: `${name}/${defaultPathTemplate}`,
      codec: chance.pick(["null", "deflate"]),
      formatRevision: chance.pick(["2018-07", "2018-09"]),
      blockBytes: chance.pick([1024, 4096, 65_536]),
      fileBytesMax: chance.pick([1500, 4000, 1_000_000]),
      ...more,
    };
    onePartSnapshots(settings);
    const made = await this.#call(`make the export ${name}`, async (hub) => {
      const open = (): number => hub.journal.windowNext();
      const { id } = await hub.registry.createExport(name, settings, open);
      return on ? await hub.registry.setExportOn(id, true, open) : await hub.registry.export(id);
    });
    if (made.kind !== "done") return false;
    this.exports.set(made.value.id, { id: made.value.id, name, on, settings });
    this.#told(made.value.id, on);
    return true;
  }

  #told(id: string, on: boolean | null): void {
    this.#oracle.journal.look();
    this.#oracle.told(id, on);
  }

  async #turn(one: KnownExport, on: boolean): Promise<boolean> {
    if (one.on === on) return false;
    this.#told(one.id, null);
    const turned = await this.#call(`turn ${one.name} ${on ? "on" : "off"}`, (hub) =>
      // As the route: what any partition has open is owed by an export that is turned on now, or was on until now.
      hub.registry.setExportOn(one.id, on, () => (on ? hub.journal.windowNext() : hub.journal.windowNewest())),
    );
    if (turned.kind !== "done") return false;
    one.on = on;
    this.#told(one.id, on);
    return true;
  }

  async #edit(one: KnownExport): Promise<boolean> {
    const chance = this.#chance;
    const settings = { ...one.settings };
    if (chance.is(0.4)) Object.assign(settings, { codec: chance.pick(["null", "deflate"]) });
    if (chance.is(0.4)) Object.assign(settings, { types: this.#types() });
    if (chance.is(0.3)) {
      const folder = chance.pick(["", "second/", "third/"]);
      Object.assign(settings, { pathTemplate: `${one.name}/${folder}${defaultPathTemplate}` });
    }
    if (chance.is(0.2)) Object.assign(settings, { container: chance.pick(containers) });
    if (chance.is(0.2)) Object.assign(settings, { formatRevision: chance.pick(["2018-07", "2018-09"]) });
    if (chance.is(0.2)) Object.assign(settings, { fileBytesMax: chance.pick([1500, 4000, 1_000_000]) });
    onePartSnapshots(settings);
    const edited = await this.#call(
      `edit ${one.name}: ${settings.codec}, ${settings.types.join("+")}, ${settings.container}/${settings.pathTemplate}, ${settings.formatRevision}`,
      (hub) => hub.registry.updateExport(one.id, { settings }, () => hub.journal.windowNewest()),
    );
    if (edited.kind !== "done") return false;
    one.settings = settings;
    return true;
  }

  async #deleteExport(one: KnownExport): Promise<boolean> {
    if (one.on) return false;
    const gone = await this.#call(`delete ${one.name}`, async (hub) => {
      const tenure = (await hub.registry.export(one.id)).tenures.at(-1);
      const isOver = tenure !== undefined && (tenure.windowLast ?? Infinity) < hub.journal.windowNext();
      const owesNothing = tenure === undefined || (isOver && hub.exporter.owesNothing(one.id));
      await hub.registry.deleteExport(one.id, owesNothing);
    });
    if (gone.kind === "refused") return false;
    this.exports.delete(one.id);
    return gone.kind === "done";
  }

  // ---- devices ----

  readonly #deleted = new Set<string>();

  async #makeDevice(id: string): Promise<boolean> {
    const made = await this.#call(`make ${id}`, async (hub) => {
      await hub.registry.createDevice({ id, templateId, properties: { cloud: { count: ++this.#count } } });
      return await hub.registry.deviceKeys(id);
    });
    if (made.kind !== "done") return false;
    this.#deleted.delete(id);
    const { primaryKey, secondaryKey } = made.value;
    this.#known(id, [primaryKey, secondaryKey], true);
    return true;
  }

  #known(id: string, secrets: readonly string[], isLetIn: boolean): void {
    const keys = secrets.map((secret): Key => ({ secret, policy: null, isRevoked: false }));
    for (const secret of secrets) this.#oracle.secrets.add(secret);
    const known = this.identities.get(id);
    if (known !== undefined) {
      known.keys.push(...keys);
      known.isLetIn = isLetIn;
      return;
    }
    const identity: Identity = { id, isLetIn, keys };
    this.identities.set(id, identity);
    this.onDevice(identity);
  }

  async #editDevice({ id }: Identity): Promise<boolean> {
    const count = ++this.#count;
    const patch = this.#chance.pick<DevicePatch>([
      { name: `Device ${count}` },
      { properties: { cloud: { count } } },
      { properties: { cloud: { site: `site ${count % 3}` }, device: { boots: count } } },
      { settings: { device: { fan: count % 2 } } },
      { properties: { cloud: { site: null } } },
    ]);
    return (await this.#call(`edit ${id}`, (hub) => hub.registry.updateDevice(id, patch))).kind === "done";
  }

  async #enable(identity: Identity, enabled: boolean): Promise<boolean> {
    const { id } = identity;
    const done = await this.#call(`${enabled ? "enable" : "disable"} ${id}`, (hub) =>
      hub.registry.updateDevice(id, { enabled }),
    );
    if (done.kind !== "done") {
      // Perhaps it is enabled now, which must not be held against it.
      if (enabled) identity.isLetIn = true;
      return false;
    }
    if (enabled) identity.isLetIn = true;
    else {
      identity.isLetIn = false;
      this.onAccess(id, () => true);
    }
    return true;
  }

  async #deleteDevice(identity: Identity): Promise<boolean> {
    const { id } = identity;
    const gone = await this.#call(`delete ${id}`, (hub) => hub.registry.deleteDevice(id));
    if (gone.kind !== "done") return false;
    this.#deleted.add(id);
    identity.isLetIn = false;
    this.#revoke(id, (key) => key.policy === null);
    this.onAccess(id, () => true);
    return true;
  }

  async #rotate({ id }: Identity): Promise<boolean> {
    const which = this.#chance.pick(["regenerate-primary", "regenerate-secondary"] as const);
    const rotated = await this.#call(`${which} of ${id}`, (hub) => hub.registry.setDeviceKeys(id, which));
    if (rotated.kind !== "done") return false;
    this.#keysAre(id, [rotated.value.primaryKey, rotated.value.secondaryKey]);
    // Every connection of the device was closed, whatever key it came with; a hub policy's too.
    this.onAccess(id, () => true);
    return true;
  }

  #keysAre(id: string, secrets: readonly string[]): void {
    this.#revoke(id, (key) => !secrets.includes(key.secret));
    const identity = this.identities.get(id);
    for (const secret of secrets) {
      this.#oracle.secrets.add(secret);
      if (identity?.keys.some((key) => key.secret === secret) === true) continue;
      identity?.keys.push({ secret, policy: null, isRevoked: false });
    }
  }

  async #learnPolicy(name: string): Promise<void> {
    const keys = await this.#call(`keys of ${name}`, (hub) => hub.registry.policyKeys(name));
    if (keys.kind !== "done" || keys.value === null) return;
    for (const secret of [keys.value.primaryKey, keys.value.secondaryKey]) {
      this.#oracle.secrets.add(secret);
      this.policies.push({ secret, policy: name, isRevoked: false });
    }
  }

  /** These keys open nothing any more: the administrator was told so. */
  #revoke(deviceId: string | null, isConcerned: (key: Key) => boolean): void {
    const keys = deviceId === null ? this.policies : (this.identities.get(deviceId)?.keys ?? []);
    const revoked = keys.filter((key) => !key.isRevoked && isConcerned(key));
    for (const key of revoked) key.isRevoked = true;
    this.onAccess(deviceId, (key) => revoked.includes(key));
  }

  /** After a lost call: what is there now. */
  async learn(): Promise<void> {
    const known = await this.#call("look at everything", async (hub) => {
      const { registry } = hub;
      const exports = await registry.exports();
      const devices = (await registry.devices({ limit: 1000 })).items;
      const keys = await Promise.all(devices.map(({ id }) => registry.deviceKeys(id)));
      return { exports, devices, keys, policies: await registry.policies() };
    });
    if (known.kind !== "done") return;
    this.#isUnsure = false;
    const { exports, devices, keys, policies } = known.value;
    for (const [id] of this.exports) if (!exports.some((one) => one.id === id)) this.exports.delete(id);
    for (const one of exports) {
      const {
        version: _version,
        windowFirst: _windowFirst,
        ...settings
      } = one.definitions.at(-1) as ExportSettings & {
        version: number;
        windowFirst: number;
      };
      this.exports.set(one.id, { id: one.id, name: one.name, on: one.on, settings });
      this.#told(one.id, one.on);
    }
    for (const [index, { id, enabled }] of devices.entries()) {
      const pair = keys[index];
      this.#deleted.delete(id);
      if (pair === undefined) continue;
      if (!this.identities.has(id)) this.#known(id, [pair.primaryKey, pair.secondaryKey], enabled);
      this.#keysAre(id, [pair.primaryKey, pair.secondaryKey]);
      const identity = this.identities.get(id) as Identity;
      if (identity.isLetIn && !enabled) this.onAccess(id, () => true);
      identity.isLetIn = enabled;
    }
    for (const identity of this.identities.values()) {
      if (devices.some(({ id }) => id === identity.id)) continue;
      this.#deleted.add(identity.id);
      identity.isLetIn = false;
      this.#revoke(identity.id, (key) => key.policy === null);
      this.onAccess(identity.id, () => true);
    }
    this.#revoke(null, (key) => !policies.some(({ name }) => name === key.policy));
  }

  // ---- calls ----

  async #must<T>(what: string, call: (hub: Hub) => Promise<T>): Promise<T> {
    const outcome = await this.#call(what, call);
    if (outcome.kind !== "done") throw new Error(`a story cannot begin without ${what}`);
    return outcome.value;
  }

  /** One call of the API, in the hub's process. It is lost when that dies, or does not answer. */
  #call<T>(what: string, call: (hub: Hub) => Promise<T>): Promise<Outcome<T>> {
    const { hub } = this.#machine;
    if (hub === null) return Promise.resolve({ kind: "lost" });
    this.#world.tell("admin", what);
    return new Promise((resolve) => {
      const settle = (outcome: Outcome<T>, text: string): void => {
        if (this.#giveUp !== giveUp) return;
        this.#giveUp = null;
        if (outcome.kind === "lost") this.#isUnsure = true;
        this.#world.tell("admin", `  ${text}`);
        this.#world.outside(() => resolve(outcome));
      };
      const giveUp = (): void => settle({ kind: "lost" }, "lost");
      this.#giveUp = giveUp;
      hub.process.run(() => {
        call(hub).then(
          (value) => {
            if (hub.process.state === "alive") settle({ kind: "done", value }, "done");
          },
          (error: unknown) => {
            if (hub.process.state !== "alive" || error instanceof DeadProcess) return;
            settle({ kind: "refused" }, `refused: ${codeOf(error)} ${messageOf(error)}`);
          },
        );
      });
    });
  }

  #secret(): string {
    const secret = this.#world.bytes(32).toString("base64");
    this.#oracle.secrets.add(secret);
    return secret;
  }
}

/** Parts are for measurements here: the oracle reads a snapshot from one file. */
function onePartSnapshots(settings: { types: readonly ExportType[]; fileBytesMax: number }): void {
  if (settings.types.some((type) => type !== "measurements")) settings.fileBytesMax = 1_000_000;
}

export const containers = ["lake-one", "lake-two"];

function template(number: number): Omit<NewTemplate, "id" | "publish" | "version"> {
  return {
    name: `Cooler ${number}`,
    measurements: {
      telemetry: { temp: { name: "Temperature", dataType: "double", minValue: -number, maxValue: 50 } },
      states: { door: { name: "Door", values: [{ value: "open", name: "Open" }] } },
      events: { fault: { name: `Fault ${number}`, category: "error" } },
    },
    settings: { device: { fan: { name: "Fan", dataType: "double", initialValue: number } } },
    properties: {
      cloud: {
        site: { name: "Site", dataType: "string", initialValue: "Leeds" },
        count: { name: "Count", dataType: "double", initialValue: 0 },
        ...(number % 2 === 0 ? { even: { name: "Even", dataType: "boolean", initialValue: true } } : {}),
      },
      device: { boots: { name: "Boots", dataType: "double" } },
    },
  };
}
