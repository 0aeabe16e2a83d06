// A raw MQTT publisher that never sends anything twice, and knows of every message whether its PUBACK arrived: the
// witness of the promise. Each message carries a number of its own.

import { type Socket, connect } from "node:net";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { NumberSet } from "./number-set.ts";

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

/** What all publishers of a test sent, and what was acknowledged: numbers are given out once, in order. */
export class Ledger {
  next: number;
  readonly acknowledged: NumberSet;

  constructor(next = 0, acknowledged = new NumberSet()) {
    this.next = next;
    this.acknowledged = acknowledged;
  }

  hasSent(number: number): boolean {
    return number < this.next;
  }
}

export interface PublisherOptions {
  readonly port: number;
  readonly deviceId: string;
  /** Of the hub policy `device`. */
  readonly policyKey: string;
  readonly ledger: Ledger;
  readonly inFlight: number;
  /** At most so many messages a second; as fast as acknowledgements come when left out. */
  readonly perSecond?: number | undefined;
  /** Bodies are padded by less than so many bytes, each by another number. Default 200. */
  readonly padBytesMax?: number | undefined;
}

/** Publishes as fast as acknowledgements come, until stopped or cut off. Resolves `ended` then. */
export class MqttPublisher {
  readonly ended: Promise<void>;
  /** The return code of the CONNACK, undefined before it came. */
  connack: number | undefined;
  readonly #options: PublisherOptions;
  readonly #socket: Socket;
  readonly #inFlight = new Map<number, number>();
  #packetId = 0;
  #isOpen = false;
  #isStopped = false;
  #sent = 0;
  readonly #startMs = performance.now();

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { deviceId, policyKey, port } = options;
    const token = makeSasToken("localhost", policyKey, Date.now() + 3_600_000, "device");
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.ended = new Promise((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.on("error", () => {}); // "close" follows
    if (options.perSecond !== undefined) {
      const timer = setInterval(() => {
        if (this.#isOpen) this.#fill();
      }, 20);
      this.#socket.once("close", () => clearInterval(timer));
    }
    this.#socket.once("connect", () => {
      const userName = `localhost/${deviceId}/?api-version=2021-04-12`;
      this.#socket.write(
        packet(0x10, text("MQTT"), Buffer.from([4, 0xc2, 0, 0]), text(deviceId), text(userName), text(token)),
      );
    });
    let rest: Buffer = Buffer.alloc(0);
    this.#socket.on("data", (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      // CONNACK and PUBACK both have four bytes.
      for (; at + 4 <= rest.length; at += 4) this.#received(rest.subarray(at, at + 4));
      rest = rest.subarray(at);
      this.#fill();
    });
  }

  /** Sends no more; what is in flight may still be acknowledged. Ends a moment later. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (let turn = 0; turn < 200 && this.#inFlight.size > 0 && !this.#socket.destroyed; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#socket.destroy();
    await this.ended;
  }

  #received(four: Buffer): void {
    if (four[0] === 0x20) {
      this.connack = four[3];
      this.#isOpen = four[3] === 0;
      if (!this.#isOpen) this.#socket.destroy();
      return;
    }
    const packetId = four.readUInt16BE(2);
    const number = this.#inFlight.get(packetId);
    if (four[0] !== 0x40 || number === undefined) throw new Error(`an unexpected packet: ${four.toString("hex")}`);
    this.#inFlight.delete(packetId);
    this.#options.ledger.acknowledged.add(number);
  }

  #fill(): void {
    const { ledger, deviceId, inFlight, perSecond = Infinity, padBytesMax = 200 } = this.#options;
    this.#socket.cork();
    while (!this.#isStopped && !this.#socket.destroyed && this.#inFlight.size < inFlight) {
      if (this.#sent >= ((performance.now() - this.#startMs) / 1000) * perSecond) break;
      this.#sent++;
      const number = ledger.next++;
      this.#packetId = (this.#packetId % 65_535) + 1;
      this.#inFlight.set(this.#packetId, number);
      const body = Buffer.from(JSON.stringify({ number, device: deviceId, pad: "x".repeat(number % padBytesMax) }));
      const id = Buffer.from([this.#packetId >> 8, this.#packetId & 255]);
      this.#socket.write(packet(0x32, text(`devices/${deviceId}/messages/events/`), id, body));
    }
    this.#socket.uncork();
  }
}
