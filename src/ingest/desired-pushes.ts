// What a connected device is told of its desired properties: each change as it comes and, in a session that was kept, first what
// changed while it was away.
//
// Pushes go out with QoS 0, as from IoT Hub: nobody acknowledges them. One counts as told when the device says anything at all,
// a ping or a message, some time after it was sent. Until then it is repeated at the next connection: better twice, under the
// same $version, than never.
//
//   D1  Pushes belong to one generation of a device.
//   M1  At most one question to the registry at a time, and nothing is queued: what came meanwhile is asked for anew.

import { type Twins, desiredPatchText } from "../twins/twins.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { KeptSession, KeptSessions } from "./kept-sessions.ts";
import { publishPacket } from "./mqtt/packets.ts";
import { desiredFilter } from "./mqtt/topics.ts";

export interface DesiredPushesOptions {
  readonly twins: Twins;
  readonly sessions: KeptSessions;
  readonly session: KeptSession;
  /** Ends the connection when the device leaves too much unread. */
  readonly push: (packet: Buffer) => void;
  /** Monotonic, a second old at most. */
  readonly coarseMs: () => number;
  readonly log: Log;
}

export class DesiredPushes {
  readonly #options: DesiredPushesOptions;
  #unfollow: (() => void) | null = null;
  /** The newest that was pushed over this connection. */
  #version = 0;
  /** The registry is asked what the device does not know. */
  #isAsking = false;
  /** Something changed meanwhile. */
  #isMissed = false;
  /** When the newest was sent, while it does not count as told. */
  #sentMs: number | null = null;

  constructor(options: DesiredPushesOptions) {
    this.#options = options;
  }

  subscriptionsChanged(): void {
    const { session, twins } = this.#options;
    const { owner, subscriptions } = session;
    const isWanted = subscriptions.has(desiredFilter);
    if (!isWanted) return this.close();
    if (this.#unfollow !== null) return;
    this.#unfollow = twins.follow(owner, (patch, version) => {
      if (this.#isAsking) this.#isMissed = true;
      else this.#push(patch, version);
    });
    // A clean session begins here; the device reads what is.
    if (!session.isClean) this.#ask();
  }

  /** @param heardMs  when something was last read from the device. */
  heard(heardMs: number): void {
    const { session, sessions } = this.#options;
    if (this.#sentMs === null || heardMs - this.#sentMs < sessions.toldAfterMs) return;
    this.#sentMs = null;
    if (!session.isClean) sessions.told(session, this.#version);
  }

  close(): void {
    this.#unfollow?.();
    this.#unfollow = null;
  }

  #ask(): void {
    const { session, sessions, log } = this.#options;
    this.#isAsking = true;
    this.#isMissed = false;
    sessions
      .untold(session)
      .then((untold) => {
        if (this.#unfollow === null) return;
        if (untold !== null) this.#push(desiredPatchText(untold.patch, untold.version), untold.version);
      })
      .catch((error: unknown) => {
        const fields = { deviceId: session.owner.deviceId, error: messageOf(error) };
        log.error(fields, "The registry could not be asked what a device does not know of its settings.");
      })
      .finally(() => {
        this.#isAsking = false;
        if (this.#isMissed && this.#unfollow !== null) this.#ask();
      });
  }

  #push(patch: string, version: number): void {
    // The registry may have told of a change before its event.
    if (version <= this.#version) return;
    this.#version = version;
    this.#sentMs = this.#options.coarseMs();
    this.#options.push(publishPacket(`$iothub/twin/PATCH/properties/desired/?$version=${version}`, patch));
  }
}
