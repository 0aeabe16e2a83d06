// A raw MQTT publisher that never sends anything twice, and knows of every message whether its PUBACK arrived: the
// witness of the promise. Each message carries a number of its own.

import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { type LoadOptions, NumberedLoad, type NumberedMessage, type Publisher } from "./numbered-load.ts";

/** An MQTT string: two bytes of length, then UTF-8. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

/** An MQTT packet with its remaining length. */
export function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

export interface PublisherOptions extends LoadOptions {
  readonly inFlight: number;
}

/** Over plain MQTT, by the hub policy `device`. */
export interface PlainPublisherOptions extends PublisherOptions {
  readonly port: number;
  readonly policyKey: string;
}

/** Over any stream that is open, or opens. */
export interface StreamPublisherOptions extends PublisherOptions {
  readonly stream: Duplex;
  /** Null: the certificate is enough. */
  readonly token: string | null;
}

/** Publishes as fast as acknowledgements come, until stopped or cut off. Resolves `ended` then. */
export class MqttPublisher implements Publisher {
  readonly ended: Promise<void>;
  /** The return code of the CONNACK, undefined before it came. */
  connack: number | undefined;
  readonly #options: PublisherOptions;
  readonly #load: NumberedLoad;
  readonly #topic: Buffer;
  readonly #stream: Duplex;
  readonly #inFlight = new Map<number, NumberedMessage>();
  #packetId = 0;
  #isOpen = false;
  #isStopped = false;

  constructor(options: PlainPublisherOptions | StreamPublisherOptions) {
    this.#options = options;
    this.#load = new NumberedLoad(options);
    const { deviceId, moduleId } = options;
    const way = "stream" in options ? options : plain(options);
    const sender = moduleId === undefined ? deviceId : `${deviceId}/modules/${moduleId}`;
    this.#topic = text(`devices/${sender}/messages/events/`);
    this.#stream = way.stream;
    this.ended = new Promise((resolve) => this.#stream.once("close", () => resolve()));
    this.#stream.on("error", () => {}); // "close" follows
    if (options.perSecond !== undefined) {
      const timer = setInterval(() => {
        if (this.#isOpen) this.#fill();
      }, 20);
      this.#stream.once("close", () => clearInterval(timer));
    }
    const clientId = moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
    // User name, a password or none; clean session.
    const header = Buffer.from([4, way.token === null ? 0x82 : 0xc2, 0, 0]);
    const user = text(`localhost/${clientId}/?api-version=2021-04-12`);
    const password = way.token === null ? Buffer.alloc(0) : text(way.token);
    this.#stream.write(packet(0x10, text("MQTT"), header, text(clientId), user, password));
    let rest: Buffer = Buffer.alloc(0);
    this.#stream.on("data", (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      // CONNACK and PUBACK both have four bytes.
      for (; at + 4 <= rest.length; at += 4) this.#received(rest.subarray(at, at + 4));
      rest = rest.subarray(at);
      this.#fill();
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (let turn = 0; turn < 200 && this.#inFlight.size > 0 && !this.#stream.destroyed; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#stream.destroy();
    await this.ended;
  }

  cut(): void {
    this.#stream.destroy();
  }

  #received(four: Buffer): void {
    if (four[0] === 0x20) {
      this.connack = four[3];
      this.#isOpen = four[3] === 0;
      if (!this.#isOpen) this.#stream.destroy();
      return;
    }
    const packetId = four.readUInt16BE(2);
    const message = this.#inFlight.get(packetId);
    if (four[0] !== 0x40 || message === undefined) throw new Error(`an unexpected packet: ${four.toString("hex")}`);
    this.#inFlight.delete(packetId);
    this.#load.acknowledged(message);
  }

  #fill(): void {
    this.#stream.cork();
    while (!this.#isStopped && !this.#stream.destroyed && this.#inFlight.size < this.#options.inFlight) {
      const message = this.#load.next();
      if (message === null) break;
      this.#packetId = (this.#packetId % 65_535) + 1;
      this.#inFlight.set(this.#packetId, message);
      const id = Buffer.from([this.#packetId >> 8, this.#packetId & 255]);
      this.#stream.write(packet(0x32, this.#topic, id, message.body));
    }
    this.#stream.uncork();
  }
}

function plain({ port, policyKey }: PlainPublisherOptions): Pick<StreamPublisherOptions, "stream" | "token"> {
  const token = makeSasToken("localhost", policyKey, Date.now() + 3_600_000, "device");
  return { stream: connect({ port, host: "127.0.0.1", noDelay: true }), token };
}
