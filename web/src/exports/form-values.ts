// What the form of an export holds, and what of it is sent. Pure. Numbers are kept as they are typed.

import type { Schema } from "../api/client.ts";
import type { Export, ExportType } from "./export-queries.ts";
import { exportTypes } from "./export-words.ts";

export interface ExportValues {
  readonly name: string;
  readonly storageAccountId: string;
  readonly container: string;
  readonly types: readonly ExportType[];
  readonly on: boolean;
  readonly pathTemplate: string;
  readonly codec: "null" | "deflate";
  readonly formatRevision: "2018-07" | "2018-09";
  readonly blockKib: string;
  readonly fileMib: string;
  /** Empty: held. */
  readonly letGoAfterHours: string;
  readonly letGoAfterGib: string;
}

const kib = 1024;
const mib = 1024 ** 2;
const gib = 1024 ** 3;

export function newValues(
  defaults: Schema<"ExportDefaults">,
  names: readonly string[],
  place: { readonly storageAccountId: string; readonly container: string },
): ExportValues {
  const { pathTemplate, codec, formatRevision, blockBytes, fileBytesMax } = defaults;
  return {
    name: freeName(names),
    ...place,
    types: exportTypes,
    on: true,
    pathTemplate,
    codec,
    formatRevision,
    blockKib: String(blockBytes / kib),
    fileMib: String(fileBytesMax / mib),
    letGoAfterHours: "",
    letGoAfterGib: "",
  };
}

export function valuesOf({ name, on, latestDefinition, backlog }: Export): ExportValues {
  const { storageAccountId, container, types, pathTemplate, codec, formatRevision, blockBytes, fileBytesMax } =
    latestDefinition;
  const { letGoAfterHours, letGoAfterBytes } = backlog;
  return {
    name,
    storageAccountId,
    container,
    types,
    on,
    pathTemplate,
    codec,
    formatRevision,
    blockKib: String(blockBytes / kib),
    fileMib: String(fileBytesMax / mib),
    letGoAfterHours: letGoAfterHours === null ? "" : String(letGoAfterHours),
    letGoAfterGib: letGoAfterBytes === null ? "" : String(letGoAfterBytes / gib),
  };
}

/** All of it: the server takes what is the same as unchanged. */
export function bodyOf(values: ExportValues) {
  const { blockKib, fileMib, letGoAfterHours, letGoAfterGib, types, name, ...same } = values;
  return {
    ...same,
    name: name.trim(),
    types: [...types],
    blockBytes: Math.round(Number(blockKib) * kib),
    fileBytesMax: Math.round(Number(fileMib) * mib),
    backlog: {
      letGoAfterHours: letGoAfterHours.trim() === "" ? null : Number(letGoAfterHours),
      letGoAfterBytes: letGoAfterGib.trim() === "" ? null : Math.round(Number(letGoAfterGib) * gib),
    },
  };
}

const names: Readonly<Record<keyof ExportValues, string>> = {
  name: "Name",
  storageAccountId: "Storage account",
  container: "Container",
  types: "Data to export",
  on: "Continuous Data Export",
  pathTemplate: "Path of the files",
  codec: "Compression",
  formatRevision: "Format revision",
  blockKib: "Block size",
  fileMib: "Largest file",
  letGoAfterHours: "Let go after hours",
  letGoAfterGib: "Let go beyond GiB",
};

/** The names of what differs. */
export function differences(one: ExportValues, other: ExportValues): readonly string[] {
  return (Object.keys(names) as (keyof ExportValues)[])
    .filter((key) => String(one[key]) !== String(other[key]))
    .map((key) => names[key]);
}

function freeName(taken: readonly string[]): string {
  const base = "Continuous Data Export";
  if (!taken.includes(base)) return base;
  for (let number = 2; ; number++) if (!taken.includes(`${base} ${number}`)) return `${base} ${number}`;
}
