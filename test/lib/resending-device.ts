// Devices that send every message until it is acknowledged, over as many connections as it takes, as device SDKs do. The
// opposite of MqttPublisher, which never sends twice.

import { request } from "node:https";
import { type Socket, connect } from "node:net";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import type { Ledger } from "./ledger.ts";
import { packet, text } from "./mqtt-publisher.ts";

export interface ResendingOptions {
  /** Of the server, or of what stands before it. */
  readonly port: number;
  readonly deviceId: string;
  /** Of the hub policy `device`. */
  readonly policyKey: string;
  readonly ledger: Ledger;
  readonly hasMessageIds: boolean;
}

const tokenOf = (key: string): string => makeSasToken("localhost", key, Date.now() + 3_600_000, "device");
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const bodyOf = (number: number, device: string): string =>
  JSON.stringify({ number, device, pad: "x".repeat(number % 200) });

/** Over MQTT, twenty messages at a time. */
export class ResendingDevice {
  readonly #options: ResendingOptions & { readonly marksDup: boolean };
  readonly #unacknowledged = new Map<number, number>();
  readonly #ended: Promise<void>;
  #packetId = 0;
  #isStopped = false;
  connections = 0;

  /** @param options.marksDup  re-sends are marked DUP, with their packet ids, as MQTT says; else they are new PUBLISHes. */
  constructor(options: ResendingOptions & { readonly marksDup: boolean }) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Makes no new messages; resolves when the last one is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped || this.#unacknowledged.size > 0) {
      await this.#connect();
      await pause(10);
    }
  }

  #connect(): Promise<void> {
    const { deviceId, policyKey, port } = this.#options;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const token = tokenOf(policyKey);
    const userName = `localhost/${deviceId}/?api-version=2021-04-12`;
    socket.on("error", () => {}); // "close" follows
    socket.once("connect", () => {
      const head = Buffer.from([4, 0xc0, 0, 60]); // clean session 0
      socket.write(packet(0x10, text("MQTT"), head, text(deviceId), text(userName), text(token)));
    });
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      let at = 0;
      for (; at + 4 <= rest.length; at += 4) this.#received(socket, rest.subarray(at, at + 4));
      rest = rest.subarray(at);
      this.#fill(socket);
    });
    return new Promise((resolve) => socket.once("close", () => resolve()));
  }

  #received(socket: Socket, four: Buffer): void {
    if (four[0] === 0x20) {
      if (four[3] !== 0) return void socket.destroy();
      this.connections++;
      const again = [...this.#unacknowledged];
      if (!this.#options.marksDup) this.#unacknowledged.clear();
      for (const [packetId, number] of again) {
        if (this.#options.marksDup) this.#send(socket, packetId, number, 8);
        else this.#send(socket, this.#nextPacketId(), number, 0);
      }
      return;
    }
    const packetId = four.readUInt16BE(2);
    const number = this.#unacknowledged.get(packetId);
    if (four[0] !== 0x40 || number === undefined) throw new Error(`an unexpected packet: ${four.toString("hex")}`);
    this.#unacknowledged.delete(packetId);
    this.#options.ledger.acknowledged.add(number);
  }

  #fill(socket: Socket): void {
    if (this.#isStopped && this.#unacknowledged.size === 0) socket.destroy();
    while (!this.#isStopped && !socket.destroyed && this.#unacknowledged.size < 20) {
      this.#send(socket, this.#nextPacketId(), this.#options.ledger.next++, 0);
    }
  }

  #nextPacketId(): number {
    do this.#packetId = (this.#packetId % 65_535) + 1;
    while (this.#unacknowledged.has(this.#packetId));
    return this.#packetId;
  }

  #send(socket: Socket, packetId: number, number: number, flags: number): void {
    const { deviceId, hasMessageIds } = this.#options;
    this.#unacknowledged.set(packetId, number);
    const topic = `devices/${deviceId}/messages/events/${hasMessageIds ? `$.mid=m-${number}` : ""}`;
    const id = Buffer.from([packetId >> 8, packetId & 255]);
    socket.write(packet(0x32 | flags, text(topic), id, Buffer.from(bodyOf(number, deviceId))));
  }
}

/** Over HTTPS: single messages and batches of three in turn, one request at a time. */
export class ResendingHttpsDevice {
  readonly #options: ResendingOptions;
  readonly #ended: Promise<void>;
  #isStopped = false;
  requests = 0;
  answered = 0;

  constructor(options: ResendingOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { ledger } = this.#options;
    for (let turn = 0; !this.#isStopped; turn++) {
      const numbers = Array.from({ length: turn % 2 === 0 ? 1 : 3 }, () => ledger.next++);
      for (;;) {
        this.requests++;
        if ((await this.#post(numbers).catch(() => 0)) === 204) break;
        await pause(10);
      }
      this.answered++;
      for (const number of numbers) ledger.acknowledged.add(number);
    }
  }

  #post(numbers: readonly number[]): Promise<number> {
    const { port, deviceId, policyKey, hasMessageIds } = this.#options;
    const [first = 0] = numbers;
    const isBatch = numbers.length > 1;
    const item = (number: number): object => ({
      body: Buffer.from(bodyOf(number, deviceId)).toString("base64"),
      ...(hasMessageIds ? { properties: { "iothub-messageid": `m-${number}` } } : {}),
    });
    return new Promise((resolve, reject) => {
      const call = request({
        host: "127.0.0.1",
        port,
        method: "POST",
        path: `/devices/${deviceId}/messages/events?api-version=2021-04-12`,
        headers: {
          authorization: tokenOf(policyKey),
          ...(isBatch ? { "content-type": "application/vnd.microsoft.iothub.json" } : {}),
          ...(hasMessageIds && !isBatch ? { "iothub-messageid": `m-${first}` } : {}),
        },
        agent: false,
        rejectUnauthorized: false, // the proxy's name stands in no certificate
        timeout: 10_000,
      });
      call.once("timeout", () => call.destroy(new Error("no answer")));
      call.once("error", reject).once("response", (response) => {
        response.on("error", reject);
        response.resume().once("end", () => resolve(response.statusCode ?? 0));
      });
      call.end(isBatch ? JSON.stringify(numbers.map(item)) : bodyOf(first, deviceId));
    });
  }
}
