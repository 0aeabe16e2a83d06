// The devices of a soak: each sends some messages a second over MQTT, connects again whenever it is cut off, and knows
// how long its acknowledgements took.

import { type Socket, connect } from "node:net";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { packet, text } from "../lib/mqtt-publisher.ts";

/** What all devices of a soak did. */
export class DeviceTally {
  sent = 0;
  acknowledged = 0;
  reconnects = 0;
  #latencies: number[] = [];

  took(ms: number): void {
    this.#latencies.push(ms);
  }

  /** Since it was asked last; NaN when there was none. */
  p99Ms(): number {
    const sorted = this.#latencies.toSorted((one, other) => one - other);
    this.#latencies = [];
    return sorted[Math.floor((sorted.length - 1) * 0.99)] ?? Number.NaN;
  }
}

export class SoakDevice {
  readonly #id: string;
  readonly #to: () => { readonly port: number; readonly policyKey: string };
  readonly #tally: DeviceTally;
  readonly #timer: NodeJS.Timeout;
  #socket: Socket | null = null;
  #isOpen = false;
  #owed = 0;
  #sentMs = 0;
  #isStopped = false;
  #turn = 0;

  constructor(id: string, to: () => { port: number; policyKey: string }, tally: DeviceTally) {
    this.#id = id;
    this.#to = to;
    this.#tally = tally;
    this.#connect();
    this.#timer = setInterval(() => this.#send(), 1000);
  }

  /** Cuts the connection; the device connects again. */
  cut(): void {
    this.#socket?.destroy();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    if (this.#isStopped) return;
    const { port, policyKey } = this.#to();
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket = socket;
    this.#isOpen = false;
    this.#owed = 0;
    let rest = 0;
    socket.on("error", () => {}); // "close" follows
    socket.once("connect", () => {
      const token = makeSasToken("localhost", policyKey, Date.now() + 3_600_000, "device");
      const user = text(`localhost/${this.#id}/?api-version=2021-04-12`);
      socket.write(packet(0x10, text("MQTT"), Buffer.from([4, 0xc2, 0, 0]), text(this.#id), user, text(token)));
    });
    socket.on("data", (chunk) => {
      rest += chunk.length;
      for (; rest >= 4; rest -= 4) {
        if (!this.#isOpen) this.#isOpen = true;
        else {
          this.#owed--;
          this.#tally.acknowledged++;
          this.#tally.took(performance.now() - this.#sentMs);
        }
      }
    });
    socket.once("close", () => {
      if (!this.#isStopped) this.#tally.reconnects++;
      setTimeout(() => this.#connect(), 200 + Math.random() * 2000);
    });
  }

  /** Mostly small messages, ten at a time; now and then a large one. */
  #send(): void {
    if (!this.#isOpen || this.#owed > 0 || this.#socket?.writable !== true) return;
    this.#turn++;
    const bodies = this.#turn % 60 === 0 ? [200_000] : Array.from({ length: 10 }, (_, index) => 100 + index * 40);
    this.#owed = bodies.length;
    this.#sentMs = performance.now();
    this.#tally.sent += bodies.length;
    for (const [index, bytes] of bodies.entries()) {
      const topic = text(`devices/${this.#id}/messages/events/`);
      this.#socket.write(packet(0x32, topic, Buffer.from([0, index + 1]), Buffer.alloc(bytes, 0x78)));
    }
  }
}
