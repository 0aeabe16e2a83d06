// Whether the object under a name is the file that a cut record says: by its label and size, or by all of its bytes.
//
//   E5  A name says nothing about what lies under it. A label that speaks of this cut and this hash is believed in a quick
//       look (a folder's names its file by inode and time; Azure's came with the bytes); anything else is read.

import { createHash } from "node:crypto";
import { openContainer } from "../../avro/avro.ts";
import { type Destination, DestinationError, type ListedObject } from "../../destinations/destination.ts";
import { ColdpathError, messageOf } from "../../lib/errors.ts";
import { type Window, printWindow, windowOf } from "../../lib/window.ts";
import type { CutPart, CutRecord } from "../../registry/registry.ts";
import { type FileLabel, parseLabel } from "../cut.ts";

/**
 * Faults:  missing · damaged (cut off, unreadable, another number of records) · altered (as many records, other bytes) ·
 *          misplaced (another window's file).
 * Notes:   label-missing (the bytes are those written) · other-bytes (the same records in other bytes, as its label says).
 */
export type FileFinding = {
  readonly kind: "missing" | "damaged" | "altered" | "misplaced" | "label-missing" | "other-bytes";
  readonly what: string;
};

export interface ExpectedFile {
  readonly cut: CutRecord;
  /** Its number; `cut.parts` has what it holds. */
  readonly part: number;
  readonly installation: string;
}

/** Null when it is what was written. Throws DestinationError when the store does not answer. */
export async function verifyFile(
  destination: Destination,
  object: ListedObject,
  expected: ExpectedFile,
  isDeep: boolean,
  signal: AbortSignal | undefined,
): Promise<FileFinding | null> {
  const part = expected.cut.parts[expected.part];
  if (part === undefined) throw new RangeError("the caller asks only for parts that the cut has");
  const head = await destination.head(object.path, signal);
  if (head.kind === "absent") return { kind: "missing", what: "it is gone" };
  if (head.kind !== "found") throw new DestinationError(head);
  const label = parseLabel(head.label);
  const other = label === null ? null : otherPlace(label, expected);
  if (other !== null) return { kind: "misplaced", what: `its label says that it is ${other}` };
  const isOurs = label !== null && isOfThisCut(label, expected);
  if (!isDeep && isOurs && label.sha256 === part.sha256 && head.bytes === part.bytes) return null;
  const sha256 = await hashOf(destination, object.path, signal);
  if (sha256 === part.sha256) {
    return isOurs ? null : { kind: "label-missing", what: "its label is gone; its bytes are those that were written" };
  }
  const difference = await readRecords(destination, object.path, expected.cut, part, signal);
  if (difference !== null) return difference;
  if (isOurs && label.sha256 === sha256 && label.records === part.records) {
    return { kind: "other-bytes", what: "it holds the same records in other bytes, as its label says" };
  }
  const what = `it holds ${part.records} records, as it should, but not the bytes that were written (SHA-256 ${sha256}, not ${part.sha256})`;
  return { kind: "altered", what };
}

/** The window or stream that a label speaks of, when that is another. */
function otherPlace(label: FileLabel, { cut, part }: ExpectedFile): string | null {
  const { type, partition, window } = cut;
  if (label.type === type && label.partition === partition && label.window === window && label.part === part)
    return null;
  return `part ${label.part} of window ${printWindow(label.window)} of ${label.type}, partition ${label.partition}`;
}

function isOfThisCut(label: FileLabel, { cut, part, installation }: ExpectedFile): boolean {
  const before = cut.parts.slice(0, part).reduce((sum, { records }) => sum + records, 0);
  const first = cut.type === "measurements" ? cut.first + before : cut.first;
  return (
    label.installation === installation &&
    label.exportId === cut.exportId &&
    label.definitionVersion === cut.definitionVersion &&
    label.first === first
  );
}

async function hashOf(destination: Destination, path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of destination.read(path, signal)) hash.update(chunk);
  return hash.digest("hex");
}

/** Null when it is whole and holds as many records, all of this window. */
async function readRecords(
  destination: Destination,
  path: string,
  cut: CutRecord,
  part: CutPart,
  signal: AbortSignal | undefined,
): Promise<FileFinding | null> {
  let records = 0;
  let window: Window | null = null;
  try {
    for await (const record of openContainer(destination.read(path, signal))) {
      records++;
      if (cut.type !== "measurements" || (window !== null && window !== cut.window)) continue;
      window = windowOf(Date.parse((record as { EnqueuedTimeUtc: string }).EnqueuedTimeUtc));
    }
  } catch (error) {
    if (!(error instanceof ColdpathError) || error.code !== "avro-unreadable") throw error;
    return {
      kind: "damaged",
      what: `after ${records} of ${part.records} records it cannot be read: ${messageOf(error)}`,
    };
  }
  if (window !== null && window !== cut.window && !Number.isNaN(window)) {
    return { kind: "misplaced", what: `it holds records of window ${printWindow(window)}` };
  }
  if (records === part.records) return null;
  return { kind: "damaged", what: `it holds ${records} records, not ${part.records}` };
}
