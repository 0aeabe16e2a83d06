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

interface FoundRecord {
  readonly timeMs: number;
  /** Of the record. */
  readonly length: number;
  readonly message: DeviceMessage;
}

/** What was found in one window of one partition. */
interface Part {
  readonly found: readonly FoundRecord[];
  /** It was looked at from then on. */
  readonly scannedFromMs: number;
  /** Null: it was looked at whole, or there is no room for more. */
  readonly endedBy: SearchEnd | null;
}

/** Of one search, over all its parts. */
interface Progress {
  readonly slice: Slice;
  scannedBytes: number;
  readonly unreadable: Unreadable[];
}

interface PartSearch {
  readonly match: SenderMatch<true>;
  readonly sinceMs: number | null;
  /** Room in the answer. */
  readonly left: { readonly limit: number; readonly bytes: number };
  readonly progress: Progress;
  readonly signal: AbortSignal;
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

  async #find(search: Search, signal: AbortSignal): Promise<Found> {
    const { deviceId, limit, sinceMs } = search;
    const { answerBytesMax } = this.#options;
    const match = new SenderMatch<true>();
    match.add(deviceId, true);
    const progress: Progress = { slice: new Slice(), scannedBytes: 0, unreadable: [] };
    const windows = this.#windows(deviceId, sinceMs === null ? 0 : windowOf(sinceMs));
    const messages: DeviceMessage[] = [];
    let answerBytes = 0;
    let scannedFromMs: number | null = null;
    const result = (endedBy: SearchEnd | null): Found => {
      const { unreadable, scannedBytes } = progress;
      return { messages, scannedFromMs, endedBy, unreadable, scannedBytes };
    };

    for (const { window, partitions } of windows) {
      const parts: Part[] = [];
      for (const partition of partitions) {
        const left = { limit: limit - messages.length, bytes: answerBytesMax - answerBytes };
        parts.push(await this.#read(partition, window, { match, sinceMs, left, progress, signal }));
        if (parts.at(-1)?.endedBy !== null) break;
      }
      // Where the device changed its partition within a window, the times tell which was first.
      const found = parts.flatMap((part) => part.found);
      if (parts.length > 1) found.sort((one, other) => other.timeMs - one.timeMs);
      for (const { message, length, timeMs } of found) {
        if (messages.length > 0 && answerBytes + length > answerBytesMax) return result("answer");
        answerBytes += length;
        messages.push(message);
        scannedFromMs = timeMs;
        if (messages.length === limit) return result("limit");
      }
      scannedFromMs = Math.max(...parts.map((part) => part.scannedFromMs));
      const endedBy = parts.at(-1)?.endedBy ?? null;
      if (endedBy !== null) return result(endedBy);
    }
    const oldest = windows.at(-1);
    scannedFromMs = sinceMs ?? (oldest === undefined ? null : windowStartMs(oldest.window));
    return result(null);
  }

  /** The messages of the device in one window of one partition, newest first, as many as there is room for. */
  async #read(
    partition: number,
    window: Window,
    { match, sinceMs, left, progress, signal }: PartSearch,
  ): Promise<Part> {
    const { journal, scanBytesMax } = this.#options;
    const { slice } = progress;
    const found: FoundRecord[] = [];
    let foundBytes = 0;
    let scannedFromMs = windowStartMs(window + 1);
    const result = (endedBy: SearchEnd | null): Part => ({ found, scannedFromMs, endedBy });
    try {
      for await (const batch of journal.readBack(partition, window, signal)) {
        if (sinceMs !== null && batch.timeMs < sinceMs) break;
        const places = await placesIn(batch, match, slice, signal);
        if (places === null) return result("time");
        for (const { first, length, offset } of places.toReversed()) {
          const timeMs = enqueuedTimeOf(batch.bytes, first);
          if (sinceMs !== null && timeMs < sinceMs) break;
          found.push({ timeMs, length, message: deviceMessage(batch.bytes, first, partition, offset) });
          foundBytes += length;
          // The caller ends the search with these.
          if (found.length >= left.limit || foundBytes > left.bytes) return result(null);
          await slice.next();
        }
        scannedFromMs = Math.max(sinceMs ?? 0, enqueuedTimeOf(batch.bytes, 0));
        progress.scannedBytes += batch.bytes.length;
        if (progress.scannedBytes >= scanBytesMax) return result("bytes");
      }
    } catch (error) {
      const code = codeOf(error) ?? "";
      if (code !== "journal-corrupt" && code !== "journal-trimmed") throw error;
      const { unreadable } = progress;
      if (unreadable.length < unreadableMax) unreadable.push({ partition, window, code, message: messageOf(error) });
    }
    return result(signal.aborted ? "time" : null);
  }

  /** Where messages of the device may be, newest window first. */
  #windows(deviceId: string, windowFirst: Window): readonly { window: Window; partitions: readonly number[] }[] {
    const { journal } = this.#options;
    const active = journal.partitions.map(({ partition }) => partition);
    const present = active[partitionIndexOf(deviceId, active.length)];
    // It may have been any partition that its id leads to among fewer ones, and any that is retired.
    const former = new Set(active.map((_, index) => active[partitionIndexOf(deviceId, index + 1)]));
    const partitionsOf = new Map<Window, number[]>();
    for (const partition of journal.partitionNumbers()) {
      const isActive = active.includes(partition);
      if (isActive && !former.has(partition)) continue;
      // Retired ones gain nothing, whatever time they say.
      const windowLast = isActive && partition !== present ? this.#windowStarted : Infinity;
      const windows = journal.segments(partition, windowFirst).map(({ window }) => window);
      const open = journal.closedBelow(partition);
      if (isActive && open >= windowFirst) windows.push(open); // that of a retired partition is none
      for (const window of windows) {
        if (window > windowLast) continue;
        const partitions = partitionsOf.get(window);
        if (partitions === undefined) partitionsOf.set(window, [partition]);
        else partitions.push(partition);
      }
    }
    const windows = [...partitionsOf].map(([window, partitions]) => ({ window, partitions }));
    return windows.toSorted((one, other) => other.window - one.window);
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
