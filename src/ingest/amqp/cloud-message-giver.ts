// Cloud-to-device messages of a device over AMQP, on the link from `/devices/{id}/messages/devicebound`: accepted completes one,
// rejected rejects it, anything else gives it back. Queues: the room twins.
//
//   M1  As many are under way as the device has given credit for, and no more than `inFlightMax`; a device that does not read gets
//       no more than `atOnceMax`.

import type { CloudDelivery, CloudMessageOwner } from "../../registry/registry.ts";
import { type CloudMessageFollower, type CloudMessages, cloudMessageAddress } from "../../twins/cloud-messages.ts";
import type { Giver, Outcome, OutgoingLink } from "./links.ts";
import { writeMessage } from "./message.ts";
import { encode } from "./values.ts";

const inFlightMax = 50;
const atOnceMax = 5;
const outcomes = { accepted: "completed", rejected: "rejected", released: "abandoned" } as const satisfies Record<
  Outcome,
  string
>;

export function cloudMessageGiver(cloudMessages: CloudMessages, owner: CloudMessageOwner): Giver {
  let follower: CloudMessageFollower | null = null;
  return {
    awaitsOutcomes: true,
    begin: (link: OutgoingLink) => {
      const mine = cloudMessages.follow(owner, {
        room: () => Math.min(link.room, inFlightMax - (follower?.held ?? 0), link.isSentSettled ? 1 : atOnceMax),
        deliver: (delivery) => {
          const message = messageOf(owner.deviceId, delivery);
          if (link.isSentSettled) {
            link.send(message);
            void mine.settle(delivery, "completed"); // as over MQTT with QoS 0
          } else {
            link.send(message, {
              tag: Buffer.from(delivery.lockToken.replaceAll("-", ""), "hex"),
              settled: (outcome) => mine.settle(delivery, outcomes[outcome]),
            });
          }
        },
      });
      follower = mine;
      link.onRoom = () => mine.wake();
    },
    end: () => follower?.stop(),
    given: async () => await follower?.given(),
  };
}

function messageOf(deviceId: string, delivery: CloudDelivery): Buffer {
  const { messageId, correlationId, userId, contentType, contentEncoding, properties } = delivery;
  const { number, enqueuedAt, expiresAt, deliveryCount, body } = delivery;
  return writeMessage({
    messageId: encode.string(messageId),
    userId,
    correlationId: correlationId === undefined ? null : encode.string(correlationId),
    to: cloudMessageAddress(deviceId),
    contentType,
    contentEncoding,
    expiryMs: Date.parse(expiresAt),
    annotations: [
      ["iothub-deliverycount", encode.ubyte(deliveryCount)],
      ["iothub-enqueuedtime", encode.timestamp(Date.parse(enqueuedAt))],
      ["x-opt-sequence-number", encode.ulong(BigInt(number))],
    ],
    application: Object.entries(properties).map(([name, value]) => [name, encode.string(value)] as const),
    body,
  });
}
