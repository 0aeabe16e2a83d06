// CA certificates in SQLite, and the proof that their owner has the key.

import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { type Certificate, readCertificate } from "../../lib/certificate.ts";
import { must } from "../../lib/assert.ts";
import type { CaCertificate, CaCertificateCalls, TrustedCaCertificate } from "../ca-certificate.ts";
import { registryError } from "../errors.ts";
import { nameOf, objectOf } from "../input.ts";
import type { Database, Reader } from "./database.ts";
import type { CaCertificateRow } from "./schema.ts";

const caCertificatesMax = 100;
const nameCharsMax = 128;
/** An authority may be in a safe, and its owner on holiday. */
const codeMs = 7 * 24 * 60 * 60 * 1000;
/** Common names have room for 64 characters. */
const codeBytes = 24;

export function caCertificatesIn(database: Database, clock: Clock): CaCertificateCalls {
  const lookUp = database.rawReader.prepare(
    "select id, certificate from ca_certificates where verified_at is not null order by id",
  );
  /** Read ones, by id: what stands in a row never changes. */
  const read = new Map<string, Certificate>();

  const trusted = (): readonly TrustedCaCertificate[] => {
    const rows = lookUp.all() as unknown as readonly { id: string; certificate: Uint8Array }[];
    if (read.size > 2 * caCertificatesMax) read.clear();
    return rows.map((row) => {
      const certificate = read.get(row.id) ?? certificateOfRow(row);
      read.set(row.id, certificate);
      return { id: row.id, certificate };
    });
  };

  return {
    async caCertificates() {
      const rows = await database.reader.selectFrom("ca_certificates").selectAll().orderBy("name").execute();
      return rows.map(fromRow);
    },

    async caCertificate(id) {
      return fromRow(await requireRow(database.reader, id));
    },

    async createCaCertificate(given) {
      const { name: givenName, certificate: pem } = objectOf(given, "", ["name", "certificate"]);
      const name = nameOf(givenName, "name", nameCharsMax);
      const nowMs = clock.nowMs();
      const certificate = authorityOf(pem, nowMs);
      return await database.change(async (change, tell) => {
        const existing = await change.selectFrom("ca_certificates").select(["name", "thumbprint"]).execute();
        const thumbprint = certificate.thumbprintSha256;
        if (existing.length >= caCertificatesMax) {
          throw registryError("ca-certificates-too-many", `There are ${existing.length} CA certificates.`);
        }
        if (existing.some((one) => one.name === name)) {
          throw registryError("ca-certificate-exists", `A CA certificate named ${name} exists.`, { field: "name" });
        }
        const same = existing.find((one) => one.thumbprint === thumbprint);
        if (same !== undefined) {
          const message = `This certificate is there already, as ${same.name}.`;
          throw registryError("ca-certificate-exists", message, { field: "certificate" });
        }
        const row: CaCertificateRow = {
          id: randomUUID(),
          name,
          certificate: certificate.der,
          thumbprint,
          verified_at: null,
          ...newCode(nowMs),
          created_at: new Date(nowMs).toISOString(),
        };
        await change.insertInto("ca_certificates").values(row).execute();
        tell({ kind: "ca-certificate-changed", caCertificateId: row.id, isGone: false });
        return fromRow(row);
      });
    },

    async deleteCaCertificate(id) {
      await database.change(async (change, tell) => {
        const { numDeletedRows } = await change.deleteFrom("ca_certificates").where("id", "=", id).executeTakeFirst();
        if (numDeletedRows === 0n) throw notFound(id);
        tell({ kind: "ca-certificate-changed", caCertificateId: id, isGone: true });
      });
    },

    async newVerificationCode(id) {
      return await database.change(async (change, tell) => {
        const next = { ...(await requireRow(change, id)), ...newCode(clock.nowMs()) };
        const { code, code_expires_ms } = next;
        await change.updateTable("ca_certificates").set({ code, code_expires_ms }).where("id", "=", id).execute();
        tell({ kind: "ca-certificate-changed", caCertificateId: id, isGone: false });
        return fromRow(next);
      });
    },

    async verifyCaCertificate(id, pem) {
      return await database.change(async (change, tell) => {
        const row = await requireRow(change, id);
        const nowMs = clock.nowMs();
        refuseProof(row, pem, nowMs);
        const next = { ...row, verified_at: new Date(nowMs).toISOString(), code: null, code_expires_ms: null };
        const { verified_at, code, code_expires_ms } = next;
        await change
          .updateTable("ca_certificates")
          .set({ verified_at, code, code_expires_ms })
          .where("id", "=", id)
          .execute();
        tell({ kind: "ca-certificate-changed", caCertificateId: id, isGone: false });
        return fromRow(next);
      });
    },

    trustedCaCertificates: () => Promise.resolve(trusted()),
  };
}

