// What ended connections left behind: messages that were journaled and whose PUBACK was never handed to a socket. When
// the next connection of the same session sends one of them again, marked DUP, it is certain that the device means the
// message that stands in the journal: it is folded into it.
//
// Certain means: the session is kept (clean session 0), the very next connection, the same packet id, every byte of the
// packet equal but the DUP flag. Whatever is less becomes a second record. The list is in memory only, so a restart of
// the server ends it; then nobody can say any more which PUBACKs were sent.
//
//   J1  A folded message is acknowledged behind its record: it registers with the journal as if it were one.
//   M1  All lists together hold at most `messagesMax`; those of the connections that ended first go first.

import { hash, randomBytes } from "node:crypto";

/** Whole packets `chunk[first, next)` as they were read. */
export interface ReadPackets {
  readonly chunk: Buffer;
  readonly first: number;
  readonly next: number;
}

/** One PUBLISH with QoS 1 in a chunk. */
export interface SentPublish {
  readonly packetId: number;
  /** The first byte: type and flags. */
  readonly flags: number;
  /** Behind the fixed header. */
  readonly bodyAt: number;
  readonly packetEnd: number;
}

const dupFlag = 8;

/** Every PUBLISH with QoS 1 among whole packets. */
export function* publishesOf({ chunk, first, next }: ReadPackets): Generator<SentPublish, void, void> {
  for (let at = first; at < next;) {
    const flags = chunk[at] as number;
    let bodyAt = at + 1;
    let length = 0;
    for (let shift = 0, byte = 128; byte >= 128; shift += 7) {
      byte = chunk[bodyAt++] as number;
      length |= (byte & 127) << shift;
    }
    at = bodyAt + length;
    if ((flags & 0xf6) !== 0x32) continue;
    const idAt = bodyAt + 2 + chunk.readUInt16BE(bodyAt);
    yield { packetId: chunk.readUInt16BE(idAt), flags, bodyAt, packetEnd: at };
  }
}

/** Whether two packets are equal, their DUP flags apart. */
export function isSamePublish(chunk: Buffer, one: SentPublish, otherChunk: Buffer, other: SentPublish): boolean {
  return (
    (one.flags & ~dupFlag) === (other.flags & ~dupFlag) &&
    chunk.compare(otherChunk, other.bodyAt, other.packetEnd, one.bodyAt, one.packetEnd) === 0
  );
}

/** What one connection left. */
export interface LeftMessages {
  /** Digests by packet id. */
  readonly digests: Map<number, string>;
  /** Monotonic. */
  endedMs: number;
}

export class Unacknowledged {
  readonly #windowMs: number;
  readonly #messagesMax: number;
  readonly #key = randomBytes(32);
  /** By session, in the order in which connections ended. */
  readonly #left = new Map<string, LeftMessages>();
  #messages = 0;

  /** @param options.windowMs  how long after a connection ended its messages are recognised. */
  constructor(options: { readonly windowMs: number; readonly messagesMax: number }) {
    this.#windowMs = options.windowMs;
    this.#messagesMax = options.messagesMax;
  }

  /** Of all sessions. */
  get messages(): number {
    return this.#messages;
  }

  /** A connection of the session ended with these packets journaled and not acknowledged. */
  leave(session: string, packets: Iterable<ReadPackets>, nowMs: number): void {
    const left = this.#left.get(session) ?? { digests: new Map<number, string>(), endedMs: nowMs };
    for (const some of packets) {
      for (const one of publishesOf(some)) {
        if (left.digests.size >= this.#messagesMax) break;
        if (!left.digests.has(one.packetId)) this.#messages++;
        left.digests.set(one.packetId, this.#digest(some.chunk, one));
      }
    }
    if (left.digests.size === 0) return;
    this.#left.set(session, left);
    for (const [oldest, { endedMs }] of this.#left) {
      if (this.#messages <= this.#messagesMax && nowMs - endedMs < this.#windowMs) break;
      this.drop(oldest);
    }
  }

  /** What the former connection of the session left, for the connection that is next. It stays in the count. */
  of(session: string): LeftMessages | null {
    return this.#left.get(session) ?? null;
  }

  /** The next connection has ended, or did not want the session: nothing is certain any more. */
  drop(session: string): void {
    const left = this.#left.get(session);
    if (left === undefined) return;
    this.#left.delete(session);
    this.#messages -= left.digests.size;
    left.digests.clear();
  }

  /** Whether `one` is what was left under its packet id, which is used again now either way. */
  take(left: LeftMessages, chunk: Buffer, one: SentPublish, nowMs: number): boolean {
    const known = left.digests.get(one.packetId);
    if (known === undefined) return false;
    left.digests.delete(one.packetId);
    this.#messages--;
    if ((one.flags & dupFlag) === 0 || nowMs - left.endedMs >= this.#windowMs) return false;
    return known === this.#digest(chunk, one);
  }

  #digest(chunk: Buffer, { flags, bodyAt, packetEnd }: SentPublish): string {
    const kept = Buffer.of(flags & ~dupFlag);
    return hash("sha256", Buffer.concat([this.#key, kept, chunk.subarray(bodyAt, packetEnd)]), "binary");
  }
}
