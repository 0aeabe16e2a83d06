// Sessions as the fuzzer's devices find them: kept or not, always with something that the device was not told.

import { KeptSessions } from "../../src/ingest/kept-sessions.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Subscriptions } from "../../src/registry/registry.ts";

/** @param kept  what a device subscribed to over the connection before; null: nothing. */
export function keptSessions(kept: Subscriptions | null): KeptSessions {
  const done = async (): Promise<void> => await Promise.resolve();
  return new KeptSessions({
    registry: {
      mqttSession: async () => (kept === null ? null : { subscriptions: kept, usedMs: Date.now() }),
      // Each subscription is kept by the next turn, or there is none to keep.
      keepMqttSession: done,
      followDesired: done,
      endMqttSession: done,
      untoldDesired: async () => ({ patch: { a: null }, version: 2 }),
      desiredSent: async () => null,
      desiredTold: done,
      useMqttSessions: done,
      expireMqttSessions: async () => 0,
    },
    expiryMs: 60_000,
    log: silentLog,
  });
}
