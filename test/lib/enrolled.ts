// Provisioning without a registry: one ID scope, one enrollment group, and registrations that come to what their id says. For
// fuzzing, where each input has a hub of its own.

import { type IngestCounters, newCounters } from "../../src/ingest/ingest.ts";
import { Provisioning } from "../../src/ingest/provisioning/provisioning.ts";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { type Log, silentLog } from "../../src/lib/log.ts";
import { derivedKeys } from "../../src/registry/derived-key.ts";
import type { RegistrationOutcome } from "../../src/registry/registry.ts";

export const idScope = "0ne0000000A";
const groupKey = Buffer.from("0123456789abcdef0123456789abcdef").toString("base64");
const groupKeys = { primaryKey: groupKey, secondaryKey: groupKey };
const at = "2026-01-02T03:04:05.678Z";

/** Ids beginning with `wait`, `block`, `take`, `full` come to that; `break` fails; others are assigned. */
export function enrolledProvisioning(counters: IngestCounters = newCounters(), log: Log = silentLog): Provisioning {
  return new Provisioning({
    registry: {
      isIdScope: (one) => one === idScope,
      enrollmentProofs: (id) => [{ enrollmentGroupId: "g", kind: "keys", keys: derivedKeys(groupKeys, id) }],
      register: async ({ registrationId: id }) => outcomeOf(id),
    },
    counters,
    assignedHub: () => "hub.test",
    log,
  });
}

function outcomeOf(id: string): RegistrationOutcome {
  if (id.startsWith("wait")) return { kind: "waiting", waitsFor: "template", createdAt: at, waiting: 1000 };
  if (id.startsWith("block")) return { kind: "blocked" };
  if (id.startsWith("take")) return { kind: "taken" };
  if (id.startsWith("full")) return { kind: "too-many" };
  if (id.startsWith("break")) throw new Error("the registry is broken, as it was asked to be");
  return { kind: "assigned", deviceId: id, isNew: true, createdAt: at, updatedAt: at };
}

export function registrationToken(id: string, expiresMs = Date.parse("2200-01-01T00:00:00Z")): string {
  const { primaryKey } = derivedKeys(groupKeys, id);
  return makeSasToken(`${idScope}/registrations/${id}`, primaryKey, expiresMs, "registration");
}
