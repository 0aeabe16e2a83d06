// A fleet that comes back: devices with sessions of their own that connect by MQTT or AMQP, subscribe, listen and report, and try
// again as Azure's SDKs do.

import { createHmac } from "node:crypto";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { makeSasToken } from "../src/ingest/sas-token.ts";
import { packet, text } from "../test/lib/mqtt-publisher.ts";
import { Heard, TalkingAmqpDevice } from "../test/lib/talking-device.ts";
import { TlsWebSocket } from "../test/lib/tls-websocket.ts";
import type { FleetTransport } from "./fleet-row.ts";

/** Every device's own key: the same each time, so that nothing need be asked for. */
export function keyOf(deviceId: string): string {
  return createHmac("sha256", "bench").update(deviceId).digest("base64");
}

export interface FleetOptions {
  readonly transport: FleetTransport;
  readonly count: number;
  readonly idOf: (index: number) => string;
  /** Where the hub listens now; null while it is down. */
  readonly endpoint: () => Endpoint | null;
}

export interface Endpoint {
  readonly port: number;
  readonly ca: string;
}

/** What one round of coming back was. */
export interface Round {
  /** Of each device, since the round began: ready, that is connected, subscribed and, where it reports, answered. */
  readonly readyMs: number[];
  /** Desired patches that came. */
  pushes: number;
  attempts: number;
  /** CONNACKs other than 0, by code. */
  readonly refusals: Map<number, number>;
  /** Sockets that ended before the device was ready. */
  cut: number;
}

const filters = ["$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#"];
const subscribe = packet(
  0x82,
  Buffer.from([0, 1]),
  ...filters.map((filter) => Buffer.concat([text(filter), Buffer.from([0])])),
);
/** As the SDKs: at once, then 100 ms doubled up to 10 s, with jitter. */
const retryMsMin = 100;
const retryMsMax = 10_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #tokens: readonly string[];
  readonly #streams = new Set<Duplex>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #round: Round = newRound();
  #startMs = 0;
  #isHeld = true;
  #reports = false;
  #allReady: () => void = () => {};

  constructor(options: FleetOptions) {
    this.#options = options;
    const expiresMs = Date.now() + 3_600_000;
    this.#tokens = Array.from({ length: options.count }, (_, index) => {
      const id = options.idOf(index);
      return makeSasToken(`localhost/devices/${id}`, keyOf(id), expiresMs);
    });
  }

  /** Every device connects at once. @param reports  each reports a property, and is ready when that is answered. */
  start(reports: boolean): void {
    this.#round = newRound();
    this.#startMs = performance.now();
    this.#isHeld = false;
    this.#reports = reports;
    for (let index = 0; index < this.#options.count; index++) this.#connect(index, 0);
  }

  /** Resolves when all are ready, or the time is over. */
  async ready(withinMs: number): Promise<Round> {
    if (this.#round.readyMs.length < this.#options.count) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#allReady = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#round;
  }

  /** All leave, and stay away. */
  leave(): void {
    this.#isHeld = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const stream of this.#streams) stream.destroy();
    this.#timers.clear();
    this.#streams.clear();
  }

  #connect(index: number, tries: number): void {
    if (this.#isHeld) return;
    const endpoint = this.#options.endpoint();
    if (endpoint === null) return this.#later(index, tries);
    this.#round.attempts++;
    const stream = streamTo(this.#options.transport, endpoint);
    this.#streams.add(stream);
    stream.on("error", () => {}); // "close" follows
    const isReady = this.#options.transport.startsWith("amqp") ? this.#talk(index, stream) : this.#speak(index, stream);
    stream.once("close", () => {
      this.#streams.delete(stream);
      if (isReady() || this.#isHeld) return;
      this.#round.cut++;
      this.#later(index, tries);
    });
  }

  /** AMQP, by rhea. @returns whether the device is ready. */
  #talk(index: number, stream: Duplex): () => boolean {
    let isReady = false;
    const heard = new Heard();
    heard.onPush = () => this.#round.pushes++;
    const options = { deviceId: this.#options.idOf(index), token: this.#tokens[index] ?? "", stream, heard };
    TalkingAmqpDevice.open(options)
      .then(async (device) => {
        if (this.#reports) await device.report({ firmware: `7.${Math.random()}`, index });
        isReady = this.#isReady();
      })
      .catch(() => stream.destroy()); // refused, or cut off
    return () => isReady;
  }

  /** MQTT. @returns whether the device is ready. */
  #speak(index: number, stream: Duplex): () => boolean {
    let isReady = false;
    stream.write(this.#connectPacket(index));
    stream.on("data", (bytes: Buffer) => {
      for (const { first, body } of packetsOf(bytes)) {
        if (first >> 4 === 2) {
          const code = body[1] ?? -1;
          if (code !== 0) {
            this.#round.refusals.set(code, (this.#round.refusals.get(code) ?? 0) + 1);
            return;
          }
          // Whoever finds its session needs no subscription.
          if (body[0] !== 1) stream.write(subscribe);
          else if (this.#reports) stream.write(reportPacket(index));
          else isReady = this.#isReady();
        } else if (first >> 4 === 9) {
          if (this.#reports) stream.write(reportPacket(index));
          else isReady = this.#isReady();
        } else if (first >> 4 === 3) {
          if (body.includes("$iothub/twin/PATCH/properties/desired/")) this.#round.pushes++;
          else if (!isReady) isReady = this.#isReady();
        }
      }
    });
    return () => isReady;
  }

  #isReady(): true {
    this.#round.readyMs.push(performance.now() - this.#startMs);
    if (this.#round.readyMs.length === this.#options.count) this.#allReady();
    return true;
  }

  #later(index: number, tries: number): void {
    const ms = tries === 0 ? 0 : Math.min(retryMsMax, retryMsMin * 2 ** tries) * (0.5 + Math.random() / 2);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#connect(index, tries + 1);
    }, ms);
    this.#timers.add(timer);
  }

  #connectPacket(index: number): Buffer {
    const id = this.#options.idOf(index);
    const userName = text(`localhost/${id}/?api-version=2021-04-12`);
    // User name, password; clean=false; keep-alive of ten minutes.
    const header = Buffer.from([4, 0xc0, 2, 88]);
    return packet(0x10, text("MQTT"), header, text(id), userName, text(this.#tokens[index] ?? ""));
  }
}

/** Open, or opening. */
function streamTo(transport: FleetTransport, { port, ca }: Endpoint): Duplex {
  if (transport === "mqtt") return connect({ port, host: "127.0.0.1", noDelay: true });
  if (transport === "mqtt-ws") return new TlsWebSocket(port, "mqtt", { ca });
  if (transport === "amqp-ws") return new TlsWebSocket(port, "AMQPWSB10", { ca });
  return connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
}

function newRound(): Round {
  return { readyMs: [], pushes: 0, attempts: 0, refusals: new Map(), cut: 0 };
}

function reportPacket(index: number): Buffer {
  const topic = text("$iothub/twin/PATCH/properties/reported/?$rid=1");
  return packet(0x30, topic, Buffer.from(JSON.stringify({ firmware: `7.${Math.random()}`, index })));
}

/** All whole packets: what the hub sends at once to one device is small, and comes in one piece over loopback. */
function* packetsOf(bytes: Buffer): Generator<{ readonly first: number; readonly body: Buffer }> {
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at++] ?? 0;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    yield { first, body: bytes.subarray(at, at + length) };
    at += length;
  }
}
