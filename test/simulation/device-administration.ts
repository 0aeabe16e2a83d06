// The administration of devices and hub policies: makes, edits, disables and deletes them, and knows which keys open what.

import type { Device, DevicePatch, HubPolicy, KeyPair } from "../../src/registry/registry.ts";
import type { ApiCalls } from "./api-calls.ts";
import { templateId } from "./cooler-template.ts";
import type { Identity, Key } from "./devices.ts";
import type { Oracle } from "./oracle.ts";
import type { Chance } from "./world.ts";

export class DeviceAdministration {
  readonly identities = new Map<string, Identity>();
  readonly policies: Key[] = [];
  readonly deleted = new Set<string>();
  /** What was asked for, whatever came of it: deletions by device; who was disabled; whose keys were chosen here. */
  readonly asked = { deletions: new Map<string, number>(), disabled: new Set<string>(), keys: new Set<string>() };
  /** Told of a device that is new. */
  onDevice: (identity: Identity) => void = () => {};
  /** Told when access was taken away, with the keys concerned. */
  onAccess: (deviceId: string | null, concerned: (key: Key) => boolean) => void = () => {};
  readonly #chance: Chance;
  readonly #calls: ApiCalls;
  readonly #oracle: Oracle;
  readonly #next: () => number;

  /** @param next  a number that was not used yet. */
  constructor(chance: Chance, calls: ApiCalls, oracle: Oracle, next: () => number) {
    this.#chance = chance;
    this.#calls = calls;
    this.#oracle = oracle;
    this.#next = next;
  }

