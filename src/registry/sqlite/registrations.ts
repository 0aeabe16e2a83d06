// Registrations in SQLite, as an administrator sees them: those that wait, that have a device, or are blocked.

import type { Clock } from "../../lib/clock.ts";
import { must } from "../../lib/assert.ts";
import { registryError } from "../errors.ts";
import { integerOf, oneOf } from "../input.ts";
import {
  type Registration,
  type RegistrationCalls,
  type RegistrationStatus,
  type RegistrationWait,
  registrationStatuses,
} from "../registry.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { writeDevice } from "./device-write.ts";
import { makeEnrolledDevice } from "./registration-claims.ts";
import { digestOf, enrollmentOf, rowsIn, templateFor } from "./registration-decision.ts";
import { keepRegistration, requireRegistration } from "./registration-row.ts";
import type { RegistrationRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";
import { usableTemplate } from "./templates.ts";

type AdministratorCalls = Omit<RegistrationCalls, "isIdScope" | "enrollmentProofs" | "register">;

export function registrationsIn(database: Database, secrets: SecretBox, clock: Clock): AdministratorCalls {
  const at = (): string => new Date(clock.nowMs()).toISOString();

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
    async approveRegistration(registrationId, { templateId, templateVersion } = {}) {
      return await database.change(async (change, tell) => {
        const row = await requireRegistration(change, registrationId);
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
        await makeEnrolledDevice(enrollment, template, { change, tell, secrets, nowMs: clock.nowMs() });
        const next: RegistrationRow = {
          ...row,
          status: "assigned",
          waits_for: null,
          device_id: enrollment.deviceId,
          keys_digest: digestOf(enrollment),
          updated_at: at(),
        };
        await keepRegistration(change, tell, next);
        return await shown(change, next);
      });
    },

    async blockRegistration(registrationId) {
      return await database.change(async (change, tell) => {
        const row = await requireRegistration(change, registrationId);
        if (row.status === "blocked") return await shown(change, row);
        await enable(change, tell, row, 0);
        const next = { ...row, status: "blocked", waits_for: null, updated_at: at() };
        await keepRegistration(change, tell, next);
        return await shown(change, next);
      });
    },

    async unblockRegistration(registrationId) {
      return await database.change(async (change, tell) => {
        const row = await requireRegistration(change, registrationId);
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
        await keepRegistration(change, tell, next);
        return await shown(change, next);
      });
    },

    async deleteRegistration(registrationId) {
      await database.change(async (change, tell) => {
        const row = await requireRegistration(change, registrationId);
        if (row.device_id !== null) {
          throw registryError("registration-assigned", `The registration ${registrationId} has a device.`);
        }
        await change.deleteFrom("registrations").where("registration_id", "=", registrationId).execute();
        tell({ kind: "registration-changed", registrationId });
      });
    },

    async registration(registrationId) {
      return await shown(database.reader, await requireRegistration(database.reader, registrationId));
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

async function enable(change: Change, tell: Tell, row: RegistrationRow, enabled: 0 | 1): Promise<void> {
  if (row.device_id === null) return;
  const device = await change.selectFrom("devices").selectAll().where("id", "=", row.device_id).executeTakeFirst();
  if (device !== undefined) await writeDevice(change, tell, device, { enabled }, enabled === 0);
}
