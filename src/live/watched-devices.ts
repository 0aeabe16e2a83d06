// The messages of watched devices, as they become durable.
//
// Every batch of the partitions that watched devices send to is looked through while somebody watches, and only then. A
// device that sends more than is shown has the rest counted: whoever watches is told how many.

import { partitionIndexOf } from "../ingest/accept.ts";
import type { Journal, RecordBatch } from "../journal/journal.ts";
import { must } from "../lib/assert.ts";
import { ColdpathError } from "../lib/errors.ts";
import { SenderMatch } from "../message/sender-match.ts";
import { type DeviceMessage, deviceMessage } from "./device-message.ts";

export interface WatchedDevicesOptions {
  readonly journal: Pick<Journal, "partitions" | "watch">;
  readonly devicesMax: number;
  /** Of each device. */
  readonly messagesPerSecondMax: number;
  /** Of records of each device; one message a second is shown however large it is. */
  readonly bytesPerSecondMax: number;
}

export interface Watcher {
  /** A message is durable. Must not throw. */
  message(message: DeviceMessage): void;
  /** In the second that ends, so many more were durable and are not shown. Must not throw. */
  skipped(count: number): void;
}

interface Watched {
  readonly deviceId: string;
  readonly watchers: Set<Watcher>;
  /** Of the second that runs. */
  messages: number;
  bytes: number;
  skipped: number;
}

/** A partition that somebody watches. */
interface Watch {
  readonly devices: SenderMatch<Watched>;
  readonly end: () => void;
}

const secondMs = 1000;
/** Messages are made ready for watchers for so long at a time. */
const sliceMs = 3;

export class WatchedDevices {
  readonly #options: WatchedDevicesOptions;
  readonly #devices = new Map<string, Watched>();
  readonly #watches = new Map<number, Watch>();
  /** Records that are to be shown, and how many of them were: in order, some at a time. */
  #taken: { watched: Watched; record: Buffer; partition: number; offset: number }[] = [];
  #shown = 0;
  #isShowing = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: WatchedDevicesOptions) {
    this.#options = options;
  }

  /**
   * Shows a device's messages from now on.
   *
   * @returns a function that ends it.
   * @throws ColdpathError `watched-devices-full`.
   */
  watch(deviceId: string, watcher: Watcher): () => void {
    const watched = this.#devices.get(deviceId) ?? this.#begin(deviceId);
    watched.watchers.add(watcher);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size === 0 && this.#devices.get(deviceId) === watched) this.#end(watched);
    };
  }

  #begin(deviceId: string): Watched {
    const { devicesMax } = this.#options;
    if (this.#devices.size >= devicesMax) {
      throw new ColdpathError("unavailable", "watched-devices-full", `${devicesMax} devices are watched already.`, {
        hint: "Close another device's page, or raise the server's --watched-devices-max.",
      });
    }
    const watched: Watched = { deviceId, watchers: new Set(), messages: 0, bytes: 0, skipped: 0 };
    const partition = this.#partitionOf(deviceId);
    let watch = this.#watches.get(partition);
    if (watch === undefined) {
      const devices = new SenderMatch<Watched>();
      const end = this.#options.journal.watch(partition, (batch) => this.#see(partition, devices, batch));
      watch = { devices, end };
      this.#watches.set(partition, watch);
    }
    watch.devices.add(deviceId, watched);
    this.#devices.set(deviceId, watched);
    this.#timer ??= setInterval(() => this.tick(), secondMs);
    this.#timer.unref();
    return watched;
  }

  #end({ deviceId }: Watched): void {
    this.#devices.delete(deviceId);
    const partition = this.#partitionOf(deviceId);
    const watch = must(this.#watches.get(partition), "the partition of a watched device is watched");
    watch.devices.remove(deviceId);
    if (watch.devices.size === 0) {
      this.#watches.delete(partition);
      watch.end();
    }
    if (this.#devices.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #partitionOf(deviceId: string): number {
    const { partitions } = this.#options.journal;
    return must(partitions[partitionIndexOf(deviceId, partitions.length)], "the index is below their number").partition;
  }

  #see(partition: number, devices: SenderMatch<Watched>, { bytes, lengths, offsetFirst }: RecordBatch): void {
    const { messagesPerSecondMax, bytesPerSecondMax } = this.#options;
    let first = 0;
    for (let index = 0; index < lengths.length; index++) {
      const length = lengths[index] ?? 0;
      const watched = devices.find(bytes, first);
      if (watched !== null) {
        const isShown =
          watched.messages === 0 ||
          (watched.messages < messagesPerSecondMax && watched.bytes + length <= bytesPerSecondMax);
        if (isShown) {
          watched.messages++;
          watched.bytes += length;
          // A copy: the bytes are valid within this call only, and it must not take long.
          const record = Buffer.from(bytes.subarray(first, first + length));
          this.#taken.push({ watched, record, partition, offset: offsetFirst + index });
          this.#showSoon();
        } else watched.skipped++;
      }
      first += length;
    }
  }

  #showSoon(): void {
    if (this.#isShowing) return;
    this.#isShowing = true;
    setImmediate(() => {
      this.#isShowing = false;
      const endMs = performance.now() + sliceMs;
      while (this.#shown < this.#taken.length && performance.now() < endMs) {
        const { watched, record, partition, offset } = must(this.#taken[this.#shown++], "it was taken");
        if (watched.watchers.size === 0) continue;
        const message = deviceMessage(record, 0, partition, offset);
        for (const watcher of watched.watchers) watcher.message(message);
      }
      if (this.#shown < this.#taken.length) this.#showSoon();
      else {
        this.#taken = [];
        this.#shown = 0;
      }
    });
  }

  /** A second is over: called once a second while somebody watches. */
  tick(): void {
    for (const watched of this.#devices.values()) {
      const { skipped } = watched;
      watched.messages = 0;
      watched.bytes = 0;
      watched.skipped = 0;
      if (skipped > 0) for (const watcher of watched.watchers) watcher.skipped(skipped);
    }
  }
}
