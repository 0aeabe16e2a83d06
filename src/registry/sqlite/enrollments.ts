// Individual enrollments in SQLite, their keys sealed (A2).

import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { keyPairOf } from "../access-key.ts";
import { deviceIdOf } from "../device-id.ts";
import { registryError } from "../errors.ts";
import { integerOf } from "../input.ts";
import type { Attestation, Enrollment, EnrollmentCalls } from "../registry.ts";
import type { Database, Reader } from "./database.ts";
import {
  attestationOf,
  changedKeys,
  enrollmentIdentity,
  enrollmentKeysOf,
  printThumbprints,
  refuseBoth,
  sealedKeys,
  thumbprintsOf,
} from "./attestation.ts";
import { isSameRow, noTerms, refuseMore, termsFromRow, termsOf } from "./enrollment-row.ts";
import { checkEtag } from "./etag.ts";
import type { EnrollmentRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

type IndividualCalls = Pick<
  EnrollmentCalls,
  | "createEnrollment"
  | "updateEnrollment"
  | "deleteEnrollment"
  | "enrollment"
  | "enrollments"
  | "enrollmentKeys"
  | "setEnrollmentKeys"
>;

export function enrollmentsIn(database: Database, secrets: SecretBox, clock: Clock): IndividualCalls {
  return {
    async createEnrollment({ registrationId, deviceId, attestation: wanted, primaryKey, secondaryKey, ...more }) {
      const { primaryThumbprint, secondaryThumbprint, ...terms } = more;
      const id = deviceIdOf(registrationId, "registrationId");
      const attestation = attestationOf(wanted);
      const thumbprints = { primaryThumbprint, secondaryThumbprint };
      refuseBoth(attestation, { primaryKey, secondaryKey }, thumbprints);
      const keys = attestation === "x509" ? null : keyPairOf({ primaryKey, secondaryKey });
      const identity = {
        registration_id: id,
        device_id: deviceId === undefined ? id : deviceIdOf(deviceId, "deviceId"),
        attestation,
        access_keys: keys === null ? null : sealedKeys(secrets, keys, enrollmentIdentity(id)),
        thumbprints: keys === null ? printThumbprints(null, thumbprints) : null,
        etag: 1,
        created_at: new Date(clock.nowMs()).toISOString(),
      };
      return await database.change(async (change, tell) => {
        const row = { ...identity, ...(await termsOf(change, terms, noTerms)) };
        if ((await rowOf(change, id)) !== undefined) {
          throw registryError("enrollment-exists", `There is an enrollment for ${id}.`, { field: "registrationId" });
        }
        await refuseMore(change, "enrollments");
        await change.insertInto("enrollments").values(row).execute();
        tell({ kind: "provisioning-changed", id });
        return fromRow(row);
      });
    },

    async updateEnrollment(registrationId, { primaryThumbprint, secondaryThumbprint, ...terms }, etag) {
      const thumbprints = { primaryThumbprint, secondaryThumbprint };
      return await database.change(async (change, tell) => {
        const row = await requireRow(change, registrationId);
        checkEtag(row, etag, `enrollment of ${registrationId}`);
        const attestation = row.attestation as Attestation;
        refuseBoth(attestation, {}, thumbprints);
        const next = {
          ...row,
          ...(await termsOf(change, terms, row)),
          thumbprints: attestation === "x509" ? printThumbprints(thumbprintsOf(row), thumbprints) : null,
        };
        if (isSameRow(next, row)) return fromRow(row);
        next.etag++;
        await change.updateTable("enrollments").set(next).where("registration_id", "=", registrationId).execute();
        tell({ kind: "provisioning-changed", id: registrationId });
        return fromRow(next);
      });
    },

    async deleteEnrollment(registrationId) {
      await database.change(async (change, tell) => {
        const { numDeletedRows } = await change
          .deleteFrom("enrollments")
          .where("registration_id", "=", registrationId)
          .executeTakeFirst();
        if (numDeletedRows === 0n) throw noEnrollment(registrationId);
        await change
          .deleteFrom("registrations")
          .where("registration_id", "=", registrationId)
          .where("enrollment_group_id", "is", null)
          .execute();
        tell({ kind: "provisioning-changed", id: registrationId });
      });
    },

    async enrollment(registrationId) {
      return fromRow(await requireRow(database.reader, registrationId));
    },

    async enrollments({ limit, after } = {}) {
      const length = limit === undefined ? 100 : integerOf(limit, "limit", 1, 1000);
      const rows = await database.reader
        .selectFrom("enrollments")
        .selectAll()
        .where("registration_id", ">", after ?? "")
        .orderBy("registration_id")
        .limit(length + 1)
        .execute();
      const items = rows.slice(0, length).map(fromRow);
      return { items, next: rows.length > length ? must(items.at(-1), "a full page").registrationId : null };
    },

    async enrollmentKeys(registrationId) {
      return enrollmentKeysOf(secrets, await requireRow(database.reader, registrationId));
    },

    async setEnrollmentKeys(registrationId, wanted) {
      return await database.change(async (change, tell) => {
        const row = await requireRow(change, registrationId);
        const keys = changedKeys(enrollmentKeysOf(secrets, row), wanted);
        if (keys.isSame) return keys.pair;
        const sealed = sealedKeys(secrets, keys.pair, enrollmentIdentity(registrationId));
        await change
          .updateTable("enrollments")
          .set({ access_keys: sealed, etag: row.etag + 1 })
          .where("registration_id", "=", registrationId)
          .execute();
        tell({ kind: "provisioning-changed", id: registrationId });
        return keys.pair;
      });
    },
  };
}

function fromRow(row: EnrollmentRow): Enrollment {
  const thumbprints = row.thumbprints === null ? null : thumbprintsOf(row);
  return {
    registrationId: row.registration_id,
    deviceId: row.device_id,
    attestation: row.attestation as Attestation,
    primaryThumbprint: thumbprints?.primaryThumbprint ?? null,
    secondaryThumbprint: thumbprints?.secondaryThumbprint ?? null,
    ...termsFromRow(row),
    etag: row.etag,
    createdAt: row.created_at,
  };
}

function rowOf(db: Reader, registrationId: string): Promise<EnrollmentRow | undefined> {
  return db.selectFrom("enrollments").selectAll().where("registration_id", "=", registrationId).executeTakeFirst();
}

async function requireRow(db: Reader, registrationId: string): Promise<EnrollmentRow> {
  const row = await rowOf(db, registrationId);
  if (row !== undefined) return row;
  throw noEnrollment(registrationId);
}

function noEnrollment(registrationId: string): Error {
  return registryError("enrollment-not-found", `There is no enrollment for ${JSON.stringify(registrationId)}.`);
}
