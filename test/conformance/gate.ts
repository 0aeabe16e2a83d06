// The way to the hub in a conformance test: a listener for each standard port, forwarding to wherever the hub listens now. It
// stays when the hub is started again, and can be shut as a network that broke.
//
// Where an SDK's sockets can be led (standard-ports.*), the listeners have any ports. Where only names can, as in Java, they have
// the standard ones, on a loopback address that nobody else uses.

import { randomInt } from "node:crypto";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { codeOf } from "../../src/lib/errors.ts";

/** What device SDKs know and cannot be told otherwise. */
export const standardPorts = { https: 443, amqps: 5671, mqtts: 8883 } as const;
export type Protocol = keyof typeof standardPorts;

/** Where the hub listens; not all protocols need be there. */
export type HubPorts = Partial<Readonly<Record<Protocol, number>>>;

/** Where an SDK's process is to go instead of to the hub. */
export interface Detour {
  readonly address: string;
  /** Standard port to the listener that stands for it. */
  readonly ports: Readonly<Record<number, number>>;
}

export interface GateOptions {
  /** Only this protocol, on its standard port; 443 takes rights (`needs("port-443")`). */
  readonly onStandardPort?: Protocol | undefined;
  /** For so long the hub's bytes are on their way. */
  readonly latencyMs?: number | undefined;
}

const addressTriesMax = 10;

export class Gate {
  readonly #address: string;
  readonly #latencyMs: number;
  readonly #servers = new Map<Protocol, Server>();
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #portOf: HubPorts;
  #isShut = false;
  /** Connections that were led to the hub. */
  connections = 0;
  /** Connections that were cut at once. */
  refused = 0;

  static async open(portOf: HubPorts, { onStandardPort, latencyMs = 0 }: GateOptions = {}): Promise<Gate> {
    const isStandard = onStandardPort !== undefined;
    const protocols = isStandard ? [onStandardPort] : (Object.keys(standardPorts) as Protocol[]);
    for (let tries = 1; ; tries++) {
      const address = isStandard ? `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}` : "127.0.0.1";
      const gate = new Gate(portOf, address, latencyMs);
      try {
        for (const protocol of protocols) await gate.#listen(protocol, isStandard ? standardPorts[protocol] : 0);
        return gate;
      } catch (error) {
        await gate.close();
        if (codeOf(error) !== "EADDRINUSE" || tries === addressTriesMax) throw error;
      }
    }
  }

  private constructor(portOf: HubPorts, address: string, latencyMs: number) {
    this.#portOf = portOf;
    this.#address = address;
    this.#latencyMs = latencyMs;
  }

  async #listen(protocol: Protocol, port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#forward(client, this.#portOf[protocol]));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, this.#address, resolve);
    });
    this.#servers.set(protocol, server);
  }

  /** The hub was started again, on other ports. Until then it leads nowhere, as to a machine that starts. */
  leadTo(portOf: HubPorts): void {
    this.#portOf = portOf;
  }

  get detour(): Detour {
    const pairs = Array.from(this.#servers, ([protocol, server]) => {
      return [standardPorts[protocol], (server.address() as AddressInfo).port] as const;
    });
    return { address: this.#address, ports: Object.fromEntries(pairs) };
  }

  /** Cuts all connections, and every later one until `reopen`. */
  shut(): void {
    this.#isShut = true;
    for (const pair of this.#pairs) this.#cut(pair);
  }

  reopen(): void {
    this.#isShut = false;
  }

  async close(): Promise<void> {
    this.shut();
    await Promise.all(Array.from(this.#servers.values(), (server) => new Promise((resolve) => server.close(resolve))));
  }

  #forward(client: Socket, port: number | undefined): void {
    if (this.#isShut || port === undefined) {
      this.refused++;
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const hub = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const pair = [client, hub] as const;
    this.connections++;
    this.#pairs.add(pair);
    client.setNoDelay(true);
    client.pipe(hub);
    if (this.#latencyMs === 0) hub.pipe(client);
    else {
      const later = (what: () => void): void => void setTimeout(what, this.#latencyMs);
      hub.on("data", (chunk) => later(() => client.write(chunk))).on("end", () => later(() => client.end()));
    }
    // Nobody listens, as where a machine starts: Java's SDK tries again after a reset, and after a TLS handshake that just ends never.
    const isNobody = (): void => void client.resetAndDestroy();
    hub.once("error", isNobody).once("connect", () => hub.off("error", isNobody));
    for (const socket of pair) {
      socket.on("error", () => this.#cut(pair));
      socket.on("close", () => this.#cut(pair));
    }
  }

  #cut(pair: readonly [Socket, Socket]): void {
    if (!this.#pairs.delete(pair)) return;
    for (const socket of pair) socket.destroy();
  }
}
