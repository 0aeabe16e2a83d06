// A window whose source is gone (a staged snapshot that was lost with its machine): what of it the destination holds.
//
//   E5  A file is ours when its label names our cut, its bytes have the label's hash, and all parts together have the cut's
//       records. Then nothing need be written; anything else is left alone.

import { createHash } from "node:crypto";
import type { Destination, Failure } from "../destinations/destination.ts";
import { type Cut, type FileLabel, isSameCut, parseLabel } from "./cut.ts";
import { partMax } from "./path-template.ts";

export interface FoundPart {
  readonly path: string;
  readonly label: FileLabel;
  readonly bytes: number;
}

export interface LostWindow {
  readonly destination: Destination;
  /** Of its first part. */
  readonly cut: Cut;
  /** In all its parts. */
  readonly records: number;
  readonly pathOf: (part: number) => string;
  readonly signal: AbortSignal;
}

/** The parts of the window when all of them are there; null when they are not; or why the store cannot tell now. */
export async function findLost(lost: LostWindow): Promise<readonly FoundPart[] | Failure | null> {
  const found: FoundPart[] = [];
  for (let part = 0; part <= partMax; part++) {
    const path = lost.pathOf(part);
    const head = await lost.destination.head(path, lost.signal);
    if (head.kind === "absent") break;
    if (head.kind !== "found") return head;
    const label = parseLabel(head.label);
    if (label === null || !isSameCut(label, { ...lost.cut, part }) || label.next !== lost.cut.next) return null;
    const bytes = await bytesWithHash(lost, path, label.sha256);
    if (typeof bytes !== "number") return bytes;
    found.push({ path, label, bytes });
  }
  const records = found.reduce((sum, { label }) => sum + label.records, 0);
  return records === lost.records ? found : null;
}

/** How many bytes the object has; null when they are not those of the label. */
async function bytesWithHash(
  { destination, signal }: LostWindow,
  path: string,
  sha256: string,
): Promise<number | Failure | null> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of destination.read(path, signal)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    if (error instanceof Error && "failure" in error) return error.failure as Failure;
    throw error;
  }
  const found = hash.digest("hex");
  return found === sha256 ? bytes : null;
}
