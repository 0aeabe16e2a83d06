// X.509 certificates of devices and of the authorities that sign them: what they say, and whether one leads to another.
//
// Owns:      reading (DER or PEM), thumbprints, `verifyChain`. Signatures and names are OpenSSL's (node:crypto); what node:crypto
//            does not tell (path length, uses of keys, critical extensions) is read from the DER here.
// Does not:  know devices, ask whether a certificate was revoked (there are no lists here: take a certificate away by its
//            thumbprint or its authority), or open sockets.
//
// Pure. RFC 5280 §6.1 where it can be met; what it demands and this does not know is refused, never passed over.

import { X509Certificate } from "node:crypto";
import { type CertificateContent, contentOf, flagsOf, oidsOf, readAuthority } from "./certificate-der.ts";

/** Of one certificate, in DER. */
const certificateBytesMax = 16 * 1024;
/** Certificates that a device may show beside its own. */
export const intermediatesMax = 8;
/** Ways from a device's certificate to an authority that are tried. */
const pathsMax = 16;

export interface Certificate {
  readonly x509: X509Certificate;
  readonly der: Buffer;
  /** Upper case hex. */
  readonly thumbprintSha1: string;
  readonly thumbprintSha256: string;
  /** Null when the subject has none, or more than one. */
  readonly commonName: string | null;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  /** It may sign certificates: basicConstraints says CA, and keyUsage, when there is one, keyCertSign. */
  readonly isAuthority: boolean;
  /** Authorities that may stand between it and a device's certificate; null is any number. */
  readonly pathLengthMax: number | null;
  /** Its key may prove who a TLS client is. */
  readonly mayIdentifyClient: boolean;
  /** What it demands is known here: no name constraints, no critical extension besides those above, a hash that holds. */
  readonly isUnderstood: boolean;
}

/** What a TLS client showed: its own certificate, then others, in any order. */
export interface ShownCertificates {
  readonly leaf: Certificate;
  /** DER; read only when a chain is asked for. */
  readonly others: readonly Buffer[];
}

type ChainOutcome =
  | {
      readonly kind: "trusted";
      /** The one of `trusted` that it leads to. */
      readonly authority: Certificate;
      /** The first moment at which one of the chain's certificates has ended. */
      readonly expiresMs: number;
    }
  /** `certificate-expired`: its signatures lead to an authority, but one of them is over, or not valid yet. */
  | { readonly kind: "refused"; readonly reason: "certificate-untrusted" | "certificate-expired" };

/** @returns null when it is no certificate, too large, or not DER. Of PEM, the first certificate. */
export function readCertificate(source: Buffer | string): Certificate | null {
  try {
    if (source.length > certificateBytesMax * 2) return null;
    const x509 = new X509Certificate(source);
    const der = x509.raw;
    const content = der.length > certificateBytesMax ? null : contentOf(der);
    return content === null ? null : certificateOf(x509, der, content);
  } catch {
    return null; // node:crypto throws on what it cannot read
  }
}

/** A thumbprint in one spelling (upper case hex, SHA-1 or SHA-256), or null when it is none. Colons and blanks do not count. */
export function thumbprintOf(text: string): string | null {
  const hex = text.replaceAll(/[:\s]/g, "").toUpperCase();
  return /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(hex) ? hex : null;
}

/** @param thumbprint  as `thumbprintOf` gives it. */
export function hasThumbprint(certificate: Certificate, thumbprint: string): boolean {
  return thumbprint === certificate.thumbprintSha1 || thumbprint === certificate.thumbprintSha256;
}

export function isValidAt({ validFromMs, validUntilMs }: Certificate, nowMs: number): boolean {
  return validFromMs <= nowMs && nowMs < validUntilMs;
}

/**
 * Whether what a client showed leads to one of the trusted authorities.
 *
 * Work is bounded: signatures are checked from the authority downwards, so that a key of the client's choice is only used when
 * a trusted one has signed it.
 */
