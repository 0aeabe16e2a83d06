// One stream of one export: writes its owed windows in order, one file at a time, until told to stop.
//
//   E1  A window is committed as a whole: after its last part was confirmed.
//   E3  `commit` comes after the destination's word, never before.

import type { Destination } from "../destinations/destination.ts";
import { schemaName, schemaText } from "../avro/avro.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { must } from "../lib/assert.ts";
import { printWindow } from "../lib/window.ts";
import type { ExportRun, ExportSettings, Installation } from "../registry/registry.ts";
import { findLost } from "./adopt-lost.ts";
import type { Backlog, OwedWindow } from "./backlog.ts";
import type { ExportTrouble } from "./export.ts";
import { partMax, printPath } from "./path-template.ts";
import type { Slots } from "./slots.ts";
import { syncMarker } from "./sync-marker.ts";
import { type Blocked, type RetryOptions, blockedBy } from "./trouble.ts";
import { type WriteOutcome, writeFile } from "./write-file.ts";

export interface StreamContext {
  readonly installation: Installation;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: RetryOptions;
  readonly random: () => number;
  /** Uploads at once, over all exports. */
  readonly slots: Slots;
  /**
   * What `use` gives; until it has ended, the account's connections stay, also when the account is changed meanwhile.
   * Throws ColdpathError when the account or its secret cannot be used, DestinationError when it does not answer.
   */
  withDestination<T>(
    settings: Pick<ExportSettings, "storageAccountId" | "container">,
    signal: AbortSignal,
    use: (destination: Destination) => Promise<T>,
  ): Promise<T>;
  /** A window was committed. */
  committed(exportId: string): void;
  /** Whether this stream tells of a failure: one of an export's streams does for all that fail with the same code. */
  tells(stream: Stream, code: string): boolean;
}

export interface StreamStatus {
  /** Null before the first look. */
  readonly outcome: "idle" | "writing" | "blocked" | null;
  readonly blocked: Blocked | null;
  readonly lastFile: { readonly path: string; readonly committedAt: string; readonly records: number } | null;
  readonly files: number;
  readonly records: number;
  readonly bytes: number;
}

export class Stream {
  readonly exportId: string;
  readonly backlog: Backlog;
  readonly #context: StreamContext;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  #wake: () => void = () => {};
  #isWoken = false;
  #isResting = false;
  #isToldToRetry = false;
  #status: StreamStatus = { outcome: null, blocked: null, lastFile: null, files: 0, records: 0, bytes: 0 };

  constructor(context: StreamContext, exportId: string, backlog: Backlog) {
    this.#context = context;
    this.exportId = exportId;
    this.backlog = backlog;
  }

