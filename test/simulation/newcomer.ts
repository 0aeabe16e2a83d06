// A device of a story that knows no hub, only a provisioning service: it asks over MQTT until it is assigned, and now and then
// again, as at each start of its own. What it is after that, is a device like any other (devices.ts).

import { createHmac } from "node:crypto";
import mqtt, { type IPublishPacket } from "mqtt-packet";
import { connectBytes, publishBytes } from "../lib/raw-mqtt.ts";
import type { EnrollmentAdministration } from "./enrollment-administration.ts";
import type { Link, Network } from "./network.ts";
import type { ProvisioningOracle, ProvisioningWord } from "./provisioning-oracle.ts";
import type { Chance, World } from "./world.ts";

const answersStart = "$dps/registrations/res/";

export interface NewcomerSurroundings {
  readonly world: World;
  readonly network: Network;
  readonly oracle: ProvisioningOracle;
  readonly enrollments: EnrollmentAdministration;
  /** The hub tells it that it is assigned, to the device that has these keys. */
  assigned(registrationId: string, keys: readonly string[]): void;
}

/** A key of a group's device, as Azure's provisioning service derives it. */
export function derived(groupKey: string, registrationId: string): string {
  return createHmac("sha256", Buffer.from(groupKey, "base64")).update(registrationId).digest("base64");
}

export class Newcomer {
  readonly registrationId: string;
  /** What it was told last; null when it asks. */
  word: ProvisioningWord | null = null;
  readonly #of: NewcomerSurroundings;
  readonly #chance: Chance;
  #isStopped = false;
  #link: Link | null = null;
  #requests = 0;

  constructor(registrationId: string, of: NewcomerSurroundings) {
    this.registrationId = registrationId;
    this.#of = of;
    this.#chance = of.world.chance(`newcomer ${registrationId}`);
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Begins anew. */
  ask(): void {
    this.#link?.close();
    this.#link = null;
    this.word = null;
    this.#connect();
  }

  #schedule(): void {
    const { world } = this.#of;
    world.later(this.#chance.skewed(500, 40_000), () => {
      if (this.#isStopped) return;
      if (this.word !== "assigned" || this.#chance.is(0.1)) this.ask();
      this.#schedule();
    });
  }

  #connect(): void {
    const { world, network, enrollments, oracle } = this.#of;
    const { idScope, keys } = enrollments;
    if (keys.length === 0) return;
    const groupKey = this.#chance.pick(keys);
    const said = mqtt.parser();
    said.on("packet", (packet) => {
      if (packet.cmd === "connack" && packet.returnCode !== 0) oracle.said(this.registrationId, "refused", undefined);
      if (packet.cmd === "publish") this.#said(packet, keys);
    });
    const heard = mqtt.parser();
    const link = network.connect({
      said: (bytes) => void said.parse(bytes),
      data: (bytes) => void heard.parse(bytes),
      closed: () => {
        if (this.#link === link) this.#link = null;
      },
    });
    if (link === null) return;
    this.#link = link;
    heard.on("packet", (packet) => {
      if (link !== this.#link) return;
      if (packet.cmd === "connack" && packet.returnCode === 0) this.#register(link);
      if (packet.cmd === "publish") this.#hear(link, packet);
    });
    world.tell(this.registrationId, "asks to be provisioned");
    link.send(
      connectBytes(this.registrationId, this.#token(groupKey), {
        clean: true,
        username: `${idScope}/registrations/${this.registrationId}/api-version=2019-03-31`,
      }),
    );
  }

  #register(link: Link): void {
    const subscriptions = [{ topic: `${answersStart}#`, qos: 1 as const }];
    link.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
    const topic = `$dps/registrations/PUT/iotdps-register/?$rid=${++this.#requests}`;
    link.send(publishBytes({ topic, payload: JSON.stringify({ registrationId: this.registrationId }), packetId: 2 }));
  }

  /** In the moment when the hub says it, which may never come. */
  #said(packet: IPublishPacket, keys: readonly string[]): void {
    const { word, deviceId } = answerOf(packet);
    if (word === "assigned")
      this.#of.assigned(
        this.registrationId,
        keys.map((key) => derived(key, this.registrationId)),
      );
    this.#of.oracle.said(this.registrationId, word, deviceId);
  }

  #hear(link: Link, packet: IPublishPacket): void {
    const { world } = this.#of;
    const { word, operationId } = answerOf(packet);
    this.word = word;
    world.tell(this.registrationId, `is told: ${word}`);
    if (word !== "assigning") return link.close();
    const retryAfter = Number(new URLSearchParams(packet.topic.split("?")[1]).get("retry-after") ?? 3);
    world.later(retryAfter * 1000, () => {
      if (link !== this.#link) return;
      const topic = `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${++this.#requests}&operationId=${operationId}`;
      link.send(publishBytes({ topic, payload: " ", packetId: 3 }));
    });
  }

  #token(groupKey: string): string {
    const resource = encodeURIComponent(`${this.#of.enrollments.idScope}/registrations/${this.registrationId}`);
    const expiry = Math.floor(this.#of.world.wallMs / 1000) + 3600;
    const key = Buffer.from(derived(groupKey, this.registrationId), "base64");
    const signature = createHmac("sha256", key).update(`${resource}\n${expiry}`).digest("base64");
    return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=registration`;
  }
}

interface Answer {
  readonly word: ProvisioningWord;
  readonly operationId: string | undefined;
  readonly deviceId: string | undefined;
}

function answerOf({ topic, payload }: IPublishPacket): Answer {
  const status = Number(topic.slice(answersStart.length).split("/")[0]);
  const body = JSON.parse(payload.toString("utf8")) as {
    readonly operationId?: string;
    readonly status?: "assigned" | "assigning" | "disabled" | "failed";
    readonly registrationState?: { readonly deviceId?: string };
  };
  const word = status >= 300 ? (status === 401 ? "refused" : "error") : (body.status ?? "error");
  return { word, operationId: body.operationId, deviceId: body.registrationState?.deviceId };
}
