// The MQTT front end: listeners, plain and TLS, and the connections behind them, those of WebSockets too.

import { type Server, createServer } from "node:net";
import { type Server as TlsServer, createServer as createTlsServer } from "node:tls";
import { codeOf } from "../../lib/errors.ts";
import { deviceTransport } from "../client-certificate.ts";
import type { DeviceStream } from "../device-stream.ts";
import { MqttConnection } from "./connection.ts";
import { ReadGate } from "../read-gate.ts";
import { type MqttServerContext, type MqttServerOptions, coarseErrorMs } from "./context.ts";

export class MqttServer {
  readonly #options: MqttServerOptions;
  readonly #context: MqttServerContext;
  readonly #gate: ReadGate;
  readonly #connections = new Set<MqttConnection>();
  readonly #servers: Server[] = [];
  readonly #tlsServers: TlsServer[] = [];
  readonly #sweep: NodeJS.Timeout;
  #coarseMs = performance.now();
  #isClosed = false;

  constructor(options: MqttServerOptions) {
    this.#options = options;
    const { accept, counters, table, limits, log } = options;
    this.#gate = new ReadGate(
      limits.unreadBytesMax,
      () => [...this.#connections].map(({ reader }) => reader),
      () => this.#coarseMs,
    );
    this.#context = {
      ...options,
      gate: this.#gate,
      signIns: options.table.signIns,
      provisioned: { count: 0 },
      refusal: () => accept.refusal,
      openCount: () => table.openCount,
      coarseMs: () => this.#coarseMs,
      reject: (reason, deviceId, address) => {
        counters.rejections[reason]++;
        log.debug({ reason, deviceId, address }, "An MQTT device was refused.");
      },
      left: (connection) => this.#connections.delete(connection as MqttConnection),
    };
    this.#sweep = setInterval(() => {
      this.#coarseMs = performance.now();
      const nowMs = Date.now();
      this.#gate.sweep();
      for (const connection of this.#connections) connection.sweep(nowMs);
      options.sessions.sweep(nowMs);
    }, coarseErrorMs);
  }

  /** Listens without TLS. @returns the port, also when 0 asked for any. Rejects with the system's error. */
  listenPlain(port: number, host: string): Promise<number> {
    return this.#listen(
      createServer({ noDelay: true }, (socket) => this.take(socket)),
      port,
      host,
    );
  }

  /** As `listenPlain`, with TLS. @param secure  the present certificate; `setSecureContext` gives the next. */
  listenTls(port: number, host: string, secure: { readonly cert: string; readonly key: string }): Promise<number> {
    const handshakeTimeout = this.#options.limits.connectTimeoutMs;
    const server = createTlsServer({ ...deviceTransport, ...secure, handshakeTimeout }, (socket) => this.take(socket));
    server.on("tlsClientError", (error, socket) => {
      // A handshake that is too slow is only told: whoever hears of it ends the connection.
      if (codeOf(error) === "ERR_TLS_HANDSHAKE_TIMEOUT") {
        this.#context.reject("connect-timeout", null, socket.remoteAddress);
      }
      this.#options.log.debug({ error: error.message }, "A TLS handshake failed.");
      socket.destroy();
    });
    this.#options.handshakes.pace(server, handshakeTimeout, (socket) => {
      this.#context.reject("connect-timeout", null, socket.remoteAddress);
    });
    this.#tlsServers.push(server);
    return this.#listen(server, port, host);
  }

  /** A renewed certificate: for connections from now on. */
  setSecureContext(secure: { readonly cert: string; readonly key: string }): void {
    for (const server of this.#tlsServers) server.setSecureContext({ ...deviceTransport, ...secure });
  }

  /** Read from connections and not used yet. */
  get unreadBytes(): number {
    return this.#gate.bytes;
  }

  /** Takes no new connections and ends every present one. */
  close(): void {
    this.#isClosed = true;
    for (const server of this.#servers) server.close();
    clearInterval(this.#sweep);
    for (const connection of this.#connections) connection.stop();
    this.#options.sessions.stop();
  }

  /** A device has come, on a listener of ours or on another's. */
  take(socket: DeviceStream): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    // Sockets that have not authenticated yet are bounded too, with room for a storm of reconnects.
    if (this.#connections.size >= this.#options.limits.connectionsMax * 2) {
      this.#context.reject("too-many-connections", null, socket.remoteAddress);
      socket.destroy();
      return;
    }
    this.#connections.add(new MqttConnection(this.#context, socket));
  }

  #listen(server: Server, port: number, host: string): Promise<number> {
    this.#servers.push(server);
    // Those in their TLS handshake too, which `take` does not see.
    this.#options.sockets.bound(server, this.#options.limits.connectionsMax * 2);
    server.on("drop", (peer) => this.#context.reject("too-many-connections", null, peer?.remoteAddress));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host, backlog: 4096 }, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#options.log.error({ error: error.message }, "An MQTT listener failed."));
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }
}
