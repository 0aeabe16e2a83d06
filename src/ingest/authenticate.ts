// Who is this device? The answer for every front end, from a device id and a token.

import type { AuthScope } from "../message/message.ts";
import type { Registry } from "../registry/registry.ts";
import type { RejectionReason } from "./ingest.ts";
import { isSignedWith, opensDevice, parseSasToken } from "./sas-token.ts";

export type AuthOutcome =
  | {
      readonly kind: "known";
      readonly authScope: AuthScope;
      readonly generationId: string;
      /** Real time at which the token ends. */
      readonly expiresMs: number;
      /** The hub policy whose key signed, or null for a key of the device. */
      readonly policy: string | null;
    }
  | { readonly kind: "rejected"; readonly reason: RejectionReason };

export type AuthRegistry = Pick<Registry, "deviceCredentials" | "policyKeys">;

/**
 * Checks a shared access signature: a key of the device or of a hub policy, primary or secondary.
 *
 * @param nowMs  real time: tokens live in the devices' world, not on the window clock.
 */
export async function authenticate(
  registry: AuthRegistry,
  isOurHost: (host: string) => boolean,
  claim: { readonly deviceId: string; readonly moduleId?: string | undefined; readonly token: string },
  nowMs: number,
): Promise<AuthOutcome> {
  const reject = (reason: RejectionReason): AuthOutcome => ({ kind: "rejected", reason });
  const token = parseSasToken(claim.token);
  if (token === null) return reject("token-malformed");
  const device = await registry.deviceCredentials(claim.deviceId);
  if (device === null) return reject("unknown-device");
  let keys: readonly string[];
  if (token.policy === null) {
    // Modules have identities of their own, which this hub does not keep: only a hub policy opens for them.
    if (claim.moduleId !== undefined) return reject("token-resource");
    keys = [device.primaryKey, device.secondaryKey];
  } else {
    const policy = await registry.policyKeys(token.policy);
    if (policy === null) return reject("unknown-policy");
    keys = [policy.primaryKey, policy.secondaryKey];
  }
  if (!isSignedWith(token, keys)) return reject("token-signature");
  if (token.expiresMs <= nowMs) return reject("token-expired");
  if (!opensDevice(token, claim.deviceId, isOurHost)) return reject("token-resource");
  if (!device.enabled) return reject("device-disabled");
  return {
    kind: "known",
    authScope: token.policy === null ? "device" : "hub",
    generationId: device.generationId,
    expiresMs: token.expiresMs,
    policy: token.policy,
  };
}
