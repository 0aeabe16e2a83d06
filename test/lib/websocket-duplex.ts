// Node's own WebSocket, as the stream of bytes within it.

import { once } from "node:events";
import { Duplex } from "node:stream";

export class WebSocketDuplex extends Duplex {
  readonly socket: WebSocket;
  /** Of the other side's Close; 0 before it came. */
  closeCode = 0;

  static async open(url: string, subProtocol: string): Promise<WebSocketDuplex> {
    const socket = new WebSocket(url, subProtocol);
    socket.binaryType = "arraybuffer";
    await once(socket, "open");
    return new WebSocketDuplex(socket);
  }

  private constructor(socket: WebSocket) {
    super();
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => this.push(Buffer.from(data as ArrayBuffer)));
    socket.addEventListener("close", ({ code }) => {
      this.closeCode = code;
      this.destroy();
    });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.socket.send(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.socket.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.close();
    done(error);
  }
}
