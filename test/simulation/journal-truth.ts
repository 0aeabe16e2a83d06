// What the journal has closed, read from the simulated disk by a second reader of docs/formats.md, "Journal".
//
// J2, J3, J4 as far as they show on the disk: a closed window never changes, never gains a record, and comes after the
// windows closed before it, in time and in offsets.

import { crc32 } from "node:zlib";
import type { SimulatedDisk } from "../../src/lib/disk.simulated.ts";
import { parseWindow } from "../../src/lib/window.ts";
import { readMeasurement } from "./avro.ts";
import { journalDirectory } from "./hub.ts";
import type { Ledger, Message } from "./ledger.ts";
import type { World } from "./world.ts";

export interface ClosedWindow {
  readonly partition: number;
  readonly window: number;
  readonly path: string;
  readonly offsetFirst: number;
  readonly records: readonly Buffer[];
  readonly recordBytes: number;
  /** A bit was turned over behind the journal's back. */
  isDamaged: boolean;
  /** When it was first seen closed, in virtual time. */
  readonly seenMs: number;
}

const minuteMs = 60_000;

export class JournalTruth {
  /** By partition, ascending by window. */
  readonly closed = new Map<number, ClosedWindow[]>();
  /** By partition: every window below is closed. */
  readonly floors = new Map<number, number>();
  readonly #world: World;
  readonly #disk: SimulatedDisk;
  readonly #ledger: Ledger;
  readonly #byName = new Map<string, ClosedWindow>();
  /** Bits turned over in segments that were open: what counts is what stood there before. */
  readonly #turned = new Map<string, { readonly at: number; readonly bit: number }[]>();
  /** What the hub logged of damage. */
  readonly #corruptions: string[] = [];

  constructor(world: World, disk: SimulatedDisk, ledger: Ledger) {
    this.#world = world;
    this.#disk = disk;
    this.#ledger = ledger;
  }

  window(partition: number, window: number): ClosedWindow | undefined {
    return this.#byName.get(`${partition} ${window}`);
  }

  all(): readonly ClosedWindow[] {
    return [...this.closed.values()].flat();
  }

  get floorLowest(): number {
    return this.floors.size === 0 ? 0 : Math.min(...this.floors.values());
  }

  get floorHighest(): number {
    return this.floors.size === 0 ? 0 : Math.max(...this.floors.values());
  }