export function verifyChain(shown: ShownCertificates, trusted: readonly Certificate[], nowMs: number): ChainOutcome {
  const untrusted: ChainOutcome = { kind: "refused", reason: "certificate-untrusted" };
  const { leaf, others } = shown;
  if (others.length > intermediatesMax || !leaf.mayIdentifyClient || !leaf.isUnderstood) return untrusted;
  const intermediates = others.map((der) => readCertificate(der)).filter((one) => one !== null);
  const anchors = trusted.filter((one) => maySign(one));
  const signers = intermediates.filter((one) => maySign(one));
  let outcome = untrusted;
  for (const path of pathsOf(leaf, signers, anchors)) {
    if (!isSignedThrough(path)) continue;
    if (path.every((one) => isValidAt(one, nowMs))) {
      const expiresMs = Math.min(...path.map((one) => one.validUntilMs));
      return { kind: "trusted", authority: path.at(-1) as Certificate, expiresMs };
    }
    outcome = { kind: "refused", reason: "certificate-expired" };
  }
  return outcome;
}

function maySign(one: Certificate): boolean {
  return one.isAuthority && one.isUnderstood;
}

/** Ways from the leaf to an anchor, by names and key identifiers alone. */
function pathsOf(
  leaf: Certificate,
  signers: readonly Certificate[],
  anchors: readonly Certificate[],
): readonly (readonly Certificate[])[] {
  const paths: Certificate[][] = [];
  const extend = (path: readonly Certificate[]): void => {
    const last = path.at(-1) as Certificate;
    // Authorities between the next one and the leaf.
    const between = path.length - 1;
    const signsLast = (one: Certificate): boolean =>
      (one.pathLengthMax ?? between) >= between && last.x509.checkIssued(one.x509);
    for (const anchor of anchors) {
      if (paths.length < pathsMax && signsLast(anchor)) paths.push([...path, anchor]);
    }
    for (const signer of signers) {
      if (paths.length < pathsMax && path.length <= intermediatesMax && !path.includes(signer) && signsLast(signer)) {
        extend([...path, signer]);
      }
    }
  };
  extend([leaf]);
  return paths;
}

function isSignedThrough(path: readonly Certificate[]): boolean {
  for (let at = path.length - 2; at >= 0; at--) {
    const signer = path[at + 1] as Certificate;
    if (!(path[at] as Certificate).x509.verify(signer.x509.publicKey)) return false;
  }
  return true;
}

function certificateOf(
  x509: X509Certificate,
  der: Buffer,
  { commonNames, validFromMs, validUntilMs, extensions }: CertificateContent,
): Certificate {
  const authority = readAuthority(extensions);
  const keyUses = flagsOf(extensions, keyUsageId);
  const purposes = oidsOf(extensions, extendedKeyUsageId);
  const mayProve = keyUses === null || (keyUses & (digitalSignature | keyAgreement)) !== 0;
  const isForClients = purposes === null || purposes.some((oid) => oid === clientAuth || oid === anyPurpose);
  return {
    x509,
    der,
    thumbprintSha1: x509.fingerprint.replaceAll(":", ""),
    thumbprintSha256: x509.fingerprint256.replaceAll(":", ""),
    // Only when it is said once: which of several would be the device is nobody's guess.
    commonName: commonNames.length === 1 ? commonNames[0] || null : null,
    validFromMs,
    validUntilMs,
    isAuthority: x509.ca && authority.isAuthority && (keyUses === null || (keyUses & keyCertSign) !== 0),
    pathLengthMax: authority.pathLengthMax,
    mayIdentifyClient: mayProve && isForClients,
    isUnderstood:
      !extensions.has(nameConstraintsId) &&
      [...extensions].every(([id, { isCritical }]) => !isCritical || knownExtensions.has(id)) &&
      !/md[245]|sha-?1(?!\d)/i.test(x509.signatureAlgorithm ?? ""),
  };
}

/** Object identifiers as the hex of their DER content. */
const keyUsageId = "551d0f";
const extendedKeyUsageId = "551d25";
const nameConstraintsId = "551d1e";
const clientAuth = "2b06010505070302";
const anyPurpose = "551d2500";
/** basicConstraints, keyUsage, extendedKeyUsage; subjectAltName and the key identifiers ask nothing of us. */
const knownExtensions: ReadonlySet<string> = new Set([
  "551d13",
  keyUsageId,
  extendedKeyUsageId,
  "551d11",
  "551d0e",
  "551d23",
]);
/** Bits of keyUsage, the first one highest (RFC 5280 §4.2.1.3). */
const digitalSignature = 0x80;
const keyAgreement = 0x08;
const keyCertSign = 0x04;
