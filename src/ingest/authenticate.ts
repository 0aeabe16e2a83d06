// Who is this device? The answer for every front end, from what it says to be, and a token or a certificate.

import { randomBytes } from "node:crypto";
import type { ShownCertificates } from "../lib/certificate.ts";
import type { AuthScope } from "../message/message.ts";
import type { Registry } from "../registry/registry.ts";
import type { RejectionReason } from "./ingest.ts";
import { isSignedWith, opensDevice, parseSasToken } from "./sas-token.ts";

/** What a device says to be, and how it proves it. */
export interface DeviceClaim {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  /** A shared access signature; null or empty for none. */
  readonly token: string | null;
  /** Looked at only when there is no token. */
  readonly certificate: ShownCertificates | null;
}

export type AuthOutcome =
  | {
      readonly kind: "known";
      readonly authScope: AuthScope;
      readonly moduleId: string | undefined;
      /** Of the device. */
      readonly generationId: string;
      /** Of who sends: the device, or its module. A new one is somebody else (D1). */
      readonly identityGenerationId: string;
      /** Real time at which the token, or the certificate, ends. */
      readonly expiresMs: number;
      /** The hub policy whose key signed, or null for a key of the device. */
      readonly policy: string | null;
    }
  | { readonly kind: "rejected"; readonly reason: RejectionReason };

/** Keys of nobody: made at each start and never given out. */
const decoy = { primaryKey: randomBytes(32).toString("base64"), secondaryKey: randomBytes(32).toString("base64") };

export type AuthRegistry = Pick<Registry, "deviceCredentials" | "policyKeys">;

/**
 * Checks a shared access signature: a key of the device or of a hub policy, primary or secondary.
 *
 * @param nowMs  real time: tokens live in the devices' world, not on the window clock.
 */
export async function authenticate(
  registry: AuthRegistry,
  isOurHost: (host: string) => boolean,
  claim: DeviceClaim,
  nowMs: number,
): Promise<AuthOutcome> {
  const reject = (reason: RejectionReason): AuthOutcome => ({ kind: "rejected", reason });
  const token = parseSasToken(claim.token ?? "");
  if (token === null) return reject("token-malformed");
  // Modules have identities of their own, which this hub does not keep: only a hub policy opens for them.
  if (token.policy === null && claim.moduleId !== undefined) return reject("token-resource");
  const device = await registry.deviceCredentials(claim.deviceId);
  const policy = token.policy === null ? null : await registry.policyKeys(token.policy);
  const keys = (token.policy === null ? device : policy) ?? decoy;
  // A1: everything above and the comparison take the same way whether the device exists or not, and the front ends give
  // the same answer: whoever holds no key cannot find out which ids there are.
  const isSigned = isSignedWith(token, [keys.primaryKey, keys.secondaryKey]);
  if (device === null) return reject("unknown-device");
  if (token.policy !== null && policy === null) return reject("unknown-policy");
  if (!isSigned) return reject("token-signature");
  if (token.expiresMs <= nowMs) return reject("token-expired");
  if (!opensDevice(token, claim.deviceId, isOurHost)) return reject("token-resource");
  if (!device.enabled) return reject("device-disabled");
  return {
    kind: "known",
    authScope: token.policy === null ? "device" : "hub",
    moduleId: claim.moduleId,
    generationId: device.generationId,
    identityGenerationId: device.generationId,
    expiresMs: token.expiresMs,
    policy: token.policy,
  };
}
