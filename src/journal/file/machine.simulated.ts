// A machine for stories: a file journal on a simulated disk and a clock moved by hand, started, killed, cut off from
// power and started again. Test support.

import type { DurableWaiter, PartitionWriter, Refusal } from "../journal.ts";
import { SimulatedClock } from "../clock.simulated.ts";
import { append, texts } from "../records.simulated.ts";
import { silentLog } from "../../lib/log.ts";
import { SimulatedDisk } from "../../lib/disk.simulated.ts";
import { FileJournal, type FileJournalOptions } from "./file-journal.ts";

export const storyStartMs = Date.parse("2026-01-02T03:04:05.000Z");
export const journalDirectory = "/journal";

export class SimulatedMachine {
  readonly disk: SimulatedDisk;
  readonly options: Partial<FileJournalOptions>;
  clock: SimulatedClock;
  journal: FileJournal | null = null;
  /** What the running journal failed with. */
  failure: unknown = null;
  /** Why starting was refused last. */
  refusedToStart: unknown = null;

  constructor(seed: number, options: Partial<FileJournalOptions> = {}) {
    this.disk = new SimulatedDisk(seed);
    this.options = options;
    this.clock = new SimulatedClock(storyStartMs, () => this.settle());
  }

  /** Starts the journal. False when the disk froze meanwhile or the start was refused. */
  async start(): Promise<boolean> {
    this.clock = new SimulatedClock(this.clock.wallMs, () => this.settle());
    this.failure = null;
    this.refusedToStart = null;
    this.journal = null;
    const { clock } = this;
    const opening = { isOver: false };
    void FileJournal.open({
      directory: journalDirectory,
      hub: "test",
      partitions: 1,
      bytesMax: 1e12,
      warnShare: 0.8,
      warnBeforeMs: 6 * 3_600_000,
      freeBytesMin: 0,
      retentionMs: 7 * 24 * 3_600_000,
      recycleBytesMax: 1e9,
      frameBytesMax: 64 * 1024,
      clockJumpMaxMs: 300_000,
      log: silentLog,
      ...this.options,
      onFailed: (error) => {
        if (this.clock === clock) this.failure = error;
      },
      clock,
      disk: this.disk.session(),
    }).then(
      (journal) => {
        opening.isOver = true;
        if (this.clock === clock) this.journal = journal;
      },
      (error: unknown) => {
        opening.isOver = true;
        if (this.clock === clock) this.refusedToStart = error;
      },
    );
    for (let turn = 0; turn < 1000 && !opening.isOver && !this.disk.isFrozen; turn++) await new Promise(setImmediate);
    await this.settle();
    return this.journal !== null;
  }

  /** Lets everything that was begun come to rest. */
  async settle(): Promise<void> {
    let { operations } = this.disk;
    for (let quietTurns = 0; quietTurns < 4 + this.disk.delayTurnsMax; quietTurns++) {
      await new Promise(setImmediate);
      if (operations === this.disk.operations) continue;
      ({ operations } = this.disk);
      quietTurns = 0;
    }
  }

  powerCut(): void {
    this.#leave();
    this.disk.powerCut();
  }

  kill(): void {
    this.#leave();
    this.disk.kill();
  }

  #leave(): void {
    this.journal = null;
    this.clock = new SimulatedClock(this.clock.wallMs, () => this.settle());
  }

  get running(): FileJournal {
    if (this.journal === null) throw new Error("the journal is not running", { cause: this.refusedToStart });
    return this.journal;
  }

  /** Appends one record to partition 0; null or why it was refused. */
  append(text: string, waiter?: DurableWaiter): Refusal | null {
    return append(this.running.partitions[0] as PartitionWriter, text, waiter);
  }

  /** Appends a record and waits until it is acknowledged; throws when that does not come. */
  async accept(text: string): Promise<void> {
    let isDurable = false;
    const refusal = this.append(text, { durable: () => (isDurable = true) });
    if (refusal !== null) throw new Error(`refused: ${refusal}`);
    await this.settle();
    if (!isDurable) throw new Error(`"${text}" was not acknowledged`);
  }

  /** The records of all closed windows of a partition, in order. */
  async closedRecords(partition = 0): Promise<string[]> {
    const records: string[] = [];
    for (const segment of this.running.segments(partition, 0)) {
      records.push(...(await texts(this.running, segment)));
    }
    return records;
  }

  notices(): readonly string[] {
    return this.running.status().notices.map((notice) => notice.code);
  }
}