  /** Whether a message would be there after a power cut that spares nothing unsynced (J1). */
  isSafe(body: string): boolean {
    if ((this.#ledger.messages.get(body)?.stored ?? 0) > 0) return true;
    const bytes = Buffer.from(body);
    return this.#disk
      .stableContents()
      .toReversed()
      .some(([path, content]) => path.endsWith(".seg") && this.#asWritten(path, content).includes(bytes, 4096));
  }

  /** Whether a bit of a segment was turned over. */
  get isDamaged(): boolean {
    return this.#turned.size > 0 || this.all().some((one) => one.isDamaged);
  }

  /**
   * Segments that are open, and where each one's last whole frame begins: what stands before it is known to be synced,
   * so damage there must be told. In the last frame it may be taken for a torn tail (docs/formats.md).
   */
  open(): readonly { readonly path: string; readonly lastFrameAt: number }[] {
    const cached = new Map(this.#disk.contents());
    return this.#disk.stableContents().flatMap(([path, content]) => {
      const name = nameOf(path);
      if (name === null || this.window(name.partition, name.window) !== undefined) return [];
      const here = cached.get(path);
      if (here === undefined || hasSealCopy(here)) return [];
      const frames = framesIn(this.#asWritten(path, content), name.partition, name.window);
      return frames === null || frames.lastFrameAt <= 4096 ? [] : [{ path, lastFrameAt: frames.lastFrameAt }];
    });
  }

  /** A bit of an open segment was turned over. */
  turned(path: string, at: number, bit: number): void {
    this.#turned.set(path, [...(this.#turned.get(path) ?? []), { at, bit }]);
  }

  logged(text: string): void {
    if (text.includes('"corruption"')) this.#corruptions.push(text);
  }

  #asWritten(path: string, content: Buffer): Buffer {
    const turned = this.#turned.get(path);
    if (turned === undefined) return content;
    const before = Buffer.from(content);
    for (const { at, bit } of turned) if (at < before.length) before[at] = (before[at] as number) ^ (1 << bit);
    return before;
  }

  /** Looks at what is stable on the disk now. */
  look(): void {
    const floorsBefore = new Map(this.floors);
    const cached = new Map(this.#disk.contents());
    const newest = new Map<number, number>();
    const found: { readonly one: ClosedWindow; readonly isSealed: boolean }[] = [];
    const contents = this.#disk.stableContents();
    for (const [path, content] of contents) {
      const floor = floorName.exec(path);
      if (floor !== null) this.#floor(Number(floor[1]), content);
    }
    for (const [path, content] of contents) {
      const name = nameOf(path);
      if (name === null) continue;
      const { partition, window } = name;
      newest.set(partition, Math.max(newest.get(partition) ?? 0, window));
      if (this.window(partition, window) !== undefined) continue;
      const isDamaged = this.#turned.has(path);
      // What has no copy of a seal even for its writer is open, unless the floor says that writing the copy failed: it need
      // not be read to the end. The seal is what counts.
      const isBelowFloor = (this.floors.get(partition) ?? 0) > window;
      if (!isDamaged && !isBelowFloor && !hasSealCopy(cached.get(path))) continue;
      const frames = framesIn(this.#asWritten(path, content), partition, window);
      if (frames === null || (!frames.isSealed && !isDamaged)) continue;
      const { offsetFirst, records, isSealed } = frames;
      const recordBytes = records.reduce((sum, { length }) => sum + length, 0);
      const seenMs = this.#world.flowMs;
      found.push({
        isSealed,
        one: { partition, window, path, offsetFirst, records, recordBytes, isDamaged, seenMs },
      });
    }
    for (const { one, isSealed } of found.toSorted((a, b) => a.one.window - b.one.window)) {
      const { partition, window } = one;
      if (isSealed) this.#close(one, floorsBefore.get(partition) ?? 0);
      else if ((this.floors.get(partition) ?? 0) > window || (newest.get(partition) ?? 0) > window)
        this.#passedOver(one);
    }
  }

  /** Damaged while it was open, found so at a start, told, and never written to again (J3). */
  #passedOver(one: ClosedWindow): void {
    this.#world.count("damaged while open");
    if (!this.#corruptions.some((text) => text.includes(one.path))) {
      this.#world.violate("J3", `${one.path} is damaged, was passed over, and nobody was told`);
    }
    this.#close(one, 0);
  }

  #floor(partition: number, content: Buffer): void {
    for (const at of [0, 4096]) {
      const match = /^(floor 2 \d+ (\d+) (\d+)) ([0-9a-f]{8})\n/.exec(content.toString("latin1", at, at + 200));
      if (
        match === null ||
        crc32(match[1] ?? "")
          .toString(16)
          .padStart(8, "0") !== match[4]
      )
        continue;
      const window = Number(match[2]);
      const before = this.floors.get(partition) ?? 0;
      if (window < before)
        this.#world.violate("J4", `the floor of partition ${partition} went back: ${before}, ${window}`);
      this.floors.set(partition, Math.max(before, window));
      return;
    }
  }

  #close(one: ClosedWindow, floor: number): void {
    const { partition, window, offsetFirst, records } = one;
    const where = `partition ${partition}, window ${window}`;
    const before = this.closed.get(partition) ?? [];
    this.closed.set(partition, [...before, one]);
    this.#byName.set(`${partition} ${window}`, one);
    this.#world.tell("journal", `${where} is closed: ${records.length} records from offset ${offsetFirst}`);
    this.#world.count("windows");
    const last = before.at(-1);
    if (last !== undefined && last.window > window) {
      return this.#world.violate("J4", `${where} was closed after window ${last.window}`);
    }
    if (window < floor) this.#world.violate("J4", `${where} got records though the floor was at ${floor}`);
    const offsetNext = last === undefined ? 0 : last.offsetFirst + last.records.length;
    if (offsetFirst < offsetNext || (offsetFirst > offsetNext && !before.some(({ isDamaged }) => isDamaged))) {
      this.#world.violate("J2", `${where} starts at offset ${offsetFirst}, the one before ended at ${offsetNext}`);
    }
    let timeMs = last === undefined ? 0 : timeOf(last.records.at(-1));
    for (const bytes of records) timeMs = this.#record(one, bytes, timeMs);
  }

  /** @returns its time. */
  #record({ partition, window }: ClosedWindow, bytes: Buffer, after: number): number {
    const record = readMeasurement(bytes);
    const { enqueued, application, system, body } = record;
    const where = `${body.slice(0, 40)} in partition ${partition}, window ${window}`;
    const atMs = Date.parse(enqueued);
    if (Math.floor(atMs / minuteMs) !== window) this.#world.violate("J4", `${where} has the time ${enqueued}`);
    if (atMs < after) this.#world.violate("J4", `${where}: time went back to ${enqueued}`);
    const message = this.#ledger.messages.get(body);
    if (message === undefined) {
      this.#world.violate("J2", `${where}: nobody sent that`);
      return atMs;
    }
    message.stored++;
    if (message.stored > message.delivered) {
      const what = message.delivered === 0 ? "though its access was gone" : `though it came ${message.delivered} times`;
      this.#world.violate("D1", `${where} is there ${message.stored} times, ${what}`);
    }
    const { connectionDeviceId, connectionAuthMethod, connectionDeviceGenerationId, enqueuedTime, ...rest } = system;
    const auth = /^{"scope":"(device|hub)","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}$/;
    if (
      connectionDeviceId !== message.deviceId ||
      !message.scopes.has(auth.exec(connectionAuthMethod ?? "")?.[1] ?? "") ||
      enqueuedTime !== enqueued ||
      !isGeneration(message, connectionDeviceGenerationId ?? "") ||
      !isEqual(rest, message.system) ||
      !isEqual(application, message.application)
    ) {
      this.#world.violate("D1", `${where} says ${JSON.stringify(system)} ${JSON.stringify(application)}`);
    }
    return atMs;
  }
}

const floorName = new RegExp(`^${journalDirectory}/(\\d+)/floor$`);
const segmentName = new RegExp(`^${journalDirectory}/(\\d+)/([^/]+)\\.seg$`);

function nameOf(path: string): { readonly partition: number; readonly window: number } | null {
  const match = segmentName.exec(path);
  const window = parseWindow(match?.[2] ?? "");
  return match === null || window === null ? null : { partition: Number(match[1]), window };
}

function hasSealCopy(content: Buffer | undefined): boolean {
  return content?.toString("latin1", 1024, 1028) === "CPFM";
}

interface Frames {
  readonly offsetFirst: number;
  readonly records: readonly Buffer[];
  readonly lastFrameAt: number;
  readonly isSealed: boolean;
}

/** The whole frames at the front of a segment, up to its seal; null when it is another one's, or has no header yet. */
function framesIn(content: Buffer, partition: number, window: number): Frames | null {
  if (content.length < 4096 || content.toString("latin1", 0, 8) !== "CPSEGMNT") return null;
  const identityBytes = content.readUInt32LE(12);
  const identity = content.subarray(16, 16 + identityBytes);
  if (content.readUInt32LE(16) !== partition || content.readUInt32LE(20) !== window) return null; // a name not stable yet
  const tag = crc32(identity);
  const offsetFirst = Number(content.readBigUInt64LE(24));
  const records: Buffer[] = [];
  let lastFrameAt = 4096;
  let isSealed = false;
  for (let at = 4096; !isSealed && at + 44 <= content.length;) {
    if (content.toString("latin1", at, at + 4) !== "CPFM" || content.readUInt32LE(at + 4) !== tag) break;
    if (content.readUInt32LE(at + 40) !== crc32(content.subarray(at, at + 40), tag)) break;
    const count = content.readUInt32LE(at + 12);
    const payloadBytes = content.readUInt32LE(at + 32);
    const bodyEnd = at + 44 + 4 * count + payloadBytes;
    const body = content.subarray(at + 44, bodyEnd);
    if (bodyEnd > content.length || content.readUInt32LE(at + 36) !== crc32(body, tag)) break;
    isSealed = content.readUInt32LE(at + 8) === 3;
    let recordAt = at + 44 + 4 * count;
    for (let index = 0; index < count; index++) {
      const length = content.readUInt32LE(at + 44 + 4 * index);
      records.push(Buffer.from(content.subarray(recordAt, recordAt + length)));
      recordAt += length;
    }
    lastFrameAt = at;
    at = bodyEnd;
  }
  return { offsetFirst, records, lastFrameAt, isSealed };
}

function timeOf(record: Buffer | undefined): number {
  return record === undefined ? 0 : Date.parse(readMeasurement(record).enqueued);
}

/** That of the device when the message came; a request that waited for room may have been let in again under a later one. */
function isGeneration({ generations }: Message, generation: string): boolean {
  if (generations.has(generation)) return true;
  return [...generations].some((one) => one.startsWith("from ") && one.slice(5) <= generation);
}

function isEqual(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
