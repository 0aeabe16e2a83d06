// Enrollments in SQLite: ID scopes, enrollment groups and individual enrollments, their keys sealed (A2).

import { randomUUID } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { keyPairOf, parseKeyPair, printKeyPair } from "../access-key.ts";
import { deviceIdOf, templateIdOf, templateVersionOf } from "../device-id.ts";
import { deviceAuthenticationOf } from "../device-authentication.ts";
import { registryError } from "../errors.ts";
import { booleanOf, integerOf, nameOf, oneOf } from "../input.ts";
import {
  type Attestation,
  type DeviceAuthentication,
  type Enrollment,
  type EnrollmentCalls,
  type EnrollmentGroup,
  type EnrollmentTerms,
  type GivenAuthentication,
  type IdScopes,
  type KeyChange,
  type KeyPair,
  type TermsChange,
  attestations,
  provisioningLimits,
} from "../registry.ts";
import { nextKeys } from "./credentials.ts";
import type { Change, Database, Reader } from "./database.ts";
import { checkEtag } from "./etag.ts";
import type { EnrollmentGroupRow, EnrollmentRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";
import { usableTemplate } from "./templates.ts";

const nameCharsMax = 200;
const idScopeCharsMax = 64;

export function enrollmentsIn(
  database: Database,
  secrets: SecretBox,
  installationId: string,
  clock: Clock,
): EnrollmentCalls {
  const at = (): string => new Date(clock.nowMs()).toISOString();
  const sealed = (keys: KeyPair, identity: string): Buffer => secrets.seal(printKeyPair(keys), identity);

  const readIdScopes = async (db: Reader): Promise<IdScopes> => {
    const rows = await db.selectFrom("id_scopes").select("id_scope").orderBy("id_scope").execute();
    return { idScope: ownIdScope(installationId), furtherIdScopes: rows.map((row) => row.id_scope) };
  };

  return {
    async idScopes() {
      return await readIdScopes(database.reader);
    },

    async setFurtherIdScopes(idScopes) {
      const own = ownIdScope(installationId);
      const clean = [...new Set(idScopes.map((one, index) => idScopeOf(one, `furtherIdScopes[${index}]`)))];
      const wanted = clean.filter((one) => one !== own);
      if (wanted.length > provisioningLimits.furtherIdScopes) {
        throw registryError("input-invalid", `At most ${provisioningLimits.furtherIdScopes} further ID scopes.`, {
          field: "furtherIdScopes",
        });
      }
      return await database.change(async (change, tell) => {
        await change.deleteFrom("id_scopes").execute();
        if (wanted.length > 0) {
          await change
            .insertInto("id_scopes")
            .values(wanted.map((id_scope) => ({ id_scope })))
            .execute();
        }
        tell({ kind: "provisioning-changed", id: "id-scopes" });
        return await readIdScopes(change);
      });
    },

    async createEnrollmentGroup({ name, attestation: wanted, caCertificateId, primaryKey, secondaryKey, ...terms }) {
      const id = randomUUID();
      const attestation = attestationOf(wanted);
      refuseBoth(attestation, { primaryKey, secondaryKey }, { caCertificateId });
      const identity = {
        id,
        name: nameOf(name, "name", nameCharsMax),
        attestation,
        access_keys: attestation === "x509" ? null : sealed(keyPairOf({ primaryKey, secondaryKey }), groupIdentity(id)),
        ca_certificate_id: caCertificateId ?? null,
        etag: 1,
        created_at: at(),
      };
      return await database.change(async (change, tell) => {
        const row = { ...identity, ...(await termsOf(change, terms, noTerms)) };
        await refuseTaken(change, row.name);
        if (attestation === "x509") await requireCaCertificate(change, row.ca_certificate_id);
        await refuseMore(change, "enrollment_groups", provisioningLimits.enrollmentGroups);
        await change.insertInto("enrollment_groups").values(row).execute();
        tell({ kind: "provisioning-changed", id });
        return groupFromRow(row);
      });
    },

    async updateEnrollmentGroup(id, { name, ...terms }, etag) {
      return await database.change(async (change, tell) => {
        const row = await requireGroup(change, id);
        checkEtag(row, etag, `enrollment group ${row.name}`);
        const next = {
          ...row,
          ...(await termsOf(change, terms, row)),
          name: name === undefined ? row.name : nameOf(name, "name", nameCharsMax),
        };
        if (isSameRow(next, row)) return groupFromRow(row);
        if (next.name !== row.name) await refuseTaken(change, next.name);
        next.etag++;
        await change.updateTable("enrollment_groups").set(next).where("id", "=", id).execute();
        tell({ kind: "provisioning-changed", id });
        return groupFromRow(next);
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
      return groupFromRow(await requireGroup(database.reader, id));
    },

    async enrollmentGroups() {
      const rows = await database.reader.selectFrom("enrollment_groups").selectAll().orderBy("name").execute();
      return rows.map(groupFromRow);
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
          .set({ access_keys: sealed(keys.pair, groupIdentity(id)), etag: row.etag + 1 })
          .where("id", "=", id)
          .execute();
        tell({ kind: "provisioning-changed", id });
        return keys.pair;
      });
    },

    async createEnrollment({ registrationId, deviceId, attestation: wanted, primaryKey, secondaryKey, ...more }) {
      const { primaryThumbprint, secondaryThumbprint, ...terms } = more;
      const id = deviceIdOf(registrationId, "registrationId");
      const attestation = attestationOf(wanted);
      const thumbprints = { primaryThumbprint, secondaryThumbprint };
      refuseBoth(attestation, { primaryKey, secondaryKey }, thumbprints);
      const identity = {
        registration_id: id,
        device_id: deviceId === undefined ? id : deviceIdOf(deviceId, "deviceId"),
        attestation,
        access_keys:
          attestation === "x509" ? null : sealed(keyPairOf({ primaryKey, secondaryKey }), enrollmentIdentity(id)),
        thumbprints: attestation === "x509" ? printThumbprints(thumbprints) : null,
        etag: 1,
        created_at: at(),
      };
      return await database.change(async (change, tell) => {
        const row = { ...identity, ...(await termsOf(change, terms, noTerms)) };
        if ((await enrollmentRow(change, id)) !== undefined) {
          throw registryError("enrollment-exists", `There is an enrollment for ${id}.`, { field: "registrationId" });
        }
        await refuseMore(change, "enrollments", provisioningLimits.enrollments);
        await change.insertInto("enrollments").values(row).execute();
        tell({ kind: "provisioning-changed", id });
        return enrollmentFromRow(row);
      });
    },

    async updateEnrollment(registrationId, terms, etag) {
      return await database.change(async (change, tell) => {
        const row = await requireEnrollment(change, registrationId);
        checkEtag(row, etag, `enrollment of ${registrationId}`);
        const next = { ...row, ...(await termsOf(change, terms, row)) };
        if (isSameRow(next, row)) return enrollmentFromRow(row);
        next.etag++;
        await change.updateTable("enrollments").set(next).where("registration_id", "=", registrationId).execute();
        tell({ kind: "provisioning-changed", id: registrationId });
        return enrollmentFromRow(next);
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
      return enrollmentFromRow(await requireEnrollment(database.reader, registrationId));
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
      const items = rows.slice(0, length).map(enrollmentFromRow);
      return { items, next: rows.length > length ? must(items.at(-1), "a full page").registrationId : null };
    },

    async enrollmentKeys(registrationId) {
      return enrollmentKeysOf(secrets, await requireEnrollment(database.reader, registrationId));
    },

    async setEnrollmentKeys(registrationId, wanted) {
      return await database.change(async (change, tell) => {
        const row = await requireEnrollment(change, registrationId);
        const keys = changedKeys(enrollmentKeysOf(secrets, row), wanted);
        if (keys.isSame) return keys.pair;
        await change
          .updateTable("enrollments")
          .set({ access_keys: sealed(keys.pair, enrollmentIdentity(registrationId)), etag: row.etag + 1 })
          .where("registration_id", "=", registrationId)
          .execute();
        tell({ kind: "provisioning-changed", id: registrationId });
        return keys.pair;
      });
    },
  };
}

/** `0ne` and eight hexadecimal digits, the form of Azure's. Of the installation's id, so that it never changes, nor is another's. */
export function ownIdScope(installationId: string): string {
  return `0ne${installationId.slice(0, 8).toUpperCase()}`;
}

export function groupIdentity(id: string): string {
  return `enrollment-group:${id}`;
}

export function enrollmentIdentity(registrationId: string): string {
  return `enrollment:${registrationId}`;
}

/** @param row  of an enrollment that is proved by keys. */
export function groupKeys(secrets: SecretBox, row: Pick<EnrollmentGroupRow, "id" | "access_keys">): KeyPair {
  return parseKeyPair(secrets.open(keysIn(row), groupIdentity(row.id)).toString("utf8"));
}

/** As `groupKeys`. */
export function enrollmentKeysOf(
  secrets: SecretBox,
  row: Pick<EnrollmentRow, "registration_id" | "access_keys">,
): KeyPair {
  return parseKeyPair(secrets.open(keysIn(row), enrollmentIdentity(row.registration_id)).toString("utf8"));
}

function keysIn({ access_keys }: Pick<EnrollmentRow, "access_keys">): Uint8Array {
  if (access_keys !== null) return access_keys;
  throw registryError("enrollment-without-keys", "It is proved by certificates.");
}

/** Of an enrollment that is proved by a certificate. */
export function thumbprintsOf({ thumbprints }: Pick<EnrollmentRow, "thumbprints">): ByThumbprint {
  return JSON.parse(must(thumbprints, "an x509 enrollment has them")) as ByThumbprint;
}

type ByThumbprint = Extract<DeviceAuthentication, { readonly type: "x509-thumbprint" }>;

function printThumbprints(given: Omit<GivenAuthentication, "type">): string {
  const { primaryThumbprint, secondaryThumbprint } = given;
  if (primaryThumbprint === undefined || primaryThumbprint === null) {
    throw registryError("input-invalid", "An x509 enrollment needs a primaryThumbprint.", {
      field: "primaryThumbprint",
    });
  }
  return JSON.stringify(
    deviceAuthenticationOf({ type: "x509-thumbprint", primaryThumbprint, secondaryThumbprint }, ""),
  );
}

/** Keys are for the one attestation, what names certificates for the other. */
function refuseBoth(attestation: Attestation, keys: object, certificates: object): void {
  const [others, why] = attestation === "x509" ? [keys, "x509 has no keys"] : [certificates, "keys are its proof"];
  const [field] = Object.entries(others).find(([, value]) => value !== undefined && value !== null) ?? [];
  if (field === undefined) return;
  throw registryError("input-invalid", `${field} does not go with the attestation ${attestation}: ${why}.`, { field });
}

async function requireCaCertificate(change: Change, id: string | null): Promise<void> {
  const field = "caCertificateId";
  if (id === null) throw registryError("input-invalid", "An x509 enrollment group needs a caCertificateId.", { field });
  const row = await change.selectFrom("ca_certificates").select("id").where("id", "=", id).executeTakeFirst();
  if (row === undefined) {
    throw registryError("reference-unknown", `There is no CA certificate ${JSON.stringify(id)}.`, { field });
  }
}

type TermsColumns = Pick<EnrollmentGroupRow, "template_id" | "template_version" | "auto_approve" | "enabled">;

const noTerms: TermsColumns = { template_id: null, template_version: null, auto_approve: 1, enabled: 1 };

/** What is given, in place of what was. */
async function termsOf(change: Change, given: TermsChange, was: TermsColumns): Promise<TermsColumns> {
  const templateId =
    given.templateId === undefined
      ? was.template_id
      : given.templateId === null
        ? null
        : templateIdOf(given.templateId, "templateId");
  const isOther = templateId !== was.template_id;
  const version = given.templateVersion === undefined ? (isOther ? null : was.template_version) : given.templateVersion;
  const templateVersion = version === null ? null : templateVersionOf(version, "templateVersion");
  if (templateId === null && templateVersion !== null) {
    throw registryError("input-invalid", "A templateVersion needs a templateId.", { field: "templateVersion" });
  }
  if (templateId !== null && (isOther || templateVersion !== was.template_version)) {
    await usableTemplate(change, templateId, templateVersion ?? undefined);
  }
  return {
    template_id: templateId,
    template_version: templateVersion,
    auto_approve: given.autoApprove === undefined ? was.auto_approve : flagOf(given.autoApprove, "autoApprove"),
    enabled: given.enabled === undefined ? was.enabled : flagOf(given.enabled, "enabled"),
  };
}

const flagOf = (input: unknown, field: string): 0 | 1 => (booleanOf(input, field) ? 1 : 0);

function termsFromRow(row: TermsColumns): EnrollmentTerms {
  return {
    templateId: row.template_id,
    templateVersion: row.template_version,
    autoApprove: row.auto_approve === 1,
    enabled: row.enabled === 1,
  };
}

function groupFromRow(row: EnrollmentGroupRow): EnrollmentGroup {
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

function enrollmentFromRow(row: EnrollmentRow): Enrollment {
  return {
    registrationId: row.registration_id,
    deviceId: row.device_id,
    attestation: row.attestation as Attestation,
    primaryThumbprint: row.thumbprints === null ? null : thumbprintsOf(row).primaryThumbprint,
    secondaryThumbprint: row.thumbprints === null ? null : thumbprintsOf(row).secondaryThumbprint,
    ...termsFromRow(row),
    etag: row.etag,
    createdAt: row.created_at,
  };
}

function attestationOf(input: unknown): Attestation {
  return input === undefined ? "symmetric-key" : oneOf(attestations, input, "attestation");
}

function idScopeOf(input: unknown, field: string): string {
  if (typeof input === "string" && /^[A-Za-z0-9]+$/.test(input) && input.length <= idScopeCharsMax) return input;
  throw registryError("input-invalid", `${field} must be 1 to ${idScopeCharsMax} letters and digits.`, {
    field,
    hint: "Copy it from the provisioning service's, or the application's, device connection page.",
  });
}

function changedKeys(present: KeyPair, wanted: KeyChange): { readonly pair: KeyPair; readonly isSame: boolean } {
  const pair = nextKeys(present, wanted);
  return { pair, isSame: isSameSecret(printKeyPair(pair), printKeyPair(present)) };
}

function isSameRow<T extends object>(one: T, other: T): boolean {
  return (Object.keys(one) as (keyof T)[]).every((column) => one[column] === other[column]);
}

async function refuseTaken(change: Change, name: string): Promise<void> {
  const taken = await change.selectFrom("enrollment_groups").select("id").where("name", "=", name).executeTakeFirst();
  if (taken === undefined) return;
  throw registryError("enrollment-exists", `There is an enrollment group ${JSON.stringify(name)}.`, { field: "name" });
}

async function refuseMore(change: Change, table: "enrollment_groups" | "enrollments", max: number): Promise<void> {
  const { count } = await change
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  if (count < max) return;
  const what = table === "enrollments" ? "enrollments" : "enrollment groups";
  throw registryError("enrollments-too-many", `There are ${count} ${what}, and no more may be.`);
}

async function requireGroup(db: Reader, id: string): Promise<EnrollmentGroupRow> {
  const row = await db.selectFrom("enrollment_groups").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw noGroup(id);
  return row;
}

function enrollmentRow(db: Reader, registrationId: string): Promise<EnrollmentRow | undefined> {
  return db.selectFrom("enrollments").selectAll().where("registration_id", "=", registrationId).executeTakeFirst();
}

async function requireEnrollment(db: Reader, registrationId: string): Promise<EnrollmentRow> {
  const row = await enrollmentRow(db, registrationId);
  if (row === undefined) throw noEnrollment(registrationId);
  return row;
}

function noGroup(id: string): Error {
  return registryError("enrollment-not-found", `There is no enrollment group ${JSON.stringify(id)}.`);
}

function noEnrollment(registrationId: string): Error {
  return registryError("enrollment-not-found", `There is no enrollment for ${JSON.stringify(registrationId)}.`);
}
