// One MQTT connection, to its end. How it comes to be let in: sign-in.ts.
//
// PUBLISH is read in place from the socket's buffer (publish.ts), with no object per message; everything else goes
// through mqtt-packet. What cannot be accepted now stays unread: reading stops and goes on when the journal has room.
//
//   J1  The PUBACKs of a chunk are written when the journal calls `durable`.
//   D1  The topic must be the device's own; the connection ends when access ends.
//
// Facts about IoT Hub's protocol: docs/formats.md "MQTT"; MQTT 3.1.1 section numbers beside the rules.

import type { Refusal } from "../../journal/journal.ts";
import type { ShownCertificates } from "../../lib/certificate.ts";
import { clientCertificateOf } from "../client-certificate.ts";
import { connectionId } from "../connection-table.ts";
import type { Bucket } from "../device-rates.ts";
import type { DeviceStream } from "../device-stream.ts";
import type { RejectionReason } from "../ingest.ts";
import type { TurnTaker } from "../turns.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import type { ConnectRequest } from "./connect.ts";
import { type MqttServerContext, coarseErrorMs } from "./context.ts";
import type { GrantedQos, KeptMqttSession } from "../../registry/registry.ts";
import { messageOf } from "../../lib/errors.ts";
import { HubTopics } from "./hub-topics.ts";
import type { ProvisioningClaim } from "../provisioning/provisioning.ts";
import { ProvisioningSession } from "./provisioning-session.ts";
import {
  type ISubscribePacket,
  type IUnsubscribePacket,
  connack,
  connackPacket,
  parsePacket,
  pingrespPacket,
  subackPacket,
  unsubackPacket,
} from "./packets.ts";
import { Publish, readPublish } from "./publish.ts";
import { type Session, openSession } from "./session.ts";
import { type Identity, SignIn, type SigningIn } from "./sign-in.ts";
import { desiredFilter, maySubscribe } from "./topics.ts";
import type { ReadPackets, SentPublish } from "./unacknowledged.ts";
import type { GatedReader } from "../read-gate.ts";
import { Unsent } from "../unsent.ts";
import { Unread } from "../unread.ts";
import { sendWill } from "./will.ts";

/** A CONNECT may carry a will: topic, payload, client id, user name, password. */
const connectBytesMax = 128 * 1024;
/** Topic, packet id and fixed header around a message's body. */
const publishOverheadBytes = 65_535 + 2 + 2 + 5;
/** As IoT Hub. */
const subscriptionsMax = 5;
/** A chunk above this waits for its turn: a device that sends a message now and then never does. */
const heavyBytes = 4096;
/** First byte of a CONNECT: its type, and flags that must be 0. */
const connectFirst = 0x10;
/** Of a PINGREQ. With flags it is malformed. §2.2.2-2 */
const pingreqFirst = 0xc0;
const noBytes = Buffer.alloc(0);
/** Why reading is stopped. */
type Pause = "authenticating" | "session" | "journal" | "unsent" | "in-flight" | "take-over" | "turn" | "rate";
/** Those in which the device may have sent its pings in time. */
const pausesOfOurs: ReadonlySet<Pause> = new Set(["session", "take-over", "journal", "in-flight", "turn", "rate"]);
const dupFlag = 8;
/** Chunks not durable yet that are searched for a message that comes again over the same connection. */
const pendingLookedAt = 32;
/** Acknowledgements of the chunk being read, for all connections: a chunk is read in one turn. */
const ackScratch = Buffer.alloc(4 * 16_384);
/** The PUBLISH being read, for all connections: a packet is read in one turn. */
const publish = new Publish();

export class MqttConnection implements SigningIn, TurnTaker, GatedReader {
  policy: string | null = null;
  caCertificateId: string | null = null;
  readonly #context: MqttServerContext;
  readonly #socket: DeviceStream;
  readonly #unread: Unread;
  readonly #unsent: Unsent;
  readonly #signIn: SignIn;
  /** What was read waits for its turn. */
  #isTurnDue = false;
  #state: "connect" | "authenticating" | "open" | "closed" = "connect";
  #session: Session | null = null;
  /** In place of a session: of one that is no device yet. */
  #provisioning: ProvisioningSession | null = null;
  #hub: HubTopics | null = null;
  /** Why reading is stopped; null while it is not. */
  #paused: Pause | null = null;
  /** All connections together have read enough. */
  #isHeld = false;
  #leaveRoom: () => void = () => {};
  #cancelRate: () => void = () => {};
  /** Bytes of packets that were accepted and are not durable yet. */
  #bytesInFlight = 0;
  /** What was accepted and is not durable yet, in order; only while it may be folded when it comes again. */
  readonly #pending: Acknowledgements[] = [];
  #sinceMs: number;
  /** When something was last read, in coarse time. */
  #heardMs = 0;
  #silenceMsMax: number;

