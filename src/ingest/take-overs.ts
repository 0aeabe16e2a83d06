// Take-overs: a device's new connection ends its former one (MQTT 3.1.1, §3.1.4-2).
//
// Two programs that use one device id, and connect again at once as all do, end each other's connection for ever. That is
// told once, and damped: whoever comes then waits a little for its CONNACK, while the present connection goes on.
//
//   M1  Those that wait, and the devices that are watched, have a bound; beyond it nobody waits.

import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** Take-overs at once that are nothing to speak of: a device with a bad line comes back, too. */
const toleratedMax = 5;
/** One more is tolerated after so long: five a minute. */
const toleranceMs = 12_000;
/** For each take-over above what is tolerated, up to three. Clients wait five seconds for a CONNACK, or longer. */
const delayMs = 1_000;
const delaysMax = 3;

export interface TakeOversOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Connections that wait at a time. 1000 when left out. */
  readonly waitingMax?: number | undefined;
  /** Devices that are watched. 10,000 when left out, at about 100 bytes each. */
  readonly devicesMax?: number | undefined;
}

export interface TakeOver {
  readonly deviceId: string;
  /** Of the connection that comes, and of the one that will end: address and port. */
  readonly address: string | undefined;
  readonly formerAddress: string | undefined;
}

interface Watched {
  /** Take-overs that are not forgotten yet. */
  count: number;
  /** To which they are forgotten. */
  atMs: number;
  isTold: boolean;
}

export class TakeOvers {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waitingMax: number;
  readonly #devicesMax: number;
  readonly #devices = new Map<string, Watched>();
  #forgotMs: number;
  #waiting = 0;

  constructor({ clock, log, waitingMax = 1_000, devicesMax = 10_000 }: TakeOversOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#waitingMax = waitingMax;
    this.#devicesMax = devicesMax;
    this.#forgotMs = clock.monotonicMs();
  }

  /** Devices that are watched. */
  get devices(): number {
    return this.#devices.size;
  }

  /**
   * Calls `go` when the connection may take over: within the call, or later.
   *
   * @returns a function for a connection that is gone: `go` is not called any more.
   */
  admit(takeOver: TakeOver, go: () => void): () => void {
    const waitMs = this.#waitMs(takeOver);
    if (waitMs === 0 || this.#waiting >= this.#waitingMax) {
      go();
      return () => {};
    }
    this.#waiting++;
    let isWaiting = true;
    const end = (): boolean => {
      if (!isWaiting) return false;
      isWaiting = false;
      this.#waiting--;
      return true;
    };
    const cancel = this.#clock.timer(waitMs, () => {
      if (end()) go();
    });
    return () => {
      if (end()) cancel();
    };
  }

  #waitMs(takeOver: TakeOver): number {
    const watched = this.#watch(takeOver.deviceId);
    if (watched === null) return 0;
    watched.count = Math.min(watched.count + 1, toleratedMax + delaysMax);
    const excess = Math.ceil(watched.count - toleratedMax);
    if (excess <= 0) return 0;
    if (!watched.isTold) {
      watched.isTold = true;
      this.#log.warn(
        { code: "device-id-shared", ...takeOver },
        "A device's connection is taken over again and again: two programs seem to use its id. Give each a device of its own. Newcomers wait up to three seconds.",
      );
    }
    return excess * delayMs;
  }

  /** Null: there are too many already. */
  #watch(deviceId: string): Watched | null {
    const nowMs = this.#clock.monotonicMs();
    this.#forgetAll(nowMs);
    let watched = this.#devices.get(deviceId);
    if (watched === undefined) {
      if (this.#devices.size >= this.#devicesMax) return null;
      watched = { count: 0, atMs: nowMs, isTold: false };
      this.#devices.set(deviceId, watched);
    }
    forget(watched, nowMs);
    return watched;
  }

  /** Every now and then those go that are quiet again; if they begin anew, it is told anew. */
  #forgetAll(nowMs: number): void {
    if (nowMs - this.#forgotMs < toleranceMs) return;
    this.#forgotMs = nowMs;
    for (const [deviceId, watched] of this.#devices) {
      forget(watched, nowMs);
      if (watched.count === 0) this.#devices.delete(deviceId);
    }
  }
}

function forget(watched: Watched, nowMs: number): void {
  watched.count = Math.max(0, watched.count - (nowMs - watched.atMs) / toleranceMs);
  watched.atMs = nowMs;
}
