// One AMQP connection, to its end: protocol headers, SASL, frames, sessions. Who is let in: sign-in.ts; what goes over a link: the
// takers and givers beside it. AMQP 1.0 section numbers beside the rules.
//
//   J1  `accepted` is told by settlements.ts.
//   D1  A link is for a device that was let in; it is detached when access ends.
//   M1  Frames, sessions, links, parts of messages and what is unsent have bounds.

import { clientCertificateOf } from "../client-certificate.ts";
import type { ShownCertificates } from "../../lib/certificate.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Refusal } from "../../journal/journal.ts";
import type { DeviceStream } from "../device-stream.ts";
import type { RejectionReason } from "../ingest.ts";
import { PacedReading, type UsedBytes } from "../paced-reading.ts";
import type { GatedReader } from "../read-gate.ts";
import { Unsent } from "../unsent.ts";
import { parseAddress } from "./address.ts";
import { Cbs } from "./cbs.ts";
import { cloudMessageGiver } from "./cloud-message-giver.ts";
import { accessChanged, errorOf, takenOver } from "./conditions.ts";
import { type AmqpContext, bounds, coarseErrorMs, partBytesMax } from "./context.ts";
import type { AmqpDevice } from "./device.ts";
import { EventsTaker } from "./events-taker.ts";
import type { Giver, Taker } from "./links.ts";
import { methodAnswers, methodCalls } from "./method-links.ts";
import type { ProvisioningClaim } from "../provisioning/provisioning.ts";
import { ProvisioningNode } from "./provisioning-node.ts";
import {
  type AmqpError,
  type Fields,
  codes,
  emptyFrame,
  errorValue,
  frame,
  frameHeadBytes,
  frameTypes,
  performative,
  protocolHeaders,
  readPerformative,
} from "./performatives.ts";
import { mechanismsFrame, outcomeFrame, readInit } from "./sasl.ts";
import { type AttachRequest, Session, type SessionHost } from "./session.ts";
import { Settlements } from "./settlements.ts";
import { SignIn, type SignInHost } from "./sign-in.ts";
import { TwinNode } from "./twin-node.ts";
import { Malformed, encode } from "./values.ts";

/**
 *   start    a protocol header is due
 *   sasl     what the client says about itself
 *   header   the header of AMQP is due
 *   opening  the open frame is due
 *   open     sessions
 */
type State = "start" | "sasl" | "header" | "opening" | "open" | "closed";

/** Modules have no messages of the cloud. Azure's SDK for Java asks for them all the same, and gives up where it is refused. */
const noMessages: Giver = { begin: () => {}, end: () => {} };

/** How long the peer may take to end its side, too. */
const lingerMs = 2_000;
/** What was written is with the peer by then. */
const cutMs = 250;
/** The smallest that a peer may agree to. §2.7.1 */
const frameBytesMin = 512;

export class AmqpConnection implements SessionHost, SignInHost {
  readonly context: AmqpContext;
  readonly address: string | undefined;
  readonly settlements: Settlements;
  peerFrameBytesMax = frameBytesMin;
  readonly #stream: DeviceStream;
  readonly #unsent: Unsent;
  readonly #reading: PacedReading;
  readonly #signIn: SignIn;
  /** Of a device that is being provisioned, and is none of the hub's yet. */
  #provisioning: ProvisioningNode | null = null;
  readonly #cbs: Cbs;
  readonly #left: (connection: AmqpConnection) => void;
  readonly #sessions = new Map<number, Session>();
  #state: State = "start";
  #links = 0;
  /** Of the peer: it wants to hear of us so often. 0: it does not. */
  #peerIdleMs = 0;
  #writtenMs: number;

