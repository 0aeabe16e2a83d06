// How many sockets of devices may be open over all listeners together. Each is an open file of the process, and the journal
// and the exports need some too: strangers who open sockets must not take the last one (M1).
//
// A listener drops what comes above its bound before it is a socket. Its own bound is that of its protocol; this one moves
// with what the others have open.

import type { Server } from "node:net";

interface Listener {
  readonly server: Server;
  readonly ownMax: number;
  open: number;
}

export class SocketPlaces {
  readonly #max: number;
  readonly #listeners: Listener[] = [];
  #open = 0;

  /** @param max  of all listeners together. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Before it listens. @param ownMax  what this listener may have open when there is room. */
  bound(server: Server, ownMax: number): void {
    const listener: Listener = { server, ownMax, open: 0 };
    this.#listeners.push(listener);
    server.on("connection", (socket) => {
      this.#count(listener, 1);
      socket.once("close", () => this.#count(listener, -1));
    });
    server.once("close", () => this.#listeners.splice(this.#listeners.indexOf(listener), 1));
    this.#fit();
  }

  #count(listener: Listener, by: 1 | -1): void {
    listener.open += by;
    this.#open += by;
    this.#fit();
  }

  #fit(): void {
    const left = Math.max(0, this.#max - this.#open);
    // Node 20 takes 0 for no bound at all: a listener may always have one.
    for (const { server, ownMax, open } of this.#listeners)
      server.maxConnections = Math.max(1, Math.min(ownMax, open + left));
  }
}
