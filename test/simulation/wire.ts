// The way to the store, with everything that can happen on it. An effect at the service takes place whatever becomes of
// the process that asked; the answer reaches that process only while it lives, and a paused one when it goes on.

import { serviceError, wayError, type Wire } from "./store.ts";
import { type Chance, Process, type World } from "./world.ts";

export const storeFaults = [
  "store 429",
  "store 500",
  "store 503",
  "store reset",
  "store answer lost",
  "store hang",
  "store slow",
] as const;
export type StoreFault = (typeof storeFaults)[number];

export const outages = ["401", "403", "500", "503", "reset", "hang"] as const;
export type Outage = (typeof outages)[number];

export class SimulatedWire implements Wire {
  /** Which faults strike a request, and how often, of 1. */
  shares: Partial<Record<StoreFault, number>> = {};
  /** Every request fails like this. */
  outage: Outage | null = null;
  readonly #world: World;
  readonly #chance: Chance;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance("wire");
  }

  send<T>(operation: string, effect: () => T): Promise<T> {
    const world = this.#world;
    const owner = Process.current;
    world.onOperation(`store ${operation}`);
    if (owner?.state === "dead") return new Promise(() => {});
    const chance = this.#chance;
    const fault = this.#fault();
    const isMutation = /^(stage|commit)/.test(operation);
    const tellsOf = fault !== null || operation.startsWith("commit");
    if (tellsOf) world.tell("store", `${operation}${fault === null ? "" : `: ${fault}`}`);
    return new Promise<T>((resolve, reject) => {
      const latencyMs = chance.skewed(5, 300);
      const arriveMs = Math.ceil(latencyMs / 2);
      /** To the process that asked, however late. */
      const answer = (delayMs: number, how: () => void): void => {
        if (owner === undefined) world.later(delayMs, how);
        else owner.run(() => world.at(delayMs, how));
      };
      const takeEffect = (then: (outcome: { value: T } | { error: unknown }) => void, delayMs = arriveMs): void => {
        world.later(delayMs, () => {
          let outcome: { value: T } | { error: unknown };
          try {
            outcome = { value: effect() };
          } catch (error) {
            outcome = { error };
          }
          then(outcome);
        });
      };
      const settle = (outcome: { value: T } | { error: unknown }, delayMs: number): void => {
        answer(delayMs, () => ("value" in outcome ? resolve(outcome.value) : reject(outcome.error)));
      };
      const fail = (error: Error): void => answer(latencyMs, () => reject(error));
      switch (fault) {
        case "store 429":
          return fail(serviceError(429, "TooManyRequests"));
        case "store 500":
          return fail(serviceError(500, "InternalError"));
        case "store 503":
          return fail(serviceError(503, "ServerBusy"));
        case "401":
          return fail(serviceError(401, "InvalidAuthenticationInfo"));
        case "403":
          return fail(serviceError(403, "AuthorizationPermissionMismatch"));
        case "store reset":
          return fail(wayError("ECONNRESET"));
        case "store answer lost":
          takeEffect(() => answer(arriveMs, () => reject(wayError("ECONNRESET"))));
          return;
        case "store hang":
          // It may still land, long after it was given up.
          if (isMutation && chance.is(0.5)) takeEffect(() => {}, chance.skewed(1_000, 240_000));
          return;
        case "store slow":
          takeEffect((outcome) => settle(outcome, chance.skewed(1_000, 50_000)));
          return;
        case null:
          takeEffect((outcome) => settle(outcome, latencyMs - arriveMs));
      }
    });
  }

  #fault(): StoreFault | "401" | "403" | null {
    const { outage } = this;
    if (outage !== null) {
      this.#world.count(`outage ${outage}`);
      return outage === "401" || outage === "403" ? outage : `store ${outage}`;
    }
    for (const [fault, share] of Object.entries(this.shares) as [StoreFault, number][]) {
      if (!this.#chance.is(share)) continue;
      this.#world.count(fault);
      return fault;
    }
    return null;
  }
}
