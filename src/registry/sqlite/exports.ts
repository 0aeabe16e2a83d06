// Exports in SQLite: definitions, tenures and full marks as rows. The rules that move them stand in ../tenure.ts.

import { randomUUID } from "node:crypto";
import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { registryError } from "../errors.ts";
import { backlogPolicyOf, exportLimits, exportSettingsOf } from "../export-settings.ts";
import { canonicalJson, nameOf } from "../input.ts";
import {
  type BacklogPolicy,
  type Export,
  type ExportCalls,
  type ExportDefinition,
  type ExportSettings,
  holdBacklog,
  snapshotTypes,
} from "../registry.ts";
import { type FullMark, edited, turnedOff, turnedOn, wentBack } from "../tenure.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { checkEtag } from "./etag.ts";
import { exportFromRow, requireExport, selectExports } from "./export-row.ts";

export function exportsIn(database: Database, clock: Clock): ExportCalls {
  return {
    async createExport(name, settings, windowOpen, backlog = holdBacklog) {
      const id = randomUUID();
      const cleanName = nameOf(name, "name", exportLimits.nameChars);
      const clean = exportSettingsOf(settings);
      const policy = backlogPolicyOf(backlog);
      return await database.change(async (change, tell) => {
        await refuseName(change, cleanName, id);
        await checkAccount(change, clean.storageAccountId);
        const createdAt = new Date(clock.nowMs()).toISOString();
        await change
          .insertInto("exports")
          .values({ id, name: cleanName, ...policyColumns(policy), etag: 1, created_at: createdAt })
          .execute();
        const { definition } = edited({ definitions: [], tenures: [] }, clean, windowOpen());
        await insertDefinition(change, id, definition);
        tell({ kind: "export-changed", exportId: id });
        return await requireExport(change, id);
      });
    },

    async updateExport(id, { name, settings, backlog }, windowOpen, etag) {
      const cleanName = name === undefined ? undefined : nameOf(name, "name", exportLimits.nameChars);
      const clean = settings === undefined ? undefined : exportSettingsOf(settings);
      const policy = backlog === undefined ? undefined : backlogPolicyOf(backlog);
      return await database.change(async (change, tell) => {
        const present = await requireExport(change, id);
        checkEtag(present, etag, `export ${present.name}`);
        const isRenamed = cleanName !== undefined && cleanName !== present.name;
        const isEdited = clean !== undefined && !isDefinedAs(present, clean);
        const hasNewPolicy = policy !== undefined && canonicalJson(policy) !== canonicalJson(present.backlog);
        if (!isRenamed && !isEdited && !hasNewPolicy) return present;
        if (hasNewPolicy) await change.updateTable("exports").set(policyColumns(policy)).where("id", "=", id).execute();
        if (isRenamed) {
          await refuseName(change, cleanName, id);
          await change.updateTable("exports").set({ name: cleanName }).where("id", "=", id).execute();
        }
        if (isEdited) {
          await checkAccount(change, clean.storageAccountId);
          const { definition, marks } = edited(present, clean, windowOpen());
          await insertDefinition(change, id, definition);
          await replaceMarks(change, id, definition, marks);
        }
        return await touched(change, tell, present);
      });
    },

    async setExportOn(id, on, windowOpen, etag) {
      return await database.change(async (change, tell) => {
        const present = await requireExport(change, id);
        checkEtag(present, etag, `export ${present.name}`);
        if (present.on === on) return present;
        await (on ? turnOn(change, present, windowOpen()) : turnOff(change, present, windowOpen()));
        return await touched(change, tell, present);
      });
    },

    async deleteExport(id, owesNothing) {
      await database.change(async (change, tell) => {
        const present = await requireExport(change, id);
        if (present.on) throw registryError("export-on", `The export "${present.name}" is on.`);
        const debt = await change
          .selectFrom("snapshot_debts")
          .select("window")
          .where("export_id", "=", id)
          .executeTakeFirst();
        if (!owesNothing || debt !== undefined) {
          throw registryError("export-on", `The export "${present.name}" is off but has not written all it owes yet.`);
        }
        await change.deleteFrom("exports").where("id", "=", id).execute();
        tell({ kind: "export-changed", exportId: id });
      });
    },

    async windowsWentBack(windowOpen, ahead) {
      await database.change(async (change, tell) => {
        await change
          .updateTable("counters")
          .set({ snapshot_window: windowOpen - 1 })
          .where("snapshot_window", ">=", windowOpen)
          .execute();
        for (const present of (await selectExports(change).execute()).map(exportFromRow)) {
          const { tenures, definitions } = wentBack(present, windowOpen, ahead);
          for (const { number, windowFirst, windowLast } of tenures) {
            await change
              .insertInto("export_tenures")
              .values({ export_id: present.id, number, window_first: windowFirst, window_last: windowLast })
              .onConflict((conflict) =>
                conflict.columns(["export_id", "number"]).doUpdateSet({
                  window_first: windowFirst,
                  window_last: windowLast,
                }),
              )
              .execute();
          }
          for (const definition of definitions) await insertDefinition(change, present.id, definition);
          // Marks up there would wait for ever; a full snapshot at once serves them all.
          const marks = await change
            .deleteFrom("export_full_marks")
            .where("export_id", "=", present.id)
            .where("window_first", ">", windowOpen)
            .executeTakeFirst();
          if (tenures.length === 0 && definitions.length === 0 && marks.numDeletedRows === 0n) continue;
          await insertMarks(
            change,
            present.id,
            snapshotTypes.map((type) => ({ type, windowFirst: windowOpen })),
          );
          await touched(change, tell, present);
        }
      });
    },

    async export(id) {
      await database.settled();
      return await requireExport(database.reader, id);
    },

    async exports() {
      await database.settled();
      return (await selectExports(database.reader).execute()).map(exportFromRow);
    },
  };
}

