// A raw MQTT client: sends the bytes it is told to, and tells which packets came back and how it ended.

import { type Socket, connect } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import mqtt, { type IConnackPacket, type IConnectPacket, type Packet } from "mqtt-packet";

export interface Publish {
  readonly topic: string;
  readonly payload: string | Buffer;
  readonly qos?: 0 | 1 | 2;
  readonly packetId?: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
}

export function publishBytes(message: Publish): Buffer {
  const { topic, payload, qos = 1, packetId = 1, retain = false, dup = false } = message;
  return mqtt.generate({ cmd: "publish", topic, payload, qos, messageId: packetId, retain, dup });
}

export function connectBytes(deviceId: string, token: string, overrides: Partial<IConnectPacket> = {}): Buffer {
  return mqtt.generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: false,
    keepalive: 60,
    clientId: deviceId,
    username: `localhost/${deviceId}/?api-version=2021-04-12`,
    password: Buffer.from(token),
    ...overrides,
  });
}

export class RawMqtt {
  readonly socket: Socket;
  /** Resolves when the connection is over, from whichever end. */
  readonly ended: Promise<void>;
  isEnded = false;
  readonly packets: Packet[] = [];
  #wake: (() => void)[] = [];

  static async open(port: number): Promise<RawMqtt> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new RawMqtt(socket);
  }

  /** Over TLS, with a certificate or without. */
  static async openTls(port: number, options: ConnectionOptions = {}): Promise<RawMqtt> {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return new RawMqtt(socket);
  }

  /** Connects as a device; fails unless it is let in. */
  static async device(port: number, deviceId: string, token: string, more?: Partial<IConnectPacket>): Promise<RawMqtt> {
    const client = await RawMqtt.open(port);
    const code = await client.connect(connectBytes(deviceId, token, more));
    if (code !== 0) throw new Error(`The hub answered CONNECT with ${code}.`);
    return client;
  }

  /** Over a stream that is open, and that nobody reads yet. What only sockets have is missing. */
  static over(stream: Duplex): RawMqtt {
    return new RawMqtt(stream as Socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    const parser = mqtt.parser();
    parser.on("packet", (packet) => {
      this.packets.push(packet);
      this.#tell();
    });
    socket.on("data", (chunk) => parser.parse(chunk));
    socket.on("error", () => {}); // "close" follows
    this.ended = new Promise((resolve) => {
      socket.once("close", () => {
        this.isEnded = true;
        this.#tell();
        resolve();
      });
    });
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends a CONNECT. @returns the code of the CONNACK, or "ended". */
  async connect(bytes: Buffer): Promise<number | "ended"> {
    this.send(bytes);
    const packet = await this.next();
    if (packet === "ended") return "ended";
    if (packet.cmd !== "connack") throw new Error(`Not a CONNACK: ${packet.cmd}`);
    return (packet satisfies IConnackPacket).returnCode ?? -1;
  }

  /** The next packet that came, or "ended". Fails after five seconds. */
  async next(withinMs = 5_000): Promise<Packet | "ended"> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      const packet = this.packets.shift();
      if (packet !== undefined) return packet;
      if (this.isEnded) return "ended";
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`No packet within ${withinMs} ms.`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Packet ids of the next `count` PUBACKs. */
  async acknowledgements(count: number): Promise<readonly number[]> {
    const ids: number[] = [];
    while (ids.length < count) {
      const packet = await this.next();
      if (packet === "ended") throw new Error(`The connection ended after ${ids.length} of ${count} PUBACKs.`);
      if (packet.cmd !== "puback") throw new Error(`Not a PUBACK: ${packet.cmd}`);
      ids.push(packet.messageId ?? 0);
    }
    return ids;
  }

  /** Publishes with QoS 1 and waits for the PUBACK. */
  async publish(message: Publish): Promise<void> {
    this.send(publishBytes(message));
    await this.acknowledgements(1);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
