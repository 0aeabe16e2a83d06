// CA certificates: the authorities whose certificates let devices in, each after its owner has proven to have its key.
//
// Proof of possession: the hub gives a code, the owner signs a certificate with the code as its common name.

import type { Certificate } from "../lib/certificate.ts";

export interface CaCertificate {
  readonly id: string;
  readonly name: string;
  /** Of its subject; empty when it has none. */
  readonly commonName: string;
  /** SHA-256, upper case hex. */
  readonly thumbprint: string;
  readonly validFrom: string;
  readonly validUntil: string;
  /** Null: not yet, and nobody gets in by it. */
  readonly verifiedAt: string | null;
  /** The code to be signed, while there is one. */
  readonly verification: { readonly code: string; readonly expiresAt: string } | null;
  /** PEM. */
  readonly certificate: string;
  readonly createdAt: string;
}

export interface NewCaCertificate {
  readonly name: string;
  /** PEM. */
  readonly certificate: string;
}

/** One that lets devices in. */
export interface TrustedCaCertificate {
  readonly id: string;
  readonly certificate: Certificate;
}

export interface CaCertificateCalls {
  caCertificates(): Promise<readonly CaCertificate[]>;
  caCertificate(id: string): Promise<CaCertificate>;
  /** Not verified yet. Throws `ca-certificate-invalid`, `ca-certificate-exists`, `ca-certificates-too-many`. */
  createCaCertificate(given: NewCaCertificate): Promise<CaCertificate>;
  /** Connections that came in by it end (`ca-certificate-changed`). */
  deleteCaCertificate(id: string): Promise<void>;
  /** A new code in place of the former one. One that is verified stays so. */
  newVerificationCode(id: string): Promise<CaCertificate>;
  /**
   * Takes the code that was signed. It is used up by that.
   *
   * @param certificate  PEM: the code as common name, signed by the CA certificate. Throws `ca-proof-invalid`.
   */
  verifyCaCertificate(id: string, certificate: string): Promise<CaCertificate>;
  /** Those that are verified. Fast: asked at every connection with a certificate. */
  trustedCaCertificates(): Promise<readonly TrustedCaCertificate[]>;
}
