// What becomes of those that ask to be provisioned: who is told that it is assigned has its device on disk by then (D2); it is
// made once, for as long as nobody deletes it (D1), with the keys of its group; and who is turned away is so for a reason.

import type { DeviceAdministration } from "./device-administration.ts";
import type { RegistryTruth } from "./registry-truth.ts";
import type { World } from "./world.ts";

export type ProvisioningWord = "assigned" | "assigning" | "disabled" | "failed" | "refused" | "error";

export class ProvisioningOracle {
  /** An administrator wanted each to be approved. */
  isApproving = false;
  /** An administrator asked to disable the group, or to block a registration. */
  mayBeBlocked = false;
  /** An administrator asked for other keys of the group: an old one opens nothing. */
  mayBeRefused = false;
  readonly #world: World;
  readonly #registry: RegistryTruth;
  /** What an administrator asked for. */
  asked: DeviceAdministration["asked"] = { deletions: new Map(), disabled: new Set(), keys: new Set() };
  readonly #generations = new Map<string, number>();

  constructor(world: World, registry: RegistryTruth) {
    this.#world = world;
    this.#registry = registry;
  }

  /** A device that was provisioned began, or began anew. */
  began(deviceId: string): void {
    const generations = (this.#generations.get(deviceId) ?? 0) + 1;
    this.#generations.set(deviceId, generations);
    const deletions = this.asked.deletions.get(deviceId) ?? 0;
    if (generations <= 1 + deletions) return;
    this.#world.violate("D1", `${deviceId} was made ${generations} times, and deleted ${deletions} times at most`);
  }

  /** The hub says it to a device. */
  said(registrationId: string, word: ProvisioningWord, deviceId: string | undefined): void {
    this.#world.count(`provisioning ${word}`);
    if (word === "assigned") return this.#checkAssigned(registrationId, deviceId);
    if (this.#isFair(registrationId, word)) return;
    this.#world.violate("provisioning", `${registrationId} was told ${word}, and nobody gave a reason`);
  }

  /** An administrator was told that a registration is approved. */
  approved(registrationId: string): void {
    this.#world.count("registration approved");
    this.#checkAssigned(registrationId, registrationId);
  }

  #isFair(registrationId: string, word: Exclude<ProvisioningWord, "assigned">): boolean {
    const { asked } = this;
    switch (word) {
      case "assigning":
        return this.isApproving;
      case "disabled":
        return this.mayBeBlocked || asked.disabled.has(registrationId);
      case "failed":
        return asked.keys.has(registrationId);
      case "refused":
        return this.mayBeRefused;
      case "error":
        return true; // it comes again
    }
  }

  #checkAssigned(registrationId: string, deviceId: string | undefined): void {
    this.#registry.lookAtThings();
    const rows = this.#registry.find("select registration_id, status, device_id from registrations");
    const row = rows?.find((one) => one["registration_id"] === registrationId);
    if (deviceId !== registrationId) {
      return this.#world.violate("D1", `${registrationId} was assigned ${deviceId}`);
    }
    const isThere = this.#registry.generations.has(deviceId) && row?.["device_id"] === deviceId;
    if (!isThere) this.#world.violate("D2", `${registrationId} was assigned a device that is not there`);
  }
}
