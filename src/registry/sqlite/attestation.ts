// What enrollments are proved by, as columns: keys, sealed (A2), or the thumbprints of certificates.

import { must } from "../../lib/assert.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { parseKeyPair, printKeyPair } from "../access-key.ts";
import { type ByThumbprint, type ThumbprintChange, nextThumbprints } from "../device-authentication.ts";
import { registryError } from "../errors.ts";
import { oneOf } from "../input.ts";
import { type Attestation, type KeyChange, type KeyPair, attestations } from "../registry.ts";
import { nextKeys } from "./credentials.ts";
import type { EnrollmentGroupRow, EnrollmentRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

export function attestationOf(input: unknown): Attestation {
  return input === undefined ? "symmetric-key" : oneOf(attestations, input, "attestation");
}

/** Keys are for the one attestation, what names certificates for the other. */
export function refuseBoth(attestation: Attestation, keys: object, certificates: object): void {
  const [others, why] = attestation === "x509" ? [keys, "x509 has no keys"] : [certificates, "keys are its proof"];
  const [field] = Object.entries(others).find(([, value]) => value !== undefined && value !== null) ?? [];
  if (field === undefined) return;
  throw registryError("input-invalid", `${field} does not go with the attestation ${attestation}: ${why}.`, { field });
}

export function groupIdentity(id: string): string {
  return `enrollment-group:${id}`;
}

export function enrollmentIdentity(registrationId: string): string {
  return `enrollment:${registrationId}`;
}

export function sealedKeys(secrets: SecretBox, keys: KeyPair, identity: string): Buffer {
  return secrets.seal(printKeyPair(keys), identity);
}

/** @param row  of an enrollment that is proved by keys. */
export function groupKeys(secrets: SecretBox, row: Pick<EnrollmentGroupRow, "id" | "access_keys">): KeyPair {
  return parseKeyPair(secrets.open(keysIn(row), groupIdentity(row.id)).toString("utf8"));
}

/** As `groupKeys`. */
export function enrollmentKeysOf(
  secrets: SecretBox,
  row: Pick<EnrollmentRow, "registration_id" | "access_keys">,
): KeyPair {
  return parseKeyPair(secrets.open(keysIn(row), enrollmentIdentity(row.registration_id)).toString("utf8"));
}

function keysIn({ access_keys }: Pick<EnrollmentRow, "access_keys">): Uint8Array {
  if (access_keys !== null) return access_keys;
  throw registryError("enrollment-without-keys", "It is proved by certificates.");
}

export function changedKeys(present: KeyPair, wanted: KeyChange): { readonly pair: KeyPair; readonly isSame: boolean } {
  const pair = nextKeys(present, wanted);
  return { pair, isSame: isSameSecret(printKeyPair(pair), printKeyPair(present)) };
}

/** Of an enrollment that is proved by a certificate. */
export function thumbprintsOf({ thumbprints }: Pick<EnrollmentRow, "thumbprints">): ByThumbprint {
  return JSON.parse(must(thumbprints, "an x509 enrollment has them")) as ByThumbprint;
}

/** The column. @param present  null: there are none yet. */
export function printThumbprints(present: ByThumbprint | null, given: ThumbprintChange): string {
  return JSON.stringify(nextThumbprints(present, given, ""));
}
