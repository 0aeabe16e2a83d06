// Scenarios of connections: devices that only stay connected, and devices that send and never read an answer.

import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { packet, text } from "../../test/lib/mqtt-publisher.ts";
import { connectDevices, publishOf } from "./raw-device.ts";
import type { SizingStand } from "./stand.ts";

const idOf = (index: number): string => `sizing-${String(index).padStart(6, "0")}`;
const kibibyte = 1024;

/** Devices in the registry, and the server started again, so that what making them took is not counted. */
async function startWithDevices(stand: SizingStand, count: number, ...flags: string[]): Promise<void> {
  await stand.start("--request-bytes-max=16MiB");
  await stand.makeDevices(count, idOf);
  await stand.stop();
  await stand.start(...flags);
  await pause(3000);
}

export async function idle(stand: SizingStand): Promise<void> {
  const startMs = await stand.start();
  await pause(5000);
  await stand.row("at rest", `listened after ${(startMs / 1000).toFixed(1)} s`);
}

/** @param isTls  over TLS: handshakes take CPU, so fewer of them. */
export async function connections(stand: SizingStand, count: number, isTls: boolean): Promise<void> {
  await startWithDevices(stand, count, `--connections-max=${count}`);
  const before = await stand.row("at rest");
  const { ports } = stand.hub.address;
  const ca = isTls ? readFileSync(join(stand.dataDir, "tls/ca.pem"), "utf8") : undefined;
  const port = isTls ? ports.mqtts : ports.mqtt;
  const startMs = performance.now();
  const sockets = await connectDevices(count, idOf, { port, ca, policyKey: await stand.policyKey() });
  const seconds = (performance.now() - startMs) / 1000;
  await pause(3000);
  const open = await stand.metric("coldpath_ingest_connections");
  const each = (mebibytes: number): string => ((mebibytes * kibibyte) / count).toFixed(1);
  const first = await stand.row(`${open} connected`, `in ${seconds.toFixed(0)} s`);
  await pause(10_000);
  const row = await stand.row("10 s later", "");
  const kib = each(Math.min(first.rssMiB, row.rssMiB) - before.rssMiB);
  stand.say(`${kib} KiB resident for each connection, at most ${each(first.peakMiB - before.rssMiB)}`);
  for (const socket of sockets) socket.destroy();
}

/**
 * Connections that do not read what they are answered, and send on until the server reads no more from them. The kernel's
 * own buffers take some megabytes first. `long`: twin requests, each answered with its own request id of 50,000 bytes;
 * `short`: messages, with PUBACKs of four bytes.
 */
export async function unread(stand: SizingStand, count: number, answers: "long" | "short"): Promise<void> {
  await startWithDevices(stand, count);
  const { ports } = stand.hub.address;
  const sockets = await connectDevices(count, idOf, { port: ports.mqtt, policyKey: await stand.policyKey() });
  for (const socket of sockets) socket.pause();
  await pause(1000);
  const before = await stand.row(`${count} connected`);
  const subscribe = packet(0x82, Buffer.from([0, 1]), text("$iothub/twin/res/#"), Buffer.from([0]));
  const request = packet(0x30, text(`$iothub/twin/GET/?$rid=${"x".repeat(50_000)}`));
  if (answers === "long") for (const socket of sockets) socket.write(subscribe);
  const burst = (index: number): Buffer =>
    answers === "long"
      ? request
      : Buffer.concat(
          Array.from({ length: 200 }, () => publishOf(`devices/${idOf(index)}/messages/events/`, 1, Buffer.alloc(1))),
        );
  const bursts = sockets.map((_, index) => burst(index));
  const sent = await sendUntilStill(sockets, (index) => bursts[index] ?? request, 120_000);
  const row = await stand.row(`none reads its ${answers === "long" ? "answers" : "PUBACKs"}`, sent);
  const taken = await stand.metric("coldpath_journal_appended_records_total");
  const each = ((row.peakMiB - before.rssMiB) * kibibyte) / count;
  stand.say(`${each.toFixed(0)} KiB for each connection at most; ${taken} messages taken`);
  for (const socket of sockets) socket.destroy();
}

/** Each socket sends what `next` gives while the server reads; ends when for five seconds none went on. */
async function sendUntilStill(
  sockets: readonly Socket[],
  next: (index: number) => Buffer,
  msMax: number,
): Promise<string> {
  const startMs = performance.now();
  let movedMs = startMs;
  let bytes = 0;
  const stop = new AbortController();
  for (const [index, socket] of sockets.entries()) {
    const go = (): void => {
      movedMs = performance.now();
      while (!stop.signal.aborted && !socket.destroyed) {
        const burst = next(index);
        bytes += burst.length;
        if (socket.write(burst)) continue;
        socket.once("drain", go);
        return;
      }
    };
    go();
  }
  while (performance.now() - movedMs < 5000 && performance.now() - startMs < msMax) await pause(100);
  stop.abort();
  const seconds = ((movedMs - startMs) / 1000).toFixed(0);
  return `${Math.round(bytes / kibibyte ** 2)} MiB sent in ${seconds} s${performance.now() - startMs < msMax ? "" : ", not still yet"}`;
}
