// WebSocket frames (RFC 6455, §5) read a second time, whole streams at once: what a client said, and what the hub answered. For
// targets.

import { isUtf8 } from "node:buffer";
import { claim } from "./engine/target.ts";

/** What the frames of a client come to, up to the first that is wrong, or its Close. */
export interface ClientFrames {
  /** Of data frames, also of one that is not whole. */
  readonly payload: Buffer;
  readonly pings: readonly Buffer[];
  /** Status code of its Close; 1000 for one without; null: there was none. */
  readonly closed: number | null;
  /** Status code of the Close that it must be answered with, when it did something wrong. */
  readonly fault: number | null;
}

export function clientFrames(stream: Buffer): ClientFrames {
  const data: Buffer[] = [];
  const pings: Buffer[] = [];
  let isWithin = false;
  const outcome = (closed: number | null, fault: number | null): ClientFrames => ({
    payload: Buffer.concat(data),
    pings,
    closed,
    fault,
  });
  for (let at = 0; at + 2 <= stream.length;) {
    const bits = stream.readUInt16BE(at).toString(2).padStart(16, "0");
    const [isLast, reserved, code] = [bits[0] === "1", bits.slice(1, 4), Number.parseInt(bits.slice(4, 8), 2)];
    const [isMasked, short] = [bits[8] === "1", Number.parseInt(bits.slice(9), 2)];
    const isControl = code === 8 || code === 9 || code === 10;
    const isNext = code === (isWithin ? 0 : 2) || isControl;
    if (reserved !== "000" || !isMasked) return outcome(null, 1002);
    if (code === 1 && !isWithin) return outcome(null, 1003);
    if (!isNext || (isControl && (!isLast || short > 125))) return outcome(null, 1002);
    if (!isControl) isWithin = !isLast;
    const headBytes = 2 + ({ 126: 2, 127: 8 }[short] ?? 0) + 4;
    if (at + headBytes > stream.length) break;
    const length = short < 126 ? BigInt(short) : BigInt(`0x${stream.toString("hex", at + 2, at + headBytes - 4)}`);
    if (length >= 2n ** 53n) return outcome(null, 1002);
    const mask = stream.subarray(at + headBytes - 4, at + headBytes);
    const end = at + headBytes + Number(length);
    const payload = Buffer.from(
      stream.subarray(at + headBytes, end).map((byte, index) => byte ^ (mask[index % 4] ?? 0)),
    );
    if (!isControl) data.push(payload);
    if (end > stream.length) break;
    if (code === 9) pings.push(payload);
    if (code === 8) {
      const fault = closeFault(payload);
      if (fault !== null) return outcome(null, fault);
      return outcome(payload.length === 0 ? 1000 : payload.readUInt16BE(0), null);
    }
    at = end;
  }
  return outcome(null, null);
}

/** What is wrong with the payload of a Close, §5.5.1 and §7.4. */
function closeFault(payload: Buffer): number | null {
  if (payload.length === 0) return null;
  if (payload.length === 1 || !isCloseCode(payload.readUInt16BE(0))) return 1002;
  return isUtf8(payload.subarray(2)) ? null : 1007;
}

/** Those that may stand in a frame. */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999);
}

export interface HubFrames {
  readonly payload: Buffer;
  readonly pongs: readonly Buffer[];
  readonly closed: number | null;
}

/**
 * What the hub said behind its handshake; throws when that breaks a rule.
 *
 * @param isCut  its socket was destroyed: the last frame may be a part.
 */
export function hubFrames(stream: Buffer, isCut: boolean): HubFrames {
  const data: Buffer[] = [];
  const pongs: Buffer[] = [];
  let closed: number | null = null;
  for (let at = 0; at < stream.length;) {
    claim(closed === null, "it says something behind its Close");
    const [first, second] = [stream[at] as number, stream[at + 1] ?? 0];
    claim([0x82, 0x88, 0x8a].includes(first), () => `it sends a frame that begins with ${first.toString(16)}`);
    claim(second < 128, "it masks a frame");
    const headBytes = second === 126 ? 4 : second === 127 ? 10 : 2;
    const isHead = at + headBytes <= stream.length;
    const length = !isHead
      ? 0
      : second === 126
        ? stream.readUInt16BE(at + 2)
        : second === 127
          ? Number(stream.readBigUInt64BE(at + 2))
          : second;
    const end = at + headBytes + length;
    claim(isCut || (isHead && end <= stream.length), "it sends half a frame");
    if (!isHead) break;
    claim(second < 126 || length >= (second === 126 ? 126 : 65_536), "a length has more bytes than it needs");
    const payload = stream.subarray(at + headBytes, end);
    at = end;
    if (first === 0x82) data.push(payload);
    else if (end <= stream.length) {
      claim(length <= 125, "a control frame has more than 125 bytes");
      if (first === 0x8a) pongs.push(payload);
      else {
        claim(length >= 2 && closeFault(payload) === null, () => `it closes with ${payload.toString("hex")}`);
        closed = payload.readUInt16BE(0);
      }
    }
  }
  return { payload: Buffer.concat(data), pongs, closed };
}

/**
 * A client's frame.
 *
 * @param first  its first byte: whether it is the last of its message, and the opcode.
 * @param form   of its length; 7 stands for the shortest.
 */
export function clientFrame(
  payload: Uint8Array | string,
  { first = 0x82, mask = 0, form = 7 }: { first?: number; mask?: number; form?: 7 | 16 | 64 } = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(14);
  head[0] = first;
  const shortest = bytes.length < 126 ? 7 : bytes.length < 65_536 ? 16 : 64;
  const bits = form === 7 ? shortest : form;
  head[1] = 0x80 | (bits === 7 ? bytes.length : bits === 16 ? 126 : 127);
  let at = 2;
  if (bits === 16) at = head.writeUInt16BE(bytes.length, at);
  if (bits === 64) at = head.writeBigUInt64BE(BigInt(bytes.length), at);
  head.writeUInt32BE(mask, at);
  const masks = head.subarray(at, at + 4);
  return Buffer.concat([head.subarray(0, at + 4), bytes.map((byte, index) => byte ^ (masks[index % 4] as number))]);
}
