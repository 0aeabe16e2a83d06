// The verification of an export: what was found in its destination, and the sums of what must be there, by day.
//
//   M1  The first findings are kept; the counts say how many there are.

import type { Window } from "../../lib/window.ts";
import type { AcceptedViolation, CutRecord, ExportGap, ExportType } from "../../registry/registry.ts";
import type { FileFinding } from "./verify-file.ts";
import { dayOf } from "./verify-places.ts";

/**
 *   doubled    a window's records lie in a further file: an extra part, or an older definition's path
 *   unknown    a file of a window that this export has no record of
 *   lost, miscounted, …  what the audit says of the cut records themselves
 */
export interface Finding {
  readonly kind:
    | FileFinding["kind"]
    | "doubled"
    | "unknown"
    | "let-go"
    | "foreign"
    | "lost"
    | "replaced"
    | "miscounted"
    | "unbalanced";
  readonly window: Window | null;
  readonly type: ExportType | null;
  readonly partition: number | null;
  readonly path: string | null;
  readonly what: string;
  readonly hint: string;
}

export interface VerifiedDay {
  readonly day: string;
  windows: number;
  files: number;
  records: number;
  bytes: number;
  faults: number;
}

export interface Verification {
  readonly exportId: string;
  readonly name: string;
  readonly isDeep: boolean;
  /** By the cut records: what must be there. */
  readonly days: readonly VerifiedDay[];
  /** The first of them; the counts say how many there are. */
  readonly faults: readonly Finding[];
  readonly faultCount: number;
  readonly notes: readonly Finding[];
  readonly noteCount: number;
  /** Files of windows whose cut records are no longer, or were never, kept. */
  readonly unrecordedFiles: number;
  readonly gaps: readonly ExportGap[];
  /** Violations of the audit that an administrator accepted: no faults any more. */
  readonly accepted: readonly AcceptedViolation[];
}

const findingsMax = 1000;

/** What is found while a verification goes on. */
export class Findings {
  readonly #days = new Map<string, VerifiedDay>();
  readonly #faults: Finding[] = [];
  readonly #notes: Finding[] = [];
  #faultCount = 0;
  #noteCount = 0;

  fault(finding: Finding): void {
    this.#faultCount++;
    if (this.#faults.length < findingsMax) this.#faults.push(finding);
    if (finding.window !== null) this.#day(finding.window).faults++;
  }

  note(finding: Finding): void {
    this.#noteCount++;
    if (this.#notes.length < findingsMax) this.#notes.push(finding);
  }

  /** @param more  what was lost with it; empty for nothing. */
  file({ kind, what }: FileFinding, cut: CutRecord, path: string, more = ""): void {
    const { window, type, partition } = cut;
    const of = { kind, window, type, partition, path, what: `${path}: ${what}${more === "" ? "" : ` (${more})`}.` };
    if (kind === "label-missing" || kind === "other-bytes") this.note({ ...of, hint: "Nothing is lost." });
    else this.fault({ ...of, hint: hints[kind] });
  }

  /** Adds what a cut record says to the sums of its day. */
  sum(cut: CutRecord): void {
    const day = this.#day(cut.window);
    day.windows++;
    day.files += cut.parts.length;
    for (const { records, bytes } of cut.parts) {
      day.records += records;
      day.bytes += bytes;
    }
  }

  #day(window: Window): VerifiedDay {
    const day = dayOf(window);
    const known = this.#days.get(day) ?? { day, windows: 0, files: 0, records: 0, bytes: 0, faults: 0 };
    this.#days.set(day, known);
    return known;
  }

  get all(): Pick<Verification, "days" | "faults" | "faultCount" | "notes" | "noteCount"> {
    return {
      days: [...this.#days.values()].toSorted((a, b) => (a.day < b.day ? -1 : 1)),
      faults: this.#faults.toSorted(byPlace),
      faultCount: this.#faultCount,
      notes: this.#notes.toSorted(byPlace),
      noteCount: this.#noteCount,
    };
  }
}

const hints: Readonly<Record<Exclude<FileFinding["kind"], "label-missing" | "other-bytes">, string>> = {
  missing: "Restore it from a backup of the store. While the journal has the minute, journal cat prints its records.",
  damaged: "Restore it from a backup of the store; coldpath read prints what is whole.",
  altered: "Somebody changed it since it was written. Restore it from a backup of the store.",
  misplaced: "Put each file back under its own name, or restore it from a backup of the store.",
};

function byPlace(one: Finding, other: Finding): number {
  const textOf = ({ path, kind }: Finding): string => `${path ?? ""}/${kind}`;
  return (one.window ?? 0) - (other.window ?? 0) || (textOf(one) < textOf(other) ? -1 : 1);
}
