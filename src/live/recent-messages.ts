// The last messages of a device, read back from the journal.
//
// The journal has no index by device, and none is kept: it would cost every message something, for the few that somebody
// looks at. So the windows are read from the newest back until enough is found, or enough was read
// (docs/decisions/0015-live.md). A device's messages are in the partition that its id leads to; from before more
// partitions were added, or before `journal reset-clock`, they may be in others, which are looked at as far back as the
// server did not write to them for this device.

import type { Journal, RecordBatch } from "../journal/journal.ts";
import { partitionIndexOf } from "../ingest/accept.ts";
import { codeOf, messageOf } from "../lib/errors.ts";
import { type Window, windowOf, windowStartMs } from "../lib/window.ts";
import { enqueuedTimeOf } from "../message/record-reader.ts";
import { SenderMatch } from "../message/sender-match.ts";
import { type DeviceMessage, deviceMessage } from "./device-message.ts";
import type { ReadBounds, SearchEnd, Unreadable } from "./live.ts";
import { Places } from "./places.ts";

export interface Search {
  readonly deviceId: string;
  /** At most so many. */
  readonly limit: number;
  /** Not what was taken before; null: as far back as the journal goes. */
  readonly sinceMs: number | null;
}

export interface Found {
  /** Newest first. */
  readonly messages: readonly DeviceMessage[];
  /** All that was taken since then was looked at; null when the journal holds nothing. */
  readonly scannedFromMs: number | null;
  /** Null when all that was asked for was looked at. */
  readonly endedBy: SearchEnd | null;
  readonly unreadable: readonly Unreadable[];
  readonly scannedBytes: number;
}

export interface RecentMessagesOptions extends ReadBounds {
  readonly journal: Pick<Journal, "partitions" | "partitionNumbers" | "closedBelow" | "segments" | "readBack">;
}

/** The event loop is held for so long at a time. */
const sliceMs = 3;
/** How many records are looked at between two looks at the time. */
const sliceRecords = 256;
const unreadableMax = 20;

interface Part {
  readonly partition: number;
  readonly window: Window;
}

export class RecentMessages {
  readonly #options: RecentMessagesOptions;
  readonly #places: Places;
  /** The windows that were open when the server started: partitions of former times hold nothing newer of a device. */
  readonly #windowStarted: Window;

  constructor(options: RecentMessagesOptions) {
    const { journal } = options;
    this.#options = options;
    this.#places = new Places(options.scansMax, options.scansWaitingMax);
    this.#windowStarted = Math.max(...journal.partitions.map(({ partition }) => journal.closedBelow(partition)));
  }

