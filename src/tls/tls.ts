// The server's TLS identity: its certificate, its key, and the authority that devices trust it by.
//
// Owns:      {dataDir}/tls/ with ca.pem, ca.key, server.pem, server.key, made on first start; when the server
//            certificate must be made again; reading an operator's own certificate instead.
// Does not:  open ports, choose names (`--public-host` does), decide when to look again (the caller calls `reload`).
//
// Rules:
//   -   The authority is made once and stays: its certificate is on devices. A server certificate is cheap: it is made
//       again, under the same authority, when the names change, when its key does not fit (a crash between two files)
//       or when it expires within 30 days.
//   -   Keys are readable by their owner only. A file appears whole or not at all; the key is written before its
//       certificate, so a certificate never lies there without its key.
//   -   TLS keeps real time, never the window clock: the other side of the wire does too.

import { X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { ColdpathError, codeOf, messageOf } from "../lib/errors.ts";
import { makeAuthority, makeServerCertificate } from "./authority.ts";
import { writeFileAtomic } from "./atomic-file.ts";
import { certificateNames, serverNames } from "./names.ts";

/** What a TLS listener needs, and what a user must be told. */
export interface TlsIdentity {
  /** The authority in PEM; null when the operator's own certificate came without one (a public authority signed it). */
  readonly caPem: string | null;
  /** The file to hand to devices; null as above. */
  readonly caPath: string | null;
  /** The server certificate in PEM, followed by whatever chain the operator put behind it. */
  readonly certPem: string;
  readonly keyPem: string;
  /** DNS names and IP addresses that the certificate is good for. */
  readonly names: readonly string[];
  readonly notAfter: Date;
}

export interface OwnCertificate {
  readonly certPath: string;
  readonly keyPath: string;
  readonly caPath?: string | undefined;
}

export interface TlsOptions {
  readonly dataDir: string;
  /** Names and addresses that devices use; `localhost`, 127.0.0.1 and ::1 are always added. */
  readonly publicHosts: readonly string[];
  /** The operator's own certificate; then nothing is made. */
  readonly own?: OwnCertificate | undefined;
  /** Real time, milliseconds; for tests of expiry. */
  readonly nowMs?: (() => number) | undefined;
}

export interface Tls {
  readonly identity: TlsIdentity;
  /**
   * Looks at the files again, makes the server certificate again when it is due, and returns what holds now. Call it
   * daily and on SIGHUP; give the result to `server.setSecureContext`. When it throws, the former identity stays.
   */
  reload(): Promise<TlsIdentity>;
}

const dayMs = 24 * 60 * 60 * 1000;
/** A certificate that ends sooner than this is made again. */
const renewalMs = 30 * dayMs;

/**
 * Reads the identity, or makes it.
 *
 * @throws ColdpathError, kind `fatal`: codes `tls-own-unreadable`, `tls-own-invalid`, `tls-own-expired`,
 *         `tls-authority-key-missing`, `tls-authority-expired`, `tls-authority-invalid`.
 */
export async function openTls(options: TlsOptions): Promise<Tls> {
  const nowMs = options.nowMs ?? Date.now;
  const { own } = options;
  const load =
    own === undefined ? () => loadMade(options.dataDir, options.publicHosts, nowMs()) : () => loadOwn(own, nowMs());
  let identity = await load();
  return {
    get identity() {
      return identity;
    },
    async reload() {
      identity = await load();
      return identity;
    },
  };
}

// ---- made here ----

async function loadMade(dataDir: string, publicHosts: readonly string[], nowMs: number): Promise<TlsIdentity> {
  const folder = join(dataDir, "tls");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const caPath = join(folder, "ca.pem");
  const caKeyPath = join(folder, "ca.key");
  const certPath = join(folder, "server.pem");
  const keyPath = join(folder, "server.key");

  let caPem = await readIfThere(caPath);
  if (caPem === null) {
    const made = await makeAuthority(nowMs);
    await writeFileAtomic(caKeyPath, made.keyPem, 0o600);
    await writeFileAtomic(caPath, made.certPem, 0o644);
    caPem = made.certPem;
  }
  const ca = parseAuthority(caPem, caPath, nowMs);

  const names = serverNames(publicHosts);
  const certPem = await readIfThere(certPath);
  const keyPem = await readIfThere(keyPath);
  if (certPem !== null && keyPem !== null && isFit(certPem, keyPem, ca, names, nowMs)) {
    return identityOf(caPem, caPath, certPem, keyPem);
  }

  const caKeyPem = await readIfThere(caKeyPath);
  if (caKeyPem === null) {
    throw new ColdpathError(
      "fatal",
      "tls-authority-key-missing",
      `the server certificate must be made again, but ${caKeyPath} is missing`,
      {
        hint: "Put the key back, or give your own certificate with --tls-cert and --tls-key, or remove the tls directory: a new authority is made, and devices need its ca.pem.",
      },
    );
  }
  const made = await makeServerCertificate({ certPem: caPem, keyPem: caKeyPem }, names, nowMs);
  await writeFileAtomic(keyPath, made.keyPem, 0o600);
  await writeFileAtomic(certPath, made.certPem, 0o644);
  return identityOf(caPem, caPath, made.certPem, made.keyPem);
}

function parseAuthority(caPem: string, caPath: string, nowMs: number): X509Certificate {
  const hint = "Remove the tls directory: a new authority is made at the next start, and devices need its ca.pem.";
  let ca: X509Certificate;
  try {
    ca = new X509Certificate(caPem);
  } catch (error) {
    throw new ColdpathError("fatal", "tls-authority-invalid", `${caPath} is not a certificate: ${messageOf(error)}`, {
      hint,
      cause: error,
    });
  }
  if (ca.validToDate.getTime() <= nowMs) {
    throw new ColdpathError("fatal", "tls-authority-expired", `the authority ${caPath} expired on ${ca.validTo}`, {
      hint,
    });
  }
  return ca;
}

/** May the server go on with this certificate? */
function isFit(certPem: string, keyPem: string, ca: X509Certificate, names: readonly string[], nowMs: number): boolean {
  try {
    const cert = new X509Certificate(certPem);
    createSecureContext({ cert: certPem, key: keyPem }); // throws when the key does not fit
    return (
      cert.checkIssued(ca) &&
      cert.verify(ca.publicKey) &&
      // An authority at the end of its life cannot give more time: do not make a certificate at every start.
      (cert.validToDate.getTime() - nowMs > renewalMs || cert.validToDate.getTime() >= ca.validToDate.getTime()) &&
      certificateNames(cert).toSorted().join() === names.toSorted().join()
    );
  } catch {
    // Unreadable is as good as absent: it is made again.
    return false;
  }
}

// ---- the operator's own ----

async function loadOwn(own: OwnCertificate, nowMs: number): Promise<TlsIdentity> {
  const certPem = await readOwn(own.certPath, "tls-cert");
  const keyPem = await readOwn(own.keyPath, "tls-key");
  const caPem = own.caPath === undefined ? null : await readOwn(own.caPath, "tls-ca");
  let cert: X509Certificate;
  try {
    cert = new X509Certificate(certPem);
    createSecureContext({ cert: certPem, key: keyPem, ...(caPem === null ? {} : { ca: caPem }) });
  } catch (error) {
    throw new ColdpathError(
      "fatal",
      "tls-own-invalid",
      `${own.certPath} and ${own.keyPath} cannot be used together: ${messageOf(error)}`,
      {
        field: "tls-cert",
        hint: "Give a PEM certificate (with its chain behind it) as --tls-cert and its unencrypted PEM key as --tls-key.",
        cause: error,
      },
    );
  }
  if (cert.validToDate.getTime() <= nowMs) {
    throw new ColdpathError("fatal", "tls-own-expired", `the certificate ${own.certPath} expired on ${cert.validTo}`, {
      field: "tls-cert",
      hint: "Renew it, or leave --tls-cert out to use Coldpath's own.",
    });
  }
  return identityOf(caPem, own.caPath ?? null, certPem, keyPem);
}

async function readOwn(path: string, field: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ColdpathError("fatal", "tls-own-unreadable", `--${field}: cannot read ${path}: ${messageOf(error)}`, {
      field,
      hint: "Name a PEM file that this user may read.",
      cause: error,
    });
  }
}

// ---- both ----

function identityOf(caPem: string | null, caPath: string | null, certPem: string, keyPem: string): TlsIdentity {
  const cert = new X509Certificate(certPem);
  return Object.freeze({
    caPem,
    caPath,
    certPem,
    keyPem,
    names: Object.freeze(certificateNames(cert)),
    notAfter: cert.validToDate,
  });
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}