  async make(id: string): Promise<boolean> {
    this.asked.keys.add(id);
    const made = await this.#calls.call(`make ${id}`, async (hub) => {
      await hub.registry.createDevice({ id, templateId, properties: { cloud: { count: this.#next() } } });
      return await hub.registry.deviceKeys(id);
    });
    if (made.kind !== "done") return false;
    this.deleted.delete(id);
    const { primaryKey, secondaryKey } = made.value;
    this.#known(id, [primaryKey, secondaryKey], true);
    return true;
  }

  /** It was made by provisioning, or told that it is there. */
  provisioned(id: string, secrets: readonly string[], isNew: boolean): void {
    const known = this.identities.get(id);
    // One that was deleted comes back with the keys that it had.
    for (const key of known?.keys ?? []) if (secrets.includes(key.secret)) key.isRevoked = false;
    const news = secrets.filter((one) => known?.keys.some((key) => key.secret === one) !== true);
    if (isNew) this.deleted.delete(id);
    this.#known(id, news, isNew || known?.isLetIn === true);
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

  async edit({ id }: Identity): Promise<boolean> {
    const count = this.#next();
    if (this.#chance.is(0.3)) {
      // What is no setting comes and goes.
      const value = this.#chance.pick([count, { x: count }, { y: null }, null]);
      const desired = { [this.#chance.pick(["lens", "zoom"])]: value };
      return await this.#calls.isDone(`patch desired of ${id}`, (hub) => hub.registry.patchDesired(id, desired));
    }
    const patch = this.#chance.pick<DevicePatch>([
      { name: `Device ${count}` },
      { properties: { cloud: { count } } },
      { properties: { cloud: { site: `site ${count % 3}` }, device: { boots: count } } },
      { settings: { device: { fan: count % 2 } } },
      { properties: { cloud: { site: null } } },
    ]);
    return await this.#calls.isDone(`edit ${id}`, (hub) => hub.registry.updateDevice(id, patch));
  }

  /** Something that is no setting is there in its desired properties, or gone. */
  async lend({ id }: Identity, isThere: boolean): Promise<boolean> {
    const desired = { loan: isThere ? { number: this.#next() } : null };
    return await this.#calls.isDone(`lend ${id} something`, (hub) => hub.registry.patchDesired(id, desired));
  }

  /** Another value of its setting. */
  async turn({ id }: Identity): Promise<boolean> {
    const fan = this.#next();
    return await this.#calls.isDone(`turn ${id} to ${fan}`, (hub) =>
      hub.registry.updateDevice(id, { settings: { device: { fan } } }),
    );
  }

  async enable(identity: Identity, enabled: boolean): Promise<boolean> {
    const { id } = identity;
    if (!enabled) this.asked.disabled.add(id);
    const done = await this.#calls.call(`${enabled ? "enable" : "disable"} ${id}`, (hub) =>
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

  async delete(identity: Identity): Promise<boolean> {
    const { id } = identity;
    this.asked.deletions.set(id, (this.asked.deletions.get(id) ?? 0) + 1);
    const gone = await this.#calls.call(`delete ${id}`, (hub) => hub.registry.deleteDevice(id));
    if (gone.kind !== "done") return false;
    this.deleted.add(id);
    identity.isLetIn = false;
    this.revoke(id, (key) => key.policy === null);
    this.onAccess(id, () => true);
    return true;
  }

  async rotate({ id }: Identity): Promise<boolean> {
    this.asked.keys.add(id);
    const which = this.#chance.pick(["regenerate-primary", "regenerate-secondary"] as const);
    const rotated = await this.#calls.call(`${which} of ${id}`, (hub) => hub.registry.setDeviceKeys(id, which));
    if (rotated.kind !== "done") return false;
    this.#keysAre(id, [rotated.value.primaryKey, rotated.value.secondaryKey]);
    // Every connection of the device was closed, whatever key it came with; a hub policy's too.
    this.onAccess(id, () => true);
    return true;
  }

  #keysAre(id: string, secrets: readonly string[]): void {
    this.revoke(id, (key) => !secrets.includes(key.secret));
    const identity = this.identities.get(id);
    for (const secret of secrets) {
      this.#oracle.secrets.add(secret);
      if (identity?.keys.some((key) => key.secret === secret) === true) continue;
      identity?.keys.push({ secret, policy: null, isRevoked: false });
    }
  }

  async learnPolicy(name: string): Promise<void> {
    const keys = await this.#calls.call(`keys of ${name}`, (hub) => hub.registry.policyKeys(name));
    if (keys.kind !== "done" || keys.value === null) return;
    for (const secret of [keys.value.primaryKey, keys.value.secondaryKey]) {
      this.#oracle.secrets.add(secret);
      this.policies.push({ secret, policy: name, isRevoked: false });
    }
  }

  /** These keys open nothing any more: the administrator was told so. */
  revoke(deviceId: string | null, isConcerned: (key: Key) => boolean): void {
    const keys = deviceId === null ? this.policies : (this.identities.get(deviceId)?.keys ?? []);
    const revoked = keys.filter((key) => !key.isRevoked && isConcerned(key));
    for (const key of revoked) key.isRevoked = true;
    this.onAccess(deviceId, (key) => revoked.includes(key));
  }

  /** What there is now; `keys` as `devices`. */
  learn(devices: readonly Device[], keys: readonly KeyPair[], policies: readonly HubPolicy[]): void {
    for (const [index, { id, enabled }] of devices.entries()) {
      const pair = keys[index];
      this.deleted.delete(id);
      if (pair === undefined) continue;
      if (!this.identities.has(id)) this.#known(id, [pair.primaryKey, pair.secondaryKey], enabled);
      this.#keysAre(id, [pair.primaryKey, pair.secondaryKey]);
      const identity = this.identities.get(id) as Identity;
      if (identity.isLetIn && !enabled) this.onAccess(id, () => true);
      identity.isLetIn = enabled;
    }
    for (const identity of this.identities.values()) {
      if (devices.some(({ id }) => id === identity.id)) continue;
      this.deleted.add(identity.id);
      identity.isLetIn = false;
      this.revoke(identity.id, (key) => key.policy === null);
      this.onAccess(identity.id, () => true);
    }
    this.revoke(null, (key) => !policies.some(({ name }) => name === key.policy));
  }
}
