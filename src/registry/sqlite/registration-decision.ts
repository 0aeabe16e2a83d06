// What a registration comes to, decided by reading: it changes nothing.
//
// Keys of a device that provisioning made are those of its enrollment. When it registers again and the enrollment's keys
// are others by then, it gets these; unless somebody changed its keys otherwise: then they stay, and a claim that does not
// open the device is refused, for it would take over what is another's. So it is with certificates' thumbprints.
//
//   D1  A device is handed only to whom could sign in as it, or to the heir of the registration that made it.

import { createHash } from "node:crypto";
import { must } from "../../lib/assert.ts";
import { ColdpathError } from "../../lib/errors.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { parseKeyPair, printKeyPair } from "../access-key.ts";
import { derivedKeys } from "../derived-key.ts";
import { canonicalJson } from "../input.ts";
import type {
  DeviceAuthentication,
  DeviceTemplate,
  KeyPair,
  RegistrationClaim,
  RegistrationOutcome,
  RegistrationWait,
} from "../registry.ts";
import type { Reader } from "./database.ts";
import { authenticationOfRow, deviceIdentity } from "./device-row.ts";
import { enrollmentKeysOf, groupKeys, thumbprintsOf } from "./attestation.ts";
import { registrationRow } from "./registration-row.ts";
import type { DeviceRow, EnrollmentGroupRow, EnrollmentRow, RegistrationRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";
import { modelTemplate, usableTemplate } from "./templates.ts";

type Row<T> = T | undefined | Promise<T | undefined>;

/** Where a decision reads from: what is committed, or the change it is made in. */
export interface Rows {
  readonly registration: (registrationId: string) => Row<RegistrationRow>;
  readonly device: (id: string) => Row<DeviceRow>;
  readonly group: (id: string) => Row<EnrollmentGroupRow>;
  readonly enrollment: (registrationId: string) => Row<EnrollmentRow>;
}

export function rowsIn(db: Reader): Rows {
  return {
    registration: (id) => registrationRow(db, id),
    device: (id) => db.selectFrom("devices").selectAll().where("id", "=", id).executeTakeFirst(),
    group: (id) => db.selectFrom("enrollment_groups").selectAll().where("id", "=", id).executeTakeFirst(),
    enrollment: (id) => db.selectFrom("enrollments").selectAll().where("registration_id", "=", id).executeTakeFirst(),
  };
}

export interface EnrollmentFacts {
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
export async function decide(db: Reader, rows: Rows, secrets: SecretBox, claim: RegistrationClaim): Promise<Decision> {
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
export async function templateFor(
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

export async function enrollmentOf(
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
  if (authentication.type === "x509-thumbprint") {
    const known = thumbprintsIn(present.authentication);
    return thumbprintsIn(authentication).every((one) => known.includes(one));
  }
  return (
    key !== null &&
    present.keys !== null &&
    (isSameSecret(present.keys.primaryKey, key) || isSameSecret(present.keys.secondaryKey, key))
  );
}

export function assigned(row: RegistrationRow, isNew: boolean): RegistrationOutcome {
  const deviceId = must(row.device_id, "an assigned registration has a device");
  return { kind: "assigned", deviceId, isNew, createdAt: row.created_at, updatedAt: row.updated_at };
}

function thumbprintsIn(authentication: DeviceAuthentication): readonly string[] {
  if (authentication.type !== "x509-thumbprint") return [];
  const { primaryThumbprint, secondaryThumbprint } = authentication;
  return secondaryThumbprint === null ? [primaryThumbprint] : [primaryThumbprint, secondaryThumbprint];
}

/** Whether it is what provisioning gave. Keys are random, so that nobody guesses them from it (A2). */
export function digestOf({ keys, authentication }: Access): string {
  const what =
    authentication.type === "sas" ? printKeyPair(must(keys, "keys are its proof")) : canonicalJson(authentication);
  return createHash("sha256").update(what).digest("base64url");
}

export async function countWaiting(db: Reader): Promise<number> {
  const { count } = await db
    .selectFrom("registrations")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("status", "=", "waiting")
    .executeTakeFirstOrThrow();
  return count;
}
