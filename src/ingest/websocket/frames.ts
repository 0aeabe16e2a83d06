// WebSocket frames (RFC 6455, §5): a client's, read as their bytes come, and the server's heads.
//
// What is carried is a stream of bytes (MQTT 3.1.1 §6, AMQP over WebSocket §2): where a message begins or ends says nothing. So
// payload is handed on as it comes, and no message is ever gathered.
//
//   M1  A reader holds a frame's head and a control frame's payload, at most 139 bytes, however large frames say they are.

import { isUtf8 } from "node:buffer";

const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Status codes of a Close, §7.4.1. */
export const closeCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidText: 1007,
} as const;

/** What a client did wrong: the code of our Close, and a sentence for people. */
export interface FrameFault {
  readonly code: number;
  readonly text: string;
}

export interface ControlFrame {
  readonly kind: "close" | "ping";
  /** Of a Close: nothing, or a status code and a reason. */
  readonly payload: Buffer;
}

const headBytesMax = 14;
const controlBytesMax = 125;

export class FrameReader {
  readonly #onControl: (frame: ControlFrame) => void;
  /** The head being read, mask included. */
  readonly #head = Buffer.alloc(headBytesMax);
  #headBytes = 0;
  #headBytesWanted = 2;
  /** Of the payload, to come. 0 while a head is read. */
  #left = 0;
  #maskAt = 0;
  /** A message's first frame came, and not its last. */
  #isFragmented = false;
  #control: Buffer | null = null;
  #controlBytes = 0;
  #fault: FrameFault | null = null;
  #isClosed = false;

  /** @param onControl  is told of a ping or close before what follows it is read. */
  constructor(onControl: (frame: ControlFrame) => void) {
    this.#onControl = onControl;
  }

  /** What the client did wrong; nothing is read behind it. */
  get fault(): FrameFault | null {
    return this.#fault;
  }

  /**
   * Reads frames, whole or in part. Payload is unmasked and moved together in place.
   *
   * @returns how many bytes of payload stand at the front of `chunk` now.
   */
  read(chunk: Buffer): number {
    let at = 0;
    let payloadBytes = 0;
    while (at < chunk.length && this.#fault === null && !this.#isClosed) {
      if (this.#headBytes < this.#headBytesWanted) {
        this.#head[this.#headBytes++] = chunk[at++] as number;
        if (this.#headBytes === 2) this.#begin();
        if (this.#headBytes === this.#headBytesWanted && this.#fault === null) this.#headIsWhole();
        continue;
      }
      const bytes = Math.min(this.#left, chunk.length - at);
      const into = this.#control ?? chunk;
      const intoAt = this.#control === null ? payloadBytes : this.#controlBytes;
      this.#unmask(chunk, at, bytes, into, intoAt);
      if (this.#control === null) payloadBytes += bytes;
      else this.#controlBytes += bytes;
      at += bytes;
      this.#left -= bytes;
      if (this.#left === 0) this.#frameIsWhole();
    }
    return payloadBytes;
  }

  /** The first two bytes are there. */
  #begin(): void {
    const [first, second] = this.#head as unknown as [number, number];
    const code = first & 15;
    const length = second & 127;
    const isLast = first >= 128;
    if ((first & 0x70) !== 0) return this.#fail("no extension was agreed on, and a reserved bit is set");
    if (second < 128) return this.#fail("a client's frames are masked");
    if (code >= 8) {
      if (code > opcode.pong) return this.#fail("the opcode is unknown");
      if (!isLast || length > controlBytesMax) return this.#fail("a control frame is whole, and has at most 125 bytes");
    } else {
      if (code > opcode.binary) return this.#fail("the opcode is unknown");
      if ((code === opcode.continuation) !== this.#isFragmented)
        return this.#fail("a message's frames are out of order");
      if (code === opcode.text) return this.#fail("frames are binary, not text", closeCode.unsupportedData);
      this.#isFragmented = !isLast;
    }
    this.#headBytesWanted = 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + 4;
  }

  #headIsWhole(): void {
    const [first, second] = this.#head as unknown as [number, number];
    const length = second & 127;
    if (length < 126) this.#left = length;
    else if (length === 126) this.#left = this.#head.readUInt16BE(2);
    else {
      const large = this.#head.readBigUInt64BE(2);
      if (large > BigInt(Number.MAX_SAFE_INTEGER)) return this.#fail("a frame is longer than any can be");
      this.#left = Number(large);
    }
    this.#maskAt = 0;
    if ((first & 15) >= 8) {
      this.#control = Buffer.alloc(length);
      this.#controlBytes = 0;
    }
    if (this.#left === 0) this.#frameIsWhole();
  }

  #frameIsWhole(): void {
    const control = this.#control;
    const code = (this.#head[0] as number) & 15;
    this.#control = null;
    this.#headBytes = 0;
    this.#headBytesWanted = 2;
    if (control === null || code === opcode.pong) return;
    if (code === opcode.ping) return this.#onControl({ kind: "ping", payload: control });
    if (control.length > 0 && !(control.length > 1 && isCloseCode(control.readUInt16BE(0)))) {
      return this.#fail("a Close gives no status code, or one that stands for no reason");
    }
    if (!isUtf8(control.subarray(2))) return this.#fail("the reason of a Close is UTF-8", closeCode.invalidText);
    this.#isClosed = true;
    this.#onControl({ kind: "close", payload: control });
  }

  #unmask(from: Buffer, at: number, bytes: number, into: Buffer, intoAt: number): void {
    const head = this.#head;
    const maskFirst = this.#headBytesWanted - 4;
    let maskAt = this.#maskAt;
    for (let index = 0; index < bytes; index++) {
      into[intoAt + index] = (from[at + index] as number) ^ (head[maskFirst + maskAt] as number);
      maskAt = (maskAt + 1) & 3;
    }
    this.#maskAt = maskAt;
  }

  #fail(text: string, code: number = closeCode.protocolError): void {
    this.#fault = { code, text };
  }
}

/** Those that may stand in a frame: named in §7.4.1 and its registry, or left to libraries and applications. */
function isCloseCode(code: number): boolean {
  const isNamed = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  return isNamed || (code >= 3000 && code < 5000);
}

/** The head of a binary frame with so many bytes behind it: whole, unmasked. */
export function binaryHead(bytes: number): Buffer {
  if (bytes < 126) return Buffer.of(0x80 | opcode.binary, bytes);
  if (bytes < 65_536) return Buffer.of(0x80 | opcode.binary, 126, bytes >> 8, bytes & 255);
  const head = Buffer.alloc(10);
  head[0] = 0x80 | opcode.binary;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(bytes), 2);
  return head;
}

/** @param payload  of the ping that is answered. */
export function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x80 | opcode.pong, payload.length), payload]);
}

/** @param text  of at most 123 bytes. */
export function closeFrame(code: number, text: string): Buffer {
  const reason = Buffer.from(text).subarray(0, controlBytesMax - 2);
  return Buffer.concat([Buffer.of(0x80 | opcode.close, 2 + reason.length, code >> 8, code & 255), reason]);
}
