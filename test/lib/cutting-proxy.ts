// A TCP proxy that loses answers: what a client sends reaches the server, and the connection ends before the answer comes
// back. To both sides it is a network that broke at the worst moment. It may also leave connections half open: then neither side
// hears of the other any more, nor that it is gone.

import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

export class CuttingProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** How many chunks of answers a connection gets before it is cut; asked once a connection. */
  answersBeforeCut: () => number = () => Infinity;
  #isHolding = false;
  readonly #frozen = new WeakSet<object>();
  cuts = 0;

  /** @param port  of the server, asked once a connection: it may have been started again. */
  static async start(port: () => number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  private constructor(port: () => number) {
    this.#server = createServer((client) => {
      const server = connect({ port: port(), host: "127.0.0.1", noDelay: true });
      const pair = [client, server] as const;
      this.#pairs.add(pair);
      let answersLeft = this.answersBeforeCut();
      client.setNoDelay(true);
      client.on("data", (bytes) => {
        if (!this.#frozen.has(pair)) server.write(bytes);
      });
      server.on("data", (bytes) => {
        if (this.#isHolding || this.#frozen.has(pair)) return; // lost
        if (answersLeft-- > 0) client.write(bytes);
        else this.#cut(pair);
      });
      for (const socket of pair) {
        socket.on("error", () => {}); // "close" follows
        socket.on("close", () => {
          if (!this.#frozen.has(pair)) this.#end(pair);
        });
      }
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers are lost from now on, until `cut`. */
  holdAnswers(): void {
    this.#isHolding = true;
  }

  /** All connections there are stay half open until `stop`; later ones are whole. */
  freeze(): void {
    for (const pair of this.#pairs) this.#frozen.add(pair);
  }

  /** Cuts all connections; later ones are whole. */
  cut(): void {
    for (const pair of this.#pairs) this.#cut(pair);
    this.#isHolding = false;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const pair of this.#pairs) this.#end(pair);
    await closed;
  }

  #cut(pair: readonly [Socket, Socket]): void {
    this.cuts++;
    this.#end(pair);
  }

  #end(pair: readonly [Socket, Socket]): void {
    this.#pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  }
}