  constructor(context: MqttServerContext, socket: DeviceStream) {
    this.#context = context;
    this.#socket = socket;
    this.#unread = new Unread(context.gate);
    this.#unsent = new Unsent(socket, context.limits.connectionUnsentBytesMax, () => {
      if (this.#isUnsentWithin) this.#resume("unsent");
    });
    this.#signIn = new SignIn(context, this);
    this.#sinceMs = context.coarseMs();
    this.#silenceMsMax = context.limits.connectTimeoutMs;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => this.#close(true));
    socket.on("close", () => this.#close(true));
  }

  get certificate(): ShownCertificates | null {
    return clientCertificateOf(this.#socket);
  }

  get address(): string | undefined {
    const { remoteAddress, remotePort } = this.#socket;
    return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`;
  }

  /** Called about once a second with real time in ms (for tokens) and the server's coarse monotonic time. */
  sweep(nowMs: number, coarseMs: number): void {
    if (this.#state === "closed") return;
    if (this.#session !== null && this.#session.expiresMs <= nowMs) {
      return this.#violation(this.#session.sender.authScope === "x509" ? "certificate-expired" : "token-expired");
    }
    this.#hub?.heard(this.#heardMs);
    if (this.#provisioning !== null && this.#provisioning.expiresMs <= nowMs) return this.#violation("token-expired");
    // While reading is stopped for our reasons we cannot see the device's pings, so they are not missed.
    if (this.#paused !== null && pausesOfOurs.has(this.#paused)) return;
    if (this.#isHeld && this.#state === "open" && this.#paused !== "unsent") return;
    // `#sinceMs` may be a sweep too old.
    if (coarseMs - this.#sinceMs > this.#silenceMsMax + coarseErrorMs) {
      this.#violation(this.#state === "open" ? "keep-alive" : "connect-timeout");
    }
  }

  end(why: "taken-over" | "access"): void {
    if (why === "taken-over") this.#context.counters.connectionsTakenOver++;
    // A device that lost its access sends no more, its will included.
    this.#close(why === "taken-over");
  }

  /** The server stops: acknowledgements on their way are still sent, no will; the device will connect again. */
  stop(): void {
    this.#unsent.flush();
    this.#socket.destroySoon();
    this.#close(false);
  }

  get isPart(): boolean {
    return this.#unread.isPart && this.#paused === null;
  }

  hold(): void {
    // A device that comes may say who it is; a small CONNECT is no matter.
    if (this.#state === "connect" && this.#unread.bytes <= heavyBytes) return;
    this.#isHeld = true;
    this.#socket.pause();
  }

  letGo(): void {
    if (!this.#isHeld || this.#state === "closed") return;
    this.#isHeld = false;
    if (this.#state === "open") this.#sinceMs = this.#context.coarseMs();
    if (this.#paused === null) this.#socket.resume();
  }

  tooSlow(): void {
    this.#violation("overloaded");
  }

  #read(chunk: Buffer): void {
    if (this.#context.gate.isClosedTo(this)) this.hold();
    // Before that it counts from the first byte on, or a CONNECT could drip in for ever.
    if (this.#state === "open") this.#sinceMs = this.#heardMs = this.#context.coarseMs();
    const unread = this.#unread;
    if (this.#isTurnDue || this.#paused !== null) {
      unread.add(chunk);
      if (this.#isTurnDue) this.#pause("turn"); // more than a chunk does not wait
      return;
    }
    if (unread.bytes === 0) return this.#take(chunk);
    unread.add(chunk);
    if (!unread.isPart) this.#take(unread.take());
  }

  /** Uses what was read, now or in its turn. */
  #take(bytes: Buffer): void {
    if (bytes.length <= heavyBytes || this.#context.turns.take(this)) return this.#process(bytes);
    this.#isTurnDue = true;
    this.#unread.keep(bytes, 0, 0);
  }

  /** Fair share: what waited is used now. */
  turn(): void {
    this.#isTurnDue = false;
    if (this.#paused === "turn") this.#paused = null;
    if (this.#state === "closed" || this.#paused !== null) return;
    this.#process(this.#unread.take());
    if (this.#paused === null && !this.#isHeld) this.#socket.resume();
  }

  /** Reads whole packets; what is left waits. */
  #process(chunk: Buffer): void {
    const end = chunk.length;
    let at = 0;
    let ackBytes = 0;
    /** Where the packets begin that the next acknowledgement answers for. */
    let answeredAt = 0;
    let bytesWanted = 0;
    const session = this.#session;
    const bucket = session === null ? null : this.#bucketOf(session);
    while (at < end && this.#paused === null && this.#state !== "closed") {
      // Fixed header, §2.2: type and flags, then the remaining length in up to four bytes.
      const first = chunk[at] as number;
      // Another protocol is not waited for. §3.1.0-1
      if (this.#state === "connect" && first !== connectFirst) return this.#violation("unexpected-packet");
      let bodyAt = at + 1;
      let length = 0;
      let shift = 0;
      let byte = 128;
      while (byte >= 128 && bodyAt < end && shift < 28) {
        byte = chunk[bodyAt++] as number;
        length |= (byte & 127) << shift;
        shift += 7;
      }
      if (byte >= 128) {
        if (shift < 28) break; // the header goes on in the next chunk
        return this.#violation("malformed-packet");
      }
      const packetEnd = bodyAt + length;
      if (length > this.#packetBytesMax()) return this.#violation("packet-too-large");
      if (packetEnd > end) {
        bytesWanted = packetEnd - at;
        break;
      }

      if ((first & 0xf0) === 0x30 && session !== null) {
        if (bucket?.hasRoom === false) {
          this.#throttle(session, bucket);
          break;
        }
        const outcome = this.#publish(session, chunk, first, bodyAt, packetEnd);
        if (outcome === stopped) break;
        bucket?.spend(1, packetEnd - at);
        if (outcome > 0) {
          ackScratch[ackBytes] = 0x40;
          ackScratch[ackBytes + 1] = 2;
          ackScratch[ackBytes + 2] = outcome >> 8;
          ackScratch[ackBytes + 3] = outcome & 255;
          ackBytes += 4;
          if (ackBytes === ackScratch.length) {
            this.#acknowledge(session, ackBytes, chunk, answeredAt, at);
            ackBytes = 0;
            answeredAt = at;
          }
        }
      } else {
        this.#other(chunk.subarray(at, packetEnd), first);
      }
      at = packetEnd;
    }
    if (session !== null) this.#acknowledge(session, ackBytes, chunk, answeredAt, at);
    if (this.#state === "closed") return;
    const { gate } = this.#context;
    gate.finished(this); // what was let through alone is used; from here on the others are first
    this.#unread.keep(chunk, at, bytesWanted);
    if (gate.isClosedTo(this)) this.hold();
  }

  #packetBytesMax(): number {
    return this.#session === null ? connectBytesMax : this.#context.limits.messageBytesMax + publishOverheadBytes;
  }

  /**
   * One PUBLISH, `chunk[bodyAt, packetEnd)` without its fixed header.
   *
   * @returns the packet id to acknowledge, 0 for none, or `stopped` when reading stops before this packet.
   */
  #publish(session: Session, chunk: Buffer, first: number, bodyAt: number, packetEnd: number): number {
    const { messageBytesMax } = this.#context.limits;
    const reason = readPublish(session, chunk, first, bodyAt, packetEnd, messageBytesMax, publish);
    if (reason !== null) return this.#refuse(reason);
    const { packetId, head } = publish;
    if (head === null) {
      return this.#hubTopic(publish.otherTopic ?? "", packetId, chunk.subarray(publish.payloadAt, packetEnd));
    }
    if (((first & dupFlag) !== 0 || session.left !== null) && packetId !== 0) {
      const by = this.#foldedBy(session, chunk, { packetId, flags: first, bodyAt, packetEnd });
      // What is still to be acknowledged on this connection is acknowledged once.
      if (by !== null) return by === "connection" ? 0 : packetId;
    }
    const refusal = session.path.accept(head, chunk, publish.payloadAt, packetEnd);
    return refusal === null ? packetId : this.#stopReading(session, refusal, chunk.length - bodyAt);
  }

  /**
   * Whether a PUBLISH came before and is in the journal for certain, unacknowledged (unacknowledged.ts): over the
   * connection before this one, over this one, or null for neither.
   */
  #foldedBy(session: Session, chunk: Buffer, one: SentPublish): "session" | "connection" | null {
    const { unacknowledged, counters, log } = this.#context;
    const { left } = session;
    if (unacknowledged === null) return null;
    let by: "session" | "connection" | null = null;
    if (left !== null && unacknowledged.take(left, chunk, one, this.#context.coarseMs())) by = "session";
    if (left?.digests.size === 0) session.left = null;
    if (by === null && (one.flags & dupFlag) !== 0) {
      if (this.#pending.slice(-pendingLookedAt).some((pending) => pending.holds(chunk, one))) by = "connection";
    }
    if (by === null) return null;
    counters.folded.dup++;
    const { deviceId } = session.sender;
    log.debug({ deviceId, by }, "A message was sent again, marked DUP; it was folded into its first record.");
    return by;
  }

  /**
   * The PUBACKs of the packets `chunk[first, next)` that were just accepted, from the scratch buffer. QoS 0 has none, and
   * is bounded too.
   */
  #acknowledge(session: Session, ackBytes: number, chunk: Buffer, first: number, next: number): void {
    const packetBytes = next - first;
    if (packetBytes === 0) return;
    const bytes = ackBytes === 0 ? noBytes : Buffer.from(ackScratch.subarray(0, ackBytes));
    this.#bytesInFlight += packetBytes;
    if (this.#bytesInFlight > this.#context.limits.connectionBytesInFlightMax) this.#pause("in-flight");
    const isKept = ackBytes > 0 && !session.isClean && this.#context.unacknowledged !== null;
    const acknowledgements = new Acknowledgements(this, bytes, isKept ? chunk : null, first, next);
    if (isKept && this.#state !== "closed") this.#pending.push(acknowledgements);
    // The chunk held the end of the connection, too.
    else if (isKept) this.#leave(session, [{ chunk, first, next }]);
    session.path.writer.onDurable(acknowledgements);
  }

  /** J1: packets are durable: their acknowledgements go out. */
  durable({ bytes, chunk, first, next }: Acknowledgements): void {
    this.#bytesInFlight -= next - first;
    if (chunk !== null) this.#pending.shift(); // the journal tells in order
    if (bytes.length > 0) this.write(bytes);
    if (this.#bytesInFlight <= this.#context.limits.connectionBytesInFlightMax) this.#resume("in-flight");
  }

  write(bytes: Buffer): void {
    if (this.#state === "closed") return;
    this.#unsent.write(bytes);
    // A device that does not read its acknowledgements gets no more of them until it does.
    if (!this.#isUnsentWithin) this.#pause("unsent");
  }

  get #isUnsentWithin(): boolean {
    return this.#unsent.bytes <= this.#context.limits.connectionUnsentBytesMax;
  }

  /** M1: what the device did not ask for; one that leaves too much unread gets it at its next connection. */
  #push(packet: Buffer): void {
    if (!this.#isUnsentWithin) return this.#violation("overloaded");
    this.write(packet);
  }

  #stopReading(session: Session, refusal: Refusal, bytesLeft: number): number {
    if (refusal === "draining" || refusal === "failed") {
      this.stop();
      return stopped;
    }
    if (refusal === "full") this.#context.counters.rejections["journal-full"]++;
    this.#pause("journal");
    this.#leaveRoom = session.path.writer.onRoom(() => this.#resume("journal"), bytesLeft);
    return stopped;
  }

  #bucketOf(session: Session): Bucket | null {
    return this.#context.accept.rates?.bucketOf(session.sender.deviceId) ?? null;
  }

  /** The device sent more than it may: the rest is read when there is room in its bucket again. */
  #throttle(session: Session, { waitMs }: Bucket): void {
    const { accept, counters, log } = this.#context;
    counters.rejections.throttled++;
    log.debug({ deviceId: session.sender.deviceId, waitMs }, "A device sends more than it may; reading waits.");
    this.#pause("rate");
    if (accept.rates !== null) this.#cancelRate = accept.rates.clock.timer(waitMs, () => this.#resume("rate"));
  }

  #pause(why: Pause): void {
    if (this.#paused !== null || this.#state === "closed") return;
    this.#paused = why;
    this.#socket.pause();
  }

  #resume(why: Exclude<Pause, "turn">): void {
    if (this.#paused !== why || this.#state === "closed") return;
    this.#paused = null;
    this.#sinceMs = this.#context.coarseMs();
    if (this.#isTurnDue) return; // reading goes on behind it
    if (this.#unread.bytes > 0 && !this.#unread.isPart) {
      const bytes = this.#unread.take();
      // Room must be used when it is offered.
      if (why === "journal") this.#process(bytes);
      else this.#take(bytes);
    }
    if (this.#paused === null && !this.#isTurnDue && !this.#isHeld) this.#socket.resume();
  }

  /** Every packet but an authenticated PUBLISH. */
  #other(bytes: Buffer, first: number): void {
    if (first === pingreqFirst && bytes.length === 2 && this.#state === "open") {
      this.write(pingrespPacket);
      return;
    }
    const packet = parsePacket(bytes);
    if (packet === null) return this.#violation("malformed-packet");
    if (this.#state === "connect") {
      if (packet.cmd !== "connect") return this.#violation("malformed-packet");
      return this.#signIn.start(packet);
    }
    if (this.#provisioning !== null) return this.#provisioning.take(packet);
    const session = this.#session;
    if (session === null) return this.#violation("unexpected-packet");
    switch (packet.cmd) {
      case "subscribe":
        return this.#subscribe(session, packet);
      case "unsubscribe":
        return this.#unsubscribe(session, packet);
      case "puback":
        return this.#hub?.acknowledged(packet.messageId ?? 0);
      case "disconnect":
        session.will = null; // §3.14.4-3
        return this.#close(false);
      default:
        return this.#violation("unexpected-packet");
    }
  }

  waitsFor(what: "authenticating" | "take-over"): void {
    this.#state = "authenticating";
    this.#pause("authenticating");
    this.#paused = what;
  }

  /** The session begins. */
  letIn(request: ConnectRequest, identity: Identity, kept: KeptMqttSession | null): void {
    const { accept, counters, table, unacknowledged } = this.#context;
    this.policy = identity.policy;
    this.caCertificateId = identity.caCertificateId;
    const session = openSession(request, identity, accept.pathOf(request.deviceId), kept);
    this.#session = session;
    this.#context.sessions.begin(session);
    const { owner, subscriptions } = session;
    this.#hub = new HubTopics({
      ...this.#context,
      owner,
      subscriptions,
      session,
      write: (packet) => this.write(packet),
      push: (packet) => this.#push(packet),
      isReading: () => this.#isUnsentWithin,
    });
    this.#state = "open";
    this.#silenceMsMax = request.silenceMsMax;
    counters.connectionsOpened++;
    table.open(connectionId(request.deviceId, request.moduleId), this);
    // Only now: the device's former connection has ended, and left what it had.
    if (session.isClean) unacknowledged?.drop(session.name);
    else session.left = unacknowledged?.of(session.name) ?? null;
    this.write(connackPacket(connack.accepted, kept !== null));
    if (kept !== null) this.#hub.subscriptionsChanged();
    this.#resume("authenticating");
    if (this.#context.gate.isClosedTo(this)) this.hold();
  }

  provision(claim: ProvisioningClaim, expiresMs: number, silenceMsMax: number): void {
    this.#provisioning = new ProvisioningSession({
      provisioning: this.#context.provisioning,
      claim,
      expiresMs,
      write: (packet) => this.write(packet),
      leave: () => this.#close(false),
      refused: (reason) => this.#context.reject(reason, claim.registrationId, this.#socket.remoteAddress),
      violation: (reason) => this.#violation(reason),
    });
    this.#context.provisioned.count++;
    this.#state = "open";
    this.#silenceMsMax = silenceMsMax;
    this.write(connackPacket(connack.accepted));
  }

  refuse(reason: RejectionReason, returnCode: number): void {
    this.#end(reason, connackPacket(returnCode));
  }

  /** Says no, and goes. */
  #end(reason: RejectionReason, answer: Buffer): void {
    this.#context.reject(reason, this.#signIn.claimedId, this.#socket.remoteAddress);
    this.write(answer);
    this.#unsent.flush();
    this.#socket.destroySoon();
    this.#close(true);
  }

  #subscribe(session: Session, packet: ISubscribePacket): void {
    const { deviceId, moduleId } = session.sender;
    const next = new Map(session.subscriptions);
    const granted = packet.subscriptions.map(({ topic, qos }) => {
      if (!maySubscribe(topic, deviceId, moduleId)) return 0x80;
      const grantedQos = qos === 0 ? 0 : 1;
      next.set(topic, grantedQos);
      return grantedQos;
    });
    if (granted.length === 0) return this.#violation("malformed-packet"); // §3.8.3-3
    const suback = subackPacket(packet.messageId ?? 0, granted);
    if (granted.includes(0x80)) return this.#end("topic", suback);
    if (next.size > subscriptionsMax) return this.#violation("too-many-subscriptions");
    this.#keep(session, next, suback);
  }

  #unsubscribe(session: Session, packet: IUnsubscribePacket): void {
    const next = new Map(session.subscriptions);
    for (const topic of packet.unsubscriptions) next.delete(topic);
    this.#keep(session, next, unsubackPacket(packet.messageId ?? 0));
  }

  /** D2: the answer is sent when the session is kept. Nothing is read meanwhile: what comes behind relies on it. */
  #keep(session: Session, next: ReadonlyMap<string, GrantedQos>, answer: Buffer): void {
    const kept = this.#context.sessions.keep(
      session,
      { subscriptions: next, followsDesired: next.has(desiredFilter) },
      Date.now(),
    );
    if (kept === null) return this.#answerSubscriptions(session, next, answer);
    this.#pause("session");
    kept.then(
      () => {
        if (this.#state === "closed") return;
        this.#answerSubscriptions(session, next, answer);
        this.#resume("session");
      },
      (error: unknown) => {
        if (this.#state === "closed") return;
        const { deviceId } = session.sender;
        this.#context.log.error({ error: messageOf(error), deviceId }, "A device's subscriptions could not be kept.");
        this.#violation("not-ready");
      },
    );
  }

  #answerSubscriptions({ subscriptions }: Session, next: ReadonlyMap<string, GrantedQos>, answer: Buffer): void {
    subscriptions.clear();
    for (const [filter, qos] of next) subscriptions.set(filter, qos);
    this.write(answer);
    this.#hub?.subscriptionsChanged(); // behind the answer, or the device would not know what comes
  }

  /** A PUBLISH that is not a message: a twin request, the answer to a direct method, or nothing a device may say. */
  #hubTopic(topic: string, packetId: number, payload: Buffer): number {
    if (this.#hub?.take(topic, payload) !== true) return this.#refuse("topic");
    return packetId; // acknowledged in turn, behind the messages before it (§4.6)
  }

  /** MQTT 3.1.1 has no error packet: the connection ends (§4.8). */
  #violation(reason: RejectionReason): void {
    const id = this.#provisioning?.registrationId ?? this.#signIn.claimedId;
    this.#context.reject(reason, id, this.#socket.remoteAddress);
    this.#close(true);
  }

  #refuse(reason: RejectionReason): number {
    this.#violation(reason);
    return stopped;
  }

  #leave(session: Session, packets: Iterable<ReadPackets>): void {
    this.#context.unacknowledged?.leave(session.name, packets, this.#context.coarseMs());
  }

  #close(withWill: boolean): void {
    if (this.#state === "closed") return;
    const will = withWill ? (this.#session?.will ?? null) : null;
    const session = this.#session;
    this.#state = "closed";
    this.#session = null;
    if (session !== null) this.#context.sessions.end(session);
    this.#hub?.heard(this.#heardMs);
    this.#hub?.close();
    if (this.#provisioning !== null) this.#context.provisioned.count--;
    this.#provisioning?.close();
    this.#signIn.end();
    this.#unread.drop();
    this.#unsent.drop();
    this.#context.gate.finished(this);
    this.#context.turns.leave(this);
    this.#leaveRoom();
    this.#cancelRate();
    this.#context.left(this);
    // What was accepted before stays accepted; its acknowledgements cannot be sent any more.
    if (!this.#socket.writableEnded) this.#socket.destroy();
    if (session !== null && !session.isClean) {
      this.#context.unacknowledged?.drop(session.name); // what the connection before left and did not come again
      this.#leave(
        session,
        this.#pending.flatMap(({ packets }) => packets),
      );
      this.#pending.length = 0;
    }
    if (session !== null && will !== null) {
      sendWill(session.path, will, () => this.#context.reject("will-lost", session.sender.deviceId, undefined));
    }
  }
}

/** `#publish` did not take the packet: reading stopped, or the connection ended. */
const stopped = -1;
