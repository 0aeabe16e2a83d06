// SUBSCRIBE and UNSUBSCRIBE of one session: what it may subscribe to, what of it is kept, and the answer.
//
//   D2  The answer is sent when the session is kept. Nothing is read meanwhile: what comes behind relies on it.
//   M1  A session has as many subscriptions as in IoT Hub.

import { messageOf } from "../../lib/errors.ts";
import type { GrantedQos } from "../../registry/registry.ts";
import type { RejectionReason } from "../ingest.ts";
import type { MqttServerContext } from "./context.ts";
import { type ISubscribePacket, type IUnsubscribePacket, subackPacket, unsubackPacket } from "./packets.ts";
import type { Session } from "./session.ts";
import { desiredFilter, maySubscribe } from "./topics.ts";

/** As IoT Hub. */
const subscriptionsMax = 5;
const failure = 0x80;

export interface SubscriptionsOptions {
  readonly context: Pick<MqttServerContext, "sessions" | "log">;
  readonly session: Session;
  readonly write: (packet: Buffer) => void;
  /** Called behind the answer, or the device would not know what comes. */
  readonly changed: () => void;
  /** Whether nothing may be read for now. */
  readonly wait: (isWaiting: boolean) => void;
  /** Not allowed, or not possible: the connection ends, behind `answer` if there is one. */
  readonly refuse: (reason: RejectionReason, answer?: Buffer) => void;
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  #isOver = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  subscribe({ subscriptions, messageId = 0 }: ISubscribePacket): void {
    const { session, refuse } = this.#options;
    const { deviceId, moduleId } = session.sender;
    const wanted = new Map(session.subscriptions);
    const granted = subscriptions.map(({ topic, qos }) => {
      if (!maySubscribe(topic, deviceId, moduleId)) return failure;
      const grantedQos = qos === 0 ? 0 : 1;
      wanted.set(topic, grantedQos);
      return grantedQos;
    });
    if (granted.length === 0) return refuse("malformed-packet"); // §3.8.3-3
    const suback = subackPacket(messageId, granted);
    if (granted.includes(failure)) return refuse("topic", suback);
    if (wanted.size > subscriptionsMax) return refuse("too-many-subscriptions");
    this.#keep(wanted, suback);
  }

  unsubscribe({ unsubscriptions, messageId = 0 }: IUnsubscribePacket): void {
    const wanted = new Map(this.#options.session.subscriptions);
    for (const topic of unsubscriptions) wanted.delete(topic);
    this.#keep(wanted, unsubackPacket(messageId));
  }

  /** The connection is over: no answer any more. */
  close(): void {
    this.#isOver = true;
  }

  #keep(wanted: ReadonlyMap<string, GrantedQos>, answer: Buffer): void {
    const { context, session, wait, refuse } = this.#options;
    const change = { subscriptions: wanted, followsDesired: wanted.has(desiredFilter) };
    const kept = context.sessions.keep(session, change, Date.now());
    if (kept === null) return this.#answer(wanted, answer);
    wait(true);
    kept.then(
      () => {
        if (this.#isOver) return;
        this.#answer(wanted, answer);
        wait(false);
      },
      (error: unknown) => {
        if (this.#isOver) return;
        const { deviceId } = session.sender;
        context.log.error({ error: messageOf(error), deviceId }, "A device's subscriptions could not be kept.");
        refuse("not-ready");
      },
    );
  }

  #answer(wanted: ReadonlyMap<string, GrantedQos>, answer: Buffer): void {
    const { session, write, changed } = this.#options;
    session.subscriptions.clear();
    for (const [filter, qos] of wanted) session.subscriptions.set(filter, qos);
    write(answer);
    changed();
  }
}
