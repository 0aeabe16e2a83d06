// Export settings: bounds and allowed values.
//
// The path template's own syntax, and whether two exports would write to the same names, the export room checks before
// it calls: it owns paths.

import { registryError } from "./errors.ts";
import { integerOf, listed, nameOf, objectOf, oneOf } from "./input.ts";
import { type BacklogPolicy, type ExportSettings, codecs, exportTypes, formatRevisions } from "./registry.ts";

export const exportLimits = {
  nameChars: 200,
  containerChars: 255,
  pathTemplateChars: 1024,
  blockBytesMin: 1024,
  blockBytesMax: 16 * 1024 ** 2,
  fileBytesMaxMin: 1024 ** 2,
  fileBytesMaxMax: 5 * 1024 ** 4,
} as const;

const keys = [
  "storageAccountId",
  "container",
  "types",
  "pathTemplate",
  "codec",
  "formatRevision",
  "blockBytes",
  "fileBytesMax",
] as const;

/** The settings, clean; `types` in the order of `exportTypes`. Throws ColdpathError `input-invalid`, `field-unknown`. */
export function exportSettingsOf(input: unknown): ExportSettings {
  const given = objectOf(input, "settings", keys);
  const { blockBytesMin, blockBytesMax, fileBytesMaxMin, fileBytesMaxMax } = exportLimits;
  return {
    storageAccountId: nameOf(given["storageAccountId"], "storageAccountId", 200),
    container: nameOf(given["container"], "container", exportLimits.containerChars),
    types: exportTypesOf(given["types"]),
    pathTemplate: nameOf(given["pathTemplate"], "pathTemplate", exportLimits.pathTemplateChars),
    codec: oneOf(codecs, given["codec"], "codec"),
    formatRevision: oneOf(formatRevisions, given["formatRevision"], "formatRevision"),
    blockBytes: integerOf(given["blockBytes"], "blockBytes", blockBytesMin, blockBytesMax),
    fileBytesMax: integerOf(given["fileBytesMax"], "fileBytesMax", fileBytesMaxMin, fileBytesMaxMax),
  };
}

/** The policy, clean. Throws ColdpathError `input-invalid`, `field-unknown`. */
export function backlogPolicyOf(input: unknown): BacklogPolicy {
  const given = objectOf(input, "backlog", ["letGoAfterHours", "letGoAfterBytes"]);
  const positive = (key: keyof BacklogPolicy): number | null => {
    const value = given[key] ?? null;
    if (value === null) return null;
    if (typeof value === "number" && Number.isFinite(value) && value > 0 && value <= Number.MAX_SAFE_INTEGER)
      return value;
    throw registryError("input-invalid", `${key} must be a number above 0, or null to hold the backlog.`, {
      field: key,
    });
  };
  const bytes = positive("letGoAfterBytes");
  return { letGoAfterHours: positive("letGoAfterHours"), letGoAfterBytes: bytes === null ? null : Math.ceil(bytes) };
}

/** In the order of `exportTypes`. Throws ColdpathError `input-invalid`. */
export function exportTypesOf(input: unknown): ExportSettings["types"] {
  const types = Array.isArray(input) ? input.map((type: unknown) => oneOf(exportTypes, type, "types")) : [];
  if (types.length === 0 || new Set(types).size < types.length) {
    throw registryError("input-invalid", `types must list one or more of ${listed(exportTypes)}, each once.`, {
      field: "types",
    });
  }
  return exportTypes.filter((type) => types.includes(type));
}
