// The key of a device out of its enrollment group's, as Azure's provisioning service derives it. Pure.
//
// base64(HMAC-SHA256(the group key's bytes, the registration id in UTF-8)).
// https://learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation#group-enrollments

import { hmacSha256 } from "../lib/hmac.ts";
import type { KeyPair } from "./credentials.ts";

/** @param groupKey  base64. */
export function derivedKey(groupKey: string, registrationId: string): string {
  return hmacSha256(Buffer.from(groupKey, "base64"), registrationId).toString("base64");
}

export function derivedKeys({ primaryKey, secondaryKey }: KeyPair, registrationId: string): KeyPair {
  return {
    primaryKey: derivedKey(primaryKey, registrationId),
    secondaryKey: derivedKey(secondaryKey, registrationId),
  };
}
