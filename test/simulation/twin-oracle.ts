// What the registry's twins must hold: what a device reported and was answered for (D2), and at the end what every device
// believes is wanted of it.

import { isDeepStrictEqual } from "node:util";
import type { RegistryTruth } from "./registry-truth.ts";
import type { World } from "./world.ts";

export class TwinOracle {
  readonly #world: World;
  readonly #registry: RegistryTruth;
  /** The highest number that was answered for, by device. */
  readonly #answered = new Map<string, { readonly generation: string; readonly boots: number }>();

  constructor(world: World, registry: RegistryTruth) {
    this.#world = world;
    this.#registry = registry;
  }

  /** A device was told that its report was taken (D2). @param generation  of the device when it reported. */
  reported(deviceId: string, generation: string | undefined, boots: number): void {
    this.#registry.lookAtThings();
    if (generation === undefined || this.#registry.generations.get(deviceId) !== generation) return;
    const former = this.#answered.get(deviceId);
    if (former?.generation !== generation || former.boots < boots) this.#answered.set(deviceId, { generation, boots });
    this.#check(deviceId);
  }

  /** Nothing that was answered for is missing. */
  checkAll(): void {
    for (const deviceId of this.#answered.keys()) this.#check(deviceId);
  }

  /** Whether a device believes what is wanted of it. */
  isTold(deviceId: string, desired: unknown): boolean {
    return isDeepStrictEqual(desired, this.#registry.twin(deviceId)?.desired);
  }

  #check(deviceId: string): void {
    const answered = this.#answered.get(deviceId);
    if (answered === undefined || this.#registry.generations.get(deviceId) !== answered.generation) return;
    const boots = Number(this.#registry.twin(deviceId)?.reported["boots"] ?? 0);
    if (boots >= answered.boots) return;
    this.#world.violate("D2", `${deviceId} was answered for report ${answered.boots}, and its twin has ${boots}`);
  }
}
