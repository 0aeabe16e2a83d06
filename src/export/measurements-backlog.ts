// The owed measurements of one export and partition: closed segments at or above the checkpoint, in tenures that toggle
// measurements.

import type { Clock } from "../lib/clock.ts";
import type { Window } from "../lib/window.ts";
import { must } from "../lib/assert.ts";
import type { Journal, Segment } from "../journal/journal.ts";
import type { Export, ExportRun, Registry } from "../registry/registry.ts";
import { definitionAt, isOwed } from "../registry/tenure.ts";
import type { Backlog, BacklogSize, OwedWindow } from "./backlog.ts";

const type = "measurements";

export class MeasurementsBacklog implements Backlog {
  readonly type = type;
  readonly partition: number;
  readonly #registry: Registry;
  readonly #journal: Journal;
  readonly #clock: Clock;
  #export: Export;
  /** Null: nothing was ever committed. Undefined: not read yet. */
  #checkpoint: Window | null | undefined;

  constructor(of: { registry: Registry; journal: Journal; clock: Clock; export: Export; partition: number }) {
    this.partition = of.partition;
    this.#registry = of.registry;
    this.#journal = of.journal;
    this.#clock = of.clock;
    this.#export = of.export;
  }

  async next(): Promise<OwedWindow | null> {
    const closedBelow = this.#journal.closedBelow(this.partition);
    // Read after the windows were seen closed: what concerns them cannot change any more (decision 0004).
    this.#export = await this.#registry.export(this.#export.id);
    if (this.#checkpoint === undefined) this.#checkpoint = await this.#readCheckpoint();
    const segment = this.#owed().find(({ window }) => window < closedBelow);
    return segment === undefined ? null : this.#owedWindow(segment);
  }

  size(): BacklogSize {
    const owed = this.#owed();
    const bytes = owed.reduce((sum, { recordBytes }) => sum + recordBytes, 0);
    return { files: owed.length, bytes, oldestWindow: owed[0]?.window ?? null };
  }

  owed(): readonly { readonly window: Window; readonly bytes: number }[] {
    return this.#owed().map(({ window, recordBytes }) => ({ window, bytes: recordBytes }));
  }

  /** Every window below it is committed or not owed: what the journal need not keep for this export (E4). */
  settledBelow(): Window {
    if (this.#checkpoint === undefined) return 0;
    return this.#owed()[0]?.window ?? this.#journal.closedBelow(this.partition);
  }

  async discard(windowLast: Window, reason: string): Promise<number> {
    this.#checkpoint ??= await this.#readCheckpoint();
    const owed = this.#owed().filter(({ window }) => window <= windowLast);
    const first = owed[0];
    const last = owed.at(-1);
    if (first === undefined || last === undefined) return 0;
    const stream = { type, partition: this.partition } as const;
    const didMove = await this.#registry.advanceCheckpoint({
      exportId: this.#export.id,
      stream,
      from: this.#checkpoint,
      to: last.window + 1,
      runs: [],
      gap: {
        ...stream,
        exportId: this.#export.id,
        windowFirst: first.window,
        windowLast: last.window,
        reason,
        at: new Date(this.#clock.nowMs()).toISOString(),
      },
    });
    this.#checkpoint = didMove ? last.window + 1 : undefined;
    return didMove ? owed.length : 0;
  }

  #owed(): Segment[] {
    // Not known yet: what lies in the journal may long be committed.
    if (this.#checkpoint === undefined) return [];
    return this.#journal
      .segments(this.partition, this.#checkpoint ?? 0)
      .filter(({ window }) => isOwed(this.#export, window, type));
  }

  #owedWindow(segment: Segment): OwedWindow {
    const from = this.#checkpoint ?? null;
    return {
      type,
      partition: this.partition,
      window: segment.window,
      definition: must(definitionAt(this.#export, segment.window), "an owed window has a definition"),
      source: { runs: () => this.#journal.read(segment) },
      firstOf: (recordFirst) => segment.offsetFirst + recordFirst,
      nextOf: ({ recordNext }) => segment.offsetFirst + recordNext,
      commit: async (runs: readonly ExportRun[]) => {
        const stream = { type, partition: this.partition } as const;
        const to = segment.window + 1;
        const didMove = await this.#registry.advanceCheckpoint({ exportId: this.#export.id, stream, from, to, runs });
        // Another exporter was faster, or the export is gone: look again.
        this.#checkpoint = didMove ? to : undefined;
        return didMove;
      },
    };
  }

  async #readCheckpoint(): Promise<Window | null> {
    const found = (await this.#registry.checkpoints(this.#export.id)).find(
      (checkpoint) => checkpoint.type === type && checkpoint.partition === this.partition,
    );
    return found?.windowNext ?? null;
  }
}
