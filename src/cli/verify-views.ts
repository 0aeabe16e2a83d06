// How a verification looks: for people, and as JSON.

import type { DestinationError } from "../destinations/destination.ts";
import type { Finding, Verification } from "../export/verify/verification.ts";
import type { Window } from "../lib/window.ts";
import type { AcceptedViolation, Export, ExportGap } from "../registry/registry.ts";
import { minuteText } from "./journal-directory.ts";
import { bytesText, counted } from "./output.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export function printVerification(found: Verification, terminal: Terminal): void {
  const { name, days, faults, faultCount, notes, noteCount, unrecordedFiles, gaps, accepted, isDeep } = found;
  terminal.print(terminal.style("bold", name));
  if (days.length === 0) terminal.print("  Nothing is on record for this time.");
  else {
    const rows = days.map((day) => [
      day.day,
      String(day.windows),
      String(day.files),
      String(day.records),
      bytesText(day.bytes),
      day.faults === 0 ? "proven" : { text: counted(day.faults, "fault"), style: "red" as const },
    ]);
    const headings = ["day", "minutes", "files", "records", "bytes", "result"];
    terminal.print(renderTable(headings, rows, terminal).replace(/^/gm, "  "));
  }
  for (const gap of gaps) terminal.print(`  let go: ${gapText(gap)}`);
  for (const { kind, ...one } of accepted) terminal.print(`  accepted as ${kind}: ${gapText(one)}`);
  for (const fault of faults) printFinding(terminal.style("red", "FAULT"), fault, terminal);
  if (faultCount > faults.length) terminal.print(`  … and ${counted(faultCount - faults.length, "more fault")}.`);
  for (const note of notes) printFinding(terminal.style("yellow", "note"), note, terminal);
  if (noteCount > notes.length) terminal.print(`  … and ${counted(noteCount - notes.length, "more note")}.`);
  if (unrecordedFiles > 0) {
    terminal.print(
      `  Not looked at, because older than what is on record (--cut-records-retention): ${counted(unrecordedFiles, "file")}.`,
    );
  }
  const files = days.reduce((sum, day) => sum + day.files, 0);
  const how = isDeep ? "by every byte" : "by names, sizes and labels";
  const result =
    faultCount === 0
      ? terminal.style("green", `  proven: ${counted(files, "file")}, each there once and as it was written, ${how}.`)
      : terminal.style("red", `  NOT proven: ${counted(faultCount, "fault")} in ${counted(files, "file")}.`);
  terminal.print(result);
}

function printFinding(word: string, { kind, window, what, hint }: Finding, terminal: Terminal): void {
  terminal.print(`  ${word} ${kind}${window === null ? "" : ` ${minuteText(window)}`}: ${what}`);
  terminal.print(`    → ${hint}`);
}

type GapText = Pick<ExportGap, "type" | "partition" | "windowFirst" | "windowLast" | "records" | "reason">;

function gapText({ type, partition, windowFirst, windowLast, records, reason }: GapText): string {
  const minutes =
    windowFirst === windowLast ? minuteText(windowFirst) : `${minuteText(windowFirst)} to ${minuteText(windowLast)}`;
  return `${minutes} of ${type}, partition ${partition}: ${records === null ? "an unknown number of records" : counted(records, "record")} (${reason})`;
}

/** As JSON: windows as minutes. */
export function answerOf({ faults, notes, gaps, accepted, ...rest }: Verification) {
  const minute = (window: Window | null): string | null => (window === null ? null : minuteText(window));
  const inMinutes = <T extends ExportGap | AcceptedViolation>(one: T) => ({
    ...one,
    windowFirst: minute(one.windowFirst),
    windowLast: minute(one.windowLast),
  });
  const findingOf = (finding: Finding) => ({ ...finding, window: minute(finding.window) });
  return {
    ...rest,
    isProven: rest.faultCount === 0,
    faults: faults.map(findingOf),
    notes: notes.map(findingOf),
    gaps: gaps.map(inMinutes),
    accepted: accepted.map(inMinutes),
  };
}

/** An export whose destination could not be looked at, and why. */
export interface Unseen {
  readonly export: Export;
  readonly failure: DestinationError["failure"];
}

export function printUnseen({ export: { name }, failure }: Unseen, terminal: Terminal): void {
  terminal.print(terminal.style("bold", name));
  terminal.print(terminal.style("red", `  NOT looked at: ${failure.message} (${failure.code}).`));
  terminal.print(`    → ${failure.hint}`);
}

export function unseenAnswerOf({ export: { id: exportId, name }, failure: { code, message, hint } }: Unseen) {
  return { exportId, name, isProven: false, error: { code, message, hint } };
}
