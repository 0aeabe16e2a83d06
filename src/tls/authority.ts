// Makes certificates: the authority of an installation, and server certificates under it.
//
// EC P-256 with SHA-256: every client of this field takes it (Azure's SDKs in C and Node, mosquitto, OpenSSL, browsers),
// and a handshake costs the server far less than RSA's. Extensions are what RFC 5280 asks for and `openssl verify
// -x509_strict` checks: key identifiers on both, critical basicConstraints and keyUsage, serverAuth on the leaf.

import "reflect-metadata";
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export interface KeyedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;
const dayMs = 24 * 60 * 60 * 1000;
const authorityDays = 3652;
/** Apple's clients refuse a server certificate of more than 825 days. */
const serverDays = 820;
/** A device's clock may be behind ours. */
const backdateMs = dayMs;
/** RFC 5280, ub-common-name. */
const commonNameMax = 64;

/** An authority of its own for each installation: the name differs too, so that stores can tell two of them apart. */
export async function makeAuthority(nowMs: number): Promise<KeyedCertificate> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const name = [{ CN: [`Coldpath authority ${randomBytes(4).toString("hex")}`] }];
  const cert = await X509CertificateGenerator.create({
    subject: name,
    issuer: name,
    serialNumber: serial(),
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + authorityDays * dayMs),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: pem(cert), keyPem: await privateKeyPem(keys.privateKey) };
}

/** A server certificate for `names` (DNS names and IP addresses, at least one), signed by `authority`. */
export async function makeServerCertificate(
  authority: KeyedCertificate,
  names: readonly string[],
  nowMs: number,
): Promise<KeyedCertificate> {
  const ca = new X509Certificate(authority.certPem);
  const pkcs8 = createPrivateKey(authority.keyPem).export({ type: "pkcs8", format: "der" });
  const caKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, keyAlgorithm, false, ["sign"]);
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const commonName = names.find((name) => name.length <= commonNameMax) ?? "Coldpath";
  const cert = await X509CertificateGenerator.create({
    subject: [{ CN: [commonName] }],
    issuer: ca.subjectName,
    serialNumber: serial(),
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(nowMs + serverDays * dayMs, ca.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: caKey,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(ca.publicKey),
      new SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: name }) as const),
      ),
    ],
  });
  return { certPem: pem(cert), keyPem: await privateKeyPem(keys.privateKey) };
}

/** 127 random bits: positive, and never two alike. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function pem(cert: X509Certificate): string {
  return `${cert.toString("pem").trim()}\n`;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ type: "pkcs8", format: "pem" })
    .toString();
}
