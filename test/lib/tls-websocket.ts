// The client's side of a WebSocket over TLS, as the stream of bytes within it. Node's own WebSocket can show no certificate, and
// knows no authority but the machine's.

import { Duplex } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";

export type SubProtocol = "mqtt" | "AMQPWSB10";

const opcodes = { binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What is written before the hub has let it through waits. It is destroyed when the hub does not, or closes it. */
export class TlsWebSocket extends Duplex {
  readonly #socket: TLSSocket;
  #isOpen = false;
  #rest: Buffer = Buffer.alloc(0);
  #opened: (() => void) | null = null;

  constructor(port: number, subProtocol: SubProtocol, tls: ConnectionOptions) {
    super();
    this.#socket = connect({ port, host: "127.0.0.1", servername: "localhost", ...tls });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", () => {}); // "close" follows
    this.#socket.once("close", () => this.destroy());
    this.#socket.on("data", (chunk) => this.#received(chunk));
    const lines = [
      "GET /$iothub/websocket?iothub-no-client-cert=true HTTP/1.1",
      "Host: localhost",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Protocol: ${subProtocol}`,
    ];
    this.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#isOpen) this.#socket.write(frame(opcodes.binary, chunk), done);
    else this.#opened = () => this._write(chunk, _, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #received(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isOpen) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!this.#rest.toString("latin1", 0, end).startsWith("HTTP/1.1 101 ")) return void this.destroy();
      this.#rest = this.#rest.subarray(end + 4);
      this.#isOpen = true;
      this.#opened?.();
    }
    while (this.#frame());
  }

  /** @returns false when none is whole. */
  #frame(): boolean {
    const rest = this.#rest;
    const short = (rest[1] ?? 0) & 127;
    const at = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (rest.length < at) return false;
    const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : rest.readUInt32BE(6);
    if (rest.length < at + length) return false;
    const payload = rest.subarray(at, at + length);
    this.#rest = rest.subarray(at + length);
    const opcode = (rest[0] as number) & 15;
    if (opcode === opcodes.close) this.destroy();
    else if (opcode === opcodes.ping) this.#socket.write(frame(opcodes.pong, payload));
    else if (opcode <= opcodes.binary && !this.push(payload)) this.#socket.pause();
    return !this.destroyed;
  }
}

/** Masked with zeros, as if it were not. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 8) head.writeUInt16BE(length, 2);
  else if (head.length === 14) head.writeUInt32BE(length, 6);
  return Buffer.concat([head, payload]);
}
