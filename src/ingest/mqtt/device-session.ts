// What a connection does for a device that was let in: its messages, its subscriptions, and what the hub and it say to each
// other besides. MqttConnection reads the packets; for those that are no device yet there is provisioning-session.ts.
//
// A message costs no object here: publish.ts reads it in place, and the one path takes it from there (accept.ts).
//
//   J1  What was accepted is acknowledged by in-flight.ts. What cannot be accepted now is read later.
//   D1  The topic must be the device's own.

import type { Refusal } from "../../journal/journal.ts";
import type { Bucket } from "../device-rates.ts";
import type { RejectionReason } from "../ingest.ts";
import type { PacedReading } from "../paced-reading.ts";
import type { MqttServerContext } from "./context.ts";
import { HubTopics } from "./hub-topics.ts";
import { InFlight } from "./in-flight.ts";
import type { Packet } from "./packets.ts";
import { Publish, readPublish } from "./publish.ts";
import type { Session } from "./session.ts";
import { Subscriptions } from "./subscriptions.ts";
import { sendWill } from "./will.ts";

/** The PUBLISH being read, for all connections: a packet is read in one turn. */
const publish = new Publish();

export interface DeviceSessionOptions {
  readonly context: MqttServerContext;
  readonly session: Session;
  readonly reading: PacedReading;
  readonly write: (packet: Buffer) => void;
  /** As `write`; ends the connection when the device leaves too much unread. */
  readonly push: (packet: Buffer) => void;
  /** Whether the device reads what it is sent. */
  readonly isReading: () => boolean;
  /** The device has said goodbye. */
  readonly leave: () => void;
  /** The server stops, or its journal does. */
  readonly stop: () => void;
  /** What it may not do, or the hub cannot: the connection ends, behind `answer` if there is one. */
  readonly refuse: (reason: RejectionReason, answer?: Buffer) => void;
}

export class DeviceSession {
  readonly session: Session;
  readonly #options: DeviceSessionOptions;
  readonly #messageBytesMax: number;
  readonly #inFlight: InFlight;
  readonly #subscriptions: Subscriptions;
  readonly #hub: HubTopics;
  /** Of the chunk that is being read: what the device may send, null for as much as it likes. */
  #bucket: Bucket | null = null;

  /** Once the connection before it has ended. */
  constructor(options: DeviceSessionOptions) {
    const { context, session, reading, write, push, isReading, refuse } = options;
    this.session = session;
    this.#options = options;
    this.#messageBytesMax = context.limits.messageBytesMax;
    this.#inFlight = new InFlight({
      context,
      session,
      write,
      changed: (isTooMuch) => (isTooMuch ? reading.pause("in-flight") : reading.resume("in-flight")),
    });
    const { owner, subscriptions } = session;
    this.#hub = new HubTopics({ ...context, session, owner, subscriptions, write, push, isReading });
    this.#subscriptions = new Subscriptions({
      context,
      session,
      write,
      refuse,
      changed: () => this.#hub.subscriptionsChanged(),
      wait: (isWaiting) => (isWaiting ? reading.pause("session") : reading.resume("session")),
    });
  }

  /** The device was told that it is let in, and that its session was kept. */
  goOn(): void {
    this.#hub.subscriptionsChanged();
  }

  chunkBegins(): void {
    this.#bucket = this.#options.context.accept.rates?.bucketOf(this.session.sender.deviceId) ?? null;
  }

  /** Behind the packets of a chunk that were taken: they go to `next`. */
  chunkEnds(chunk: Buffer, next: number): void {
    this.#inFlight.registerLast(chunk, next);
  }

  /**
   * The PUBLISH `chunk[at, packetEnd)`.
   *
   * @param first   its first byte: type and flags.
   * @param bodyAt  behind its fixed header.
   * @returns whether it was taken. If not, reading stops before it, or the connection has ended.
   */
  publish(chunk: Buffer, at: number, first: number, bodyAt: number, packetEnd: number): boolean {
    const bucket = this.#bucket;
    if (bucket?.hasRoom === false) return this.#throttle(bucket);
    const { session } = this;
    const reason = readPublish(session, chunk, first, bodyAt, packetEnd, this.#messageBytesMax, publish);
    if (reason !== null) return this.#refuse(reason);
    const { packetId, head, payloadAt } = publish;
    // What is still to be acknowledged on this connection is acknowledged once.
    let isToAcknowledge = packetId !== 0;
    if (head === null) {
      // A twin request, the answer to a direct method, or nothing a device may say.
      const isTaken = this.#hub.take(publish.otherTopic ?? "", chunk.subarray(payloadAt, packetEnd));
      if (!isTaken) return this.#refuse("topic");
    } else {
      const folded = this.#inFlight.foldedBy(chunk, packetId, first, bodyAt, packetEnd);
      if (folded === "connection") isToAcknowledge = false;
      if (folded === null) {
        const refusal = session.path.accept(head, chunk, payloadAt, packetEnd);
        if (refusal !== null) return this.#stopReading(refusal, chunk.length - bodyAt);
      }
    }
    bucket?.spend(1, packetEnd - at);
    // In turn, behind the messages before it (§4.6), whatever it is.
    if (isToAcknowledge) this.#inFlight.add(packetId, chunk, packetEnd);
    return true;
  }

  /** Every other packet. */
  take(packet: Packet): void {
    const { leave, refuse } = this.#options;
    switch (packet.cmd) {
      case "subscribe":
        return this.#subscriptions.subscribe(packet);
      case "unsubscribe":
        return this.#subscriptions.unsubscribe(packet);
      case "puback":
        return this.#hub.acknowledged(packet.messageId ?? 0);
      case "disconnect":
        this.session.will = null; // §3.14.4-3
        return leave();
      default:
        return refuse("unexpected-packet");
    }
  }

  /** @param heardMs  when something was last read from the device, in coarse time. */
  heard(heardMs: number): void {
    this.#hub.heard(heardMs);
  }

  /** The connection has ended. */
  close(withWill: boolean): void {
    const { context, session } = this.#options;
    context.sessions.end(session);
    this.#hub.close();
    this.#subscriptions.close();
    this.#inFlight.end();
    if (!withWill || session.will === null) return;
    sendWill(session.path, session.will, () => context.reject("will-lost", session.sender.deviceId, undefined));
  }

  #refuse(reason: RejectionReason): false {
    this.#options.refuse(reason);
    return false;
  }

  #stopReading(refusal: Refusal, bytesLeft: number): false {
    const { context, session, reading, stop } = this.#options;
    if (refusal === "draining" || refusal === "failed") stop();
    else {
      if (refusal === "full") context.counters.rejections["journal-full"]++;
      reading.untilRoom(session.path.writer, bytesLeft);
    }
    return false;
  }

  /** The device sent more than it may: the rest is read when there is room in its bucket again. */
  #throttle({ waitMs }: Bucket): false {
    const { context, session, reading } = this.#options;
    const { accept, counters, log } = context;
    counters.rejections.throttled++;
    log.debug({ deviceId: session.sender.deviceId, waitMs }, "A device sends more than it may; reading waits.");
    if (accept.rates !== null) reading.untilRate(accept.rates.clock, waitMs);
    return false;
  }
}
