// One session of an AMQP connection: its links, its windows, and the transfers on them (AMQP 1.0, §2.5 to §2.7).
//
// The hub answers with the channel and the handles that the device chose, so it needs none of its own.
//
//   J1  Nothing is settled here that its taker calls pending.
//   M1  Links, parts of messages and what waits for credit have bounds.

import { bounds } from "./context.ts";
import { errorOf, lockLost } from "./conditions.ts";
import type { Giver, Outcome, OutgoingLink, Taker, Unsettled } from "./links.ts";
import { type AmqpError, type Fields, codes, errorValue, performative } from "./performatives.ts";
import { type AmqpMap, type AmqpValue, Described, Malformed, encode } from "./values.ts";

/** What a session needs of its connection. */
export interface SessionHost {
  readonly peerFrameBytesMax: number;
  /** The device reads what it is sent. */
  readonly isReading: boolean;
  /** Of messages to the device that wait on one link. */
  readonly waitingBytesMax: number;
  /** Opens a link, now or later. */
  attach(session: Session, request: AttachRequest): void;
  write(channel: number, content: Buffer, payload?: Buffer): void;
  /** Parts of messages: so many bytes more, or less. False: there is no room. */
  countParts(bytes: number): boolean;
  /** Links: one more, or less. False: there are too many. */
  countLinks(links: 1 | -1): boolean;
  /** A message that is not taken. */
  rejected(error: AmqpError): void;
  /** More waits for the device than may, and it does not read: it gets it over its next connection. */
  overloaded(): void;
}

export interface AttachRequest {
  readonly name: string;
  readonly handle: number;
  /** The device sends. */
  readonly isFromDevice: boolean;
  readonly source: string | null;
  readonly target: string | null;
  readonly properties: AmqpMap | null;
  readonly deliveryCount: number;
  /** Whether the sender settles at once: the device's word where it sends, its wish where the hub does. §2.8.2 */
  readonly senderMode: SenderMode;
  /** Of a link on which the hub sends: the device settles when the hub has. §2.8.3 */
  readonly settlesSecond: boolean;
}

const senderModes = ["unsettled", "settled", "mixed"] as const;
type SenderMode = (typeof senderModes)[number];

/** A message to the device, as far as it is sent. */
interface Outgoing {
  readonly message: Buffer;
  readonly unsettled: Unsettled | undefined;
  /** Null: nothing of it is sent. */
  id: number | null;
  sentBytes: number;
}

interface Link {
  readonly request: AttachRequest;
  /** The device that it is for; null: none. */
  readonly owner: object | null;
  end(): void;
}

/** Serial numbers of 32 bits. */
const next = (id: number): number => (id + 1) >>> 0;

function uint32(id: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return bytes;
}

/** Of a state that says what became of a delivery; null: it says nothing, or how far it got. */
function outcomeOf(state: AmqpValue): Outcome | null {
  const code = state instanceof Described && typeof state.descriptor === "bigint" ? Number(state.descriptor) : null;
  if (code === codes.accepted) return "accepted";
  if (code === codes.rejected) return "rejected";
  return code === codes.released || code === codes.modified ? "released" : null;
}

export class Session {
  readonly channel: number;
  readonly #host: SessionHost;
  readonly #links = new Map<number, Link>();
  /** Whom it has, or had, a link for. */
  readonly owners = new Set<object>();
  #incomingId: number;
  /** Transfers that the device may send yet. */
  #incomingWindow = bounds.windowFrames;
  #outgoingId = 0;
  #peerWindow: number;
  #deliveryId = 0;
  #isOver = false;
  /** Sent and not settled. */
  readonly #unsettled = new Map<number, Unsettled>();

  constructor(host: SessionHost, channel: number, begin: Fields) {
    this.#host = host;
    this.channel = channel;
    this.#incomingId = begin.mandatoryUint(1);
    this.#peerWindow = begin.mandatoryUint(2);
    host.write(
      channel,
      performative(codes.begin, [
        encode.ushort(channel),
        encode.uint(0),
        encode.uint(bounds.windowFrames),
        encode.uint(bounds.windowFrames),
        encode.uint(bounds.sessionLinksMax - 1),
      ]),
    );
  }

