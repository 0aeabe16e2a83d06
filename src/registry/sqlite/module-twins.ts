// Twins of modules in SQLite: two documents in the module's row. No template knows them: what stands there is exported nowhere.

import type { Clock } from "../../lib/clock.ts";
import type { ModuleCalls, ModuleTwin } from "../registry.ts";
import { type TwinSection, mergeDiff, patchedSection, untouchedSection } from "../twin-section.ts";
import type { Change, Database, Reader } from "./database.ts";
import { moduleNotFound, requireModule } from "./modules.ts";
import type { ModuleRow } from "./schema.ts";

type ModuleTwinCalls = Pick<ModuleCalls, "moduleTwin" | "reportModuleTwin" | "patchModuleDesired">;

export function moduleTwinsIn(database: Database, clock: Clock): ModuleTwinCalls {
  const at = (): string => new Date(clock.nowMs()).toISOString();
  return {
    async moduleTwin(deviceId, moduleId) {
      return twinFromRow(await requireModule(database.reader, deviceId, moduleId));
    },

    async reportModuleTwin(deviceId, moduleId, generationId, patch) {
      return await database.change(async (change, tell) => {
        const row = await requireModule(change, deviceId, moduleId);
        if (row.generation_id !== generationId) throw moduleNotFound(deviceId, moduleId);
        const reported = patchedSection(twinFromRow(row).reported, "reported", patch, at());
        await keep(change, row, { reported: JSON.stringify(reported) });
        tell({ kind: "module-changed", deviceId, moduleId, access: false });
        return reported.version;
      });
    },

    async patchModuleDesired(deviceId, moduleId, patch) {
      return await database.change(async (change, tell) => {
        const row = await requireModule(change, deviceId, moduleId);
        const twin = twinFromRow(row);
        const desired = patchedSection(twin.desired, "desired", patch, at());
        const really = mergeDiff(twin.desired.content, desired.content);
        if (really === null) return twin;
        await keep(change, row, { desired: JSON.stringify(desired) });
        const { generationId } = twin;
        tell({
          kind: "desired-changed",
          deviceId,
          moduleId,
          generationId,
          patch: really,
          version: desired.version,
        });
        return { ...twin, desired };
      });
    },
  };
}

export async function moduleDesiredIn(db: Reader, deviceId: string, moduleId: string): Promise<TwinSection> {
  return twinFromRow(await requireModule(db, deviceId, moduleId)).desired;
}

async function keep(
  change: Change,
  { device_id: deviceId, id }: ModuleRow,
  set: Partial<Pick<ModuleRow, "desired" | "reported">>,
): Promise<void> {
  await change.updateTable("modules").set(set).where("device_id", "=", deviceId).where("id", "=", id).execute();
}

function twinFromRow(row: ModuleRow): ModuleTwin {
  const section = (json: string | null): TwinSection =>
    json === null ? untouchedSection : (JSON.parse(json) as TwinSection);
  return {
    deviceId: row.device_id,
    moduleId: row.id,
    generationId: row.generation_id,
    desired: section(row.desired),
    reported: section(row.reported),
  };
}
