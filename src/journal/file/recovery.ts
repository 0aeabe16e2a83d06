// Recovery of a partition: from what stands in its directory to the state the writer goes on with.
//
//   J1  What recovery believes is made durable first: it may have seen a page cache that was never synced.
//   J2  Offsets go on above every offset that any segment or the floor mentions.
//   J3  Only the open segment's torn tail is cut, and that is said. Damage is kept, told, and closed for writing.
//   J4  Partition time goes on at or above max(last frame, floor).

import { type Window, printWindow, windowStartMs } from "../../lib/window.ts";
import { unusable } from "../errors.ts";
import type { NoticeLevel } from "../journal.ts";
import type { ClosedSegment } from "./closed-segments.ts";
import type { Disk } from "../../lib/disk.ts";
import { OpenSegment } from "./open-segment.ts";
import { sealBytes } from "./seal.ts";
import { type Survey, type SurveyedSegment, surveyPartition } from "./survey.ts";

export interface Recovered {
  /** Ascending; those from `windowDurable` on are closed and not yet announced. */
  readonly closed: ClosedSegment[];
  readonly open: OpenSegment | null;
  /** What the floor on disk says: every window below is closed. */
  readonly windowDurable: Window;
  /** Every window below must not gain a record. */
  readonly windowNext: Window;
  readonly offsetNext: number;
  /** No stamp may be less. */
  readonly timeMs: number;
}

type Notice = (level: NoticeLevel, code: string, message: string) => void;

/**
 * @param of.nowWindow  where a partition goes on whose floor is lost.
 * @param of.isRetired  nothing will be written any more: the floor does not matter.
 * @throws ColdpathError `journal-newer`, `journal-foreign`, `journal-floor-damaged`.
 */
export async function recoverPartition(
  disk: Disk,
  directory: string,
  of: { readonly hub: string; readonly partition: number; readonly nowWindow: Window; readonly isRetired: boolean },
  notice: Notice,
): Promise<Recovered> {
  await disk.makeDirectory(directory);
  await disk.syncDirectory(directory); // J1: names too may have come from a cache
  const survey = await surveyPartition(disk, directory, false);
  const windowLost = checkFloor(survey, directory, of.isRetired, of.nowWindow, notice);
  const windowDurable = survey.floor.kind === "floor" ? survey.floor.floor.windowNext : 0;
  const closed: ClosedSegment[] = [];
  let open: OpenSegment | null = null;
  for (const segment of survey.segments) {
    const { verdict, window, path, offsetFirst, offsetNext, recordBytes, fileBytes, identity } = segment;
    if (identity !== null && (identity.hub !== of.hub || identity.partition !== of.partition)) {
      throw unusable(
        "journal-foreign",
        `${path} belongs to partition ${identity.partition} of hub "${identity.hub}", not to partition ${of.partition} of hub "${of.hub}".`,
        "Move it back to the data directory it came from.",
      );
    }
    const one = {
      partition: of.partition,
      window,
      path,
      offsetFirst,
      offsetNext,
      recordBytes,
      fileBytes,
      damage: null,
    };
    switch (verdict.kind) {
      case "newer":
        throw unusable(
          "journal-newer",
          `${path} has format version ${verdict.version}, written by a newer Coldpath.`,
          "Start the version of Coldpath that wrote it, or a later one.",
        );
      case "sealed":
        if (!verdict.isHeaderWhole) {
          // J4: without its copy a seal may have been read from a cache that a failed sync had given up.
          await OpenSegment.completeSeal(disk, path, verdict.identity, verdict.seal);
          if (window < windowDurable) {
            notice(
              "warn",
              "header-repaired",
              `segment ${path}: the header was damaged; all records are there, and it was written again.`,
            );
          }
        }
        closed.push({ ...one, fileBytes: Math.min(fileBytes, verdict.seal.position + sealBytes) });
        break;
      case "leftover":
        await disk.remove(path);
        break;
      case "lost":
      case "damaged": {
        const damage = verdict.kind === "lost" ? verdict.what : `segment ${path}: ${verdict.what}`;
        notice("error", "corruption", `${damage}. Nothing was cut; the window is closed for writing.`);
        closed.push({ ...one, damage });
        break;
      }
      case "open":
        if (verdict.torn !== null) {
          const held = verdict.torn.records === null ? "" : ` of ${verdict.torn.records} records`;
          notice(
            "warn",
            "torn-tail",
            `segment ${path}: a frame${held} from offset ${verdict.offsetNext} on was not whole and was cut, as a crash in the middle of a write leaves it: before the acknowledgement.`,
          );
        }
        open = await OpenSegment.resume(disk, path, verdict, verdict.timeMs ?? windowStartMs(window));
        break;
    }
  }
  const windowNext = Math.max(survey.windowNext, windowLost);
  const timeMs = Math.max(survey.timeMs, windowStartMs(windowNext));
  return { closed, open, windowDurable, windowNext, offsetNext: survey.offsetNext, timeMs };
}

/** Tells damage of the floor. Returns the window below which nothing may be written because of it; 0 when it is well. */
function checkFloor(survey: Survey, directory: string, isRetired: boolean, nowWindow: Window, notice: Notice): Window {
  const { floor } = survey;
  if (isRetired || (floor.kind === "floor" && floor.isWhole)) return 0;
  if (floor.kind === "floor") {
    notice("warn", "floor-damaged", `One of the two copies in ${directory}/floor is damaged; the other one is used.`);
    return 0;
  }
  const what = `The file ${directory}/floor is ${floor.kind === "missing" ? "missing" : "damaged in both copies"}`;
  if (!survey.segments.some(isEvidence)) {
    throw unusable(
      "journal-floor-damaged",
      `${what}, and no segment tells which offsets were used.`,
      "Restore it from a backup, or run `coldpath journal reset-clock --force`, which opens a fresh partition beside this one.",
    );
  }
  // The segments know every offset. Windows that closed without a record are not known: go on with the present one.
  notice(
    "error",
    "floor-damaged",
    `${what}; the partition goes on behind its segments, in window ${printWindow(nowWindow)}.`,
  );
  return nowWindow;
}

function isEvidence(segment: SurveyedSegment): boolean {
  return segment.identity !== null && segment.verdict.kind !== "lost";
}
