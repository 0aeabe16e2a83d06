// Certificates for tests: devices', authorities', and such as nobody should accept.

import "reflect-metadata";
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

export { Extension, KeyUsageFlags };

export interface TestCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly der: Buffer;
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface TestCertificateOptions {
  /** `CN=…`, or a whole name. */
  readonly name: string;
  /** Signs itself when left out. */
  readonly issuer?: TestCertificate | undefined;
  /** Left out: no basicConstraints at all. */
  readonly isAuthority?: boolean | undefined;
  readonly pathLength?: number | undefined;
  readonly keyUsage?: number | undefined;
  /** Object identifiers. */
  readonly purposes?: readonly string[] | undefined;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
  readonly extensions?: readonly Extension[] | undefined;
}

export const purposes = { clientAuth: "1.3.6.1.5.5.7.3.2", serverAuth: "1.3.6.1.5.5.7.3.1" } as const;
const ecdsa = { name: "ECDSA", namedCurve: "P-256" } as const;
const dayMs = 86_400_000;

export async function testCertificate(options: TestCertificateOptions): Promise<TestCertificate> {
  const { name, issuer, isAuthority, pathLength, keyUsage, purposes: uses } = options;
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const subject = name.includes("=") ? name : `CN=${name}`;
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: issuer?.name ?? subject,
    serialNumber: `4${randomBytes(12).toString("hex")}0`,
    notBefore: options.notBefore ?? new Date(Date.now() - dayMs),
    notAfter: options.notAfter ?? new Date(Date.now() + dayMs),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      ...(isAuthority === undefined ? [] : [new BasicConstraintsExtension(isAuthority, pathLength, true)]),
      ...(keyUsage === undefined ? [] : [new KeyUsagesExtension(keyUsage, true)]),
      ...(uses === undefined ? [] : [new ExtendedKeyUsageExtension([...uses])]),
      ...(options.extensions ?? []),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const keyPem = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }).export({
    type: "pkcs8",
    format: "pem",
  });
  return {
    certPem: `${certificate.toString("pem").trim()}\n`,
    keyPem: keyPem.toString(),
    der: Buffer.from(certificate.rawData),
    name: subject,
    keys,
  };
}

/** As authorities are made by those who know: critical CA flag and keyCertSign. */
export async function testAuthority(
  name: string,
  more: Omit<TestCertificateOptions, "name"> = {},
): Promise<TestCertificate> {
  return await testCertificate({ isAuthority: true, keyUsage: KeyUsageFlags.keyCertSign, ...more, name });
}
