// Enrollment groups in SQLite, their keys sealed (A2).

import { randomUUID } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { keyPairOf } from "../access-key.ts";
import { registryError } from "../errors.ts";
import { nameOf } from "../input.ts";
import type { Attestation, EnrollmentCalls, EnrollmentGroup } from "../registry.ts";
import type { Change, Database, Reader } from "./database.ts";
import { attestationOf, changedKeys, groupIdentity, groupKeys, refuseBoth, sealedKeys } from "./attestation.ts";
import { isSameRow, noTerms, refuseMore, termsFromRow, termsOf } from "./enrollment-row.ts";
import { checkEtag } from "./etag.ts";
import type { EnrollmentGroupRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

const nameCharsMax = 200;

type GroupCalls = Pick<
  EnrollmentCalls,
  | "createEnrollmentGroup"
  | "updateEnrollmentGroup"
  | "deleteEnrollmentGroup"
  | "enrollmentGroup"
  | "enrollmentGroups"
  | "enrollmentGroupKeys"
  | "setEnrollmentGroupKeys"
>;

export function enrollmentGroupsIn(database: Database, secrets: SecretBox, clock: Clock): GroupCalls {
  return {
    async createEnrollmentGroup({ name, attestation: wanted, caCertificateId, primaryKey, secondaryKey, ...terms }) {
      const id = randomUUID();
      const attestation = attestationOf(wanted);
      refuseBoth(attestation, { primaryKey, secondaryKey }, { caCertificateId });
      const keys = attestation === "x509" ? null : keyPairOf({ primaryKey, secondaryKey });
      const identity = {
        id,
        name: nameOf(name, "name", nameCharsMax),
        attestation,
        access_keys: keys === null ? null : sealedKeys(secrets, keys, groupIdentity(id)),
        ca_certificate_id: caCertificateId ?? null,
        etag: 1,
        created_at: new Date(clock.nowMs()).toISOString(),
      };
      return await database.change(async (change, tell) => {
        const row = { ...identity, ...(await termsOf(change, terms, noTerms)) };
        await refuseTaken(change, row.name);
        if (attestation === "x509") await requireCaCertificate(change, row.ca_certificate_id);
        await refuseMore(change, "enrollment_groups");
        await change.insertInto("enrollment_groups").values(row).execute();
        tell({ kind: "provisioning-changed", id });
        return fromRow(row);
      });
    },

    async updateEnrollmentGroup(id, { name, caCertificateId, ...terms }, etag) {
      return await database.change(async (change, tell) => {
        const row = await requireGroup(change, id);
        checkEtag(row, etag, `enrollment group ${row.name}`);
        refuseBoth(row.attestation as Attestation, {}, { caCertificateId });
        const next = {
          ...row,
          ...(await termsOf(change, terms, row)),
          name: name === undefined ? row.name : nameOf(name, "name", nameCharsMax),
          ca_certificate_id: caCertificateId === undefined ? row.ca_certificate_id : caCertificateId,
        };
        if (isSameRow(next, row)) return fromRow(row);
        if (next.name !== row.name) await refuseTaken(change, next.name);
        if (next.ca_certificate_id !== row.ca_certificate_id) {
          await requireCaCertificate(change, next.ca_certificate_id);
        }
        next.etag++;
        await change.updateTable("enrollment_groups").set(next).where("id", "=", id).execute();
        tell({ kind: "provisioning-changed", id });
        return fromRow(next);
      });
    },

    async deleteEnrollmentGroup(id) {
      await database.change(async (change, tell) => {
        const { numDeletedRows } = await change.deleteFrom("enrollment_groups").where("id", "=", id).executeTakeFirst();
        if (numDeletedRows === 0n) throw noGroup(id);
        tell({ kind: "provisioning-changed", id });
      });
    },

    async enrollmentGroup(id) {
      return fromRow(await requireGroup(database.reader, id));
    },

    async enrollmentGroups() {
      const rows = await database.reader.selectFrom("enrollment_groups").selectAll().orderBy("name").execute();
      return rows.map(fromRow);
    },

    async enrollmentGroupKeys(id) {
      return groupKeys(secrets, await requireGroup(database.reader, id));
    },

    async setEnrollmentGroupKeys(id, wanted) {
      return await database.change(async (change, tell) => {
        const row = await requireGroup(change, id);
        const keys = changedKeys(groupKeys(secrets, row), wanted);
        if (keys.isSame) return keys.pair;
        await change
          .updateTable("enrollment_groups")
          .set({ access_keys: sealedKeys(secrets, keys.pair, groupIdentity(id)), etag: row.etag + 1 })
          .where("id", "=", id)
          .execute();
        tell({ kind: "provisioning-changed", id });
        return keys.pair;
      });
    },
  };
}

function fromRow(row: EnrollmentGroupRow): EnrollmentGroup {
  return {
    id: row.id,
    name: row.name,
    attestation: row.attestation as Attestation,
    caCertificateId: row.ca_certificate_id,
    ...termsFromRow(row),
    etag: row.etag,
    createdAt: row.created_at,
  };
}

async function requireCaCertificate(change: Change, id: string | null): Promise<void> {
  const field = "caCertificateId";
  if (id === null) throw registryError("input-invalid", "An x509 enrollment group needs a caCertificateId.", { field });
  const row = await change.selectFrom("ca_certificates").select("id").where("id", "=", id).executeTakeFirst();
  if (row === undefined) {
    throw registryError("reference-unknown", `There is no CA certificate ${JSON.stringify(id)}.`, { field });
  }
}

async function refuseTaken(change: Change, name: string): Promise<void> {
  const taken = await change.selectFrom("enrollment_groups").select("id").where("name", "=", name).executeTakeFirst();
  if (taken === undefined) return;
  throw registryError("enrollment-exists", `There is an enrollment group ${JSON.stringify(name)}.`, { field: "name" });
}

async function requireGroup(db: Reader, id: string): Promise<EnrollmentGroupRow> {
  const row = await db.selectFrom("enrollment_groups").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw noGroup(id);
  return row;
}

function noGroup(id: string): Error {
  return registryError("enrollment-not-found", `There is no enrollment group ${JSON.stringify(id)}.`);
}
