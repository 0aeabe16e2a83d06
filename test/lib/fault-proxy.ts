// A proxy that fails on purpose: HTTP on the loopback, between a client and a real server.
//
// Faults are made where they happen in the world, on the socket. Each request is met by the first rule that wants it and
// has times left; without one it is forwarded. The body of a request is read whole before anything else, so that a fault
// "after the server got it" is not a race.

import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface ProxiedRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bodyBytes: number;
}

export type Fault =
  /** Answers without asking the server; `code` as Azure Storage does, in header and body. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly code?: string;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Takes `bytes` of the request's body, then cuts the connection. */
  | { readonly kind: "cut-request"; readonly bytes: number }
  /** Never answers, but the server hears of the request, `delayMs` later, and does what it says. */
  | { readonly kind: "late"; readonly delayMs: number }
  /** Cuts the connection; the server never hears of the request. */
  | { readonly kind: "reset" }
  /** Never answers; the server never hears of the request. */
  | { readonly kind: "hang" }
  | { readonly kind: "delay"; readonly delayMs: number }
  /** Something happens before the server hears of the request. */
  | { readonly kind: "before"; readonly action: (request: ProxiedRequest, body: Buffer) => Promise<void> }
  /** The server answers in full, the client's connection is cut instead. */
  | { readonly kind: "lose-answer" }
  /** The client gets `bytes` of the answer's body, then its connection is cut, or stays silent. */
  | { readonly kind: "cut-answer"; readonly bytes: number; readonly end: "reset" | "hang" };

export interface Rule {
  /** All requests when left out. */
  readonly when?: (request: ProxiedRequest) => boolean;
  readonly fault: Fault;
  /** How often; for ever when left out. */
  readonly times?: number;
}

export interface PlacedRule {
  /** Requests that met the fault. */
  readonly hits: number;
  remove(): void;
}

export interface FaultProxy {
  readonly port: number;
  /** `http://127.0.0.1:port`, without a path. */
  readonly origin: string;
  /** Every request that came, in order. */
  readonly requests: readonly ProxiedRequest[];
  add(rule: Rule): PlacedRule;
  /** Removes all rules and forgets the requests. */
  clear(): void;
  stop(): Promise<void>;
}

interface ActiveRule extends PlacedRule {
  readonly rule: Rule;
  hits: number;
}

/**
 * @param target  the real server, `http://127.0.0.1:port`.
 * @param listenPort  for starting again where it was; any free one when left out.
 */
export async function startFaultProxy(target: string, listenPort = 0): Promise<FaultProxy> {
  const upstream = new URL(target);
  const requests: ProxiedRequest[] = [];
  let rules: ActiveRule[] = [];
  const sockets = new Set<Socket>();

  const take = (proxied: ProxiedRequest): Fault | null => {
    const active = rules.find(
      ({ rule, hits }) => hits < (rule.times ?? Infinity) && (rule.when === undefined || rule.when(proxied)),
    );
    if (active === undefined) return null;
    active.hits++;
    return active.rule.fault;
  };

  const server = createServer((incoming, outgoing) => {
    // Kept, because a message that was cut short no longer knows its socket.
    const { socket } = incoming;
    serve(incoming, outgoing, socket).catch(() => socket.destroy());
  });
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse, socket: Socket): Promise<void> => {
    const url = incoming.url ?? "/";
    const proxied: ProxiedRequest = {
      method: incoming.method ?? "GET",
      url,
      query: new URL(url, upstream).searchParams,
      headers: incoming.headers,
      bodyBytes: Number(incoming.headers["content-length"] ?? 0),
    };
    requests.push(proxied);
    const fault = take(proxied);
    if (fault?.kind === "cut-request") return await cutRequest(incoming, socket, fault.bytes);
    const body = await bytesOf(incoming);
    switch (fault?.kind) {
      case "answer":
        return answer(outgoing, fault);
      case "reset":
        return void socket.resetAndDestroy();
      case "hang":
        return;
      case "before":
        await fault.action(proxied, body);
        break;
      case "delay":
      case "late":
        await pause(fault.delayMs);
        break;
      default:
    }
    const response = await forward(upstream, incoming, body);
    const responseBody = await bytesOf(response);
    if (fault?.kind === "lose-answer") return void socket.resetAndDestroy();
    if (fault?.kind === "late") return;
    outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
    if (fault?.kind !== "cut-answer") return void outgoing.end(responseBody);
    await new Promise<void>((resolve) => outgoing.write(responseBody.subarray(0, fault.bytes), () => resolve()));
    if (fault.end === "reset") socket.destroy();
  };

  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(listenPort, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    requests,
    add(rule) {
      const active: ActiveRule = {
        rule,
        hits: 0,
        remove: () => {
          rules = rules.filter((other) => other !== active);
        },
      };
      rules.push(active);
      return active;
    },
    clear() {
      rules = [];
      requests.length = 0;
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function answer(outgoing: ServerResponse, fault: Fault & { kind: "answer" }): void {
  const code = fault.code === undefined ? {} : { "x-ms-error-code": fault.code };
  const error = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${fault.code}</Code><Message>On purpose.</Message></Error>`;
  const body = fault.body ?? (fault.code === undefined ? "" : error);
  outgoing.writeHead(fault.status, {
    "content-type": "application/xml",
    "content-length": Buffer.byteLength(body),
    ...code,
    ...fault.headers,
  });
  outgoing.end(body);
}

async function cutRequest(incoming: IncomingMessage, socket: Socket, bytes: number): Promise<void> {
  let left = bytes;
  for await (const chunk of incoming) {
    left -= (chunk as Buffer).length;
    if (left <= 0) break;
  }
  socket.resetAndDestroy();
}

function forward(upstream: URL, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = send(
      {
        host: upstream.hostname,
        port: upstream.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
        agent: false,
      },
      resolve,
    );
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
