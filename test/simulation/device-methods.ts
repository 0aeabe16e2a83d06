// Direct methods of a device in a story: it answers soon, late, twice, or never.

import type { IPublishPacket } from "mqtt-packet";
import { publishBytes } from "../lib/raw-mqtt.ts";
import type { Surroundings } from "./devices.ts";
import type { Link } from "./network.ts";
import type { Chance } from "./world.ts";

export const methodsStart = "$iothub/methods/POST/";

export class DeviceMethods {
  readonly #deviceId: string;
  readonly #of: Surroundings;
  readonly #chance: Chance;
  #link: Link | null = null;
  #generation: string | undefined;
  #isCalm = false;

  constructor(deviceId: string, of: Surroundings) {
    this.#deviceId = deviceId;
    this.#of = of;
    this.#chance = of.world.chance(`methods of ${deviceId}`);
  }

  filters(): readonly { readonly topic: string; readonly qos: 0 | 1 }[] {
    return [{ topic: `${methodsStart}#`, qos: 0 }];
  }

  /** @param generation  that the connection is of; undefined when it cannot be known. */
  letIn(link: Link, generation: string | undefined): void {
    this.#link = link;
    this.#generation = generation;
  }

  left(): void {
    this.#link = null;
  }

  /** From now on it answers whatever comes. */
  calm(): void {
    this.#isCalm = true;
  }

  hear({ topic, payload }: IPublishPacket): void {
    const { world, oracle } = this.#of;
    const { call } = JSON.parse(payload.toString("utf8")) as { readonly call: number };
    const requestId = new URLSearchParams(topic.slice(topic.indexOf("?") + 1)).get("$rid") ?? "";
    world.tell(this.#deviceId, `is asked for call ${call}`);
    oracle.methods.heard(call, this.#deviceId, this.#generation);
    const how = this.#isCalm ? "soon" : this.#chance.pick(["soon", "soon", "late", "twice", "never"] as const);
    if (how === "never") return;
    const delayMs = how === "late" ? this.#chance.int(1_000, 40_000) : this.#chance.int(0, 500);
    world.later(delayMs, () => this.#answer(call, requestId));
    if (how === "twice") world.later(delayMs + this.#chance.int(0, 5_000), () => this.#answer(call, requestId));
  }

  /** Perhaps over another connection than it was asked. */
  #answer(call: number, requestId: string): void {
    const status = this.#chance.pick([200, 200, 404, -1]);
    const topic = `$iothub/methods/res/${status}/?$rid=${requestId}`;
    const payload = JSON.stringify({ call });
    this.#link?.send(publishBytes({ topic, payload, qos: 0 }), () => this.#of.oracle.methods.answering(call, status));
  }
}
