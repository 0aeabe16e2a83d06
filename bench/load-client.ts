// The load: raw MQTT publishers with precomputed packets, in a process of its own. QoS 1, a fixed number in flight on
// each connection, no re-sends; every PUBACK is counted.
//
//     node bench/load-client.ts '{"port":1883,"connections":200,"inFlight":100,"seconds":10,…}'
//
// Prints one line of JSON, a LoadResult: p50 and p99 are of the time to PUBACK. Tells its parent when measuring begins
// and ends.

import { connect } from "node:net";
import { makeSasToken } from "../src/ingest/sas-token.ts";
import { packet, text } from "../test/lib/mqtt-publisher.ts";

export interface LoadOptions {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  readonly inFlight: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly bodyBytes: number;
  /** Policy `device`'s key: every device gets in by it. */
  readonly policyKey: string;
}

export interface LoadResult {
  readonly messages: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function deviceIdOf(index: number): string {
  return `load-${String(index).padStart(6, "0")}`;
}

/** The body every message carries: JSON of exactly `bytes` bytes. */
export function loadBody(bytes: number): Buffer {
  const start = '{"humidity":80.59100954598546,"magnetometerX":0.29451796907056726,"pad":"';
  return Buffer.from(`${start}${"x".repeat(Math.max(0, bytes - start.length - 2))}"}`);
}

async function run(options: LoadOptions): Promise<LoadResult> {
  const body = loadBody(options.bodyBytes);
  const latencies: number[] = [];
  let acknowledged = 0;
  let isMeasuring = false;
  let isOver = false;

  const device = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const id = deviceIdOf(index);
      const token = makeSasToken("localhost", options.policyKey, Date.now() + 3_600_000, "device");
      const hello = packet(
        0x10,
        text("MQTT"),
        Buffer.from([4, 0xc2, 0, 0]),
        text(id),
        text(`localhost/${id}/?api-version=2021-04-12`),
        text(token),
      );
      const packets = Array.from({ length: options.inFlight }, (_, slot) =>
        packet(0x32, text(`devices/${id}/messages/events/`), Buffer.from([(slot + 1) >> 8, (slot + 1) & 255]), body),
      );
      const packetBytes = (packets[0] as Buffer).length;
      const all = Buffer.concat(packets);
      const sentMs = new Float64Array(options.inFlight + 1);
      const socket = connect({ port: options.port, host: options.host, noDelay: true });
      let isOpen = false;
      let rest = 0; // bytes of an unfinished PUBACK
      let next = 0; // slot to send next: PUBACKs come in order
      socket.on("error", reject);
      socket.on("close", () => (isOver ? resolve() : reject(new Error(`device ${id}: the connection was closed`))));
      socket.on("connect", () => socket.write(hello));
      socket.on("data", (chunk) => {
        let bytes = chunk.length;
        const nowMs = performance.now();
        if (!isOpen) {
          if (chunk[0] !== 0x20 || chunk[3] !== 0) return reject(new Error(`device ${id}: CONNACK ${chunk[3]}`));
          isOpen = true;
          bytes -= 4;
          sentMs.fill(nowMs);
          socket.write(all);
          if (bytes === 0) return;
        }
        rest += bytes;
        const count = Math.floor(rest / 4);
        rest -= count * 4;
        if (isMeasuring) {
          acknowledged += count;
          latencies.push(nowMs - (sentMs[next] as number));
        }
        if (isOver || count === 0) return;
        // Refill what was acknowledged, in at most two writes around the ring.
        const first = Math.min(count, options.inFlight - next);
        socket.write(all.subarray(next * packetBytes, (next + first) * packetBytes));
        if (count > first) socket.write(all.subarray(0, (count - first) * packetBytes));
        for (let index = 0; index < count; index++) sentMs[(next + index) % options.inFlight] = nowMs;
        next = (next + count) % options.inFlight;
      });
      stops.push(() => socket.destroy());
    });

  const stops: (() => void)[] = [];
  const devices = Array.from({ length: options.connections }, (_, index) => device(index));
  const failed = new Promise<never>((_, reject) => {
    for (const one of devices) one.catch(reject);
  });
  const wait = (seconds: number): Promise<void> =>
    Promise.race([new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000)), failed]);

  await wait(options.warmUpSeconds);
  process.send?.("measuring");
  isMeasuring = true;
  const startMs = performance.now();
  await wait(options.seconds);
  isMeasuring = false;
  const seconds = (performance.now() - startMs) / 1000;
  process.send?.("measured");
  isOver = true;
  for (const stop of stops) stop();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return { messages: acknowledged, seconds, perSecond: acknowledged / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const argument = process.argv[2];
if (argument !== undefined && import.meta.filename === process.argv[1]) {
  const result = await run(JSON.parse(argument) as LoadOptions);
  console.log(JSON.stringify(result));
  process.exit(0);
}
