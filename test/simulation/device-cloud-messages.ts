// Messages for a device in a story: over MQTT it acknowledges them soon, late, or never; over HTTPS it polls, and completes,
// rejects or gives back what it got. There are messages that it breaks down over, each time. Its QoS 0 counts as its word that it is done with whatever comes.

import type { IPublishPacket } from "mqtt-packet";
import mqtt from "mqtt-packet";
import type { Surroundings } from "./devices.ts";
import type { Link } from "./network.ts";
import type { Chance } from "./world.ts";

type Send = (method: string, path: string, on: Answered) => void;

export interface Answered {
  /** All of the request is with the hub. */
  delivered?(): void;
  said?(status: number): void;
  answered(status: number | null, headers: Readonly<Record<string, string | number>>): void;
}

export class DeviceCloudMessages {
  readonly #deviceId: string;
  readonly #of: Surroundings;
  readonly #chance: Chance;
  readonly #breakDown: () => void;
  #link: Link | null = null;
  #generation: string | undefined;
  #isCalm = false;

  constructor(deviceId: string, of: Surroundings, breakDown: () => void) {
    this.#deviceId = deviceId;
    this.#of = of;
    this.#breakDown = breakDown;
    this.#chance = of.world.chance(`messages for ${deviceId}`);
  }

  /** What it subscribes to. */
  filters(): readonly { readonly topic: string; readonly qos: 0 | 1 }[] {
    const qos = !this.#isCalm && this.#of.habits.qos0 && this.#chance.is(0.3) ? 0 : 1;
    if (qos === 0) this.#of.oracle.cloudMessages.takesUnasked(this.#deviceId);
    return [{ topic: `devices/${this.#deviceId}/messages/devicebound/#`, qos }];
  }

  /** @param generation  that the connection is of; undefined when it cannot be known. */
  letIn(link: Link, generation: string | undefined): void {
    this.#link = link;
    this.#generation = generation;
  }

  left(): void {
    this.#link = null;
  }

  /** From now on it takes whatever comes. */
  calm(): void {
    this.#isCalm = true;
  }

  hear({ payload, qos, dup, messageId }: IPublishPacket): void {
    const { world, oracle } = this.#of;
    const { id, isPoison } = JSON.parse(payload.toString("utf8")) as {
      readonly id: string;
      readonly isPoison: boolean;
    };
    world.tell(this.#deviceId, `gets ${id}${dup ? ", not for the first time" : ""}`);
    oracle.cloudMessages.heard(id, this.#deviceId, this.#generation, qos === 1 && !dup);
    if (qos === 0) return;
    if (isPoison && !this.#isCalm) return this.#breakDown();
    const link = this.#link;
    const how = this.#isCalm ? "soon" : this.#chance.pick(["soon", "soon", "soon", "late", "never"] as const);
    if (how === "never") return;
    world.later(how === "soon" ? this.#chance.skewed(1, 2_000) : this.#chance.int(2_000, 90_000), () => {
      if (link !== this.#link) return;
      link?.send(mqtt.generate({ cmd: "puback", messageId: messageId ?? 0 }), () =>
        oracle.cloudMessages.settling(id, "completed"),
      );
    });
  }

  /** Asks for one over HTTPS. */
  poll(send: Send): void {
    const { world, oracle } = this.#of;
    const generation = oracle.registry.generations.get(this.#deviceId);
    send("GET", "", {
      answered: (status, headers) => {
        if (status !== 200) return;
        const id = String(headers["iothub-messageid"]);
        world.tell(this.#deviceId, `polled ${id}`);
        world.count("cloud message polled");
        // The device may be another by now, and the answer on its way before one that was asked for later.
        const isSame = oracle.registry.generations.get(this.#deviceId) === generation;
        oracle.cloudMessages.heard(id, this.#deviceId, isSame ? generation : undefined, false);
        const token = String(headers["ETag"]).slice(1, -1);
        const outcome = this.#chance.pick(["completed", "completed", "rejected", "abandoned", "none"] as const);
        if (outcome === "abandoned") send("POST", `/${token}/abandon`, { answered: () => {} });
        else if (outcome !== "none") this.#settle(send, id, token, outcome);
      },
    });
  }

  #settle(send: Send, id: string, token: string, outcome: "completed" | "rejected"): void {
    const { cloudMessages } = this.#of.oracle;
    send("DELETE", `/${token}${outcome === "rejected" ? "?reject" : ""}`, {
      delivered: () => cloudMessages.settling(id, outcome),
      said: (status) => {
        if (status === 204) cloudMessages.settled(id, outcome);
      },
      answered: () => {},
    });
  }
}
