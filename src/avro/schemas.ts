// The schema texts, by name. Each file under schemas/ is one version and never changes once released.

import { readFileSync } from "node:fs";

export const schemaNames = ["measurements", "devices-2018-07", "devices-2018-09", "device-templates"] as const;
export type SchemaName = (typeof schemaNames)[number];

const texts = new Map<SchemaName, string>();

/** The text as it stands in the header of exported files: compact JSON, byte for byte. */
export function schemaText(name: SchemaName): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`./schemas/${name}.avsc`, import.meta.url), "utf8");
    texts.set(name, text);
  }
  return text;
}

/** The schema of a type of export in a format revision. */
export function schemaName(
  type: "measurements" | "devices" | "deviceTemplates",
  formatRevision: "2018-07" | "2018-09",
): SchemaName {
  switch (type) {
    case "measurements":
      return "measurements";
    case "devices":
      return `devices-${formatRevision}`;
    case "deviceTemplates":
      return "device-templates"; // the same in both revisions
  }
}
