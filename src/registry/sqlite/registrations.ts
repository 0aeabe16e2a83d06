// Registrations in SQLite: those that wait, that have a device, or are blocked.
//
// What a claim comes to is decided by reading (`decide`); only what must change is decided again in a change, and done. So
// whoever is known costs no change, however often it asks.
//
// Keys of a device that provisioning made are those of its enrollment. When it registers again and the enrollment's keys
// are others by then, it gets these; unless somebody changed its keys otherwise: then they stay, and a claim that does not
// open the device is refused, for it would take over what is another's.

import { createHash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { type Certificate, readCertificate } from "../../lib/certificate.ts";
import { ColdpathError } from "../../lib/errors.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { parseKeyPair, printKeyPair } from "../access-key.ts";
import { derivedKeys } from "../derived-key.ts";
import { registryError } from "../errors.ts";
import { canonicalJson, integerOf, oneOf } from "../input.ts";
import {
  type DeviceAuthentication,
  type DeviceTemplate,
  type EnrollmentProof,
  type KeyPair,
  type Registration,
  type RegistrationCalls,
  type RegistrationClaim,
  type RegistrationOutcome,
  type RegistrationStatus,
  type RegistrationWait,
  provisioningLimits,
  registrationStatuses,
  registrationsWaitingMax,
} from "../registry.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { createDevices } from "./device-creation.ts";
import { authenticationColumns, authenticationOfRow, deviceIdentity } from "./device-row.ts";
import { writeDevice } from "./device-write.ts";
import { enrollmentKeysOf, groupKeys, ownIdScope, thumbprintsOf } from "./enrollments.ts";
import type { DeviceRow, EnrollmentGroupRow, EnrollmentRow, RegistrationRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";
import { modelTemplate, usableTemplate } from "./templates.ts";

export function registrationsIn(
  database: Database,
  secrets: SecretBox,
  installationId: string,
  clock: Clock,
): RegistrationCalls {
  // Raw and prepared: asked at every connection.
  const { rawReader } = database;
  const furtherIdScope = rawReader.prepare("select 1 from id_scopes where id_scope = ?");
  const groups = rawReader.prepare(
    `select g.id, g.access_keys, c.id as authority_id, c.certificate from enrollment_groups g
      left join ca_certificates c on c.id = g.ca_certificate_id and c.verified_at is not null`,
  );
  const individual = rawReader.prepare(
    "select registration_id, access_keys, thumbprints from enrollments where registration_id = ?",
  );
  /** Read ones, by id: what stands in a row never changes. */
  const authorities = new Map<string, Certificate>();
  const authorityOf = ({ authority_id, certificate }: GroupProofRow): Certificate | null => {
    if (authority_id === null || certificate === null) return null;
    const known = authorities.get(authority_id) ?? readCertificate(Buffer.from(certificate));
    if (authorities.size > 2 * provisioningLimits.enrollmentGroups) authorities.clear();
    if (known !== null) authorities.set(authority_id, known);
    return known;
  };
  const own = ownIdScope(installationId);
  const ofRegistration = rawReader.prepare("select * from registrations where registration_id = ?");
  const ofDevice = rawReader.prepare("select * from devices where id = ?");
  const ofGroup = rawReader.prepare("select * from enrollment_groups where id = ?");
  const ofEnrollment = rawReader.prepare("select * from enrollments where registration_id = ?");
  // Thousands ask at once, and those that wait for a connection of Kysely's wake each other up.
  const committed: Rows = {
    registration: (id) => ofRegistration.get(id) as RegistrationRow | undefined,
    device: (id) => ofDevice.get(id) as DeviceRow | undefined,
    group: (id) => ofGroup.get(id) as EnrollmentGroupRow | undefined,
    enrollment: (id) => ofEnrollment.get(id) as EnrollmentRow | undefined,
  };
  const at = (): string => new Date(clock.nowMs()).toISOString();

  const apply = async (change: Change, tell: Tell, claim: RegistrationClaim): Promise<RegistrationOutcome> => {
    const decision = await decide(change, rowsIn(change), secrets, claim);
    if (decision.kind === "settled") return decision.outcome;
    const { enrollment, former, modelId } = decision;
    const row: RegistrationRow = {
      registration_id: claim.registrationId,
      status: "assigned",
      waits_for: null,
      enrollment_group_id: claim.enrollmentGroupId,
      device_id: enrollment.deviceId,
      keys_digest: digestOf(enrollment),
      model_id: modelId,
      created_at: former?.created_at ?? at(),
      updated_at: at(),
    };
    if (decision.kind === "wait") {
      const { waitsFor } = decision;
      const waiting = await countWaiting(change);
      if (former?.status !== "waiting" && waiting >= registrationsWaitingMax) return { kind: "too-many" };
      await keep(change, tell, { ...row, status: "waiting", waits_for: waitsFor, device_id: null, keys_digest: null });
      return { kind: "waiting", waitsFor, createdAt: row.created_at, waiting };
    }
    const { device } = decision;
    if (device === null) {
      await make(change, tell, enrollment, must(decision.template, "decided so"));
    } else if (decision.isKeyed) {
      await change
        .updateTable("devices")
        .set({
          ...(enrollment.keys === null
            ? {}
            : { access_keys: secrets.seal(printKeyPair(enrollment.keys), deviceIdentity(device)) }),
          ...authenticationColumns(enrollment.authentication),
          etag: device.etag + 1,
        })
        .where("id", "=", device.id)
        .execute();
      tell({ kind: "device-changed", deviceId: device.id, access: true });
    }
    await keep(change, tell, row);
    return assigned(row, device === null);
  };

  const make = async (
    change: Change,
    tell: Tell,
    enrollment: EnrollmentFacts,
    template: Pick<DeviceTemplate, "id" | "version">,
  ): Promise<void> => {
    const { deviceId: id, keys, authentication } = enrollment;
    const device = { id, templateId: template.id, templateVersion: template.version, ...keys, authentication };
    await createDevices([device], { change, tell, secrets, nowMs: clock.nowMs() });
  };

  const shown = async (db: Reader, row: RegistrationRow): Promise<Registration> => {
    const enrollment = row.status === "assigned" ? null : await enrollmentOf(rowsIn(db), secrets, row);
    const template = enrollment === null ? null : await templateFor(db, enrollment, row.model_id);
    return {
      registrationId: row.registration_id,
      status: row.status as RegistrationStatus,
      waitsFor: row.waits_for as RegistrationWait | null,
      enrollmentGroupId: row.enrollment_group_id,
      deviceId: row.device_id,
      modelId: row.model_id,
      templateId: template?.id ?? null,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  };

  return {
    isIdScope(idScope) {
      return furtherIdScope.get(idScope) !== undefined || idScope === own;
    },

    enrollmentProofs(registrationId) {
      const one = individual.get(registrationId) as EnrollmentRow | undefined;
      const proofs: EnrollmentProof[] = [];
      if (one !== undefined && one.access_keys !== null) {
        proofs.push({ enrollmentGroupId: null, kind: "keys", keys: enrollmentKeysOf(secrets, one) });
      } else if (one !== undefined) {
        const { primaryThumbprint, secondaryThumbprint } = thumbprintsOf(one);
        const thumbprints = [primaryThumbprint, secondaryThumbprint].filter((each) => each !== null);
        proofs.push({ enrollmentGroupId: null, kind: "thumbprints", thumbprints });
      }
      for (const group of groups.all() as unknown as GroupProofRow[]) {
        const enrollmentGroupId = group.id;
        const authority = authorityOf(group);
        if (group.access_keys !== null) {
          const keys = derivedKeys(groupKeys(secrets, group), registrationId);
          proofs.push({ enrollmentGroupId, kind: "keys", keys });
        } else if (authority !== null) proofs.push({ enrollmentGroupId, kind: "authority", authority });
      }
      return proofs;
    },

    async register(claim) {
      // Whoever never came is looked at once.
      if (claim.isPoll === true || committed.registration(claim.registrationId) !== undefined) {
        const decision = await decide(database.reader, committed, secrets, claim);
        if (decision.kind === "settled") return decision.outcome;
      }
      return await database.change((change, tell) => apply(change, tell, claim));
    },

    async approveRegistration(registrationId, { templateId, templateVersion } = {}) {
      return await database.change(async (change, tell) => {
        const row = await requireRow(change, registrationId);
        if (row.status !== "waiting") {
          throw registryError("registration-not-waiting", `The registration ${registrationId} is ${row.status}.`);
        }
        const enrollment = must(await enrollmentOf(rowsIn(change), secrets, row), "goes with its enrollment");
        const template =
          templateId === undefined
            ? await templateFor(change, enrollment, row.model_id)
            : await usableTemplate(change, templateId, templateVersion);
        if (template === null) {
          throw registryError("input-invalid", `Which device template is ${registrationId} to have?`, {
            field: "templateId",
            hint: "Neither the device nor its enrollment names one: give a templateId.",
          });
        }
        await make(change, tell, enrollment, template);
        const next: RegistrationRow = {
          ...row,
          status: "assigned",
          waits_for: null,
          device_id: enrollment.deviceId,
          keys_digest: digestOf(enrollment),
          updated_at: at(),
        };
        await keep(change, tell, next);
        return await shown(change, next);
      });
    },

    async blockRegistration(registrationId) {
      return await database.change(async (change, tell) => {
        const row = await requireRow(change, registrationId);
        if (row.status === "blocked") return await shown(change, row);
        await enable(change, tell, row, 0);
        const next = { ...row, status: "blocked", waits_for: null, updated_at: at() };
        await keep(change, tell, next);
        return await shown(change, next);
      });
    },

    async unblockRegistration(registrationId) {
      return await database.change(async (change, tell) => {
        const row = await requireRow(change, registrationId);
        if (row.status !== "blocked") return await shown(change, row);
        await enable(change, tell, row, 1);
        const enrollment = must(await enrollmentOf(rowsIn(change), secrets, row), "goes with its enrollment");
        const template = await templateFor(change, enrollment, row.model_id);
        const isAssigned = row.device_id !== null;
        const next = {
          ...row,
          status: isAssigned ? "assigned" : "waiting",
          waits_for: isAssigned ? null : template === null ? "template" : "approval",
          updated_at: at(),
        };
        await keep(change, tell, next);
        return await shown(change, next);
      });
    },

    async deleteRegistration(registrationId) {
      await database.change(async (change, tell) => {
        const row = await requireRow(change, registrationId);
        if (row.device_id !== null) {
          throw registryError("registration-assigned", `The registration ${registrationId} has a device.`);
        }
        await change.deleteFrom("registrations").where("registration_id", "=", registrationId).execute();
        tell({ kind: "registration-changed", registrationId });
      });
    },

    async registration(registrationId) {
      return await shown(database.reader, await requireRow(database.reader, registrationId));
    },

    async registrations({ status, enrollmentGroupId, limit, after } = {}) {
      const length = limit === undefined ? 100 : integerOf(limit, "limit", 1, 1000);
      let query = database.reader
        .selectFrom("registrations")
        .selectAll()
        .where("registration_id", ">", after ?? "")
        .orderBy("registration_id")
        .limit(length + 1);
      if (status !== undefined) query = query.where("status", "=", oneOf(registrationStatuses, status, "status"));
      if (enrollmentGroupId !== undefined) query = query.where("enrollment_group_id", "=", enrollmentGroupId);
      const rows = await query.execute();
      const items: Registration[] = [];
      for (const row of rows.slice(0, length)) items.push(await shown(database.reader, row));
      return { items, next: rows.length > length ? must(items.at(-1), "a full page").registrationId : null };
    },

    async countRegistrations() {
      const rows = await database.reader
        .selectFrom("registrations")
        .select(["status", ({ fn }) => fn.countAll<number>().as("count")])
        .groupBy("status")
        .execute();
      const of = (status: RegistrationStatus): number => rows.find((row) => row.status === status)?.count ?? 0;
      return { waiting: of("waiting"), assigned: of("assigned"), blocked: of("blocked") };
    },
  };
}

/** A device is gone for good: what brought it is forgotten, and may come again. What is blocked stays so, without a device. */
export async function forgetRegistrationsOf(change: Change, tell: Tell, deviceId: string): Promise<void> {
  const theirs = await change
    .selectFrom("registrations")
    .select("registration_id")
    .where("device_id", "=", deviceId)
    .execute();
  if (theirs.length === 0) return;
  await change.deleteFrom("registrations").where("device_id", "=", deviceId).where("status", "=", "assigned").execute();
  for (const { registration_id: registrationId } of theirs) tell({ kind: "registration-changed", registrationId });
}

type Row<T> = T | undefined | Promise<T | undefined>;

/** Where a decision reads from: what is committed, or the change it is made in. */
interface Rows {
  readonly registration: (registrationId: string) => Row<RegistrationRow>;
  readonly device: (id: string) => Row<DeviceRow>;
  readonly group: (id: string) => Row<EnrollmentGroupRow>;
  readonly enrollment: (registrationId: string) => Row<EnrollmentRow>;
}

function rowsIn(db: Reader): Rows {
  return {
    registration: (id) => rowOf(db, id),
    device: (id) => db.selectFrom("devices").selectAll().where("id", "=", id).executeTakeFirst(),
    group: (id) => db.selectFrom("enrollment_groups").selectAll().where("id", "=", id).executeTakeFirst(),
    enrollment: (id) => db.selectFrom("enrollments").selectAll().where("registration_id", "=", id).executeTakeFirst(),
  };
}

interface EnrollmentFacts {
  readonly deviceId: string;
  readonly isEnabled: boolean;
  readonly isAutomatic: boolean;
  readonly templateId: string | null;
  readonly templateVersion: string | null;
  /** Of this registration; null: it is proved by a certificate. */
  readonly keys: KeyPair | null;
  /** How its device signs in at the hub. */
  readonly authentication: DeviceAuthentication;
}

type GroupProofRow = Pick<EnrollmentGroupRow, "id" | "access_keys"> & {
  readonly authority_id: string | null;
  readonly certificate: Uint8Array | null;
};

type Decision =
  | { readonly kind: "settled"; readonly outcome: RegistrationOutcome }
  | (To & { readonly kind: "wait"; readonly waitsFor: RegistrationWait })
  /** `device` null: it is to be made. `isKeyed`: it is to get the enrollment's keys. */
  | (To & {
      readonly kind: "assign";
      readonly device: DeviceRow | null;
      readonly isKeyed: boolean;
      readonly template: DeviceTemplate | null;
    });

interface To {
  readonly enrollment: EnrollmentFacts;
  readonly former: RegistrationRow | undefined;
  readonly modelId: string | null;
}

/** What a proved claim comes to, as things stand. Changes nothing. */
async function decide(db: Reader, rows: Rows, secrets: SecretBox, claim: RegistrationClaim): Promise<Decision> {
  const { registrationId, enrollmentGroupId, isPoll = false } = claim;
  const settled = (outcome: RegistrationOutcome): Decision => ({ kind: "settled", outcome });
  const former = await rows.registration(registrationId);
  const enrollment = await enrollmentOf(rows, secrets, {
    registration_id: registrationId,
    enrollment_group_id: enrollmentGroupId,
  });
  if (enrollment === null || (isPoll && former === undefined)) return settled({ kind: "unknown" });
  if (!enrollment.isEnabled || former?.status === "blocked") return settled({ kind: "blocked" });
  const modelId = claim.modelId ?? former?.model_id ?? null;
  const to: To = { enrollment, former, modelId };
  // D1: what came by one group is not another group's. An individual enrollment is an administrator's word for this very id.
  const isHeir = enrollmentGroupId === null || former?.enrollment_group_id === enrollmentGroupId;

  const device = await rows.device(enrollment.deviceId);
  if (device !== undefined) {
    if (device.enabled === 0) return settled({ kind: "blocked" });
    const keys = parseKeyPair(secrets.open(device.access_keys, deviceIdentity(device)).toString("utf8"));
    const present = { keys, authentication: authenticationOfRow(device) };
    const isSame = isSameSecret(digestOf(present), digestOf(enrollment));
    const isOurs =
      isHeir && former?.device_id === device.id && isSameSecret(former.keys_digest ?? "", digestOf(present));
    const opens = opensDevice(present, enrollment, claim.key);
    if (!isOurs && !opens) return settled({ kind: "taken" });
    const isKnown =
      former?.status === "assigned" &&
      former.device_id === device.id &&
      former.enrollment_group_id === enrollmentGroupId &&
      former.model_id === modelId;
    const isKeyed = isOurs && !isSame;
    if (isKnown && !isKeyed) return settled(assigned(former, false));
    return { kind: "assign", ...to, device, isKeyed, template: null };
  }

  if (former !== undefined && !isHeir) return settled({ kind: "taken" });
  const template = await templateFor(db, enrollment, modelId);
  if (template !== null && enrollment.isAutomatic) {
    return { kind: "assign", ...to, device: null, isKeyed: true, template };
  }
  const waitsFor = template === null ? "template" : "approval";
  const isWaiting =
    former?.status === "waiting" &&
    former.waits_for === waitsFor &&
    former.enrollment_group_id === enrollmentGroupId &&
    former.model_id === modelId;
  if (!isWaiting) return { kind: "wait", ...to, waitsFor };
  return settled({ kind: "waiting", waitsFor, createdAt: former.created_at, waiting: await countWaiting(db) });
}

/** The template of the model that the device says it is, else the enrollment's; null: nobody says one that there is. */
async function templateFor(
  db: Reader,
  { templateId, templateVersion }: Pick<EnrollmentFacts, "templateId" | "templateVersion">,
  modelId: string | null,
): Promise<DeviceTemplate | null> {
  const ofModel = modelId === null ? null : await modelTemplate(db, modelId);
  if (ofModel !== null || templateId === null) return ofModel;
  try {
    return await usableTemplate(db, templateId, templateVersion ?? undefined);
  } catch (error) {
    // It was deleted since.
    if (error instanceof ColdpathError && error.kind !== "fatal") return null;
    throw error;
  }
}

async function enrollmentOf(
  rows: Rows,
  secrets: SecretBox,
  { registration_id, enrollment_group_id }: Pick<RegistrationRow, "registration_id" | "enrollment_group_id">,
): Promise<EnrollmentFacts | null> {
  const one = await rows.enrollment(registration_id);
  if (enrollment_group_id === null) {
    if (one === undefined) return null;
    return one.access_keys === null
      ? factsOf(one, one.device_id, null, thumbprintsOf(one))
      : factsOf(one, one.device_id, enrollmentKeysOf(secrets, one), { type: "sas" });
  }
  // The individual enrollment is the one that counts.
  if (one !== undefined) return null;
  const group = await rows.group(enrollment_group_id);
  if (group === undefined) return null;
  return group.access_keys === null
    ? factsOf(group, registration_id, null, { type: "x509-ca" })
    : factsOf(group, registration_id, derivedKeys(groupKeys(secrets, group), registration_id), { type: "sas" });
}

function factsOf(
  row: EnrollmentRow | EnrollmentGroupRow,
  deviceId: string,
  keys: KeyPair | null,
  authentication: DeviceAuthentication,
): EnrollmentFacts {
  return {
    deviceId,
    isEnabled: row.enabled === 1,
    isAutomatic: row.auto_approve === 1,
    templateId: row.template_id,
    templateVersion: row.template_version,
    keys,
    authentication,
  };
}

/** What lets a device in. */
type Access = Pick<EnrollmentFacts, "keys" | "authentication">;

/** Whether who proved an enrollment could sign in as the device that is there. @param key  what it signed with, if anything. */
function opensDevice(present: Access, { authentication }: Access, key: string | null): boolean {
  if (present.authentication.type !== authentication.type) return false;
  // A certificate of the same name that leads to a verified authority.
  if (authentication.type === "x509-ca") return true;
  if (authentication.type === "x509-thumbprint")
    return isSameSecret(digestOf(present), digestOf({ keys: null, authentication }));
  return (
    key !== null &&
    present.keys !== null &&
    (isSameSecret(present.keys.primaryKey, key) || isSameSecret(present.keys.secondaryKey, key))
  );
}

async function keep(change: Change, tell: Tell, row: RegistrationRow): Promise<void> {
  const { registration_id: registrationId, ...columns } = row;
  await change
    .insertInto("registrations")
    .values(row)
    .onConflict((conflict) => conflict.column("registration_id").doUpdateSet(columns))
    .execute();
  tell({ kind: "registration-changed", registrationId });
}

async function enable(change: Change, tell: Tell, row: RegistrationRow, enabled: 0 | 1): Promise<void> {
  if (row.device_id === null) return;
  const device = await change.selectFrom("devices").selectAll().where("id", "=", row.device_id).executeTakeFirst();
  if (device !== undefined) await writeDevice(change, tell, device, { enabled }, enabled === 0);
}

function assigned(row: RegistrationRow, isNew: boolean): RegistrationOutcome {
  const deviceId = must(row.device_id, "an assigned registration has a device");
  return { kind: "assigned", deviceId, isNew, createdAt: row.created_at, updatedAt: row.updated_at };
}

/** Whether it is what provisioning gave. Keys are random, so that nobody guesses them from it (A2). */
function digestOf({ keys, authentication }: Access): string {
  const what =
    authentication.type === "sas" ? printKeyPair(must(keys, "keys are its proof")) : canonicalJson(authentication);
  return createHash("sha256").update(what).digest("base64url");
}

async function countWaiting(db: Reader): Promise<number> {
  const { count } = await db
    .selectFrom("registrations")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("status", "=", "waiting")
    .executeTakeFirstOrThrow();
  return count;
}

function rowOf(db: Reader, registrationId: string): Promise<RegistrationRow | undefined> {
  return db.selectFrom("registrations").selectAll().where("registration_id", "=", registrationId).executeTakeFirst();
}

async function requireRow(db: Reader, registrationId: string): Promise<RegistrationRow> {
  const row = await rowOf(db, registrationId);
  if (row !== undefined) return row;
  throw registryError("registration-not-found", `There is no registration ${JSON.stringify(registrationId)}.`);
}
