// What is kept of devices between their connections, on the hub's side: MQTT sessions (clean=false, MQTT 3.1.1 §3.1.2.4) and,
// whatever the protocol, how far a device knows what is wanted of it.
//
// Owns:      which session a connection goes on with, what of it is written and when, its expiry.
// Does not:  store (registry), or know what topics mean.
//
// The Azure SDKs rely on it: over MQTT they renew a token by connecting again every 45 minutes, and the Node SDK does not
// subscribe to its twin's topics again then. After a connection that was lost it asks for changes, and not for what was missed.
//
//   D1  A session belongs to one generation of a device or module.
//   D2  CONNACK, SUBACK and UNSUBACK are sent after what they stand for is durable.
//   M1  A session has a handful of subscriptions; one that nobody uses expires.

import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { KeptMqttSession, Registry, SessionOwner, Subscriptions, UntoldDesired } from "../registry/registry.ts";

export interface KeptSessionsOptions {
  readonly registry: Pick<
    Registry,
    | "mqttSession"
    | "keepMqttSession"
    | "followDesired"
    | "endMqttSession"
    | "untoldDesired"
    | "desiredSent"
    | "desiredTold"
    | "useMqttSessions"
    | "expireMqttSessions"
  >;
  /** A session is kept for so long after its last connection, and up to an eighth longer. */
  readonly expiryMs: number;
  readonly log: Log;
  /** A push counts as told when the device says something so long after it. 10 s when left out. */
  readonly toldAfterMs?: number | undefined;
}

/** What of a connection matters here. */
export interface KeptSession {
  readonly owner: SessionOwner;
  /** Of MQTT: nothing is kept of it. */
  readonly isClean: boolean;
  /** When the registry was last told that it is used, in real time; null: nothing of it is kept. */
  usedMs: number | null;
}

/** Longer than a packet takes on a line that works. */
const toldAfterMsUsual = 10_000;
const sweepMsMax = 60 * 60 * 1000;

export class KeptSessions {
  readonly toldAfterMs: number;
  readonly #registry: KeptSessionsOptions["registry"];
  readonly #expiryMs: number;
  readonly #log: Log;
  /** So old may be what the registry knows of a session's use. */
  readonly #latenessMs: number;
  readonly #sweepMs: number;
  /** Of open connections. */
  readonly #open = new Set<KeptSession>();
  #sweptMs = performance.now();
  #isSweeping = false;
  #isStopped = false;

  constructor({ registry, expiryMs, log, toldAfterMs = toldAfterMsUsual }: KeptSessionsOptions) {
    this.toldAfterMs = toldAfterMs;
    this.#registry = registry;
    this.#expiryMs = expiryMs;
    this.#log = log;
    this.#latenessMs = expiryMs / 8;
    this.#sweepMs = Math.min(this.#latenessMs, sweepMsMax);
  }

  /**
   * The session that a connection goes on with; null when it begins one. A clean connection ends what was kept.
   *
   * @param nowMs  real time.
   */
  async open(owner: SessionOwner, isClean: boolean, nowMs: number): Promise<KeptMqttSession | null> {
    const session = await this.#registry.mqttSession(owner);
    if (session === null) return null;
    if (isClean || session.usedMs < nowMs - this.#expiryMs - this.#latenessMs) {
      await this.#registry.endMqttSession(owner);
      return null;
    }
    if (nowMs - session.usedMs < this.#latenessMs) return session;
    await this.#registry.useMqttSessions([owner], nowMs);
    return { ...session, usedMs: nowMs };
  }

  /** Its connection is open: it does not expire. */
  begin(session: KeptSession): void {
    if (!session.isClean) this.#open.add(session);
  }

  end(session: KeptSession): void {
    this.#open.delete(session);
  }

  /**
   * The subscriptions of an MQTT session become these.
   *
   * @returns when that is durable; null when nothing has to be written.
   * @throws ColdpathError `device-not-found`: the device is gone.
   */
  keep(
    session: KeptSession & { readonly subscriptions: Subscriptions },
    { subscriptions, followsDesired }: { readonly subscriptions: Subscriptions; readonly followsDesired: boolean },
    nowMs: number,
  ): Promise<void> | null {
    if (session.isClean || areSame(session.subscriptions, subscriptions)) return null;
    return this.#registry.keepMqttSession(session.owner, { subscriptions, followsDesired, nowMs }).then(() => {
      session.usedMs = subscriptions.size === 0 ? null : nowMs;
    });
  }

  /**
   * A device without an MQTT session follows desired, or no longer.
   *
   * @returns when that is durable. Throws as `keep`.
   */
  async follow(session: KeptSession, isFollowed: boolean, nowMs: number): Promise<void> {
    await this.#registry.followDesired(session.owner, isFollowed, nowMs);
    session.usedMs = isFollowed ? nowMs : null;
  }

  untold(session: KeptSession): Promise<UntoldDesired | null> {
    return this.#registry.untoldDesired(session.owner);
  }

  /** Before it is sent. @returns null, or the patch to a newer version that is to be sent instead. */
  sending(session: KeptSession, version: number): Promise<UntoldDesired | null> {
    return this.#registry.desiredSent(session.owner, version);
  }

  /** If it cannot be written the device is told once more, at its next connection. */
  told(session: KeptSession, version: number): void {
    if (this.#isStopped) return;
    this.#registry.desiredTold(session.owner, version).catch((error: unknown) => {
      const fields = { deviceId: session.owner.deviceId, error: messageOf(error) };
      this.#log.warn(fields, "It could not be kept what a device was told of its settings; it will be told again.");
    });
  }

  /** Called now and then: those that are used do not expire, the others do. @param nowMs  real time. */
  sweep(nowMs: number): void {
    if (this.#isSweeping || performance.now() - this.#sweptMs < this.#sweepMs) return;
    this.#sweptMs = performance.now();
    this.#isSweeping = true;
    this.sweepNow(nowMs)
      .catch((error: unknown) => {
        this.#log.error({ error: messageOf(error) }, "MQTT sessions that nobody uses could not be ended.");
      })
      .finally(() => (this.#isSweeping = false));
  }

  async sweepNow(nowMs: number): Promise<void> {
    const used = [...this.#open].filter(({ usedMs }) => usedMs !== null && nowMs - usedMs >= this.#latenessMs);
    if (used.length > 0) {
      await this.#registry.useMqttSessions(
        used.map(({ owner }) => owner),
        nowMs,
      );
      for (const session of used) if (session.usedMs !== null) session.usedMs = nowMs;
    }
    const usedBeforeMs = nowMs - this.#expiryMs - this.#latenessMs;
    while (!this.#isStopped && (await this.#registry.expireMqttSessions(usedBeforeMs)) > 0);
  }

  stop(): void {
    this.#isStopped = true;
  }
}

function areSame(one: Subscriptions, other: Subscriptions): boolean {
  return one.size === other.size && [...one].every(([filter, qos]) => other.get(filter) === qos);
}
