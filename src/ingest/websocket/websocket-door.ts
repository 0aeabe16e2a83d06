// The door for WebSockets, on the HTTPS port: a request is let through to the front end of its sub-protocol, or refused.
//
// M1: each holds a socket of the HTTPS listener, so they are bounded with it, and a connection of the front end.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Log } from "../../lib/log.ts";
import type { DeviceStream } from "../device-stream.ts";
import type { IngestCounters } from "../ingest.ts";
import { type HandshakeRefusal, type SubProtocol, acceptance, readHandshake, subProtocols } from "./handshake.ts";
import { type Beneath, WebSocketStream } from "./websocket-stream.ts";

/** Where the streams of a sub-protocol go. One that is left out is not offered. */
export type FrontEnds = Readonly<Partial<Record<SubProtocol, (stream: DeviceStream) => void>>>;

export class WebSocketDoor {
  readonly #frontEnds: FrontEnds;
  readonly #offered: readonly SubProtocol[];
  readonly #counters: IngestCounters;
  readonly #log: Log;
  #isClosed = false;

  constructor(frontEnds: FrontEnds, { counters, log }: { readonly counters: IngestCounters; readonly log: Log }) {
    this.#frontEnds = frontEnds;
    this.#offered = subProtocols.filter((name) => frontEnds[name] !== undefined);
    this.#counters = counters;
    this.#log = log;
  }

  /** For `upgrade` of an HTTP server. @param head  what came behind the request. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const beneath: Beneath = socket;
    if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(0);
    const handshake = this.#isClosed ? stopping : readHandshake(request, this.#offered);
    if ("reason" in handshake) return this.#refuse(handshake, beneath);
    beneath.write(acceptance(handshake));
    const stream = new WebSocketStream(beneath, head, (text) => this.#count("malformed-frame", text, beneath));
    this.#frontEnds[handshake.subProtocol]?.(stream);
  }

  /** No more are let through; those that are belong to their front ends. */
  close(): void {
    this.#isClosed = true;
  }

  #refuse({ reason, status, phrase, text, headers = [] }: HandshakeRefusal, socket: Beneath): void {
    this.#count(reason, text, socket);
    socket.on("error", () => socket.destroy());
    socket.resume();
    const lines = [
      `HTTP/1.1 ${status} ${phrase}`,
      "Connection: close",
      "Content-Type: text/plain; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(text)}`,
      ...headers,
    ];
    socket.end(`${lines.join("\r\n")}\r\n\r\n${text}`, () => socket.destroy());
  }

  #count(reason: HandshakeRefusal["reason"] | "malformed-frame", text: string, { remoteAddress }: Beneath): void {
    this.#counters.rejections[reason]++;
    this.#log.debug({ reason, text, address: remoteAddress }, "A WebSocket was refused.");
  }
}

const stopping: HandshakeRefusal = {
  reason: "not-ready",
  status: 503,
  phrase: "Service Unavailable",
  text: "The hub is stopping.",
  headers: ["Retry-After: 5"],
};
