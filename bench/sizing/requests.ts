// Scenarios of HTTPS: many requests at once, with bodies at the limit, in large pieces or byte by byte.

import { readFileSync } from "node:fs";
import { type TLSSocket, connect } from "node:tls";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { sharedToken } from "./raw-device.ts";
import type { SizingStand } from "./stand.ts";

const bodyBytes = 250_000;
const deviceId = "sizing-https";

/**
 * Requests that have sent all of their bodies but the end, held there, and then finished.
 *
 * @param chunkBytes  of a body's chunks (Transfer-Encoding): the server reads each on its own.
 */
export async function requests(stand: SizingStand, count: number, chunkBytes: number): Promise<void> {
  await stand.start();
  await stand.makeDevices(1, () => deviceId);
  await pause(3000);
  const ca = readFileSync(join(stand.dataDir, "tls/ca.pem"), "utf8");
  const token = sharedToken(await stand.policyKey());
  const port = stand.hub.address.ports.https;
  const head = [
    `POST /devices/${deviceId}/messages/events?api-version=2021-04-12 HTTP/1.1`,
    "Host: localhost",
    `Authorization: ${token}`,
    "Transfer-Encoding: chunked",
    "",
    "",
  ].join("\r\n");
  const open = (): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, ca, servername: "localhost" }, () => resolve(socket));
      socket.once("error", reject);
    });
  const sockets: TLSSocket[] = [];
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: 20 }, open))));
  await stand.row(`${sockets.length} connected`);
  const statuses = new Map<number, number>();
  const answered = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.once("data", (answer: Buffer) => {
          const status = Number(answer.toString("latin1", 9, 12));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          resolve();
        });
        socket.once("close", () => resolve());
        socket.on("error", () => {}); // "close" follows
      }),
  );
  const chunk = Buffer.from(`${chunkBytes.toString(16)}\r\n${"x".repeat(chunkBytes)}\r\n`);
  const chunks = Math.floor(bodyBytes / chunkBytes);
  // Written some at a time, or this process would hold all of it.
  const atOnce = Math.max(1, Math.floor(60_000 / chunk.length));
  const piece = Buffer.concat(Array.from({ length: atOnce }, () => chunk));
  const endMs = performance.now() + 60_000;
  let sentBytes = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      socket.write(head);
      for (let left = chunks; left > 0 && performance.now() < endMs && !socket.destroyed; left -= atOnce) {
        const some = Math.min(left, atOnce);
        sentBytes += some * chunkBytes;
        if (socket.write(piece.subarray(0, some * chunk.length))) continue;
        await Promise.race([new Promise((next) => socket.once("drain", next)), pause(1000)]);
      }
    }),
  );
  await pause(2000);
  const row = await stand.row(
    "bodies sent but for their end",
    `${Math.round(sentBytes / 2 ** 20)} MiB sent in chunks of ${chunkBytes} bytes`,
  );
  for (const socket of sockets) if (!socket.destroyed) socket.write("0\r\n\r\n");
  await Promise.race([Promise.all(answered), pause(15_000)]);
  await stand.row("answered", [...statuses].map(([status, times]) => `${times} × ${status}`).join(", "));
  stand.say(
    `${(row.peakMiB - (stand.rows[0]?.rssMiB ?? 0)).toFixed(0)} MiB above the connections for bodies of 64 MiB at most`,
  );
  for (const socket of sockets) socket.destroy();
}
