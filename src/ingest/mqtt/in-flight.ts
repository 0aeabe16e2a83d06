// What a session's connection has accepted and not acknowledged yet, in order, and what the connection before it left so.
//
// A message that comes again, marked DUP, is folded when it is one of them (unacknowledged.ts says what is certain).
//
//   J1  The PUBACKs of a chunk are written when the journal calls `durable`.
//   M1  Above `connectionBytesInFlightMax` nothing more is read. QoS 0 has no PUBACK, and is bounded too.

import { Acknowledgements } from "./acknowledgements.ts";
import type { MqttServerContext } from "./context.ts";
import type { Session } from "./session.ts";
import type { LeftMessages, ReadPackets, SentPublish } from "./unacknowledged.ts";

/** PUBACKs of the chunk that is being read, for all connections: a chunk is read in one turn. */
const scratch = Buffer.alloc(4 * 16_384);
const noBytes = Buffer.alloc(0);
const dupFlag = 8;
/** Chunks not durable yet that are searched for a message that comes again over the same connection. */
const pendingLookedAt = 32;

export interface InFlightOptions {
  readonly context: Pick<MqttServerContext, "unacknowledged" | "counters" | "limits" | "log" | "coarseMs">;
  readonly session: Session;
  readonly write: (bytes: Buffer) => void;
  /** There is too much of it, or no longer. */
  readonly changed: (isTooMuch: boolean) => void;
}

export class InFlight {
  readonly #options: InFlightOptions;
  /** Bytes of packets that were accepted and are not durable yet. */
  #bytes = 0;
  /** Of PUBACKs in the scratch buffer. */
  #scratchBytes = 0;
  /** What was accepted and is not durable yet, in order; only while it may be folded when it comes again. */
  readonly #pending: Acknowledgements[] = [];
  /** What the connection before left unacknowledged, while any of it may come again. */
  #left: LeftMessages | null;
  /** Where the packets of the chunk begin that are to be registered next. */
  #first = 0;
  #isOver = false;

  /** Once the connection before it has ended, and left what it had. */
  constructor(options: InFlightOptions) {
    this.#options = options;
    const { unacknowledged } = options.context;
    const { isClean, name } = options.session;
    if (isClean) unacknowledged?.drop(name);
    this.#left = isClean ? null : (unacknowledged?.of(name) ?? null);
  }

  /**
   * Whether a PUBLISH came before and is in the journal for certain, unacknowledged: over the connection before this one,
   * over this one, or null for neither.
   *
   * @param bodyAt  behind its fixed header, of which `flags` is the first byte.
   */
  foldedBy(
    chunk: Buffer,
    packetId: number,
    flags: number,
    bodyAt: number,
    packetEnd: number,
  ): "session" | "connection" | null {
    if (((flags & dupFlag) === 0 && this.#left === null) || packetId === 0) return null;
    return this.#find(chunk, { packetId, flags, bodyAt, packetEnd });
  }

  /** The packet before `chunk[packetEnd]` was accepted, and is to be acknowledged when it is durable. */
  add(packetId: number, chunk: Buffer, packetEnd: number): void {
    const at = this.#scratchBytes;
    scratch[at] = 0x40;
    scratch[at + 1] = 2;
    scratch[at + 2] = packetId >> 8;
    scratch[at + 3] = packetId & 255;
    this.#scratchBytes = at + 4;
    if (this.#scratchBytes === scratch.length) this.#register(chunk, packetEnd);
  }

  /** Behind the last packet of a chunk that was accepted; the next chunk is another one. */
  registerLast(chunk: Buffer, next: number): void {
    this.#register(chunk, next);
    this.#first = 0;
  }

  /** J1: packets are durable: their acknowledgements go out. */
  durable({ bytes, chunk, first, next }: Acknowledgements): void {
    const { write, changed } = this.#options;
    this.#bytes -= next - first;
    if (chunk !== null) this.#pending.shift(); // the journal tells in order
    if (bytes.length > 0) write(bytes);
    if (!this.#isTooMuch) changed(false);
  }

  /** What was accepted stays accepted; its acknowledgements cannot be sent any more. */
  end(): void {
    const { context, session } = this.#options;
    this.#isOver = true;
    if (session.isClean) return;
    context.unacknowledged?.drop(session.name); // what the connection before left and did not come again
    this.#leave(this.#pending.flatMap(({ packets }) => packets));
    this.#pending.length = 0;
  }

  get #isTooMuch(): boolean {
    return this.#bytes > this.#options.context.limits.connectionBytesInFlightMax;
  }

  /** The packets of the chunk before `next` were accepted just now. */
  #register(chunk: Buffer, next: number): void {
    const first = this.#first;
    if (next === first) return;
    this.#first = next;
    const { context, session, changed } = this.#options;
    const ackBytes = this.#scratchBytes;
    this.#scratchBytes = 0;
    const bytes = ackBytes === 0 ? noBytes : Buffer.from(scratch.subarray(0, ackBytes));
    this.#bytes += next - first;
    if (this.#isTooMuch) changed(true);
    const isKept = ackBytes > 0 && !session.isClean && context.unacknowledged !== null;
    const acknowledgements = new Acknowledgements(this, bytes, isKept ? chunk : null, first, next);
    // The chunk may have held the end of the connection, too.
    if (isKept && this.#isOver) this.#leave(acknowledgements.packets);
    else if (isKept) this.#pending.push(acknowledgements);
    session.path.writer.onDurable(acknowledgements);
  }

  #find(chunk: Buffer, one: SentPublish): "session" | "connection" | null {
    const { context, session } = this.#options;
    const { unacknowledged, counters, log } = context;
    if (unacknowledged === null) return null;
    let by: "session" | "connection" | null = null;
    if (this.#left !== null && unacknowledged.take(this.#left, chunk, one, context.coarseMs())) by = "session";
    if (this.#left?.digests.size === 0) this.#left = null;
    if (by === null && (one.flags & dupFlag) !== 0) {
      if (this.#pending.slice(-pendingLookedAt).some((pending) => pending.holds(chunk, one))) by = "connection";
    }
    if (by === null) return null;
    counters.folded.dup++;
    const { deviceId } = session.sender;
    log.debug({ deviceId, by }, "A message was sent again, marked DUP; it was folded into its first record.");
    return by;
  }

  #leave(packets: Iterable<ReadPackets>): void {
    const { context, session } = this.#options;
    context.unacknowledged?.leave(session.name, packets, context.coarseMs());
  }
}