  /**
   * @param signal  whoever asked is gone.
   * @throws ColdpathError `readers-busy`.
   */
  async find(search: Search, signal: AbortSignal): Promise<Found> {
    return await this.#places.take(async () => {
      const { scanMs } = this.#options;
      const inTime = new AbortController();
      const timer = setTimeout(() => inTime.abort(), scanMs);
      try {
        return await this.#find(search, AbortSignal.any([signal, inTime.signal]));
      } finally {
        clearTimeout(timer);
      }
    }, signal);
  }

  async #find({ deviceId, limit, sinceMs }: Search, signal: AbortSignal): Promise<Found> {
    const { journal, scanBytesMax, answerBytesMax } = this.#options;
    const match = new SenderMatch<true>();
    match.add(deviceId, true);
    const slice = new Slice();
    const unreadable: Unreadable[] = [];
    const parts = this.#parts(deviceId, sinceMs === null ? 0 : windowOf(sinceMs));
    const messages: DeviceMessage[] = [];
    let scannedFromMs: number | null = null;
    let scannedBytes = 0;
    let answerBytes = 0;
    const result = (endedBy: SearchEnd | null): Found => ({
      messages,
      scannedFromMs,
      endedBy,
      unreadable,
      scannedBytes,
    });

    for (const { partition, window } of parts) {
      scannedFromMs = windowStartMs(window + 1);
      if (signal.aborted) return result("time");
      try {
        for await (const batch of journal.readBack(partition, window, signal)) {
          if (sinceMs !== null && batch.timeMs < sinceMs) break;
          const places = await placesIn(batch, match, slice, signal);
          if (places === null) return result("time");
          for (const { first, length, offset } of places.toReversed()) {
            if (sinceMs !== null && enqueuedTimeOf(batch.bytes, first) < sinceMs) break;
            if (messages.length > 0 && answerBytes + length > answerBytesMax) return result("answer");
            answerBytes += length;
            messages.push(deviceMessage(batch.bytes, first, partition, offset));
            scannedFromMs = enqueuedTimeOf(batch.bytes, first);
            if (messages.length === limit) return result("limit");
            await slice.next();
          }
          scannedFromMs = Math.max(sinceMs ?? 0, enqueuedTimeOf(batch.bytes, 0));
          scannedBytes += batch.bytes.length;
          if (scannedBytes >= scanBytesMax) return result("bytes");
        }
      } catch (error) {
        const code = codeOf(error) ?? "";
        if (code !== "journal-corrupt" && code !== "journal-trimmed") throw error;
        if (unreadable.length < unreadableMax) unreadable.push({ partition, window, code, message: messageOf(error) });
      }
      if (signal.aborted) return result("time");
    }
    const oldest = parts.at(-1);
    scannedFromMs = sinceMs ?? (oldest === undefined ? null : windowStartMs(oldest.window));
    return result(null);
  }

  /** Where messages of the device may be, newest window first. */
  #parts(deviceId: string, windowFirst: Window): readonly Part[] {
    const { journal } = this.#options;
    const active = journal.partitions.map(({ partition }) => partition);
    const present = active[partitionIndexOf(deviceId, active.length)];
    // It may have been any partition that its id leads to among fewer ones, and any that is retired.
    const former = new Set(active.map((_, index) => active[partitionIndexOf(deviceId, index + 1)]));
    const parts: Part[] = [];
    for (const partition of journal.partitionNumbers()) {
      if (active.includes(partition) && !former.has(partition)) continue;
      // Retired ones gain nothing, whatever time they say.
      const isFormer = active.includes(partition) && partition !== present;
      const windowLast = isFormer ? this.#windowStarted : Infinity;
      const open = journal.closedBelow(partition);
      const windows = journal.segments(partition, windowFirst).map(({ window }) => window);
      // That of a retired partition is none.
      if (active.includes(partition) && open >= windowFirst) windows.push(open);
      for (const window of windows) if (window <= windowLast) parts.push({ partition, window });
    }
    // In the window of a change, what came before it stands in the former partition.
    const isLater = (part: Part): number => (part.partition === present ? 1 : 0);
    return parts.toSorted((one, other) => other.window - one.window || isLater(other) - isLater(one));
  }
}

/** Where the records that match stand in a batch; null when it took too long. */
async function placesIn(
  { bytes, lengths, offsetFirst }: RecordBatch,
  match: SenderMatch<true>,
  slice: Slice,
  signal: AbortSignal,
): Promise<readonly { readonly first: number; readonly length: number; readonly offset: number }[] | null> {
  const places: { first: number; length: number; offset: number }[] = [];
  let first = 0;
  for (let index = 0; index < lengths.length; index++) {
    const length = lengths[index] ?? 0;
    if (match.find(bytes, first) !== null) places.push({ first, length, offset: offsetFirst + index });
    first += length;
    if (index % sliceRecords === sliceRecords - 1) {
      await slice.next();
      if (signal.aborted) return null;
    }
  }
  return places;
}

/** Lets others have the event loop, when it was held for long enough. */
class Slice {
  #endMs = performance.now() + sliceMs;

  async next(): Promise<void> {
    if (performance.now() < this.#endMs) return;
    await new Promise(setImmediate);
    this.#endMs = performance.now() + sliceMs;
  }
}