  /** A frame of this session, but begin and end. @returns false when it is to come again. @throws Malformed */
  take(fields: Fields, payload: Buffer): boolean {
    switch (fields.code) {
      case codes.attach:
        this.#attach(fields);
        return true;
      case codes.flow:
        this.#flow(fields);
        return true;
      case codes.transfer:
        return this.#transfer(fields, payload);
      case codes.disposition:
        this.#disposition(fields);
        return true;
      case codes.detach:
        this.#detach(fields);
        return true;
      default:
        throw new Malformed("the frame does not belong into a session");
    }
  }

  /** The link is as it was asked for. @param owner  by whom `detachAll` finds it. */
  attached(request: AttachRequest, behind: Taker | Giver, owner: object | null = null): void {
    if (!this.#links.has(request.handle)) return; // the session has ended meanwhile
    if (owner !== null) this.owners.add(owner);
    if ("take" in behind) {
      this.#answer(request, { bytesMax: behind.bytesMax, senderMode: request.senderMode });
      const link = new IncomingLink(this, this.#host, request, owner, behind);
      this.#links.set(request.handle, link);
      link.giveCredit();
    } else {
      // Messages that wait for no word are settled whatever is wished.
      const isAsWished = request.senderMode === "settled" || behind.awaitsOutcomes === true;
      const senderMode = isAsWished ? request.senderMode : "mixed";
      this.#answer(request, { bytesMax: bounds.sentMessageBytesMax, senderMode });
      const link = new SendingLink(this, request, owner, behind);
      this.#links.set(request.handle, link);
      behind.begin(link);
    }
  }

  /** The link is not to be. §2.6.3: attached without what it asked for, and detached with the reason. */
  refused(request: AttachRequest, error: AmqpError): void {
    if (!this.#links.has(request.handle)) return;
    this.#answer(request, { isRefused: true });
    this.detach(request.handle, error);
  }

  detach(handle: number, error: AmqpError): void {
    if (!this.#remove(handle)) return;
    this.write(performative(codes.detach, [encode.uint(handle), encode.bool(true), errorValue(error)]));
  }

  detachAll(owner: object, error: AmqpError): void {
    this.owners.delete(owner);
    for (const [handle, link] of this.#links) if (link.owner === owner) this.detach(handle, error);
  }

  /** Messages of the device, from `first` to `last`, are in the journal, or not taken. */
  settle(first: number, last: number, state: Buffer): void {
    this.write(
      performative(codes.disposition, [
        encode.bool(true),
        encode.uint(first),
        encode.uint(last),
        encode.bool(true),
        state,
      ]),
    );
  }

  end(): void {
    this.#isOver = true;
    for (const handle of this.#links.keys()) this.#remove(handle);
    this.#unsettled.clear();
  }

  write(content: Buffer, payload?: Buffer): void {
    if (this.#isOver) return;
    this.#host.write(this.channel, content, payload);
  }

  /** A flow, of the session or of one of its links. */
  writeFlow(handle?: number, deliveryCount?: number, credit?: number, isDrain = false): void {
    this.#incomingWindow = bounds.windowFrames;
    const link =
      handle === undefined
        ? []
        : [encode.uint(handle), encode.uint(deliveryCount ?? 0), encode.uint(credit ?? 0), null, encode.bool(isDrain)];
    this.write(
      performative(codes.flow, [
        encode.uint(this.#incomingId),
        encode.uint(this.#incomingWindow),
        encode.uint(this.#outgoingId),
        encode.uint(bounds.windowFrames),
        ...link,
      ]),
    );
  }

  /** The device may have read what kept messages waiting. */
  sendWaiting(): void {
    for (const link of this.#links.values()) if (link instanceof SendingLink) link.sendWaiting();
  }

  get isReading(): boolean {
    return this.#host.isReading;
  }

  get waitingBytesMax(): number {
    return this.#host.waitingBytesMax;
  }

  /** M1: too much waits on a link: for credit, or because the device does not read. */
  tooMuchWaits(handle: number): void {
    if (!this.#host.isReading) return this.#host.overloaded();
    this.detach(handle, errorOf("too-many-links", "The device takes no messages on this link."));
  }

  /** One message to the device, in as many frames as it takes. False: its window is closed or it does not read; the rest is due. */
  transfer(handle: number, one: Outgoing): boolean {
    const { message, unsettled } = one;
    const chunkBytes = Math.max(256, this.#host.peerFrameBytesMax - 64);
    while (this.#peerWindow > 0 && this.#host.isReading) {
      if (one.id === null) {
        one.id = this.#deliveryId;
        this.#deliveryId = next(one.id);
        if (unsettled !== undefined) this.#unsettled.set(one.id, unsettled);
      }
      const sentBytes = Math.min(message.length, one.sentBytes + chunkBytes);
      const isMore = sentBytes < message.length;
      const head = performative(codes.transfer, [
        encode.uint(handle),
        encode.uint(one.id),
        encode.binary(unsettled?.tag ?? uint32(one.id)),
        encode.uint(0),
        encode.bool(unsettled === undefined),
        isMore ? encode.bool(true) : null,
      ]);
      this.write(head, message.subarray(one.sentBytes, sentBytes));
      one.sentBytes = sentBytes;
      this.#outgoingId = next(this.#outgoingId);
      this.#peerWindow--;
      if (!isMore) return true;
    }
    return false;
  }

  #attach(fields: Fields): void {
    const name = fields.text(0) ?? "";
    const handle = fields.mandatoryUint(1);
    const isFromDevice = !fields.bool(2);
    if (handle >= bounds.sessionLinksMax) throw new Malformed("the handle is larger than was agreed on");
    if (this.#links.has(handle)) throw new Malformed("the handle is in use");
    const request: AttachRequest = {
      name,
      handle,
      isFromDevice,
      source: fields.address(5),
      target: fields.address(6),
      deliveryCount: fields.uint(9) ?? 0,
      properties: fields.map(13),
      senderMode: senderModes[fields.uint(3) ?? 2] ?? "mixed",
      settlesSecond: !isFromDevice && fields.uint(4) === 1,
    };
    this.#links.set(handle, { request, owner: null, end: () => {} });
    if (this.#host.countLinks(1)) this.#host.attach(this, request);
    else this.refused(request, errorOf("too-many-links"));
  }

  #answer(
    request: AttachRequest,
    {
      bytesMax,
      isRefused = false,
      senderMode = "mixed",
    }: { bytesMax?: number; isRefused?: boolean; senderMode?: SenderMode },
  ): void {
    const { name, handle, isFromDevice, source, target, settlesSecond } = request;
    const terminus = (code: number, address: string | null): Buffer =>
      performative(code, [address === null ? null : encode.string(address)]);
    this.write(
      performative(codes.attach, [
        encode.string(name),
        encode.uint(handle),
        encode.bool(isFromDevice), // ours is the other role
        encode.ubyte(senderModes.indexOf(senderMode)), // what was asked for: go-amqp detaches at another
        encode.ubyte(settlesSecond ? 1 : 0),
        isRefused && !isFromDevice ? null : terminus(codes.source, source),
        isRefused && isFromDevice ? null : terminus(codes.target, target),
        null,
        null,
        isFromDevice ? null : encode.uint(0),
        bytesMax === undefined ? null : encode.ulong(BigInt(bytesMax)),
      ]),
    );
  }

  #flow(fields: Fields): void {
    const peerIncomingId = fields.uint(0) ?? 0;
    const window = fields.mandatoryUint(1);
    const wasClosed = this.#peerWindow === 0;
    // What it has not seen yet is on its way. §2.5.6
    this.#peerWindow = Math.max(0, window - ((this.#outgoingId - peerIncomingId) >>> 0));
    const handle = fields.uint(4);
    if (handle === null && fields.bool(9)) this.writeFlow();
    if (handle === null || wasClosed) this.sendWaiting();
    if (handle === null) return;
    const link = this.#links.get(handle);
    if (link instanceof SendingLink)
      link.flow(fields.uint(5) ?? 0, fields.uint(6) ?? 0, fields.bool(8), fields.bool(9));
    else if (link instanceof IncomingLink && fields.bool(9)) link.giveCredit();
  }

  #transfer(fields: Fields, payload: Buffer): boolean {
    const link = this.#links.get(fields.mandatoryUint(0));
    // On its way when the link was detached.
    if (link === undefined) return true;
    if (!(link instanceof IncomingLink)) throw new Malformed("a transfer on a link on which the hub sends");
    if (!link.transfer(fields, payload)) return false;
    this.#incomingId = next(this.#incomingId);
    if (--this.#incomingWindow < bounds.windowFrames / 2) this.writeFlow();
    return true;
  }

  #disposition(fields: Fields): void {
    // Of the device's own messages it says nothing that matters.
    if (!fields.bool(0)) return;
    const first = fields.mandatoryUint(1);
    const last = fields.uint(2) ?? first;
    const isSettled = fields.bool(3);
    const outcome = outcomeOf(fields.at(4));
    if (outcome === null && !isSettled) return; // it is on its way, and nothing became of it yet
    // Over what is unsettled, not over the range: that one may be of four billion.
    for (const [id, unsettled] of this.#unsettled) {
      if ((id - first) >>> 0 > (last - first) >>> 0) continue;
      this.#unsettled.delete(id);
      const written = unsettled.settled(outcome ?? "released");
      if (!isSettled) void written.then((isWritten) => this.#settledFirst(id, isWritten));
    }
  }

  /** D2: a device that settles second hears when its word is written down. .NET's SDK reads the state. */
  #settledFirst(id: number, isWritten: boolean): void {
    this.write(
      performative(codes.disposition, [
        encode.bool(false),
        encode.uint(id),
        encode.uint(id),
        encode.bool(true),
        isWritten ? performative(codes.accepted, []) : performative(codes.rejected, [errorValue(lockLost)]),
      ]),
    );
  }

  #detach(fields: Fields): void {
    const handle = fields.mandatoryUint(0);
    if (!this.#remove(handle)) return; // we detached it at the same time
    this.write(performative(codes.detach, [encode.uint(handle), encode.bool(fields.bool(1))]));
  }

  #remove(handle: number): boolean {
    const link = this.#links.get(handle);
    if (link === undefined) return false;
    this.#links.delete(handle);
    this.#host.countLinks(-1);
    link.end();
    return true;
  }
}

/** On which a device sends. */
class IncomingLink implements Link {
  readonly request: AttachRequest;
  readonly owner: object | null;
  readonly #session: Session;
  readonly #host: SessionHost;
  readonly #taker: Taker;
  #deliveryCount: number;
  #credit = 0;
  /** Of a message that is not whole; null: it is too large, and read over. */
  #parts: Buffer[] | null = [];
  #partBytes = 0;
  #first: { readonly id: number; readonly isSettled: boolean; readonly format: number } | null = null;

  constructor(session: Session, host: SessionHost, request: AttachRequest, owner: object | null, taker: Taker) {
    this.#session = session;
    this.#host = host;
    this.request = request;
    this.owner = owner;
    this.#taker = taker;
    this.#deliveryCount = request.deliveryCount;
  }

  giveCredit(): void {
    this.#credit = this.#taker.credit;
    this.#session.writeFlow(this.request.handle, this.#deliveryCount, this.#credit);
  }

  /** @returns false when it is to come again. */
  transfer(fields: Fields, payload: Buffer): boolean {
    const first = this.#first ?? {
      id: fields.mandatoryUint(1),
      isSettled: fields.bool(4),
      format: fields.uint(3) ?? 0,
    };
    if (this.#credit === 0) throw new Malformed("a transfer without credit");
    if (fields.bool(9)) {
      this.#first = first;
      this.#done(); // aborted
      return true;
    }
    const isMore = fields.bool(5);
    const bytes = this.#partBytes + payload.length;
    if (isMore) {
      this.#first = first;
      if (bytes > this.#bytesMax || !this.#host.countParts(payload.length)) this.#readOver();
      else if (this.#parts !== null) {
        this.#parts.push(Buffer.from(payload)); // not the chunk, which may be large
        this.#partBytes = bytes;
      } else this.#host.countParts(-payload.length);
      return true;
    }
    if (this.#taker.mayTake?.() === false) return false;
    const isTooLarge = this.#parts === null || bytes > this.#bytesMax;
    const message = isTooLarge || this.#partBytes === 0 ? payload : Buffer.concat([...(this.#parts ?? []), payload]);
    const taken = isTooLarge
      ? errorOf("message-too-large")
      : this.#taker.take({ session: this.#session, ...first, message });
    if (taken === "stopped") return false;
    this.#first = first;
    if (typeof taken === "object") this.#host.rejected(taken);
    if (!first.isSettled && taken !== "pending") {
      const state =
        taken === "accepted" ? performative(codes.accepted, []) : performative(codes.rejected, [errorValue(taken)]);
      this.#session.settle(first.id, first.id, state);
    }
    this.#done();
    return true;
  }

  end(): void {
    this.#readOver();
  }

  get #bytesMax(): number {
    return this.#taker.takenBytesMax ?? this.#taker.bytesMax;
  }

  /** The delivery is over. */
  #done(): void {
    this.#readOver();
    this.#parts = [];
    this.#first = null;
    this.#deliveryCount = next(this.#deliveryCount);
    this.#credit--;
    if (this.#credit <= this.#taker.credit / 2) this.giveCredit();
  }

  #readOver(): void {
    this.#host.countParts(-this.#partBytes);
    this.#partBytes = 0;
    this.#parts = null;
  }
}

/** On which the hub sends. */
class SendingLink implements Link, OutgoingLink {
  readonly request: AttachRequest;
  readonly owner: object | null;
  onRoom: (() => void) | null = null;
  readonly #session: Session;
  readonly #giver: Giver;
  readonly #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #deliveryCount = 0;
  #credit = 0;
  #isEnded = false;
  /** Flows that came: a drain is answered while none came behind it. */
  #flows = 0;

  constructor(session: Session, request: AttachRequest, owner: object | null, giver: Giver) {
    this.#session = session;
    this.request = request;
    this.owner = owner;
    this.#giver = giver;
  }

  get isSentSettled(): boolean {
    return this.request.senderMode === "settled";
  }

  get room(): number {
    return this.#waiting.length === 0 && this.#session.isReading ? this.#credit : 0;
  }

  send(message: Buffer, unsettled?: Unsettled): void {
    const { length } = this.#waiting;
    // What the device settles is given to it only while there is room.
    const isTooLong = unsettled === undefined && this.#waitingBytes + message.length > this.#session.waitingBytesMax;
    if (length >= bounds.queuedMax || (length > 0 && isTooLong)) {
      return this.#session.tooMuchWaits(this.request.handle);
    }
    this.#waitingBytes += message.length;
    this.#waiting.push({ message, unsettled, id: null, sentBytes: 0 });
    this.sendWaiting();
  }

  sendWaiting(): void {
    for (;;) {
      const one = this.#waiting[0];
      if (one === undefined || (one.id === null && this.#credit === 0)) break;
      const isBegun = one.id !== null;
      const isSent = this.#session.transfer(this.request.handle, one);
      if (!isBegun && one.id !== null) {
        this.#credit--; // with its first frame; the others need the window only
        this.#deliveryCount = next(this.#deliveryCount);
      }
      if (!isSent) break;
      this.#waiting.shift();
      this.#waitingBytes -= one.message.length;
    }
    if (this.room > 0) this.onRoom?.();
  }

  flow(deliveryCount: number, credit: number, isDrain: boolean, isEcho: boolean): void {
    this.#credit = Math.max(0, (deliveryCount + credit - this.#deliveryCount) | 0);
    const flow = ++this.#flows;
    this.sendWaiting();
    if (!isDrain) {
      if (isEcho) this.#session.writeFlow(this.request.handle, this.#deliveryCount, this.#credit);
      return;
    }
    if (this.#giver.given === undefined) return this.#drained();
    // Who drains wants what there is. Taken and without credit it would be locked, and count as delivered.
    void this.#giver.given().then(() => {
      if (flow === this.#flows && !this.#isEnded) this.#drained();
    });
  }

  /** What credit is left is used up. §2.6.7 */
  #drained(): void {
    this.#deliveryCount = (this.#deliveryCount + this.#credit) >>> 0;
    this.#credit = 0;
    this.#session.writeFlow(this.request.handle, this.#deliveryCount, 0, true);
  }

  end(): void {
    this.#isEnded = true;
    this.#waiting.length = 0;
    this.onRoom = null;
    this.#giver.end(this);
  }
}
