// MQTT sessions in SQLite: one row for each device, or module, that has subscribed to something in a session it keeps.
//
// Nothing is written when a setting changes while the device is away: what it does not know is the difference between what it
// was told and what desired is, so it is bounded, whatever happened meanwhile. What was sent and perhaps never came makes what it
// was told uncertain, and is kept as such (eitherContent).

import { sql } from "kysely";
import type { SQLOutputValue } from "node:sqlite";
import type { MqttSessionCalls, SessionOwner, Subscriptions } from "../registry.ts";
import { type JsonObject, type TwinSection, bytesOf, eitherContent, mergeDiff } from "../twin-section.ts";
import type { Change, Database } from "./database.ts";
import { deviceNotFound } from "./device-row.ts";
import { moduleDesiredIn } from "./module-twins.ts";
import { moduleNotFound, requireModule } from "./modules.ts";
import type { MqttSessionRow } from "./schema.ts";
import { desiredIn } from "./twins.ts";

/** A device that comes by AMQP has none. */
const noSubscriptions = "{}";
/** Of what a device may have of desired: eight sections. */
const possibleBytesMax = 256 * 1024;
/** Of one change: some milliseconds, for SQLite answers within the turn. */
const slice = 100;

interface UntoldRow {
  readonly told: string;
  readonly desired: string;
}

export function mqttSessionsIn(database: Database): MqttSessionCalls {
  // Raw and prepared: asked at every connection.
  const lookUp = database.rawReader.prepare(
    `select subscriptions, used_ms from mqtt_sessions
      where device_id = ? and module_id = ? and generation_id = ? and subscriptions <> '${noSubscriptions}'`,
  );
  // A device whose twin nobody changed has no row there, and knows the first version.
  const lookUpUntold = database.rawReader.prepare(
    `select told, desired from mqtt_sessions s join device_twins t on t.device_id = s.device_id
      where s.device_id = ? and s.module_id = '' and s.generation_id = ?
      and told_version <> json_extract(desired, '$.version')`,
  );

  const lookUpUntoldOfModule = database.rawReader.prepare(
    `select told, desired from mqtt_sessions s join modules m on m.device_id = s.device_id and m.id = s.module_id
      where s.device_id = ? and s.module_id = ? and s.generation_id = ?
      and told_version <> json_extract(desired, '$.version')`,
  );

  return {
    // oxlint-disable-next-line typescript/require-await -- synchronous here, not in every adapter
    async mqttSession(owner) {
      const row = lookUp.get(...keyOf(owner));
      if (row === undefined) return null;
      return { subscriptions: subscriptionsOf(row["subscriptions"]), usedMs: Number(row["used_ms"]) };
    },

    async keepMqttSession(owner, { subscriptions, followsDesired, nowMs }) {
      await database.change(async (change) => {
        await requireOwner(change, owner);
        if (subscriptions.size === 0) return await end(change, owner);
        const former = await formerOf(change, owner);
        const text = JSON.stringify(Object.fromEntries(subscriptions));
        await keep(change, owner, former, { subscriptions: text, followsDesired, nowMs });
      });
    },

    async followDesired(owner, isFollowed, nowMs) {
      await database.change(async (change) => {
        await requireOwner(change, owner);
        const former = await formerOf(change, owner);
        const subscriptions = former?.subscriptions ?? noSubscriptions;
        if (!isFollowed && subscriptions === noSubscriptions) return await end(change, owner);
        await keep(change, owner, former, { subscriptions, followsDesired: isFollowed, nowMs });
      });
    },

    async endMqttSession(owner) {
      await database.change(async (change) => {
        await end(change, owner);
      });
    },

    // oxlint-disable-next-line typescript/require-await -- synchronous here, not in every adapter
    async untoldDesired(owner) {
      const found =
        owner.moduleId === undefined
          ? lookUpUntold.get(owner.deviceId, owner.generationId)
          : lookUpUntoldOfModule.get(...keyOf(owner));
      const row = found as unknown as UntoldRow | undefined;
      if (row === undefined) return null;
      const { content, version } = JSON.parse(row.desired) as TwinSection;
      const patch = mergeDiff(JSON.parse(row.told) as JsonObject, content);
      return patch === null ? null : { patch, version };
    },

    async desiredSent(owner, version) {
      return await database.change(async (change) => {
        const desired = await changedDesiredIn(change, owner);
        const former = await formerOf(change, owner);
        if (desired === null || former === null || former.told === null) return null;
        const told = JSON.parse(former.told) as JsonObject;
        const possible = eitherContent(told, desired.content);
        // M1: of a device that was sent so much, and never said a word, what was removed long ago is forgotten.
        const kept = bytesOf(possible) <= possibleBytesMax ? possible : eitherContent({}, desired.content);
        await change
          .updateTable("mqtt_sessions")
          .set({ told: JSON.stringify(kept) })
          .where("device_id", "=", owner.deviceId)
          .where("module_id", "=", moduleOf(owner))
          .execute();
        const patch = desired.version === version ? null : mergeDiff(told, desired.content);
        return patch === null ? null : { patch, version: desired.version };
      });
    },

    async desiredTold(owner, version) {
      await database.change(async (change) => {
        const desired = await changedDesiredIn(change, owner);
        if (desired?.version !== version) return;
        await change
          .updateTable("mqtt_sessions")
          .set({ told_version: version, told: JSON.stringify(desired.content) })
          .where("device_id", "=", owner.deviceId)
          .where("module_id", "=", moduleOf(owner))
          .where("generation_id", "=", owner.generationId)
          .where("told_version", "is not", null)
          .execute();
      });
    },

    async useMqttSessions(owners, nowMs) {
      for (let first = 0; first < owners.length; first += slice) {
        await database.change(async (change) => {
          for (const owner of owners.slice(first, first + slice)) {
            await change
              .updateTable("mqtt_sessions")
              .set({ used_ms: nowMs })
              .where("device_id", "=", owner.deviceId)
              .where("module_id", "=", moduleOf(owner))
              .where("generation_id", "=", owner.generationId)
              .execute();
          }
        });
      }
    },

    async expireMqttSessions(usedBeforeMs) {
      return await database.change(async (change) => {
        const { numAffectedRows = 0n } = await sql`delete from mqtt_sessions where (device_id, module_id) in (
          select device_id, module_id from mqtt_sessions where used_ms < ${usedBeforeMs} limit ${slice})`.execute(
          change,
        );
        return Number(numAffectedRows);
      });
    },
  };
}

