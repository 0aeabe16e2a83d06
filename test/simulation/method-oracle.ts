// What becomes of direct methods: a device is asked at most once, and only as the generation that was meant (D1); who called gets
// the device's own answer, or an error, in time; and who was told that the device is away was not heard.

import type { World } from "./world.ts";

export interface MethodCallStory {
  readonly number: number;
  readonly deviceId: string;
  /** Of the device that is meant, once it was looked up. */
  generation: string | null;
  isHeard: boolean;
  /** The caller was told that nobody takes calls there. */
  isOffline: boolean;
  /** Statuses that the device's answers had that came whole to the hub. */
  readonly answers: Set<number>;
}

export class MethodOracle {
  readonly #world: World;
  readonly #calls = new Map<number, MethodCallStory>();

  constructor(world: World) {
    this.#world = world;
  }

  calling(deviceId: string): MethodCallStory {
    const number = this.#calls.size + 1;
    const answers = new Set<number>();
    const call: MethodCallStory = { number, deviceId, generation: null, isHeard: false, isOffline: false, answers };
    this.#calls.set(number, call);
    this.#world.count("method called");
    return call;
  }

  /** It reached a device. @param generation  that its connection is of; undefined when it cannot be known. */
  heard(number: number, deviceId: string, generation: string | undefined): void {
    const call = this.#calls.get(number);
    if (call?.deviceId !== deviceId) {
      return this.#world.violate("D1", `${deviceId} was asked for call ${number}, which is not its own`);
    }
    if (call.isHeard) this.#world.violate("method", `${deviceId} was asked twice for call ${number}`);
    call.isHeard = true;
    this.#checkOffline(call);
    if (generation === undefined || generation === call.generation) return;
    this.#world.violate(
      "D1",
      `generation ${generation} of ${deviceId} was asked for what ${call.generation} was meant to do`,
    );
  }

  /** The device's answer came whole to the hub. */
  answering(number: number, status: number): void {
    this.#calls.get(number)?.answers.add(status);
  }

  answered(call: MethodCallStory, status: number, payload: unknown): void {
    this.#world.count("method answered");
    const said = (payload as { readonly call?: number } | null)?.call;
    if (said === call.number && call.answers.has(status)) return;
    const answer = `${status} ${JSON.stringify(payload)}`;
    this.#world.violate(
      "method",
      `call ${call.number} of ${call.deviceId} was answered ${answer}, which it did not say`,
    );
  }

  failed(call: MethodCallStory, code: string): void {
    this.#world.count(`method ${code}`);
    if (code === "device-offline") call.isOffline = true;
    this.#checkOffline(call);
  }

  #checkOffline({ number, deviceId, isHeard, isOffline }: MethodCallStory): void {
    if (!isHeard || !isOffline) return;
    this.#world.violate("method", `call ${number} was said not to reach ${deviceId}, and did`);
  }
}