  get status(): StreamStatus {
    return this.#status;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Nothing to do, or waiting after a failure. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** Something may be owed now. Does not shorten a wait after a failure. */
  wake(): void {
    if (this.#status.outcome === "blocked") return;
    this.#isWoken = true;
    this.#wake();
  }

  /** Try again now, whatever stood in the way. */
  retry(): void {
    this.#isToldToRetry = true;
    this.#isWoken = true;
    this.#wake();
  }

  /** Stops; an upload under way is given up, and nothing of it will be visible. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#isWoken = false;
      this.#isToldToRetry = false; // told during the step, the answer may come too late for it
      const blocked = await this.#step(signal);
      if (signal.aborted) return;
      if (blocked === "again") continue;
      if (blocked === "idle") {
        if (!this.#isWoken) await this.#sleep(null);
        continue;
      }
      this.#block(blocked);
      if (!this.#isToldToRetry) await this.#sleep(blocked.delayMs);
    }
  }

  /** Writes the oldest owed window, if there is one. */
  async #step(signal: AbortSignal): Promise<"again" | "idle" | Blocked> {
    let owed: OwedWindow | null = null;
    let path: string | null = null;
    try {
      owed = await this.backlog.next();
      if (owed === null) {
        this.#status = { ...this.#status, outcome: "idle", blocked: null };
        return "idle";
      }
      if (this.#status.blocked === null) this.#status = { ...this.#status, outcome: "writing" };
      const { storageAccountId } = owed.definition;
      const isRetry = this.#status.blocked !== null;
      const release = await this.#context.slots.take({ storageAccountId, isRetry }, signal);
      if (release === null) return "again";
      try {
        const next = owed;
        const onPath = (at: string): void => {
          path = at;
        };
        const outcome = await this.#context.withDestination(
          owed.definition,
          signal,
          async (destination) => await this.#writeParts(next, destination, signal, onPath),
        );
        return outcome ?? "again";
      } finally {
        release();
      }
    } catch (error) {
      if (signal.aborted) return "again";
      const failure = failureOf(error);
      if (owed?.whenLost === null || failure.code !== "snapshot-lost") return this.#blockedBy(failure, path);
      return await this.#withoutSource(must(owed, "its source was read"), failure, signal);
    }
  }

  /** The source of a window is gone: its files may be in the destination all the same, or a restore is why. */
  async #withoutSource(
    owed: OwedWindow,
    failure: Parameters<typeof blockedBy>[0],
    signal: AbortSignal,
  ): Promise<"again" | Blocked> {
    const lost = must(owed.whenLost, "only what can be lost is");
    const { definition, type, partition, window } = owed;
    const { installation } = this.#context;
    const { version: definitionVersion } = definition;
    const file = { exportId: this.exportId, definitionVersion, type, partition, window };
    const pathOf = (part: number): string =>
      printPath(definition.pathTemplate, installation.hubName, { type, window, partition, part });
    try {
      const first = owed.firstOf(0);
      const cut = {
        ...file,
        part: 0,
        installation: installation.id,
        first,
        next: owed.nextOf({ recordNext: 0, isLast: true }),
      };
      const found = await this.#context.withDestination(
        definition,
        signal,
        async (destination) => await findLost({ destination, cut, records: lost.records, pathOf, signal }),
      );
      if (signal.aborted) return "again";
      if (found !== null && "kind" in found) return this.#blockedBy(found, pathOf(0));
      if (found === null) return (await lost.letGo()) ? "again" : this.#blockedBy(failure, pathOf(0));
      const at = this.#iso();
      const runs = found.map(({ path, label: { part, records, sha256 }, bytes }): ExportRun => {
        return {
          ...file,
          part,
          path,
          records,
          bytes,
          sha256,
          attempts: 1,
          startedAt: at,
          committedAt: at,
          outcome: "adopted",
        };
      });
      if (await owed.commit(runs)) this.#wrote(runs);
      return "again";
    } catch (error) {
      return signal.aborted ? "again" : this.#blockedBy(failureOf(error), pathOf(0));
    }
  }

  /** Null when the window was committed. */
  async #writeParts(
    owed: OwedWindow,
    destination: Destination,
    signal: AbortSignal,
    onPath: (path: string) => void,
  ): Promise<Blocked | null> {
    const { installation } = this.#context;
    const { definition, type, partition, window } = owed;
    const runs: ExportRun[] = [];
    const attempts = (this.#status.blocked?.trouble.attempts ?? 0) + 1;
    let recordFirst = 0;
    for (let part = 0; ; part++) {
      if (part > partMax)
        throw new ColdpathError(
          "conflict",
          "too-many-parts",
          `Window ${printWindow(window)} needs more than ${partMax} files.`,
          { hint: "Raise the export's fileBytesMax." },
        );
      const path = printPath(definition.pathTemplate, installation.hubName, { type, window, partition, part });
      const file = { exportId: this.exportId, definitionVersion: definition.version, type, partition, window, part };
      onPath(path);
      const startedAt = this.#iso();
      const outcome: WriteOutcome = await writeFile({
        destination,
        path,
        cut: { ...file, installation: installation.id, first: owed.firstOf(recordFirst) },
        nextOf: (end) => owed.nextOf(end),
        container: {
          schemaText: schemaText(schemaName(type, definition.formatRevision)),
          codec: definition.codec,
          syncMarker: syncMarker(installation.secret, { type, partition, window, part }),
          blockBytes: definition.blockBytes,
        },
        source: owed.source,
        recordFirst,
        fileBytesMax: definition.fileBytesMax,
        signal,
      });
      if (signal.aborted && outcome.kind !== "written") return null;
      if (outcome.kind === "foreign") return this.#blockedBy({ ...outcome, code: "foreign-object" }, path);
      if (outcome.kind !== "written") return this.#blockedBy(outcome, path);
      const { records, bytes, sha256, end } = outcome;
      runs.push({
        ...file,
        path,
        records,
        bytes,
        sha256,
        attempts,
        startedAt,
        committedAt: this.#iso(),
        outcome: outcome.outcome,
      });
      recordFirst = end.recordNext;
      if (end.isLast) break;
    }
    if (await owed.commit(runs)) this.#wrote(runs);
    return null;
  }

  #wrote(runs: readonly ExportRun[]): void {
    const { files, records, bytes, blocked } = this.#status;
    const last = runs.at(-1);
    const sum = (pick: (run: ExportRun) => number): number => runs.reduce((total, run) => total + pick(run), 0);
    this.#status = {
      outcome: "writing",
      blocked: null,
      lastFile: last === undefined ? null : { path: last.path, committedAt: last.committedAt, records: last.records },
      files: files + runs.length,
      records: records + sum((run) => run.records),
      bytes: bytes + sum((run) => run.bytes),
    };
    if (blocked !== null) {
      this.#context.log.info(
        { exportId: this.exportId, type: this.backlog.type, path: last?.path, attempts: blocked.trouble.attempts },
        "An export goes on.",
      );
    }
    this.#context.committed(this.exportId);
  }

  #block(blocked: Blocked): void {
    this.#status = { ...this.#status, outcome: "blocked", blocked };
    const { code, message, hint, attempts, nextAttempt } = blocked.trouble;
    // The longer it lasts, the louder: an operator should not be woken by one reset connection.
    const loud = blocked.kind !== "temporary" ? "error" : attempts < 4 ? "info" : "warn";
    const level = this.#context.tells(this, code) ? loud : "debug";
    const { type, partition } = this.backlog;
    this.#context.log[level](
      { exportId: this.exportId, type, partition, code, hint, attempts, nextAttempt },
      `An export waits: ${message}`,
    );
  }

  #blockedBy(failure: Parameters<typeof blockedBy>[0], path: string | null): Blocked {
    const before: ExportTrouble | null = this.#status.blocked?.trouble ?? null;
    const { clock, retry, random } = this.#context;
    return blockedBy(failure, before, { path, nowMs: clock.nowMs(), random: random(), retry });
  }

  /** Until woken, stopped, or the delay is over. */
  async #sleep(delayMs: number | null): Promise<void> {
    const wakeUp = new AbortController();
    this.#wake = () => {
      this.#isResting = false;
      wakeUp.abort();
    };
    if (this.#stop.signal.aborted) return;
    this.#isResting = true;
    if (delayMs === null) {
      await new Promise<void>((resolve) => {
        wakeUp.signal.addEventListener("abort", () => resolve(), { once: true });
      });
    } else await sleep(this.#context.clock, delayMs, wakeUp.signal);
    this.#isResting = false;
    this.#wake = () => {};
  }

  #iso(): string {
    return new Date(this.#context.clock.nowMs()).toISOString();
  }
}

/** What an exception means for a stream: our own codes tell; anything else may be a passing fault, and is tried again. */
function failureOf(error: unknown): Parameters<typeof blockedBy>[0] {
  if (error instanceof ColdpathError) {
    const kind = error.kind === "unavailable" ? "temporary" : "permanent";
    return { kind, code: error.code, message: error.message, hint: error.hint ?? "See the server's log." };
  }
  if (error instanceof Error && "failure" in error) return error.failure as Parameters<typeof blockedBy>[0];
  return {
    kind: "temporary",
    code: "unexpected",
    message: messageOf(error),
    hint: "This should not happen: see the server's log, and report it if it stays.",
  };
}
