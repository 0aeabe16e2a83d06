// The HTTPS front end: listeners, their time limits, and the requests behind them. Plain node:https, no framework.
//
// Owns:      sockets and HTTP's own errors (malformed, too slow, too many).
// Does not:  read a path or a property (route.ts, headers.ts), decide about a request (exchange.ts).
//
// M1: connections, headers, bodies in memory, the time of a request and of an idle connection each have a bound.

import { type IncomingMessage, type Server, type ServerOptions, type ServerResponse, createServer } from "node:http";
import { type Server as SecureServer, createServer as createSecureServer } from "node:https";
import type { Duplex } from "node:stream";
import { codeOf } from "../../lib/errors.ts";
import { answerBody, answerOf } from "./answer.ts";
import { BodyBudget } from "./body.ts";
import { deviceTransport } from "../client-certificate.ts";
import type { Handshakes } from "../handshakes.ts";
import type { SocketPlaces } from "../socket-places.ts";
import { type HttpsContext, type HttpsServerOptions, defaultHttpsBounds } from "./context.ts";
import { Exchange } from "./exchange.ts";
import { asksForWebSocket } from "../websocket/handshake.ts";
import type { WebSocketDoor } from "../websocket/websocket-door.ts";

interface SecureFiles {
  readonly cert: string;
  readonly key: string;
}

/** What is spoken within TLS, for clients that ask: `curl --http1.0` does, and is refused otherwise. */
const applicationProtocols = ["http/1.1", "http/1.0"];
const handshakeTimedOut = "ERR_TLS_HANDSHAKE_TIMEOUT";
/** How long `close` waits for answers that are being written. */
const closeGraceMs = 1_000;

export class HttpsServer {
  readonly #context: HttpsContext;
  readonly #sockets: SocketPlaces;
  readonly #handshakes: Handshakes;
  readonly #webSockets: WebSocketDoor | null;
  readonly #servers: Server[] = [];
  readonly #secureServers: SecureServer[] = [];
  readonly #answering = new Set<ServerResponse>();
  #isStopping = false;

  constructor(options: HttpsServerOptions) {
    const { counters, log, sockets, handshakes, webSockets } = options;
    this.#sockets = sockets;
    this.#handshakes = handshakes;
    this.#webSockets = webSockets;
    const bounds = { ...defaultHttpsBounds, ...options.bounds };
    this.#context = {
      ...options,
      bounds,
      budget: new BodyBudget(bounds.bodiesBytesMax),
      reject: (reason, deviceId, address) => {
        counters.rejections[reason]++;
        log.debug({ reason, deviceId, address }, "An HTTPS request was refused.");
      },
    };
  }

  /** Listens with TLS. @returns the port, also when 0 asked for any. Rejects with the system's error. */
  listen(port: number, host: string, secure: SecureFiles): Promise<number> {
    const handshakeTimeout = this.#context.limits.connectTimeoutMs;
    const server = createSecureServer(
      {
        ...this.#serverOptions(),
        ...deviceTransport,
        ...secure,
        handshakeTimeout,
        ALPNProtocols: applicationProtocols,
      },
      (request, response) => this.#take(request, response),
    );
    // First, so that Node's own listener finds the socket ended and does not take the failure for a malformed request.
    server.prependListener("tlsClientError", (error, socket) => {
      // A handshake that is too slow is only told: whoever hears of it ends the connection.
      if (codeOf(error) === handshakeTimedOut) this.#context.reject("connect-timeout", null, socket.remoteAddress);
      this.#context.log.debug({ error: error.message }, "A TLS handshake failed.");
      socket.destroy();
    });
    this.#handshakes.pace(server, handshakeTimeout, (socket) => {
      this.#context.reject("connect-timeout", null, socket.remoteAddress);
    });
    this.#secureServers.push(server);
    return this.#listen(server, port, host);
  }

  /** Without TLS: for tests, on loopback. */
  listenPlain(port: number, host: string): Promise<number> {
    return this.#listen(
      createServer(this.#serverOptions(), (request, response) => this.#take(request, response)),
      port,
      host,
    );
  }

  /** A renewed certificate: for connections from now on. */
  setSecureContext(secure: SecureFiles): void {
    for (const server of this.#secureServers) server.setSecureContext({ ...deviceTransport, ...secure });
  }

  /** Takes no new connections, and no further request on those that idle; requests under way go on. */
  stopListening(): void {
    this.#isStopping = true;
    this.#webSockets?.close();
    for (const server of this.#servers) {
      server.close();
      server.closeIdleConnections();
    }
  }

  /** Ends every connection, after the answers that are being written. */
  async close(): Promise<void> {
    this.stopListening();
    const endMs = performance.now() + closeGraceMs;
    while (this.#answering.size > 0 && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const server of this.#servers) server.closeAllConnections();
  }

  #serverOptions(): ServerOptions {
    const { bounds, limits } = this.#context;
    return {
      noDelay: true,
      maxHeaderSize: bounds.headerBytesMax,
      headersTimeout: Math.min(limits.connectTimeoutMs, bounds.requestTimeoutMs),
      requestTimeout: bounds.requestTimeoutMs,
      keepAliveTimeout: bounds.keepAliveMs,
      connectionsCheckingInterval: Math.min(5_000, limits.connectTimeoutMs, bounds.requestTimeoutMs),
      shouldUpgradeCallback: (request) => this.#webSockets !== null && asksForWebSocket(request),
    };
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.#answering.add(response);
    response.once("close", () => this.#answering.delete(response));
    if (this.#isStopping) response.setHeader("Connection", "close");
    void new Exchange(this.#context, request, response).run();
  }

  #listen(server: Server, port: number, host: string): Promise<number> {
    const { limits, log } = this.#context;
    // Headers are bounded in bytes; a bound of their number would drop properties in silence.
    server.maxHeadersCount = 0;
    this.#sockets.bound(server, limits.connectionsMax);
    server.on("drop", (peer) => this.#context.reject("too-many-connections", null, peer?.remoteAddress));
    server.on("upgrade", (request, socket, head) => this.#webSockets?.take(request, socket, head));
    server.on("clientError", (error, socket) => this.#refuse(error, socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host, backlog: 4096 }, () => {
        server.off("error", reject);
        server.on("error", (error) => log.error({ error: error.message }, "An HTTPS listener failed."));
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** What is not HTTP, or comes too slowly: Node has given up reading. */
  #refuse(error: Error, socket: Duplex): void {
    const code = codeOf(error);
    if (code === "ECONNRESET" || code === "EPIPE" || !socket.writable) {
      socket.destroy();
      return;
    }
    const reason = code === "ERR_HTTP_REQUEST_TIMEOUT" ? "request-timeout" : "malformed-request";
    this.#context.reject(reason, null, "remoteAddress" in socket ? String(socket.remoteAddress) : undefined);
    const answer = answerOf(reason);
    const body = answerBody(answer);
    socket.end(
      `HTTP/1.1 ${answer.status} ${answer.status === 408 ? "Request Timeout" : "Bad Request"}\r\n` +
        `Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      () => socket.destroy(),
    );
  }
}
