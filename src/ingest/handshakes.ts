// TLS handshakes of devices, so many at a time.
//
// A handshake takes a millisecond or two of the server's CPU. When ten thousand devices come at once and all handshakes are begun at
// once, each takes as long as all of them together: longer than clients and `connect-timeout` wait, so all give up and begin again, for
// ever. So only some are under way; the others wait in their order, each with the first bytes that it sent.
//
//   M1  Who waits is a socket like any other, and bounded with them (socket-places.ts). Who sends nothing waits for nobody and ends
//       after `connect-timeout`; who is slow holds a place for a moment only.

import type { Socket } from "node:net";
import type { Server } from "node:tls";
import { must } from "../lib/assert.ts";

export interface HandshakesOptions {
  /** Under way at a time, of those that are young. 200 when left out: some tenths of a second of work. */
  readonly placesMax?: number | undefined;
  /** A handshake that is older waits for the device: it goes on, and the next begins. 250 ms when left out. */
  readonly placeMsMax?: number | undefined;
}

type Shake = (socket: Socket) => void;

export class Handshakes {
  readonly #placesMax: number;
  readonly #placeMsMax: number;
  #waiting: { readonly socket: Socket; readonly listener: number; readonly shake: Shake }[] = [];
  #listeners = 0;
  /** Of the next in `#waiting`. */
  #at = 0;
  /** By listener and other end; each with what leaves its place. */
  readonly #underWay = new Map<string, () => void>();

  constructor({ placesMax = 200, placeMsMax = 250 }: HandshakesOptions = {}) {
    this.#placesMax = placesMax;
    this.#placeMsMax = placeMsMax;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** Devices that have said something, and whose handshake has not begun. */
  get waiting(): number {
    return this.#waiting.length - this.#at;
  }

  /**
   * Before it listens.
   *
   * @param silenceMsMax  for the first byte.
   * @param isSilent      told of a socket that is ended for that.
   */
  pace(server: Server, silenceMsMax: number, isSilent: (socket: Socket) => void): void {
    const listener = ++this.#listeners;
    const [begin] = server.listeners("connection");
    const shake = must(begin, "a TLS server begins a handshake with each connection") as (socket: Socket) => void;
    server.off("connection", shake);
    server.on("connection", (socket: Socket) => {
      const silence = setTimeout(() => {
        isSilent(socket);
        socket.destroy();
      }, silenceMsMax);
      const ended = (): void => clearTimeout(silence);
      socket.on("error", ended); // "close" follows
      socket.once("close", ended);
      socket.once("readable", () => {
        ended();
        this.#waiting.push({ socket, listener, shake: shake.bind(server) });
        this.#beginNext();
      });
    });
    server.on("secureConnection", (secured) => this.#underWay.get(keyOf(listener, secured))?.());
  }

  #beginNext(): void {
    while (this.#underWay.size < this.#placesMax && this.waiting > 0) {
      const { socket, listener, shake } = must(this.#waiting[this.#at++], "somebody waits");
      if (this.#at > 1000 && this.#at * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#at);
        this.#at = 0;
      }
      if (socket.destroyed) continue;
      this.#hold(socket, listener);
      shake(socket);
    }
  }

  #hold(socket: Socket, listener: number): void {
    const key = keyOf(listener, socket);
    const timer = setTimeout(() => leave(), this.#placeMsMax);
    const leave = (): void => {
      clearTimeout(timer);
      socket.off("close", leave);
      if (this.#underWay.get(key) !== leave) return;
      this.#underWay.delete(key);
      this.#beginNext();
    };
    this.#underWay.set(key, leave);
    socket.once("close", leave);
  }
}

/** A device may use one port of its own for two of ours. */
function keyOf(listener: number, { remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${listener} ${remoteAddress} ${remotePort}`;
}
