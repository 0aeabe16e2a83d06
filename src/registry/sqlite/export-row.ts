// An export read whole: its row with definitions and tenures.

import { jsonArrayFrom } from "kysely/helpers/sqlite";
import { registryError } from "../errors.ts";
import type { Export, ExportSettings } from "../registry.ts";
import type { Reader } from "./database.ts";

/** One statement, so that definitions and tenures are of one moment. */
export function selectExports(db: Reader) {
  return db
    .selectFrom("exports")
    .selectAll("exports")
    .select((eb) => [
      jsonArrayFrom(
        eb
          .selectFrom("export_definitions as d")
          .select(["d.version", "d.window_first", "d.settings"])
          .whereRef("d.export_id", "=", "exports.id"),
      ).as("definitions"),
      jsonArrayFrom(
        eb
          .selectFrom("export_tenures as t")
          .select(["t.number", "t.window_first", "t.window_last"])
          .whereRef("t.export_id", "=", "exports.id"),
      ).as("tenures"),
    ])
    .orderBy("exports.name");
}

export function exportFromRow(row: Awaited<ReturnType<ReturnType<typeof selectExports>["execute"]>>[number]): Export {
  // SQLite gives JSON as text; the helper's types are those after a plugin that parses every string it finds.
  const parsed = <T>(json: T): T => JSON.parse(json as string) as T;
  const tenures = parsed(row.tenures)
    .toSorted((a, b) => a.number - b.number)
    .map((tenure) => ({
      number: tenure.number,
      windowFirst: tenure.window_first,
      windowLast: tenure.window_last,
    }));
  return {
    id: row.id,
    name: row.name,
    on: tenures.at(-1)?.windowLast === null,
    definitions: parsed(row.definitions)
      .toSorted((a, b) => a.version - b.version)
      .map((definition) => ({
        ...(JSON.parse(definition.settings) as ExportSettings),
        version: definition.version,
        windowFirst: definition.window_first,
      })),
    tenures,
    backlog: { letGoAfterHours: row.let_go_after_hours, letGoAfterBytes: row.let_go_after_bytes },
    etag: row.etag,
    createdAt: row.created_at,
  };
}

export async function requireExport(db: Reader, id: string): Promise<Export> {
  const row = await selectExports(db).where("exports.id", "=", id).executeTakeFirst();
  if (row === undefined) throw registryError("export-not-found", `There is no export ${JSON.stringify(id)}.`);
  return exportFromRow(row);
}
