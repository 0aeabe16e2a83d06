// The identity of a file: which cut it is. Written beside the bytes as the destination's label, read back to tell our
// own file from a foreign one.

import type { Label } from "../destinations/destination.ts";
import type { Window } from "../lib/window.ts";
import type { ExportType } from "../registry/registry.ts";

export interface Cut {
  /** GUID of the installation: another hub may export into the same container. */
  readonly installation: string;
  readonly exportId: string;
  readonly definitionVersion: number;
  readonly type: ExportType;
  readonly partition: number;
  readonly window: Window;
  readonly part: number;
  /** Offsets `[first, next)` of measurements, revisions `(first, next]` of a snapshot. */
  readonly first: number;
  readonly next: number;
}

/** What stands beside the bytes. */
export interface FileLabel extends Cut {
  readonly records: number;
  readonly sha256: string;
}

export function printLabel(label: FileLabel): Label {
  return {
    coldpath: "1",
    installation: label.installation,
    export: label.exportId,
    definition: String(label.definitionVersion),
    type: label.type,
    partition: String(label.partition),
    window: String(label.window),
    part: String(label.part),
    first: String(label.first),
    next: String(label.next),
    records: String(label.records),
    sha256: label.sha256,
  };
}

/** The label that `printLabel` printed, or null. */
export function parseLabel(label: Label | null): FileLabel | null {
  if (label === null || label["coldpath"] !== "1") return null;
  const { installation, export: exportId, type, sha256 } = label;
  if (installation === undefined || exportId === undefined || sha256 === undefined) return null;
  const number = (key: string): number => Number(label[key] ?? Number.NaN);
  const parsed: FileLabel = {
    installation,
    exportId,
    definitionVersion: number("definition"),
    type: type as ExportType,
    partition: number("partition"),
    window: number("window"),
    part: number("part"),
    first: number("first"),
    next: number("next"),
    records: number("records"),
    sha256,
  };
  return Object.values(parsed).some((value) => Number.isNaN(value)) ? null : parsed;
}

/** Whether two labels are of the same cut. The hash is not asked: deflate differs between library versions. */
export function isSameCut(one: Cut, other: Cut): boolean {
  return (
    one.installation === other.installation &&
    one.exportId === other.exportId &&
    one.definitionVersion === other.definitionVersion &&
    one.type === other.type &&
    one.partition === other.partition &&
    one.window === other.window &&
    one.part === other.part &&
    one.first === other.first
  );
}