/** Null when there is none of this generation (D1). */
async function formerOf(change: Change, owner: SessionOwner): Promise<MqttSessionRow | null> {
  const row = await change
    .selectFrom("mqtt_sessions")
    .selectAll()
    .where("device_id", "=", owner.deviceId)
    .where("module_id", "=", moduleOf(owner))
    .executeTakeFirst();
  return row?.generation_id === owner.generationId ? row : null;
}

async function keep(
  change: Change,
  owner: SessionOwner,
  former: MqttSessionRow | null,
  session: { readonly subscriptions: string; readonly followsDesired: boolean; readonly nowMs: number },
): Promise<void> {
  const columns = {
    generation_id: owner.generationId,
    subscriptions: session.subscriptions,
    used_ms: session.nowMs,
    ...(session.followsDesired ? await told(change, owner, former) : { told_version: null, told: null }),
  };
  await change
    .insertInto("mqtt_sessions")
    .values({ device_id: owner.deviceId, module_id: moduleOf(owner), ...columns })
    .onConflict((conflict) => conflict.columns(["device_id", "module_id"]).doUpdateSet(columns))
    .execute();
}

/** What it was told stays, from one subscription to the next; a device that begins to follow knows what is. */
async function told(
  change: Change,
  owner: SessionOwner,
  former: MqttSessionRow | null,
): Promise<{ told_version: number | null; told: string | null }> {
  if (former !== null && former.told_version !== null) return { told_version: former.told_version, told: former.told };
  const { deviceId, moduleId } = owner;
  const { content, version } = await (moduleId === undefined
    ? desiredIn(change, deviceId)
    : moduleDesiredIn(change, deviceId, moduleId));
  return { told_version: version, told: JSON.stringify(content) };
}

/** Null while nobody has changed anything of its twin. */
async function changedDesiredIn(change: Change, { deviceId, moduleId }: SessionOwner): Promise<TwinSection | null> {
  const row =
    moduleId === undefined
      ? await change.selectFrom("device_twins").select("desired").where("device_id", "=", deviceId).executeTakeFirst()
      : await change
          .selectFrom("modules")
          .select("desired")
          .where("device_id", "=", deviceId)
          .where("id", "=", moduleId)
          .executeTakeFirst();
  const desired = row?.desired ?? null;
  return desired === null ? null : (JSON.parse(desired) as TwinSection);
}

async function end(change: Change, owner: SessionOwner): Promise<void> {
  await change
    .deleteFrom("mqtt_sessions")
    .where("device_id", "=", owner.deviceId)
    .where("module_id", "=", moduleOf(owner))
    .execute();
}

/** D1: the device may have been deleted, or made anew, since its connection began. */
async function requireOwner(change: Change, { deviceId, moduleId, generationId }: SessionOwner): Promise<void> {
  if (moduleId !== undefined) {
    const module = await requireModule(change, deviceId, moduleId);
    if (module.generation_id !== generationId) throw moduleNotFound(deviceId, moduleId);
    return;
  }
  const row = await change.selectFrom("devices").select("generation_id").where("id", "=", deviceId).executeTakeFirst();
  if (row?.generation_id !== generationId) throw deviceNotFound(deviceId);
}

function keyOf(owner: SessionOwner): readonly [string, string, string] {
  return [owner.deviceId, moduleOf(owner), owner.generationId];
}

function moduleOf({ moduleId }: SessionOwner): string {
  return moduleId ?? "";
}

function subscriptionsOf(text: SQLOutputValue | undefined): Subscriptions {
  return new Map(Object.entries(JSON.parse(String(text)) as Record<string, 0 | 1>));
}
