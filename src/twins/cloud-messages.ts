// Cloud-to-device messages on their way: from their queues in the registry to devices, whatever protocol they come by.
//
// Owns:      giving messages to connected devices in their order and again when they are not completed; sweeping the queues.
// Does not:  keep messages (registry), or know a protocol (ingest).
//
// Invariants:
//   D1  A message goes to the generation of the device that it was sent to.
//   D2  It is accepted, and it is over, only when that is durable: a message that was accepted is delivered at least once,
//       unless it expires first.
//   M1  A device holds as many as its front end has room for.

import { type Clock, sleep } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import {
  type CloudDelivery,
  type CloudMessage,
  type CloudMessageCalls,
  type CloudMessageEnd,
  type CloudMessageOwner,
  type NewCloudMessage,
  type RegistryEvent,
  cloudMessageBounds,
  cloudMessageEnds,
} from "../registry/registry.ts";

/** A push protocol's side. Neither may throw. */
export interface CloudMessageConsumer {
  /** How many more may be given to it now. */
  room(): number;
  deliver(delivery: CloudDelivery): void;
}

export type CloudMessageOutcome = "completed" | "rejected" | "abandoned";

export interface CloudMessagesOptions {
  readonly registry: CloudMessageCalls;
  /** The registry's. */
  readonly clock: Clock;
  readonly log: Log;
  /** Of all messages that wait, of all devices. */
  readonly bytesMax: number;
}

/** Where a message is sent to, as it says itself. */
export function cloudMessageAddress(deviceId: string): string {
  return `/devices/${encodeURIComponent(deviceId)}/messages/devicebound`;
}

const sweepEveryMs = 60_000;
const retryAfterMs = 5_000;

export class CloudMessages {
  /** Plain numbers that grow. */
  readonly counters = {
    enqueued: 0,
    ended: Object.fromEntries(cloudMessageEnds.map((state) => [state, 0])) as Record<CloudMessageEnd, number>,
  };
  readonly #options: CloudMessagesOptions;
  readonly #followers = new Map<string, CloudMessageFollower>();
  readonly #stopped = new AbortController();

  constructor(options: CloudMessagesOptions) {
    this.#options = options;
  }

  /** Durable when it resolves. Throws as `sendCloudMessage` of the registry. */
  async send(deviceId: string, message: NewCloudMessage): Promise<CloudMessage> {
    return await this.#options.registry.sendCloudMessage(deviceId, message, this.#options.bytesMax);
  }

  /** For protocols that poll: the next one, locked for a minute, or null. */
  async receive(owner: CloudMessageOwner): Promise<CloudDelivery | null> {
    return (await this.#options.registry.takeCloudMessages(owner, 1)).deliveries[0] ?? null;
  }

  /** Durable when it resolves. @throws `lock-lost`: the device does not hold it any more. */
  async settle(owner: CloudMessageOwner, lockToken: string, outcome: CloudMessageOutcome): Promise<void> {
    await this.#options.registry.settleCloudMessage(owner, lockToken, outcome);
  }

  /** For protocols that push. What a former connection of the device holds is given back first: a device has one. */
  follow(owner: CloudMessageOwner, consumer: CloudMessageConsumer): CloudMessageFollower {
    const follower = new CloudMessageFollower(owner, consumer, this.#options, () => {
      if (this.#followers.get(owner.deviceId) === follower) this.#followers.delete(owner.deviceId);
    });
    this.#followers.set(owner.deviceId, follower);
    follower.start();
    return follower;
  }

  /** The listener for `Registry.subscribe`. */
  hear(event: RegistryEvent): void {
    if (event.kind !== "cloud-messages-changed") return;
    this.counters.enqueued += event.enqueued;
    for (const state of cloudMessageEnds) this.counters.ended[state] += event.ended[state] ?? 0;
    if (event.isDeliverable) this.#followers.get(event.deviceId)?.wake();
  }

  /** Sweeps every minute, until `stop`. */
  start(): void {
    void this.#sweepOn();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #sweepOn(): Promise<void> {
    const { registry, clock, log } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await registry.sweepCloudMessages();
      } catch (error) {
        if (!signal.aborted) log.error({ error: messageOf(error) }, "Queues of messages for devices were not swept.");
      }
      await sleep(clock, sweepEveryMs, signal);
    }
  }
}

