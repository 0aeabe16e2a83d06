// Cloud-to-device messages of a connected device over MQTT: `devices/{id}/messages/devicebound/{bag}`. A PUBACK completes one; to
// a subscription of QoS 0 it is complete when it is written. Topics: docs/formats.md "MQTT". Queues: the room twins.
//
//   M1  At most `inFlightMax` are sent and not acknowledged.

import type { Log } from "../../lib/log.ts";
import type { CloudDelivery, Subscriptions } from "../../registry/registry.ts";
import { type CloudMessageFollower, type CloudMessages, cloudMessageAddress } from "../../twins/cloud-messages.ts";
import type { TwinOwner } from "../../twins/twins.ts";
import { deliveryPacket } from "./packets.ts";
import { cloudMessagesFilter } from "./topics.ts";

const inFlightMax = 5;
const packetIdMax = 65_535;

export interface CloudMessageTopicsOptions {
  readonly cloudMessages: CloudMessages;
  readonly log: Log;
  readonly owner: TwinOwner;
  readonly subscriptions: Subscriptions;
  readonly write: (packet: Buffer) => void;
  /** Whether the device reads what it is sent. */
  readonly isReading: () => boolean;
}

export class CloudMessageTopics {
  readonly #options: CloudMessageTopicsOptions;
  readonly #filter: string;
  #follower: CloudMessageFollower | null = null;
  /** By packet id. */
  readonly #inFlight = new Map<number, CloudDelivery>();

  constructor(options: CloudMessageTopicsOptions) {
    this.#options = options;
    this.#filter = cloudMessagesFilter(options.owner.deviceId);
  }

  /** A filter was subscribed to, or left. Who subscribes again gets nothing twice. */
  subscriptionsChanged(): void {
    const { cloudMessages, owner, subscriptions } = this.#options;
    if (!subscriptions.has(this.#filter) || owner.moduleId !== undefined) return this.close();
    this.#follower ??= cloudMessages.follow(owner, {
      room: () => (this.#options.isReading() ? inFlightMax - (this.#follower?.held ?? 0) : 0),
      deliver: (delivery) => this.#deliver(delivery),
    });
  }

  /** A PUBACK. Of nothing that is in flight it says nothing: a connection may have ended before it came. */
  acknowledged(packetId: number): void {
    const delivery = this.#inFlight.get(packetId);
    if (delivery === undefined) return;
    this.#inFlight.delete(packetId);
    void this.#follower?.settle(delivery, "completed");
  }

  close(): void {
    this.#follower?.stop();
    this.#follower = null;
    this.#inFlight.clear();
  }

  #deliver(delivery: CloudDelivery): void {
    const { owner, subscriptions, write } = this.#options;
    const topic = topicOf(owner.deviceId, delivery);
    if (subscriptions.get(this.#filter) === 0) {
      write(deliveryPacket(topic, delivery.body, 0, false));
      void this.#follower?.settle(delivery, "completed");
      return;
    }
    const packetId = this.#packetIdOf(delivery);
    this.#inFlight.set(packetId, delivery);
    write(deliveryPacket(topic, delivery.body, packetId, delivery.deliveryCount > 1));
  }

  /** The message's own, over connections and restarts (§4.4), unless a far later one holds it. */
  #packetIdOf({ number }: CloudDelivery): number {
    let packetId = ((number - 1) % packetIdMax) + 1;
    while ((this.#inFlight.get(packetId)?.number ?? number) !== number) packetId = (packetId % packetIdMax) + 1;
    return packetId;
  }
}

/** The bag is the fifth segment: nothing in it is a slash. */
function topicOf(deviceId: string, delivery: CloudDelivery): string {
  const { messageId, correlationId, userId, contentType, contentEncoding, expiresAt, properties } = delivery;
  const system = {
    "$.mid": messageId,
    "$.cid": correlationId,
    "$.uid": userId,
    "$.ct": contentType,
    "$.ce": contentEncoding,
    "$.to": cloudMessageAddress(deviceId),
    "$.exp": expiresAt,
  };
  const bag = [...Object.entries(system), ...Object.entries(properties)]
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return `devices/${deviceId}/messages/devicebound/${bag.join("&")}`;
}
