// MQTT 3.1.1 packets off the hot path, through mqtt-packet: whole packets in, whole packets out.

import mqtt, { type IConnectPacket, type ISubscribePacket, type IUnsubscribePacket, type Packet } from "mqtt-packet";

export type { IConnectPacket, ISubscribePacket, IUnsubscribePacket, Packet };

/** CONNACK return codes. MQTT 3.1.1 §3.2.2.3 */
export const connack = {
  accepted: 0,
  unacceptableProtocol: 1,
  identifierRejected: 2,
  serverUnavailable: 3,
  badUserNameOrPassword: 4,
  notAuthorized: 5,
} as const;

/** The packet that `bytes` hold, exactly one; null when they hold none that is well-formed. */
export function parsePacket(bytes: Buffer): Packet | null {
  // A parser of its own each time: after an error one is unusable, and none of this is per message.
  const parser = mqtt.parser();
  let packet: Packet | null = null;
  let failed = false;
  parser.on("packet", (parsed) => {
    packet = parsed;
  });
  parser.on("error", () => {
    failed = true;
  });
  const left = parser.parse(bytes);
  return failed || left > 0 ? null : packet;
}

/** @param isPresent  the hub has kept the device's session. */
export function connackPacket(returnCode: number, isPresent = false): Buffer {
  return Buffer.from([0x20, 2, isPresent ? 1 : 0, returnCode]);
}

export function subackPacket(messageId: number, granted: readonly number[]): Buffer {
  return mqtt.generate({ cmd: "suback", messageId, granted: [...granted] });
}

export function pubackPacket(messageId: number): Buffer {
  return Buffer.from([0x40, 2, messageId >> 8, messageId & 255]);
}

export function unsubackPacket(messageId: number): Buffer {
  return Buffer.from([0xb0, 2, messageId >> 8, messageId & 255]);
}

export function publishPacket(topic: string, payload: string): Buffer {
  return mqtt.generate({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false });
}

/** A message for the device. @param packetId  0: with QoS 0. */
export function deliveryPacket(topic: string, payload: Buffer, packetId: number, dup: boolean): Buffer {
  if (packetId === 0) return mqtt.generate({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false });
  return mqtt.generate({ cmd: "publish", topic, payload, qos: 1, messageId: packetId, dup, retain: false });
}

export const pingrespPacket = Buffer.from([0xd0, 0]);
