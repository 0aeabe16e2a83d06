// The opening handshake of a WebSocket (RFC 6455, §4.2): what a request must say, and what it is answered. Pure.

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { RejectionReason } from "../ingest.ts";

/** Where IoT Hub has it, for both of its protocols. */
const path = "/$iothub/websocket";
/** Of Paho where it is told none, as in Azure's SDK for Java when it asks to be provisioned. */
const pathOfPaho = "/mqtt";
/** What is spoken within, as clients name it. */
export const subProtocols = ["mqtt", "AMQPWSB10"] as const;
export type SubProtocol = (typeof subProtocols)[number];

const version = "13";
const keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export interface HandshakeRefusal {
  readonly reason: Extract<RejectionReason, "path" | "malformed-request" | "sub-protocol" | "not-ready">;
  readonly status: number;
  readonly phrase: string;
  readonly text: string;
  readonly headers?: readonly string[];
}

/** Whether a request asks for a WebSocket; what asks for something else is answered as if it did not. */
export function asksForWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.trim().toLowerCase() === "websocket";
}

/** @param offered  the protocols that this server has. */
export function readHandshake(
  request: IncomingMessage,
  offered: readonly SubProtocol[],
): { readonly subProtocol: SubProtocol; readonly key: string } | HandshakeRefusal {
  const target = (request.url ?? "").replace(/^(?:wss?|https?):\/\/[^/?]*/i, "").split("?")[0] ?? "";
  if (target.replace(/^\/%24/, "/$") !== path && target !== pathOfPaho) {
    return { reason: "path", status: 404, phrase: "Not Found", text: `WebSockets are at ${path}.` };
  }
  const malformed = (text: string): HandshakeRefusal => ({
    reason: "malformed-request",
    status: 400,
    phrase: "Bad Request",
    text,
  });
  if (request.method !== "GET") return malformed("A WebSocket is asked for with GET.");
  if (request.headers["sec-websocket-version"] !== version) {
    const headers = [`Sec-WebSocket-Version: ${version}`];
    return {
      ...malformed("Only version 13 of WebSockets is spoken."),
      status: 426,
      phrase: "Upgrade Required",
      headers,
    };
  }
  const key = request.headers["sec-websocket-key"] ?? "";
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) return malformed("Sec-WebSocket-Key must be 16 bytes in base64.");
  const wanted = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const subProtocol = wanted.map((name) => offered.find((one) => sameWord(one, name))).find((one) => one !== undefined);
  if (subProtocol === undefined) {
    const text = `Sec-WebSocket-Protocol must name one of ${offered.join(", ")}.`;
    return { ...malformed(text), reason: "sub-protocol" };
  }
  return { subProtocol, key };
}

export function acceptance({ subProtocol, key }: { readonly subProtocol: string; readonly key: string }): string {
  const accept = createHash("sha1").update(`${key}${keySuffix}`).digest("base64");
  return (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${subProtocol}\r\n\r\n`
  );
}

function sameWord(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
