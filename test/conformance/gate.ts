// The way to the hub in a conformance test: a listener for each standard port, forwarding to wherever the hub listens now. It
// stays when the hub is started again, and can be shut as a network that broke.

import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

/** What device SDKs know and cannot be told otherwise. */
export const standardPorts = { https: 443, amqps: 5671, mqtts: 8883 } as const;
export type Protocol = keyof typeof standardPorts;

/** Where the hub listens; not all protocols need be there. */
export type HubPorts = Partial<Readonly<Record<Protocol, number>>>;

export class Gate {
  readonly #servers = new Map<Protocol, Server>();
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #portOf: HubPorts;
  #isShut = false;
  /** Connections that were led to the hub. */
  connections = 0;
  /** Connections that were cut at once. */
  refused = 0;

  static async open(portOf: HubPorts): Promise<Gate> {
    const gate = new Gate(portOf);
    for (const protocol of Object.keys(standardPorts) as Protocol[]) {
      const server = createServer({ allowHalfOpen: true }, (client) => gate.#forward(client, gate.#portOf[protocol]));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      gate.#servers.set(protocol, server);
    }
    return gate;
  }

  private constructor(portOf: HubPorts) {
    this.#portOf = portOf;
  }

  /** The hub was started again, on other ports. Until then it leads nowhere, as to a machine that starts. */
  leadTo(portOf: HubPorts): void {
    this.#portOf = portOf;
  }

  /** Standard port to the listener that stands for it: what leads an SDK's process here. */
  get ports(): Readonly<Record<number, number>> {
    const pairs = Array.from(this.#servers, ([protocol, server]) => {
      return [standardPorts[protocol], (server.address() as AddressInfo).port] as const;
    });
    return Object.fromEntries(pairs);
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
    hub.pipe(client);
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
