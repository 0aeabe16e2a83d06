// A registration as a row.

import { registryError } from "../errors.ts";
import type { Change, Reader, Tell } from "./database.ts";
import type { RegistrationRow } from "./schema.ts";

export function registrationRow(db: Reader, registrationId: string): Promise<RegistrationRow | undefined> {
  return db.selectFrom("registrations").selectAll().where("registration_id", "=", registrationId).executeTakeFirst();
}

export async function requireRegistration(db: Reader, registrationId: string): Promise<RegistrationRow> {
  const row = await registrationRow(db, registrationId);
  if (row !== undefined) return row;
  throw registryError("registration-not-found", `There is no registration ${JSON.stringify(registrationId)}.`);
}

/** As it is from now on. */
export async function keepRegistration(change: Change, tell: Tell, row: RegistrationRow): Promise<void> {
  const { registration_id: registrationId, ...columns } = row;
  await change
    .insertInto("registrations")
    .values(row)
    .onConflict((conflict) => conflict.column("registration_id").doUpdateSet(columns))
    .execute();
  tell({ kind: "registration-changed", registrationId });
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
