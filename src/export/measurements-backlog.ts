// The owed measurements of one export and partition: closed segments at or above the checkpoint, in tenures that toggle
// measurements.

import type { Clock } from "../lib/clock.ts";
import type { Window } from "../lib/window.ts";
import { must } from "../lib/assert.ts";
import { type Journal, type Segment, unusedOffsetsMin } from "../journal/journal.ts";
import type { CutRecord, Export, ExportRun, Registry, Span } from "../registry/registry.ts";
import { definitionAt, isOwed, spanAt } from "../registry/tenure.ts";
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
  /** As it was counted last, and what of. */
  #counted: { readonly of: string; readonly size: BacklogSize } | null = null;

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
    const segment = this.#firstOwed();
    return segment === undefined || segment.window >= closedBelow ? null : this.#owedWindow(segment);
  }

  /** Asked for every gauge of every export, also while tens of thousands of windows are owed: counted when it changed. */
  size(): BacklogSize {
    const segments = this.#unsettled();
    const { definitions, tenures } = this.#export;
    const schedule = definitions.map(({ windowFirst, types }) => ({ windowFirst, types }));
    const ends = [segments[0]?.window, segments.at(-1)?.window, segments.length];
    const of = JSON.stringify({ ends, schedule, tenures });
    if (this.#counted?.of !== of) this.#counted = { of, size: sizeOf(this.#owedOf(segments)) };
    return this.#counted.size;
  }

  owed(): readonly { readonly window: Window; readonly bytes: number }[] {
    return this.#owed().map(({ window, recordBytes }) => ({ window, bytes: recordBytes }));
  }

  /** Every window below it is committed or not owed: what the journal need not keep for this export (E4). */
  settledBelow(): Window {
    if (this.#checkpoint === undefined) return 0;
    return this.#firstOwed()?.window ?? this.#journal.closedBelow(this.partition);
  }

  async discard(windowLast: Window, reason: string): Promise<number> {
    this.#checkpoint ??= await this.#readCheckpoint();
    const owed = this.#owed().filter(({ window }) => window <= windowLast);
    let count = 0;
    // A gap for each span, so that what is let go joins what was written before it.
    for (let run = this.#firstSpanOf(owed); run.length > 0; run = this.#firstSpanOf(owed.slice(count))) {
      const first = must(run[0], "it is not empty");
      const last = must(run.at(-1), "it is not empty");
      const to = last.window + 1;
      const didMove = await this.#registry.advanceCheckpoint({
        ...this.#move(first.window),
        to,
        runs: [],
        gap: {
          exportId: this.#export.id,
          type,
          partition: this.partition,
          windowFirst: first.window,
          windowLast: last.window,
          reason,
          at: new Date(this.#clock.nowMs()).toISOString(),
          offsets: { first: first.offsetFirst, next: last.offsetNext },
          records: recordsIn(first.offsetFirst, last.offsetNext),
        },
      });
      this.#checkpoint = didMove ? to : undefined;
      if (!didMove) break;
      count += run.length;
    }
    return count;
  }

  /** The segments at the front that lie in one span. */
  #firstSpanOf(owed: readonly Segment[]): readonly Segment[] {
    const first = owed[0];
    if (first === undefined) return [];
    const windowLast = this.#spanAt(first.window).windowLast ?? Infinity;
    return owed.filter(({ window }) => window <= windowLast);
  }

  #spanAt(window: Window): Span {
    return must(spanAt(this.#export, window, type), "an owed window lies in a span");
  }

  /** What every move of this stream's checkpoint says. */
  #move(window: Window) {
    const stream = { type, partition: this.partition } as const;
    return { exportId: this.#export.id, stream, from: this.#checkpoint ?? null, span: this.#spanAt(window) };
  }

  #owed(): readonly Segment[] {
    return this.#owedOf(this.#unsettled());
  }

  #firstOwed(): Segment | undefined {
    return this.#unsettled().find((segment) => this.#owes(segment));
  }

  #owedOf(segments: readonly Segment[]): readonly Segment[] {
    return segments.filter((segment) => this.#owes(segment));
  }

  #owes({ window }: Segment): boolean {
    return isOwed(this.#export, window, type);
  }

  /** What the journal holds at or above the checkpoint, owed or not. */
  #unsettled(): readonly Segment[] {
    // Not known yet: what lies in the journal may long be committed.
    return this.#checkpoint === undefined ? [] : this.#journal.segments(this.partition, this.#checkpoint ?? 0);
  }

  #owedWindow(segment: Segment): OwedWindow {
    const { window, offsetFirst, offsetNext } = segment;
    const definition = must(definitionAt(this.#export, window), "an owed window has a definition");
    const move = this.#move(window);
    return {
      type,
      partition: this.partition,
      window,
      definition,
      source: { runs: () => this.#journal.read(segment) },
      firstOf: (recordFirst) => offsetFirst + recordFirst,
      nextOf: ({ recordNext }) => offsetFirst + recordNext,
      whenLost: null,
      commit: async (runs: readonly ExportRun[]) => {
        const to = window + 1;
        const cut: CutRecord = {
          exportId: this.#export.id,
          type,
          partition: this.partition,
          window,
          definitionVersion: definition.version,
          // The journal's word, where `runs` has the writer's count: the audit compares them.
          first: offsetFirst,
          next: offsetNext,
          parts: runs.map(({ records, bytes, sha256 }) => ({ records, bytes, sha256 })),
        };
        const didMove = await this.#registry.advanceCheckpoint({ ...move, to, runs, cut });
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

function sizeOf(owed: readonly Segment[]): BacklogSize {
  const bytes = owed.reduce((sum, { recordBytes }) => sum + recordBytes, 0);
  return { files: owed.length, bytes, oldestWindow: owed[0]?.window ?? null };
}

/** Null when offsets were left unused in between. */
function recordsIn(offsetFirst: number, offsetNext: number): number | null {
  return offsetNext - offsetFirst < unusedOffsetsMin ? offsetNext - offsetFirst : null;
}
