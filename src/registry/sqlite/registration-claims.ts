// What devices ask of registrations in SQLite: to be registered.
//
// What a claim comes to is decided by reading; only what must change is decided again in a change, and done. So whoever is known
// costs no change, however often it asks.

import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { printKeyPair } from "../access-key.ts";
import { deviceIdOf } from "../device-id.ts";
import {
  type DeviceTemplate,
  type RegistrationCalls,
  type RegistrationClaim,
  type RegistrationOutcome,
  registrationsWaitingMax,
} from "../registry.ts";
import type { Change, Database, Tell } from "./database.ts";
import { type Creation, createDevices } from "./device-creation.ts";
import { authenticationColumns, deviceIdentity } from "./device-row.ts";
import {
  type EnrollmentFacts,
  type Rows,
  assigned,
  countWaiting,
  decide,
  digestOf,
  rowsIn,
} from "./registration-decision.ts";
import { keepRegistration } from "./registration-row.ts";
import type { DeviceRow, EnrollmentGroupRow, EnrollmentRow, RegistrationRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

export function registrationClaimsIn(
  database: Database,
  secrets: SecretBox,
  clock: Clock,
): Pick<RegistrationCalls, "register"> {
  // Raw and prepared: thousands ask at once, and those that wait for a connection of Kysely's wake each other up.
  const { rawReader } = database;
  const ofRegistration = rawReader.prepare("select * from registrations where registration_id = ?");
  const ofDevice = rawReader.prepare("select * from devices where id = ?");
  const ofGroup = rawReader.prepare("select * from enrollment_groups where id = ?");
  const ofEnrollment = rawReader.prepare("select * from enrollments where registration_id = ?");
  const committed: Rows = {
    registration: (id) => ofRegistration.get(id) as RegistrationRow | undefined,
    device: (id) => ofDevice.get(id) as DeviceRow | undefined,
    group: (id) => ofGroup.get(id) as EnrollmentGroupRow | undefined,
    enrollment: (id) => ofEnrollment.get(id) as EnrollmentRow | undefined,
  };

  const apply = async (change: Change, tell: Tell, claim: RegistrationClaim): Promise<RegistrationOutcome> => {
    const decision = await decide(change, rowsIn(change), secrets, claim);
    if (decision.kind === "settled") return decision.outcome;
    const { enrollment, former, modelId } = decision;
    const at = new Date(clock.nowMs()).toISOString();
    const row: RegistrationRow = {
      registration_id: claim.registrationId,
      status: "assigned",
      waits_for: null,
      enrollment_group_id: claim.enrollmentGroupId,
      device_id: enrollment.deviceId,
      keys_digest: digestOf(enrollment),
      model_id: modelId,
      created_at: former?.created_at ?? at,
      updated_at: at,
    };
    if (decision.kind === "wait") {
      const { waitsFor } = decision;
      const waiting = await countWaiting(change);
      if (former?.status !== "waiting" && waiting >= registrationsWaitingMax) return { kind: "too-many" };
      await keepRegistration(change, tell, {
        ...row,
        status: "waiting",
        waits_for: waitsFor,
        device_id: null,
        keys_digest: null,
      });
      return { kind: "waiting", waitsFor, createdAt: row.created_at, waiting };
    }
    const { device } = decision;
    if (device === null) {
      await makeEnrolledDevice(enrollment, must(decision.template, "decided so"), {
        change,
        tell,
        secrets,
        nowMs: clock.nowMs(),
      });
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
    await keepRegistration(change, tell, row);
    return assigned(row, device === null);
  };

  return {
    async register(claim) {
      // What an individual enrollment names was looked at when it was made.
      if (claim.enrollmentGroupId !== null) deviceIdOf(claim.registrationId, "registrationId");
      // Whoever never came is looked at once.
      if (claim.isPoll === true || committed.registration(claim.registrationId) !== undefined) {
        const decision = await decide(database.reader, committed, secrets, claim);
        if (decision.kind === "settled") return decision.outcome;
      }
      return await database.change((change, tell) => apply(change, tell, claim));
    },
  };
}

/** A device as its enrollment wants it. */
export async function makeEnrolledDevice(
  { deviceId: id, keys, authentication }: EnrollmentFacts,
  { id: templateId, version: templateVersion }: Pick<DeviceTemplate, "id" | "version">,
  creation: Creation,
): Promise<void> {
  await createDevices([{ id, templateId, templateVersion, ...keys, authentication }], creation);
}
