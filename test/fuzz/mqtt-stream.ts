// MQTT as `dev-1` speaks it, and what mqtt-packet reads in a stream: a second opinion, for targets.

import mqtt, { type IConnectPacket, type Packet } from "mqtt-packet";
import { token } from "./one-device.ts";

export const events = "devices/dev-1/messages/events/";

export function isMessage(topic: string): boolean {
  return topic === events.slice(0, -1) || topic.startsWith(events);
}

export function connect(more: Partial<IConnectPacket> = {}): Buffer {
  return mqtt.generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: false,
    keepalive: 60,
    clientId: "dev-1",
    username: "hub.test/dev-1/?api-version=2021-04-12",
    password: Buffer.from(token),
    ...more,
  });
}

export function publish(
  topic: string,
  payload: string | Buffer,
  qos: 0 | 1 | 2,
  messageId: number,
  more: { retain?: boolean; dup?: boolean } = {},
): Buffer {
  return mqtt.generate({ cmd: "publish", topic, payload, qos, messageId, dup: false, retain: false, ...more });
}

/**
 * The whole packets of a stream by mqtt-packet, up to the first that it cannot read. It also refuses the first bytes of a
 * packet that is not whole yet, for which the connection waits.
 */
export function packetsOf(all: Buffer): { readonly packets: Packet[]; readonly isWhole: boolean } {
  const stream = wholePart(all);
  const packets: Packet[] = [];
  let isWhole = true;
  const parser = mqtt.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", () => (isWhole = false));
  parser.parse(stream);
  return { packets, isWhole };
}

/** The stream up to the end of its last whole packet, by their lengths alone (§2.2.3). */
function wholePart(stream: Buffer): Buffer {
  let end = 0;
  for (;;) {
    let at = end + 1;
    let length = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = stream[at++] ?? 128;
      length += (byte & 127) << shift;
      if (byte < 128) break;
      if (shift === 21) return at > stream.length ? stream.subarray(0, end) : stream; // no length at all
    }
    if (at + length > stream.length) return stream.subarray(0, end);
    end = at + length;
  }
}
