// A device of a sizing scenario: a bare socket that has signed in, and does no more than it is told.

import { type Socket, connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { packet, text } from "../../test/lib/mqtt-publisher.ts";

export interface RawDeviceOptions {
  readonly port: number;
  /** The authority, for TLS. */
  readonly ca?: string | undefined;
  readonly policyKey: string;
}

/** A token that opens for every device, made once: signing is the client's work. */
export function sharedToken(policyKey: string): string {
  return makeSasToken("localhost", policyKey, Date.now() + 3_600_000, "device");
}

/** Connects and signs in; the socket is left without a reader of its data. */
export function connectDevice(deviceId: string, token: string, { port, ca }: RawDeviceOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      ca === undefined
        ? connect({ port, host: "127.0.0.1", noDelay: true })
        : connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
    socket.once("error", reject);
    socket.once(ca === undefined ? "connect" : "secureConnect", () => {
      const userName = `localhost/${deviceId}/?api-version=2021-04-12`;
      socket.write(
        packet(0x10, text("MQTT"), Buffer.from([4, 0xc2, 4, 176]), text(deviceId), text(userName), text(token)),
      );
    });
    socket.once("data", (answer: Buffer) => {
      if (answer[0] !== 0x20 || answer[3] !== 0) return reject(new Error(`CONNACK ${answer[3]} for ${deviceId}`));
      socket.off("error", reject);
      socket.on("error", () => {}); // "close" follows
      resolve(socket);
    });
  });
}

/** Connects `count` devices, so many at a time. */
export async function connectDevices(
  count: number,
  idOf: (index: number) => string,
  options: RawDeviceOptions,
  atOnce = 200,
): Promise<Socket[]> {
  const token = sharedToken(options.policyKey);
  const sockets: Socket[] = [];
  for (let first = 0; first < count; first += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - first) }, (_, index) => idOf(first + index));
    sockets.push(...(await Promise.all(some.map((id) => connectDevice(id, token, options)))));
  }
  return sockets;
}

/** A PUBLISH with QoS 1. */
export function publishOf(topic: string, packetId: number, body: Buffer): Buffer {
  return packet(0x32, text(topic), Buffer.from([packetId >> 8, packetId & 255]), body);
}
