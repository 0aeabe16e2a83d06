// One side of the fairness bench, in a process of its own: quiet devices whose time to PUBACK is measured, or noisy ones.
//
//     node bench/fairness-client.ts '{"role":"quiet","port":1883,"first":0,"connections":100,"seconds":10,…}'
//
// Prints one line of JSON, a QuietResult or a NoisyResult.

import { type Socket, connect } from "node:net";
import { setPriority } from "node:os";
import { connect as connectTls } from "node:tls";
import { makeSasToken } from "../src/ingest/sas-token.ts";
import { packet, text } from "../test/lib/mqtt-publisher.ts";
import { deviceIdOf, loadBody } from "./load-client.ts";

/**
 * `quiet` sends 1 or 10 messages at once, once a second, and waits. `mqtt` keeps `inFlight` messages in flight. `deaf`
 * does the same and never reads an answer. `https` posts batches, one after the other on each connection.
 */
export type Role = "quiet" | "mqtt" | "deaf" | "https";

export interface ClientOptions {
  readonly role: Role;
  readonly port: number;
  /** Number of the first device; `https` uses only this one. */
  readonly first: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly bodyBytes: number;
  readonly seconds: number;
  readonly policyKey: string;
  /** Of the HTTPS server. */
  readonly ca: string;
}

export interface QuietResult {
  readonly messages: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}
export interface NoisyResult {
  readonly acknowledged: number;
}

const everyMs = 1000;

function mqttOpen(options: ClientOptions, id: string, opened: (socket: Socket) => void): Socket {
  const token = makeSasToken("localhost", options.policyKey, Date.now() + 3_600_000, "device");
  const user = text(`localhost/${id}/?api-version=2021-04-12`);
  const socket = connect({ port: options.port, host: "127.0.0.1", noDelay: true });
  socket.on("error", (error) => console.error(`${id}: ${error.message}`));
  socket.write(packet(0x10, text("MQTT"), Buffer.from([4, 0xc2, 0, 0]), text(id), user, text(token)));
  socket.once("data", () => opened(socket));
  return socket;
}

function publishBytes(id: string, packetId: number, body: Buffer): Buffer {
  return packet(0x32, text(`devices/${id}/messages/events/`), Buffer.from([packetId >> 8, packetId & 255]), body);
}

async function quiet(options: ClientOptions): Promise<QuietResult> {
  const latencies: number[] = [];
  let isOver = false;
  const timers: NodeJS.Timeout[] = [];
  const body = loadBody(options.bodyBytes);
  for (let index = 0; index < options.connections; index++) {
    const id = deviceIdOf(options.first + index);
    const burst = index % 2 === 0 ? 1 : 10;
    const bytes = Buffer.concat(Array.from({ length: burst }, (_, slot) => publishBytes(id, slot + 1, body)));
    mqttOpen(options, id, (socket) => {
      let sentMs = 0;
      let owed = 0;
      let ackBytes = 0;
      socket.on("data", (chunk) => {
        ackBytes += chunk.length;
        const nowMs = performance.now();
        for (; ackBytes >= 4; ackBytes -= 4, owed--) if (!isOver) latencies.push(nowMs - sentMs);
      });
      const send = (): void => {
        if (owed > 0) return; // still waits: its latency grows
        owed = burst;
        sentMs = performance.now();
        socket.write(bytes);
      };
      // Spread over the second.
      setTimeout(() => timers.push(setInterval(send, everyMs)), (everyMs * index) / options.connections);
    });
  }
  await pause(options.seconds * 1000);
  isOver = true;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return { messages: latencies.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

async function noisy(options: ClientOptions): Promise<NoisyResult> {
  let acknowledged = 0;
  const body = loadBody(options.bodyBytes);
  for (let index = 0; index < options.connections; index++) {
    const id = deviceIdOf(options.first + index);
    const one = publishBytes(id, 1, body);
    const all = Buffer.concat(Array.from({ length: options.inFlight }, () => one));
    mqttOpen(options, id, (socket) => {
      socket.write(all);
      if (options.role === "deaf") {
        socket.pause();
        const more = (): void => {
          if (socket.writableLength < all.length) socket.write(all);
        };
        setInterval(more, 20);
        return;
      }
      let ackBytes = 0;
      socket.on("data", (chunk) => {
        ackBytes += chunk.length;
        const count = Math.floor(ackBytes / 4);
        ackBytes -= count * 4;
        acknowledged += count;
        socket.write(all.subarray(0, count * one.length));
      });
    });
  }
  await pause(options.seconds * 1000);
  return { acknowledged };
}

async function batches(options: ClientOptions): Promise<NoisyResult> {
  let acknowledged = 0;
  const id = deviceIdOf(options.first);
  const token = makeSasToken("localhost", options.policyKey, Date.now() + 3_600_000, "device");
  const message = JSON.stringify({
    body: loadBody(options.bodyBytes).toString(),
    base64Encoded: false,
    properties: {},
  });
  const count = Math.floor(250_000 / (options.bodyBytes + 100));
  const batch = Buffer.from(`[${Array.from({ length: count }, () => message).join(",")}]`);
  const head = [
    `POST /devices/${id}/messages/events?api-version=2021-04-12 HTTP/1.1`,
    "Host: localhost",
    `Authorization: ${token}`,
    "Content-Type: application/vnd.microsoft.iothub.json",
    `Content-Length: ${batch.length}`,
  ];
  const request = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), batch]);
  for (let index = 0; index < options.connections; index++) {
    const socket = connectTls({ port: options.port, host: "127.0.0.1", servername: "localhost", ca: options.ca });
    socket.on("error", (error) => console.error(error.message));
    socket.on("secureConnect", () => socket.write(request));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      const end = answer.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0);
      if (answer.length < end + 4 + length) return;
      if (answer.startsWith("HTTP/1.1 204")) acknowledged += count;
      answer = "";
      socket.write(request);
    });
  }
  await pause(options.seconds * 1000);
  return { acknowledged };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const options = JSON.parse(process.argv[2] ?? "{}") as ClientOptions;
// The noisy side must not take the processor from the one that is measured.
if (options.role !== "quiet") setPriority(10);
const result = await (options.role === "quiet" ? quiet : options.role === "https" ? batches : noisy)(options);
console.log(JSON.stringify(result));
process.exit(0);