function policyColumns(policy: BacklogPolicy): {
  let_go_after_hours: number | null;
  let_go_after_bytes: number | null;
} {
  return { let_go_after_hours: policy.letGoAfterHours, let_go_after_bytes: policy.letGoAfterBytes };
}

function isDefinedAs(present: Export, settings: ExportSettings): boolean {
  const last = present.definitions.at(-1);
  assert(last !== undefined, "an export is made with its first definition");
  const { version: _version, windowFirst: _windowFirst, ...before } = last;
  return canonicalJson(before) === canonicalJson(settings);
}

async function insertDefinition(change: Change, exportId: string, definition: ExportDefinition): Promise<void> {
  const { version, windowFirst, ...settings } = definition;
  await change
    .insertInto("export_definitions")
    .values({
      export_id: exportId,
      version,
      window_first: windowFirst,
      storage_account_id: settings.storageAccountId,
      settings: JSON.stringify(settings),
    })
    .execute();
}

/** An earlier edit with the same `windowFirst` never came into force, so its marks go. */
async function replaceMarks(
  change: Change,
  exportId: string,
  definition: ExportDefinition,
  marks: readonly FullMark[],
): Promise<void> {
  await change
    .deleteFrom("export_full_marks")
    .where("export_id", "=", exportId)
    .where("window_first", "=", definition.windowFirst)
    .execute();
  await insertMarks(change, exportId, marks);
}

async function insertMarks(change: Change, exportId: string, marks: readonly FullMark[]): Promise<void> {
  for (const { type, windowFirst } of marks) {
    await change
      .insertInto("export_full_marks")
      .values({ export_id: exportId, type, window_first: windowFirst })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

async function turnOn(change: Change, present: Export, windowOpen: number): Promise<void> {
  const outcome = turnedOn(present.tenures, windowOpen);
  assert(outcome !== null, "it is off: asked just before");
  const { number, windowFirst } = outcome.tenure;
  await change
    .insertInto("export_tenures")
    .values({ export_id: present.id, number, window_first: windowFirst, window_last: null })
    .onConflict((conflict) => conflict.columns(["export_id", "number"]).doUpdateSet({ window_last: null }))
    .execute();
  await insertMarks(change, present.id, outcome.marks);
}

async function turnOff(change: Change, present: Export, windowOpen: number): Promise<void> {
  const tenure = turnedOff(present.tenures, windowOpen);
  assert(tenure !== null, "it is on: asked just before");
  await change
    .updateTable("export_tenures")
    .set({ window_last: tenure.windowLast })
    .where("export_id", "=", present.id)
    .where("number", "=", tenure.number)
    .execute();
}

async function touched(change: Change, tell: Tell, present: Export): Promise<Export> {
  await change
    .updateTable("exports")
    .set({ etag: present.etag + 1 })
    .where("id", "=", present.id)
    .execute();
  tell({ kind: "export-changed", exportId: present.id });
  return await requireExport(change, present.id);
}

async function checkAccount(db: Reader, id: string): Promise<void> {
  const account = await db.selectFrom("storage_accounts").select("id").where("id", "=", id).executeTakeFirst();
  if (account !== undefined) return;
  throw registryError("reference-unknown", `There is no storage account ${JSON.stringify(id)}.`, {
    field: "storageAccountId",
  });
}

async function refuseName(db: Reader, name: string, id: string): Promise<void> {
  const other = await db
    .selectFrom("exports")
    .select("id")
    .where("name", "=", name)
    .where("id", "<>", id)
    .executeTakeFirst();
  if (other !== undefined) throw registryError("export-exists", `There is an export "${name}".`, { field: "name" });
}