function newCode(nowMs: number): { readonly code: string; readonly code_expires_ms: number } {
  return { code: randomBytes(codeBytes).toString("hex").toUpperCase(), code_expires_ms: nowMs + codeMs };
}

/** @throws ColdpathError `ca-certificate-invalid`. */
function authorityOf(pem: unknown, nowMs: number): Certificate {
  const refuse = (why: string, hint?: string): Error =>
    registryError("ca-certificate-invalid", why, { field: "certificate", hint });
  const certificate = typeof pem === "string" ? readCertificate(pem) : null;
  if (certificate === null) throw refuse("This is no certificate in PEM form.");
  if (!certificate.isAuthority) {
    throw refuse(
      "This certificate may not sign others: it is not marked as a CA's.",
      "Give the certificate of the authority (basicConstraints CA:TRUE, keyUsage keyCertSign), not a device's.",
    );
  }
  if (!certificate.isUnderstood) {
    throw refuse(
      "This certificate has name constraints, critical extensions or a hash (MD5, SHA-1) that are not supported.",
      "Make an authority without them.",
    );
  }
  if (certificate.validUntilMs <= nowMs) {
    throw refuse(`This certificate ended at ${new Date(certificate.validUntilMs).toISOString()}.`);
  }
  return certificate;
}

/** @throws ColdpathError `ca-proof-invalid` unless `pem` is the row's code, signed by the row's authority. */
function refuseProof(row: CaCertificateRow, pem: unknown, nowMs: number): void {
  const refuse = (why: string, hint?: string): Error =>
    registryError("ca-proof-invalid", why, { field: "certificate", hint });
  if (row.code === null || row.code_expires_ms === null || row.code_expires_ms <= nowMs) {
    const hint = "Ask for a new code, and sign a certificate with that one as its common name.";
    throw refuse(`The CA certificate ${row.name} has no code that is valid now.`, hint);
  }
  const proof = typeof pem === "string" ? readCertificate(pem) : null;
  if (proof === null) throw refuse("This is no certificate in PEM form.");
  if (proof.commonName !== row.code) throw refuse("The certificate's common name is not the code.");
  const { x509 } = certificateOfRow(row);
  if (!proof.x509.checkIssued(x509) || !proof.x509.verify(x509.publicKey)) {
    throw refuse(`The certificate was not signed by ${row.name}.`);
  }
}

function fromRow(row: CaCertificateRow): CaCertificate {
  const certificate = certificateOfRow(row);
  const { code, code_expires_ms: expiresMs } = row;
  return {
    id: row.id,
    name: row.name,
    commonName: certificate.commonName ?? "",
    thumbprint: row.thumbprint,
    validFrom: new Date(certificate.validFromMs).toISOString(),
    validUntil: new Date(certificate.validUntilMs).toISOString(),
    verifiedAt: row.verified_at,
    verification: code === null || expiresMs === null ? null : { code, expiresAt: new Date(expiresMs).toISOString() },
    certificate: certificate.x509.toString(),
    createdAt: row.created_at,
  };
}

function certificateOfRow(row: Pick<CaCertificateRow, "certificate">): Certificate {
  return must(readCertificate(Buffer.from(row.certificate)), "it was read before it was kept");
}

async function requireRow(db: Reader, id: string): Promise<CaCertificateRow> {
  const row = await db.selectFrom("ca_certificates").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw notFound(id);
  return row;
}

function notFound(id: string): Error {
  return registryError("ca-certificate-not-found", `There is no CA certificate ${JSON.stringify(id)}.`);
}
