// Who is this device? The answer for every front end, from what it says to be, and a token or a certificate.

import { randomBytes } from "node:crypto";
import { type ShownCertificates, hasThumbprint, isValidAt, verifyChain } from "../lib/certificate.ts";
import type { AuthScope } from "../message/message.ts";
import type { DeviceCredentials, ModuleCredentials, Registry } from "../registry/registry.ts";
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
      /** Real time at which the token, or the first certificate of the chain, ends. */
      readonly expiresMs: number;
      /** The hub policy whose key signed, or null for a key of the device. */
      readonly policy: string | null;
      /** The CA certificate that its certificate leads to, or null. */
      readonly caCertificateId: string | null;
    }
  | { readonly kind: "rejected"; readonly reason: RejectionReason };

type Known = Extract<AuthOutcome, { kind: "known" }>;

/** Keys of nobody: made at each start and never given out. */
const decoy = { primaryKey: randomBytes(32).toString("base64"), secondaryKey: randomBytes(32).toString("base64") };

export type AuthRegistry = Pick<
  Registry,
  "deviceCredentials" | "moduleCredentials" | "policyKeys" | "trustedCaCertificates"
>;

/**
 * Checks a shared access signature (a key of the device, of its module or of a hub policy, primary or secondary), or a certificate.
 *
 * A1: whoever holds no key cannot find out which ids there are: an id that does not exist costs the same work as a wrong key or
 * certificate, and the front ends give the same answer.
 *
 * @param nowMs  real time: tokens and certificates live in the devices' world, not on the window clock.
 */
export async function authenticate(
  registry: AuthRegistry,
  isOurHost: (host: string) => boolean,
  claim: DeviceClaim,
  nowMs: number,
): Promise<AuthOutcome> {
  const { token, certificate } = claim;
  const isByCertificate = certificate !== null && (token === null || token === "");
  return isByCertificate
    ? await byCertificate(registry, claim, certificate, nowMs)
    : await byToken(registry, isOurHost, claim, token ?? "", nowMs);
}

async function byToken(
  registry: AuthRegistry,
  isOurHost: (host: string) => boolean,
  { deviceId, moduleId }: DeviceClaim,
  text: string,
  nowMs: number,
): Promise<AuthOutcome> {
  const token = parseSasToken(text);
  if (token === null) return reject("token-malformed");
  const sender = await senderOf(registry, deviceId, moduleId);
  const policy = token.policy === null ? null : await registry.policyKeys(token.policy);
  const keys = (token.policy === null ? sender : policy) ?? decoy;
  const isSigned = isSignedWith(token, [keys.primaryKey, keys.secondaryKey]);
  if (sender === null) return reject(moduleId === undefined ? "unknown-device" : "unknown-module");
  if (token.policy !== null && policy === null) return reject("unknown-policy");
  if (!isSigned) return reject("token-signature");
  // A hub policy opens for every device, however that one signs in by itself.
  if (token.policy === null && !sender.isByKey) return reject("authentication-type");
  if (token.expiresMs <= nowMs) return reject("token-expired");
  if (!opensDevice(token, deviceId, moduleId, isOurHost)) return reject("token-resource");
  if (!sender.enabled) return reject("device-disabled");
  return {
    kind: "known",
    authScope: token.policy !== null ? "hub" : moduleId === undefined ? "device" : "module",
    moduleId,
    generationId: sender.deviceGenerationId,
    identityGenerationId: sender.generationId,
    expiresMs: token.expiresMs,
    policy: token.policy,
    caCertificateId: null,
  };
}

/** The device, or the module of it, that a token is to open; null when there is none. */
async function senderOf(
  registry: AuthRegistry,
  deviceId: string,
  moduleId: string | undefined,
): Promise<(ModuleCredentials & { readonly isByKey: boolean }) | null> {
  if (moduleId !== undefined) {
    const module = await registry.moduleCredentials(deviceId, moduleId);
    return module === null ? null : { ...module, isByKey: true };
  }
  const device = await registry.deviceCredentials(deviceId);
  if (device === null) return null;
  return { ...device, deviceGenerationId: device.generationId, isByKey: device.authentication.type === "sas" };
}

async function byCertificate(
  registry: AuthRegistry,
  { deviceId, moduleId }: DeviceClaim,
  certificate: ShownCertificates,
  nowMs: number,
): Promise<AuthOutcome> {
  const device = await registry.deviceCredentials(deviceId);
  const trusted = await registry.trustedCaCertificates();
  // For every certificate, needed or not: it must not take longer for devices that there are.
  const authorities = trusted.map((one) => one.certificate);
  const chain = verifyChain(certificate, authorities, nowMs);
  if (device === null) return reject("unknown-device");
  // Modules have keys only.
  if (moduleId !== undefined) return reject("authentication-type");
  const known = (expiresMs: number, caCertificateId: string | null): AuthOutcome =>
    device.enabled ? knownByCertificate(device, expiresMs, caCertificateId) : reject("device-disabled");
  const { leaf } = certificate;
  switch (device.authentication.type) {
    case "sas":
      return reject("authentication-type");
    case "x509-thumbprint": {
      const { primaryThumbprint, secondaryThumbprint } = device.authentication;
      const isOurs = [primaryThumbprint, secondaryThumbprint].some((one) => one !== null && hasThumbprint(leaf, one));
      if (!isOurs) return reject("certificate-thumbprint");
      if (!isValidAt(leaf, nowMs)) return reject("certificate-expired");
      return known(leaf.validUntilMs, null);
    }
    case "x509-ca": {
      // Who holds another device's certificate learns nothing of this one.
      if (chain.kind === "refused") return reject(chain.reason);
      if (leaf.commonName !== deviceId) return reject("certificate-name");
      const authority = trusted[authorities.indexOf(chain.authority)];
      return known(chain.expiresMs, authority?.id ?? null);
    }
  }
}

function knownByCertificate(
  { generationId }: DeviceCredentials,
  expiresMs: number,
  caCertificateId: string | null,
): Known {
  return {
    kind: "known",
    authScope: "x509",
    moduleId: undefined,
    generationId,
    identityGenerationId: generationId,
    expiresMs,
    policy: null,
    caCertificateId,
  };
}

function reject(reason: RejectionReason): AuthOutcome {
  return { kind: "rejected", reason };
}