  constructor(context: AmqpContext, stream: DeviceStream, left: (connection: AmqpConnection) => void) {
    const { limits, gate, turns } = context;
    this.context = context;
    this.#stream = stream;
    this.#left = left;
    const { remoteAddress, remotePort } = stream;
    this.address = remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`;
    this.#writtenMs = context.coarseMs();
    this.settlements = new Settlements(() => {
      if (this.#isInFlightWithin) this.#reading.resume("in-flight");
    });
    this.#unsent = new Unsent(stream, limits.connectionUnsentBytesMax, () => {
      if (!this.#isUnsentWithin) return;
      this.#reading.resume("unsent");
      for (const session of this.#sessions.values()) session.sendWaiting();
    });
    this.#signIn = new SignIn(this);
    this.#cbs = new Cbs({
      signIn: (owner, token, answered) =>
        this.#waitFor(this.#signIn.byToken(owner, token), (reason) => {
          if (reason !== null && this.#refusesFor(reason, owner === "hub" ? null : owner.deviceId)) return;
          answered(reason);
        }),
      malformed: (what) => this.#count("malformed-message", what),
    });
    stream.setNoDelay(true);
    stream.on("error", () => this.#end());
    stream.on("close", () => this.#end());
    this.#reading = new PacedReading({
      stream,
      gate,
      turns,
      coarseMs: () => context.coarseMs(),
      use: (bytes) => this.#use(bytes),
      isOpen: () => this.#isAnybodyIn,
      tooSlow: () => this.#fail("overloaded"),
    });
  }

  /** For the gate. */
  get reader(): GatedReader {
    return this.#reading;
  }

  /** Called about once a second with real time in ms (for tokens). */
  sweep(nowMs: number): void {
    if (this.#state === "closed") return;
    this.#signIn.forgetExpired(nowMs);
    for (const device of this.#signIn.devices) {
      device.twin?.heard(this.#reading.heardMs);
      if (device.expiresMs <= nowMs) this.#lose(device, "token-expired", errorOf("token-expired"));
    }
    if (this.#provisioning !== null && this.#provisioning.expiresMs <= nowMs) this.#fail("token-expired");
    if (this.#isOver) return;
    const quietMs = this.context.coarseMs() - this.#writtenMs;
    if (this.#peerIdleMs > 0 && quietMs + 2 * coarseErrorMs > this.#peerIdleMs / 2) this.#send(emptyFrame);
    const { silentMs } = this.#reading;
    const { connectTimeoutMs } = this.context.limits;
    if (!this.#isAnybodyIn && silentMs > connectTimeoutMs + coarseErrorMs) this.#fail("connect-timeout");
    else if (silentMs > 2 * this.context.idleTimeOutMs) this.#fail("keep-alive");
  }

  /**
   * The server stops: what was settled is still told. Without a Close: the Node SDK sends again only what is cut off. And without the
   * end of TLS: the SDK for Java hears that and nothing more, and finds out at its next sign of life, a minute later.
   */
  stop(): void {
    this.#over({ isCut: true });
  }

  certificate(): ShownCertificates | null {
    return clientCertificateOf(this.#stream);
  }

  ended(device: AmqpDevice, why: "taken-over" | "access"): void {
    if (why === "taken-over") this.context.counters.connectionsTakenOver++;
    this.#lose(device, null, why === "taken-over" ? takenOver : accessChanged);
  }

  write(channel: number, content: Buffer, payload?: Buffer): void {
    this.#send(frame(channel, content, payload));
  }

  get isReading(): boolean {
    return this.#isUnsentWithin;
  }

  get waitingBytesMax(): number {
    return this.context.limits.connectionUnsentBytesMax;
  }

  overloaded(): void {
    this.#fail("overloaded");
  }

  countParts(bytes: number): boolean {
    if (bytes > 0 && this.#reading.partBytes + bytes > partBytesMax(this.context.limits)) return false;
    this.#reading.countParts(bytes);
    return true;
  }

  countLinks(links: 1 | -1): boolean {
    this.#links += links;
    return this.#links <= bounds.linksMax + bounds.deviceLinksMax * this.#signIn.deviceCount;
  }

  rejected({ condition, description }: AmqpError): void {
    const isTooLarge = condition === "amqp:link:message-size-exceeded";
    this.#count(isTooLarge ? "message-too-large" : "malformed-message", description);
  }

  stopReading(device: AmqpDevice, refusal: Refusal, bytes: number): void {
    if (refusal === "draining" || refusal === "failed") return this.stop();
    if (refusal === "full") this.context.counters.rejections["journal-full"]++;
    this.#reading.untilRoom(device.path.writer, bytes);
  }

  /** The device sent more than it may: the rest is read when there is room in its bucket again. */
  throttle({ deviceId }: AmqpDevice, waitMs: number): void {
    const { accept, counters, log } = this.context;
    counters.rejections.throttled++;
    log.debug({ deviceId, waitMs }, "A device sends more than it may; reading waits.");
    if (accept.rates !== null) this.#reading.untilRate(accept.rates.clock, waitMs);
  }

  attach(session: Session, request: AttachRequest): void {
    const { isFromDevice, source, target } = request;
    const address = parseAddress(isFromDevice ? target : source);
    if (address.kind === "cbs") return session.attached(request, isFromDevice ? this.#cbs.taker : this.#cbs.giver);
    if (address.kind === "unknown") {
      this.#count("link-address", isFromDevice ? target : source);
      return session.refused(request, errorOf("link-address"));
    }
    if (address.kind === "provisioning") {
      const refused = this.#provision({ ...address, token: this.#provisioning?.claim.token ?? null });
      const node = this.#provisioning;
      if (refused === null && node !== null) return session.attached(request, isFromDevice ? node.taker : node.giver);
      if (refused !== null && this.#refusesFor(refused, address.registrationId)) return;
      return session.refused(request, errorOf(refused ?? "not-ready"));
    }
    const { deviceId, moduleId } = address;
    this.#waitFor(this.#signIn.deviceOf({ deviceId, moduleId }), (device) => {
      if (typeof device === "string") {
        if (this.#refusesFor(device, deviceId)) return;
        session.refused(request, errorOf(device));
        if (!this.#signIn.isAnybodyIn) this.#close(errorOf(device));
        return;
      }
      const modelId = request.properties?.get("com.microsoft:model-id");
      if (typeof modelId === "string" && modelId !== "") device.isOf(modelId);
      const behind = this.#behind(address.kind, device, isFromDevice);
      if (behind === null) {
        this.#count("link-address", address.kind);
        return session.refused(request, errorOf("link-address"));
      }
      session.attached(request, behind, device);
    });
  }

  #behind(kind: string, device: AmqpDevice, isFromDevice: boolean): Taker | Giver | null {
    const { twins, sessions, methods, cloudMessages, log } = this.context;
    const { owner } = device;
    switch (kind) {
      case "events":
        return isFromDevice ? new EventsTaker(this, device) : null;
      case "twin":
        device.twin ??= new TwinNode({
          twins,
          sessions,
          owner,
          coarseMs: () => this.context.coarseMs(),
          reject: (reason, deviceId) => this.context.reject(reason, deviceId, this.address),
          log,
        });
        return isFromDevice ? device.twin.taker : device.twin.giver;
      case "methods":
        return isFromDevice ? methodAnswers(methods, owner) : methodCalls(methods, owner);
      case "devicebound":
        if (isFromDevice) return null;
        return owner.moduleId === undefined ? cloudMessageGiver(cloudMessages, owner) : noMessages;
      default:
        return null;
    }
  }

  /** Whole frames, while nothing stands in the way. */
  #use(bytes: Buffer): UsedBytes {
    let at = 0;
    let wanted = 0;
    try {
      while (!this.#reading.isPaused && !this.#isOver && at < bytes.length) {
        const next = this.#step(bytes, at);
        if (next <= at) {
          wanted = -next;
          break;
        }
        at = next;
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#fail("malformed-packet", error.message);
    }
    this.settlements.register();
    if (!this.#isInFlightWithin) this.#reading.pause("in-flight");
    return { used: at, wanted: Math.max(0, wanted) };
  }

  /** What begins at `at`. @returns where the next begins; or how many bytes are wanted, negative; `-0`, it is to come again. */
  #step(bytes: Buffer, at: number): number {
    const left = bytes.length - at;
    if (left < frameHeadBytes) return -frameHeadBytes;
    if (this.#state === "start" || this.#state === "header") {
      this.#protocolHeader(bytes.subarray(at, at + frameHeadBytes));
      return at + frameHeadBytes;
    }
    const size = bytes.readUInt32BE(at);
    const contentAt = at + 4 * (bytes[at + 4] as number);
    if (size > bounds.frameBytesMax) {
      this.#fail("packet-too-large");
      return at + left;
    }
    if (size < frameHeadBytes || contentAt < at + frameHeadBytes || contentAt > at + size)
      throw new Malformed("a frame's head");
    if (left < size) return -size;
    const isTaken = this.#frame(bytes[at + 5] as number, bytes.readUInt16BE(at + 6), bytes, contentAt, at + size);
    return isTaken ? at + size : -0;
  }

  #protocolHeader(header: Buffer): void {
    if (this.#state === "start" && header.equals(protocolHeaders.sasl)) {
      this.#state = "sasl";
      this.#send(protocolHeaders.sasl);
      this.#send(mechanismsFrame(this.certificate() !== null));
    } else if (header.equals(protocolHeaders.amqp)) {
      this.#state = "opening";
      this.#send(protocolHeaders.amqp);
    } else {
      // §2.2: what is spoken here, and the end.
      this.#send(this.#state === "start" ? protocolHeaders.sasl : protocolHeaders.amqp);
      this.#count("protocol-version", null);
      this.#over();
    }
  }

  /** @returns false when it is to come again. */
  #frame(type: number, channel: number, bytes: Buffer, at: number, end: number): boolean {
    if (type !== (this.#state === "sasl" ? frameTypes.sasl : frameTypes.amqp)) throw new Malformed("a frame's type");
    if (at === end) return true; // a sign of life
    const { fields, payloadAt } = readPerformative(bytes, at, end);
    if (this.#state === "sasl") this.#saslInit(fields);
    else if (this.#state === "opening") this.#open(fields);
    else return this.#inOpen(channel, fields, bytes.subarray(payloadAt, end));
    return true;
  }

  #saslInit(fields: Fields): void {
    if (fields.code !== codes.saslInit) return this.#fail("unexpected-packet");
    const init = readInit(fields, this.certificate() !== null);
    const answer = (reason: RejectionReason | null): void => {
      this.#send(outcomeFrame(reason === null));
      if (reason === null) this.#state = "header";
      else {
        this.context.reject(reason, null, this.address);
        this.#over();
      }
    };
    if (init.kind === "open") answer(null);
    else if (init.kind === "refused") answer("user-name");
    else if (init.kind === "provisioning") answer(this.#provision(init));
    else this.#waitFor(this.#signIn.byToken(init.owner, init.token), answer);
  }

  /** A device may be provisioned here: by a token that SASL brought, or the certificate of its TLS. @returns null, or why not. */
  #provision(asked: Omit<ProvisioningClaim, "certificate">): RejectionReason | null {
    const { idScope, registrationId, token } = asked;
    const { provisioning, provisioned, limits } = this.context;
    if (this.#provisioning !== null) {
      const { claim } = this.#provisioning;
      return claim.idScope === idScope && claim.registrationId === registrationId ? null : "token-resource";
    }
    if (provisioned.count >= limits.connectionsMax) return "too-many-connections";
    const claim = { idScope, registrationId, token, certificate: this.certificate() };
    const outcome = provisioning.authenticate(claim, Date.now());
    if (outcome.kind === "rejected") return outcome.reason;
    this.#provisioning = new ProvisioningNode(provisioning, claim, outcome.expiresMs);
    provisioned.count++;
    return null;
  }

  #open(fields: Fields): void {
    if (fields.code !== codes.open) return this.#fail("unexpected-packet");
    const { accept } = this.context;
    this.peerFrameBytesMax = Math.min(
      bounds.frameBytesMax,
      Math.max(frameBytesMin, fields.uint(2) ?? bounds.frameBytesMax),
    );
    this.#peerIdleMs = fields.uint(4) ?? 0;
    this.#state = "open";
    const open = performative(codes.open, [
      encode.string("coldpath"),
      null,
      encode.uint(bounds.frameBytesMax),
      encode.ushort(bounds.sessionsMax - 1),
      encode.uint(this.context.idleTimeOutMs),
    ]);
    this.write(0, open);
    // Before it has anything to lose; SDKs try again after this one.
    if (accept.refusal !== null && accept.refusal !== "wait") {
      this.context.reject("not-ready", null, this.address);
      this.#close(errorOf("not-ready"));
    }
  }

  #inOpen(channel: number, fields: Fields, payload: Buffer): boolean {
    const session = this.#sessions.get(channel);
    if (fields.code === codes.close) {
      this.#close(null);
    } else if (fields.code === codes.begin) {
      if (session !== undefined || channel >= bounds.sessionsMax) throw new Malformed("the channel is not free");
      this.#begin(channel, fields);
    } else if (session === undefined) {
      throw new Malformed("there is no session on the channel");
    } else if (fields.code === codes.end) {
      this.#endSession(session);
      this.write(channel, performative(codes.end, []));
    } else return session.take(fields, payload);
    return true;
  }

  #begin(channel: number, fields: Fields): void {
    const { moreSessions } = this.context;
    if (this.#sessions.size >= bounds.sessionsUsual) {
      if (moreSessions.count >= bounds.moreSessionsMax) return this.#fail("too-many-links");
      moreSessions.count++;
    }
    this.#sessions.set(channel, new Session(this, channel, fields));
  }

  /** The peer ends it. Whose only one it was has gone, too: a gateway lets go of its devices so. */
  #endSession(session: Session): void {
    if (this.#sessions.size > bounds.sessionsUsual) this.context.moreSessions.count--;
    this.#sessions.delete(session.channel);
    session.end();
    for (const device of this.#signIn.devices) {
      if (!session.owners.has(device)) continue;
      if ([...this.#sessions.values()].some(({ owners }) => owners.has(device))) continue;
      device.twin?.heard(this.#reading.heardMs);
      this.#signIn.leave(device);
    }
  }

  /** Nothing is read until it is known. */
  #waitFor<T>(asked: Promise<T>, known: (outcome: T) => void): void {
    this.#reading.pause("authenticating");
    asked.then(
      (outcome) => {
        if (this.#isOver) return;
        known(outcome);
        this.#reading.resume("authenticating");
      },
      (error: unknown) => {
        this.context.log.error({ error: messageOf(error) }, "A device could not be signed in.");
        this.#fail("not-ready");
      },
    );
  }

  /** A device is not served here any more; without any, the connection is over. */
  #lose(device: AmqpDevice, reason: RejectionReason | null, error: AmqpError): void {
    if (reason !== null) this.context.reject(reason, device.deviceId, this.address);
    this.#signIn.drop(device);
    for (const session of this.#sessions.values()) session.detachAll(device, error);
    if (this.#signIn.deviceCount === 0) this.#close(error);
  }

  /** A device is refused. @returns whether the connection is over: what a later try may get must not look like a wrong token. */
  #refusesFor(reason: RejectionReason, deviceId: string | null): boolean {
    this.context.reject(reason, deviceId, this.address);
    const isOver = reason === "not-ready" || reason === "too-many-connections" || reason === "reconnecting";
    if (isOver) this.#close(errorOf(reason));
    return isOver;
  }

  #fail(reason: RejectionReason, description?: string): void {
    if (this.#isOver) return;
    this.context.reject(reason, this.#signIn.devices[0]?.deviceId ?? null, this.address);
    this.#close(errorOf(reason, description));
  }

  #count(reason: RejectionReason, what: string | null): void {
    this.context.counters.rejections[reason]++;
    this.context.log.debug({ reason, what, address: this.address }, "An AMQP device was refused.");
  }

  get #isAnybodyIn(): boolean {
    return this.#signIn.isAnybodyIn || this.#provisioning !== null;
  }

  get #isOver(): boolean {
    return this.#state === "closed";
  }

  get #isUnsentWithin(): boolean {
    return this.#unsent.bytes <= this.context.limits.connectionUnsentBytesMax;
  }

  get #isInFlightWithin(): boolean {
    return this.settlements.bytesInFlight <= this.context.limits.connectionBytesInFlightMax;
  }

  #send(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#writtenMs = this.context.coarseMs();
    this.#unsent.write(bytes);
    // A device that does not read what it is told gets no more of it until it does.
    if (!this.#isUnsentWithin) this.#reading.pause("unsent");
  }

  /** Says why, if there is anybody to hear it, and ends. */
  #close(error: AmqpError | null): void {
    if (this.#isOver) return;
    if (this.#state === "open") {
      this.write(0, performative(codes.close, error === null ? [] : [errorValue(error)]));
    }
    this.#over();
  }

  /** What was written is still sent. */
  #over({ isCut = false } = {}): void {
    if (this.#isOver) return;
    this.#unsent.flush();
    // What the peer sends meanwhile is read over: a socket that is closed on it would be reset, and what we said lost.
    const stream = this.#stream;
    if (!isCut) stream.end();
    stream.removeAllListeners("data").on("data", () => {});
    stream.resume();
    const timer = setTimeout(() => stream.destroy(), isCut ? cutMs : lingerMs);
    stream.once("end", () => stream.destroySoon()).once("close", () => clearTimeout(timer));
    this.#end({ isLingering: true });
  }

  #end({ isLingering = false } = {}): void {
    if (this.#isOver) return;
    this.#state = "closed";
    this.#reading.end();
    this.settlements.end();
    for (const session of this.#sessions.values()) session.end();
    this.context.moreSessions.count -= Math.max(0, this.#sessions.size - bounds.sessionsUsual);
    this.#sessions.clear();
    for (const device of this.#signIn.devices) device.twin?.heard(this.#reading.heardMs);
    this.#signIn.end();
    if (this.#provisioning !== null) this.context.provisioned.count--;
    this.#unsent.drop();
    this.#left(this);
    if (!isLingering && !this.#stream.writableEnded) this.#stream.destroy();
  }
}
