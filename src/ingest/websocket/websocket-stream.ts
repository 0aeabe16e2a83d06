// A WebSocket as the stream of bytes within it, for a front end that thinks it has a socket.
//
// Reading stops and goes on with the socket beneath, and what is written counts as unsent until that socket has it.
//
//   M1  It holds what one read of the socket brought, the answer to one ping and the ping behind it, and what was written and is not out.

import { Duplex } from "node:stream";
import type { DeviceStream } from "../device-stream.ts";
import { type ControlFrame, FrameReader, binaryHead, closeCode, closeFrame, pongFrame } from "./frames.ts";

/** A frame's head and its payload in one write, up to here; above it copying costs more. */
const joinedBytesMax = 4096;

/** The socket beneath: of TLS or not. */
export interface Beneath extends Duplex {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

export class WebSocketStream extends Duplex implements DeviceStream {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly beneath: Beneath;
  readonly #reader = new FrameReader((frame) => this.#control(frame));
  readonly #failed: (text: string) => void;
  #isPongUnsent = false;
  /** The last ping that came meanwhile. */
  #pingWaiting: Buffer | null = null;
  #isCloseSent = false;
  /** Nothing more is read; it ends when the device has read what is on its way. */
  #isMalformed = false;

  /**
   * @param beneath  behind the handshake's answer.
   * @param head     what was read behind the request.
   * @param failed   called when frames are malformed; the stream ends then.
   */
  constructor(beneath: Beneath, head: Buffer, failed: (text: string) => void) {
    // What is read while reading stops is one chunk: the socket stops behind it.
    super({ allowHalfOpen: false, readableHighWaterMark: 1 });
    this.remoteAddress = beneath.remoteAddress;
    this.remotePort = beneath.remotePort;
    this.beneath = beneath;
    this.#failed = failed;
    beneath.on("data", (chunk: Buffer) => this.#take(chunk));
    beneath.on("end", () => this.push(null));
    beneath.on("error", () => this.destroy());
    beneath.on("close", () => this.destroy());
    beneath.pause();
    if (head.length > 0) beneath.unshift(head);
  }

  destroySoon(): void {
    this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** It is so on every listener. */
  setNoDelay(): this {
    return this;
  }

  override _read(): void {
    if (!this.beneath.destroyed) this.beneath.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#isCloseSent) return done(); // nothing is said behind a Close, §5.5.1
    const head = binaryHead(chunk.length);
    if (chunk.length <= joinedBytesMax) {
      this.beneath.write(Buffer.concat([head, chunk]), done);
      return;
    }
    this.beneath.cork();
    this.beneath.write(head);
    this.beneath.write(chunk, done);
    this.beneath.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sendClose(closeCode.normal, "");
    this.beneath.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.beneath.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    if (this.destroyed || this.readableEnded || this.#isMalformed) return;
    const bytes = this.#reader.read(chunk);
    if (bytes > 0 && !this.push(chunk.subarray(0, bytes))) this.beneath.pause();
    const { fault } = this.#reader;
    if (fault === null || this.destroyed) return;
    this.#isMalformed = true;
    this.#failed(fault.text);
    this.#sendClose(fault.code, fault.text);
    this.destroySoon();
  }

  #control({ kind, payload }: ControlFrame): void {
    if (kind === "close") {
      // The same code comes back, §5.5.1.
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : closeCode.normal;
      this.#sendClose(code, "");
      setImmediate(() => this.push(null)); // behind the payload that came with it
      return;
    }
    this.#pong(payload);
  }

  /** Who does not read the answers gets one, and then one to the last ping, §5.5.3. */
  #pong(payload: Buffer): void {
    if (this.#isCloseSent || this.beneath.destroyed) return;
    if (this.#isPongUnsent) {
      this.#pingWaiting = payload;
      return;
    }
    this.#isPongUnsent = true;
    this.beneath.write(pongFrame(payload), () => {
      this.#isPongUnsent = false;
      const next = this.#pingWaiting;
      this.#pingWaiting = null;
      if (next !== null) this.#pong(next);
    });
  }

  #sendClose(code: number, text: string): void {
    if (this.#isCloseSent || this.beneath.writableEnded || this.beneath.destroyed) return;
    this.#isCloseSent = true;
    this.beneath.write(closeFrame(code, text));
  }
}
