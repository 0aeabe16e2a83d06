// What a connected device is told of its desired properties, whatever protocol it comes by: each change as it comes and, unless it
// began anew, first what changed while it was away.
//
// Pushes go out with QoS 0 or settled, as from IoT Hub: nobody acknowledges them. One counts as told when the device says anything at all,
// a ping or a message, some time after it was sent. Until then it is repeated at the next connection: better twice, under the
// same $version, than never.
//
//   D1  Pushes belong to one generation of a device.
//   D2  That a patch was sent is durable before it is: what the device may have is known, whatever happens then.
//   M1  At most one push is on its way at a time, and nothing is queued: what came meanwhile is asked for anew.

import { type Twins, desiredPatchText } from "../twins/twins.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { KeptSession, KeptSessions } from "./kept-sessions.ts";

export interface DesiredPushesOptions {
  readonly twins: Twins;
  readonly sessions: KeptSessions;
  readonly session: KeptSession;
  /** Sends a patch, JSON with its version in it. */
  readonly tell: (patch: string, version: number) => void;
  /** Monotonic, a second old at most. */
  readonly coarseMs: () => number;
  readonly log: Log;
}

export class DesiredPushes {
  readonly #options: DesiredPushesOptions;
  #unfollow: (() => void) | null = null;
  /** The newest that was sent over this connection. */
  #version = 0;
  /** A push is being made. */
  #isBusy = false;
  /** Something changed meanwhile. */
  #isMissed = false;
  /** When the newest was sent, while it does not count as told. */
  #sentMs: number | null = null;

  constructor(options: DesiredPushesOptions) {
    this.#options = options;
  }

  /** The device wants to hear. Called again it changes nothing. */
  follow(): void {
    const { session, twins } = this.#options;
    if (this.#unfollow !== null) return;
    this.#unfollow = twins.follow(session.owner, (patch, version) => {
      if (session.isClean) this.#send(patch, version);
      else if (this.#isBusy) this.#isMissed = true;
      else this.#work(() => this.#push(patch, version));
    });
    // A clean session begins here; the device reads what is.
    if (!session.isClean) this.#work(() => this.#pushUntold());
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

  #work(push: () => Promise<void>): void {
    this.#isBusy = true;
    this.#isMissed = false;
    push()
      .catch((error: unknown) => {
        const fields = { deviceId: this.#options.session.owner.deviceId, error: messageOf(error) };
        this.#options.log.error(
          fields,
          "A device could not be told of its settings; it is told at its next connection.",
        );
      })
      .finally(() => {
        this.#isBusy = false;
        if (this.#isMissed && this.#unfollow !== null) this.#work(() => this.#pushUntold());
      });
  }

  async #pushUntold(): Promise<void> {
    const { session, sessions } = this.#options;
    const untold = await sessions.untold(session);
    if (untold !== null) await this.#push(desiredPatchText(untold.patch, untold.version), untold.version);
  }

  async #push(patch: string, version: number): Promise<void> {
    const { session, sessions } = this.#options;
    // The registry may have told of a change before its event.
    if (version <= this.#version || this.#unfollow === null) return;
    const newer = await sessions.sending(session, version);
    if (this.#unfollow === null) return;
    if (newer === null) this.#send(patch, version);
    else this.#send(desiredPatchText(newer.patch, newer.version), newer.version);
  }

  #send(patch: string, version: number): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.#sentMs = this.#options.coarseMs();
    this.#options.tell(patch, version);
  }
}