/** Gives one connected device its messages. */
export class CloudMessageFollower {
  readonly #owner: CloudMessageOwner;
  readonly #consumer: CloudMessageConsumer;
  readonly #options: CloudMessagesOptions;
  readonly #left: () => void;
  /** What the device holds: when the lock ends, by its token. */
  readonly #held = new Map<string, number>();
  #isRunning = false;
  #isDue = false;
  #isOver = false;
  /** The last of what runs. Never rejects. */
  #work: Promise<void> = Promise.resolve();
  #cancelTimer: () => void = () => {};

  constructor(
    owner: CloudMessageOwner,
    consumer: CloudMessageConsumer,
    options: CloudMessagesOptions,
    left: () => void,
  ) {
    this.#owner = owner;
    this.#consumer = consumer;
    this.#options = options;
    this.#left = left;
  }

  /** How many the device holds. */
  get held(): number {
    return this.#held.size;
  }

  /** Never rejects. @returns when it is written down; false: it was not, and the message is delivered again or is over. */
  settle({ lockToken }: Pick<CloudDelivery, "lockToken">, outcome: CloudMessageOutcome): Promise<boolean> {
    this.#held.delete(lockToken);
    const settled = this.#settle(lockToken, outcome);
    this.wake();
    return settled;
  }

  start(): void {
    this.#isRunning = true;
    this.#work = this.#options.registry.releaseCloudMessages(this.#owner).then(
      () => this.#run(),
      (error: unknown) => this.#failed(error),
    );
  }

  /** There may be another message, or room for one. */
  wake(): void {
    this.#isDue = true;
    if (!this.#isRunning && !this.#isOver) this.#work = this.#run();
  }

  /** When all is delivered that there is now and that there is room for. Never rejects. */
  async given(): Promise<void> {
    for (let work: Promise<void> | null = null; work !== this.#work;) {
      work = this.#work;
      await work;
    }
  }

  /** The connection is over: what the device holds is delivered to the next one. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#left();
    for (const lockToken of this.#held.keys()) void this.#settle(lockToken, "abandoned");
    this.#held.clear();
  }

  /** As `#isOver`, which the compiler takes for unchanged by what is called in between. */
  get #isEnded(): boolean {
    return this.#isOver;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      do {
        this.#isDue = false;
        await this.#give();
      } while (this.#isDue && !this.#isOver);
      this.#isRunning = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** As many as there is room for, or as there are. */
  async #give(): Promise<void> {
    const { registry, clock } = this.#options;
    for (;;) {
      this.#dropOverLocks(clock.nowMs());
      const room = this.#isOver ? 0 : this.#consumer.room();
      if (room <= 0) return;
      const { deliveries, lockEndsMs } = await registry.takeCloudMessages(this.#owner, room);
      if (this.#isOver) return deliveries.forEach(({ lockToken }) => void this.#settle(lockToken, "abandoned"));
      const endsMs = clock.nowMs() + cloudMessageBounds.lockMs;
      for (const { lockToken } of deliveries) this.#held.set(lockToken, endsMs);
      // What is delivered may end it: then all that is held was given back.
      for (const delivery of deliveries) if (!this.#isEnded) this.#consumer.deliver(delivery);
      if (this.#isEnded) return;
      if (lockEndsMs !== null) this.#wakeAfter(Math.max(0, lockEndsMs - clock.nowMs()));
      if (deliveries.length < room) return;
    }
  }

  /** What the device did not settle in time is no longer its own: it is delivered again, or is over. */
  #dropOverLocks(nowMs: number): void {
    for (const [lockToken, endsMs] of this.#held) if (endsMs <= nowMs) this.#held.delete(lockToken);
  }

  #wakeAfter(delayMs: number): void {
    this.#cancelTimer();
    if (!this.#isOver) this.#cancelTimer = this.#options.clock.timer(delayMs, () => this.wake());
  }

  #failed(error: unknown): void {
    this.#isRunning = false;
    if (this.#isOver) return;
    const { deviceId } = this.#owner;
    this.#options.log.error({ deviceId, error: messageOf(error) }, "Messages for a device could not be read.");
    this.#wakeAfter(retryAfterMs);
  }

  async #settle(lockToken: string, outcome: CloudMessageOutcome): Promise<boolean> {
    const { registry, log } = this.#options;
    try {
      await registry.settleCloudMessage(this.#owner, lockToken, outcome);
      return true;
    } catch (error) {
      // Another holds it, it was purged, or the server stops: it ends or comes again.
      const fields = { deviceId: this.#owner.deviceId, outcome, error: messageOf(error) };
      log.debug(fields, "A message for a device was not settled.");
      return false;
    }
  }
}
