// What a device of a story and the hub say to each other besides messages: its twin, messages for it, direct methods. One
// SUBSCRIBE has all of it, so that a session has all or nothing.

import mqtt, { type IPublishPacket } from "mqtt-packet";
import { DeviceCloudMessages } from "./device-cloud-messages.ts";
import { DeviceMethods, methodsStart } from "./device-methods.ts";
import { DeviceTwin } from "./device-twin.ts";
import type { Surroundings } from "./devices.ts";
import type { Link } from "./network.ts";
import type { Chance } from "./world.ts";

export class DeviceSession {
  readonly twin: DeviceTwin | null;
  readonly cloudMessages: DeviceCloudMessages | null;
  readonly methods: DeviceMethods | null;
  readonly #of: Surroundings;
  readonly #chance: Chance;

  /** @param breakDown  the device goes, and comes back soon. */
  constructor(deviceId: string, of: Surroundings, breakDown: () => void) {
    this.#of = of;
    this.#chance = of.world.chance(`session of ${deviceId}`);
    this.twin = of.hasTwins ? new DeviceTwin(deviceId, of) : null;
    this.cloudMessages = of.hasCloudMessages ? new DeviceCloudMessages(deviceId, of, breakDown) : null;
    this.methods = of.hasMethods ? new DeviceMethods(deviceId, of) : null;
  }

  /**
   * @param isKept      the hub said that it has kept the session.
   * @param generation  that the connection is of; undefined when it cannot be known.
   */
  letIn(link: Link, isKept: boolean, generation: string | undefined): void {
    const { twin, cloudMessages, methods } = this;
    if (isKept) this.#of.world.count("session kept");
    // The SDKs subscribe again each time; others rely on the session.
    if (!isKept || this.#chance.is(0.5)) {
      const parts = [twin, cloudMessages, methods];
      const subscriptions = parts.flatMap((part) => part?.filters() ?? []);
      if (subscriptions.length > 0) link.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
    }
    cloudMessages?.letIn(link, generation);
    methods?.letIn(link, generation);
    twin?.letIn(link, isKept);
  }

  left(): void {
    this.twin?.left();
    this.cloudMessages?.left();
    this.methods?.left();
  }

  act(): void {
    this.twin?.act();
  }

  /** From now on it does at once what it is asked. */
  calm(): void {
    this.cloudMessages?.calm();
    this.methods?.calm();
  }

  /** A PUBLISH of the hub. */
  hear(packet: Buffer): void {
    const parser = mqtt.parser();
    parser.on("packet", (parsed) => {
      if (parsed.cmd === "publish") this.#hear(parsed);
    });
    parser.parse(packet);
  }

  #hear(packet: IPublishPacket): void {
    const { topic } = packet;
    if (topic.startsWith("devices/")) this.cloudMessages?.hear(packet);
    else if (topic.startsWith(methodsStart)) this.methods?.hear(packet);
    else this.twin?.hear(packet);
  }
}
