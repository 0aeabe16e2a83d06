// The exporter: every export's streams, the cutting of snapshots, and the journal's release line.
//
// Owns:      which streams run; the order "window closed → snapshots cut → streams woken"; backlogs that are let go.
// Does not:  write files (stream.ts), decide what is owed (registry/tenure.ts) or overdue (overdue.ts), or say what a
//            state means (export-status.ts).

import type { StorageAccess } from "../destinations/destination.ts";
import type { Journal } from "../journal/journal.ts";
import type { Clock } from "../lib/clock.ts";
import type { Disk } from "../lib/disk.ts";
import { codeOf, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { type Window, printWindow, windowOf } from "../lib/window.ts";
import { type AcceptedViolation, type Export, type Registry, snapshotTypes } from "../registry/registry.ts";
import { Auditor } from "./audit/auditor.ts";
import type { ExportStatus } from "./export.ts";
import { exportStatus } from "./export-status.ts";
import { MeasurementsBacklog } from "./measurements-backlog.ts";
import { overdue } from "./overdue.ts";
import { SharedStorages } from "./shared-storages.ts";
import { Slots } from "./slots.ts";
import { SnapshotCutter } from "./snapshot-cutter.ts";
import { SnapshotStage } from "./snapshot-stage.ts";
import { SnapshotsBacklog } from "./snapshots-backlog.ts";
import { Stream, type StreamContext } from "./stream.ts";
import { type RetryOptions, defaultRetry } from "./trouble.ts";

export interface ExporterOptions {
  readonly registry: Registry;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  /** Where snapshots are staged. */
  readonly stageDirectory: string;
  /** That directory's disk; the machine's own when left out. */
  readonly disk?: Disk | undefined;
  readonly uploadsMax: number;
  /** Run history kept for each export. */
  readonly runsKept: number;
  /** How long cut records are kept. */
  readonly cutsRetentionMs: number;
  /** Opens a storage account by its id. Throws ColdpathError. */
  readonly openStorage: (storageAccountId: string) => Promise<StorageAccess>;
  readonly retry?: RetryOptions | undefined;
  /** 0 ≤ value < 1: spreads retries. */
  readonly random: () => number;
}

interface Running {
  export: Export;
  readonly measurements: readonly { readonly stream: Stream; readonly backlog: MeasurementsBacklog }[];
  readonly streams: readonly Stream[];
  /** The last one that was confirmed before these streams began. */
  readonly lastFile: ExportStatus["lastFile"];
}

/** Windows below the open one that are never released: an export may be in the middle of being turned on. */
const releaseMarginWindows = 2;
const pruneEveryFiles = 1000;

export class Exporter {
  readonly #options: ExporterOptions;
  readonly #stage: SnapshotStage;
  readonly #cutter: SnapshotCutter;
  readonly #auditor: Auditor;
  readonly #context: StreamContext;
  readonly #running = new Map<string, Running>();
  readonly #storages: SharedStorages;
  readonly #unsubscribe: (() => void)[] = [];
  #isStopped = false;
  #work: Promise<void> = Promise.resolve();
  #isWorkQueued = false;
  #isSettlingQueued = false;
  /** The last pass over all exports came to its end: every one there is runs, but for changes that are queued. */
  #isReconciled = false;
  #filesUntilPrune = pruneEveryFiles;
  /** Exports that were edited: what stopped them may be mended. */
  readonly #changed = new Set<string>();
  /** All snapshots due in windows up to this one are cut. */
  #windowCut: Window = 0;

  private constructor(options: ExporterOptions, stage: SnapshotStage) {
    this.#options = options;
    this.#stage = stage;
    this.#cutter = new SnapshotCutter({ ...options, stage });
    this.#auditor = new Auditor(options);
    this.#storages = new SharedStorages(options.openStorage, (error) =>
      options.log.debug({ error: messageOf(error) }, "A storage account could not be closed."),
    );
    this.#context = {
      installation: options.registry.installation,
      clock: options.clock,
      log: options.log,
      retry: options.retry ?? defaultRetry,
      random: options.random,
      slots: new Slots(options.uploadsMax),
      withDestination: async ({ storageAccountId, container }, signal, use) =>
        await this.#storages.with(
          storageAccountId,
          async (storage) => await use(await storage.container(container, signal)),
        ),
      committed: (exportId) => this.#committed(exportId),
      tells: (stream, code) => this.#tells(stream, code),
    };
  }

  /** Starts every export's streams. */
  static async start(options: ExporterOptions): Promise<Exporter> {
    const { registry } = options;
    const stage = await SnapshotStage.open(options.stageDirectory, options.disk);
    const owed = (await registry.owedSnapshots()).map(({ cut }) => cut);
    await stage.removeOthers([...owed, ...(await registry.settledCuts())]);
    const exporter = new Exporter(options, stage);
    exporter.#unsubscribe.push(
      options.journal.onClosed(() => {
        exporter.#queueWork();
        exporter.#auditor.lookAtAll();
      }),
      options.registry.subscribe((event) => {
        if (event.kind === "export-changed") {
          exporter.#queueWork(event.exportId);
          exporter.#auditor.look(event.exportId);
        } else if (event.kind === "storage-changed") void exporter.#storageChanged(event.storageAccountId);
      }),
    );
    exporter.#queueWork();
    await exporter.#work;
    exporter.#auditor.start();
    return exporter;
  }

  /** Stops the streams; uploads under way are given up and begin again at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#work;
    await Promise.all([...this.#running.values()].flatMap(({ streams }) => streams.map((stream) => stream.stop())));
    await this.#auditor.stop();
    await this.#storages.close();
  }

  status(exportId: string): ExportStatus | null {
    const running = this.#running.get(exportId);
    return running === undefined ? null : this.#statusOf(running);
  }

  statuses(): readonly ExportStatus[] {
    return [...this.#running.values()].map((running) => this.#statusOf(running));
  }

  /** Whether an export has nothing left to write: it may be deleted when it is off. */
  owesNothing(exportId: string): boolean {
    const running = this.#running.get(exportId);
    return running !== undefined && this.#statusOf(running).state === "off";
  }

  /** Resolves when every stream has nothing to do or waits after a failure, and no change is being looked at. */
  async resting(): Promise<void> {
    for (;;) {
      await this.#work;
      const streams = [...this.#running.values()].flatMap((running) => running.streams);
      if (!this.#isWorkQueued && !this.#isSettlingQueued && streams.every((stream) => stream.isResting)) break;
      await new Promise(setImmediate);
    }
    await this.#auditor.resting();
  }

  /** Tries again now, whatever stood in the way: an operator says that it is mended. */
  retry(exportId: string): void {
    for (const stream of this.#running.get(exportId)?.streams ?? []) stream.retry();
  }

  /**
   * Lets an export's owed windows go, up to `windowLast` or all that are closed in their partition, and records the gaps.
   *
   * @returns how many windows and snapshots were let go.
   */
  async discard(exportId: string, reason: string, windowLast: Window = Infinity): Promise<number> {
    let count = 0;
    // In the queue of work, so that nothing starts streams meanwhile.
    const discarding = this.#work.then(async () => {
      const running = this.#running.get(exportId);
      if (running !== undefined) count = await this.#letGo(running, reason, windowLast);
    });
    this.#work = discarding.catch(() => {}); // told to the caller; the queue goes on
    try {
      await discarding;
    } finally {
      this.#queueWork(); // streams were stopped, also when letting go failed
    }
    await this.#work;
    return count;
  }

  /**
   * Puts violations of the audit on record as looked into; no sum and no checkpoint moves.
   *
   * @throws ColdpathError `violation-not-found`.
   */
  async acceptViolations(
    exportId: string,
    ids: readonly string[],
    reason: string,
  ): Promise<readonly AcceptedViolation[]> {
    return await this.#auditor.accept(exportId, ids, reason);
  }

  /** Stops the export's streams, so that no file is written for what is being let go; the next pass starts new ones. */
  async #letGo({ export: one, streams }: Running, reason: string, windowLast: Window): Promise<number> {
    let count = 0;
    this.#isReconciled = false;
    this.#running.delete(one.id);
    await Promise.all(streams.map((stream) => stream.stop()));
    for (const stream of streams) count += await stream.backlog.discard(windowLast, reason);
    this.#auditor.look(one.id);
    return count;
  }

  /** Backlogs that outgrew their export's policy lose their oldest windows; the gap is on record and in the log. */
  async #applyPolicies(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    // A copy: what is let go leaves the map, and comes back as new streams.
    const present = [...this.#running.values()];
    for (const running of present) {
      const due = overdue(running.export.backlog, running.streams, nowMs);
      if (due === null) continue;
      const count = await this.#letGo(running, due.reason, due.windowLast);
      await this.#reconcile();
      if (count === 0) continue;
      this.#options.log.error(
        { exportId: running.export.id, windows: count, windowLast: printWindow(due.windowLast) },
        `An export let owed windows go: ${due.reason}. The gap is on record.`,
      );
    }
  }

  /** Looks again at what closed and what changed; one pass at a time, and one more when asked during a pass. */
  #queueWork(changedExportId?: string): void {
    if (changedExportId !== undefined) this.#changed.add(changedExportId);
    if (this.#isWorkQueued || this.#isStopped) return;
    this.#isWorkQueued = true;
    this.#work = this.#work.then(async () => {
      this.#isWorkQueued = false;
      this.#isReconciled = false;
      if (this.#isStopped) return;
      try {
        await this.#reconcile();
        await this.#cutDue();
        await this.#applyPolicies();
        for (const { streams } of this.#running.values()) for (const stream of streams) stream.wake();
        // E4: only now, when every export there is was looked up and runs.
        this.#isReconciled = true;
        this.#release();
        await this.#forgetSettled();
      } catch (error) {
        // The next closed window, within a minute, tries again: nothing was lost, for nothing was recorded.
        this.#options.log.error(
          { error: messageOf(error), code: codeOf(error) },
          "Exports could not be looked at; it is tried again with the next window.",
        );
      }
    });
  }

  /**
   * After a commit: what it needed may go. Nothing else is looked at, or each file of a hundred exports would have all of
   * them read and woken.
   */
  #queueSettling(): void {
    if (this.#isSettlingQueued || this.#isStopped) return;
    this.#isSettlingQueued = true;
    this.#work = this.#work.then(async () => {
      this.#isSettlingQueued = false;
      // E4: an export that is not known to run yet may need it; the pass that finds it releases.
      if (!this.#isReconciled || this.#isWorkQueued || this.#isStopped) return;
      try {
        this.#release();
        await this.#forgetSettled();
      } catch (error) {
        this.#options.log.error(
          { error: messageOf(error), code: codeOf(error) },
          "What was exported could not be released; it is tried again with the next window.",
        );
      }
    });
  }

  /** Measurements go on while no snapshot can be cut (a full disk): else the journal would stay full too. */
  async #cutDue(): Promise<void> {
    try {
      this.#windowCut = await this.#cutter.cutDue();
    } catch (error) {
      this.#options.log.error(
        { error: messageOf(error), code: codeOf(error) },
        "Snapshots could not be cut; it is tried again with the next window, and none is lost.",
      );
    }
  }

  /** Streams for every export and partition there is. */
  async #reconcile(): Promise<void> {
    const exports = await this.#options.registry.exports();
    const ids = new Set(exports.map(({ id }) => id));
    for (const [id, { streams }] of this.#running) {
      if (ids.has(id)) continue;
      this.#running.delete(id);
      await Promise.all(streams.map((stream) => stream.stop()));
    }
    for (const one of exports) {
      const known = this.#running.get(one.id);
      if (known !== undefined) {
        known.export = one;
        if (this.#changed.delete(one.id)) for (const stream of known.streams) stream.retry();
        continue;
      }
      this.#changed.delete(one.id);
      const { registry, journal, clock } = this.#options;
      const measurements = journal.partitionNumbers().map((partition) => {
        const backlog = new MeasurementsBacklog({ registry, journal, clock, export: one, partition });
        return { backlog, stream: new Stream(this.#context, one.id, backlog) };
      });
      const snapshots = snapshotTypes.map((type) => {
        const backlog = new SnapshotsBacklog({ registry, stage: this.#stage, clock, exportId: one.id, type });
        return new Stream(this.#context, one.id, backlog);
      });
      const streams = [...measurements.map(({ stream }) => stream), ...snapshots];
      const [last] = await registry.runs({ exportId: one.id, limit: 1 });
      const lastFile =
        last === undefined ? null : { path: last.path, committedAt: last.committedAt, records: last.records };
      this.#running.set(one.id, { export: one, measurements, streams, lastFile });
      for (const stream of streams) stream.start();
    }
  }

  /** Staged files that nobody owes any more go. */
  async #forgetSettled(): Promise<void> {
    const { registry, journal } = this.#options;
    for (const cut of await registry.settledCuts()) {
      await this.#stage.remove(cut);
      await registry.forgetCut(cut);
    }
    const owed = new Map(
      (await registry.owedSnapshots()).map(({ cut }) => [`${cut.type}/${cut.window}/${cut.scope}`, cut.bytes]),
    );
    journal.setForeignBytes([...owed.values()].reduce((sum, bytes) => sum + bytes, 0));
  }

  /** E4: tells the journal what no export needs. */
  #release(): void {
    const { journal } = this.#options;
    for (const partition of journal.partitionNumbers()) {
      let line = journal.closedBelow(partition) - releaseMarginWindows;
      for (const { measurements } of this.#running.values()) {
        for (const { backlog } of measurements) {
          if (backlog.partition === partition) line = Math.min(line, backlog.settledBelow());
        }
      }
      journal.release(partition, line);
    }
  }

  /** The first of an export's streams that are blocked with this code: the others would only repeat it. */
  #tells(stream: Stream, code: string): boolean {
    const { streams } = this.#running.get(stream.exportId) ?? { streams: [] };
    return (streams.find(({ status }) => status.blocked?.trouble.code === code) ?? stream) === stream;
  }

  #committed(exportId: string): void {
    this.#auditor.look(exportId);
    this.#filesUntilPrune--;
    if (this.#filesUntilPrune <= 0) {
      this.#filesUntilPrune = pruneEveryFiles;
      const { log } = this.#options;
      this.#prune().catch((error: unknown) =>
        log.error({ error: messageOf(error) }, "Old runs and cut records could not be removed."),
      );
    }
    this.#queueSettling();
  }

  async #prune(): Promise<void> {
    const { registry, runsKept, cutsRetentionMs, clock } = this.#options;
    await registry.pruneRuns(runsKept);
    const windowBefore = windowOf(clock.nowMs() - cutsRetentionMs);
    while (!this.#isStopped && (await registry.pruneCuts(windowBefore)) > 0);
  }

  /** New credentials: everything that waits tries them now; what is being written ends with the former ones. */
  async #storageChanged(storageAccountId: string): Promise<void> {
    await this.#storages.renew(storageAccountId);
    for (const { export: one, streams } of this.#running.values()) {
      if (one.definitions.some((definition) => definition.storageAccountId === storageAccountId)) {
        for (const stream of streams) stream.retry();
      }
    }
  }

  #statusOf({ export: one, streams, lastFile }: Running): ExportStatus {
    const { journal, clock } = this.#options;
    const windowOpen = journal.windowNext();
    const audit = this.#auditor.status(one.id);
    const windowCut = this.#windowCut;
    const nowMs = clock.nowMs();
    return exportStatus({ export: one, streams, lastFile, windowOpen, windowCut, nowMs, audit });
  }
}
