// The conservation audit at work: after every commit and every minute, and over all cut records at the start.
//
// Owns:      when an audit is made, and telling of a violation once.
// Does not:  judge (audit.ts); repair anything.
//
// A pass reads an export's sums of one moment, then looks at the journal: the journal may be ahead of the sums, never
// behind, so what has just closed waits and is not lost.

import type { Journal } from "../../journal/journal.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { printWindow } from "../../lib/window.ts";
import { ColdpathError, codeOf, messageOf } from "../../lib/errors.ts";
import type { AcceptedViolation, AuditFacts, CutRecord, Registry } from "../../registry/registry.ts";
import { auditExport } from "./audit.ts";
import type { Balance } from "./balance.ts";
import { checkCut, checkJoin } from "./check-cuts.ts";
import type { PartitionView } from "./partition-audit.ts";
import { cutsOf, streamsOf } from "./read-cuts.ts";
import { standingViolations } from "./standing-violations.ts";
import { type Violation, violationKey } from "./violation.ts";

export interface AuditStatus {
  /** ISO time of the last look, by the window clock. */
  readonly at: string;
  /** By stream and tenure. */
  readonly balances: readonly Balance[];
  /** The first of them; `violationCount` says how many there are. */
  readonly violations: readonly Violation[];
  readonly violationCount: number;
  /** Violations that an administrator accepted, in that order. */
  readonly accepted: readonly AcceptedViolation[];
}

/** Violations of one export that are kept and told. */
const violationsMax = 100;

export class Auditor {
  readonly #registry: Registry;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #audits = new Map<string, AuditStatus>();
  /** What the cut records themselves say, by export. */
  readonly #found = new Map<string, readonly Violation[]>();
  /** By how many records the tallies were wrong when the cut records were last read for that. */
  readonly #miscounted = new Map<string, number>();
  readonly #told = new Map<string, ReadonlySet<string>>();
  readonly #changed = new Set<string>();
  #isQueued = false;
  #isStopped = false;
  #work: Promise<void> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();

  constructor(of: { registry: Registry; journal: Journal; clock: Clock; log: Log }) {
    this.#registry = of.registry;
    this.#journal = of.journal;
    this.#clock = of.clock;
    this.#log = of.log;
  }

  /** The first look at all exports; their cut records are read in the background. */
  start(): void {
    this.lookAtAll();
    this.#reading = this.#readAll().catch((error: unknown) => this.#failed(error));
  }

  /** A window closed: all exports. */
  lookAtAll(): void {
    this.#queue(() => this.#registry.exports().then((exports) => exports.map(({ id }) => id)));
  }

  /** Something was committed, or changed. */
  look(exportId: string): void {
    this.#changed.add(exportId);
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#queue(() => {
      this.#isQueued = false;
      const ids = [...this.#changed];
      this.#changed.clear();
      return Promise.resolve(ids);
    });
  }

  status(exportId: string): AuditStatus | null {
    return this.#audits.get(exportId) ?? null;
  }

  /**
   * Puts violations on record as looked into: they alarm no more.
   *
   * @param ids  of violations that stand now, with the numbers they have now.
   * @throws ColdpathError `violation-not-found`: nothing is accepted then.
   */
  async accept(exportId: string, ids: readonly string[], reason: string): Promise<readonly AcceptedViolation[]> {
    let accepted: readonly AcceptedViolation[] = [];
    const accepting = this.#work.then(async () => {
      await this.#audit(exportId);
      const standing = this.#audits.get(exportId)?.violations ?? [];
      const at = new Date(this.#clock.nowMs()).toISOString();
      accepted = [...new Set(ids)].map((id) => {
        const found = standing.find((one) => one.id === id);
        if (found === undefined) throw noSuchViolation(id);
        const { kind, type, partition, windowFirst, windowLast, offsets, records } = found;
        return { exportId, kind, type, partition, windowFirst, windowLast, offsets, records, reason, at };
      });
      await this.#registry.acceptViolations(accepted);
      await this.#audit(exportId);
    });
    this.#work = accepting.catch(() => {}); // told to the caller; the queue goes on
    await accepting;
    return accepted;
  }

  /** Resolves when nothing is being looked at. */
  async resting(): Promise<void> {
    await this.#reading;
    await this.#work;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.resting();
  }

  #queue(idsOf: () => Promise<readonly string[]>): void {
    if (this.#isStopped) return;
    this.#work = this.#work.then(async () => {
      if (this.#isStopped) return;
      try {
        for (const id of await idsOf()) await this.#audit(id);
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  async #audit(exportId: string): Promise<void> {
    const facts = await this.#factsOf(exportId);
    if (facts === null) return;
    const { balances, violations } = auditExport(facts, this.#partitions());
    const wrong = violations.reduce((sum, { kind, records }) => sum + (kind === "miscounted" ? records : 0), 0);
    if (wrong !== (this.#miscounted.get(exportId) ?? 0)) {
      await this.#read(facts); // which window is it?
      this.#miscounted.set(exportId, wrong);
    }
    const all = standingViolations(facts, violations, this.#found.get(exportId) ?? []);
    this.#audits.set(exportId, {
      at: new Date(this.#clock.nowMs()).toISOString(),
      balances,
      violations: all.slice(0, violationsMax),
      violationCount: all.length,
      accepted: facts.accepted,
    });
    this.#tell(facts, all.slice(0, violationsMax));
  }

  async #factsOf(exportId: string): Promise<AuditFacts | null> {
    try {
      return await this.#registry.auditFacts(exportId);
    } catch (error) {
      if (codeOf(error) !== "export-not-found") throw error;
      for (const map of [this.#audits, this.#found, this.#miscounted, this.#told]) map.delete(exportId);
      return null;
    }
  }

  #partitions(): readonly PartitionView[] {
    const open = new Map(this.#journal.status().partitions.map((status) => [status.partition, status]));
    return this.#journal.partitionNumbers().map((partition) => {
      const status = open.get(partition);
      return {
        partition,
        segments: this.#journal.segments(partition, 0),
        open: status === undefined ? null : { window: status.windowNext, offsetNext: status.offsetNext },
      };
    });
  }

  async #readAll(): Promise<void> {
    for (const { id } of await this.#registry.exports()) {
      const facts = await this.#factsOf(id);
      if (facts === null || this.#isStopped) continue;
      await this.#read(facts);
      this.look(id);
    }
  }

  /** All cut records of an export, one by one: their counts, and whether they join. */
  async #read(facts: AuditFacts): Promise<void> {
    const found: Violation[] = [];
    for (const stream of streamsOf(facts)) {
      let before: CutRecord | null = null;
      for await (const cut of cutsOf(this.#registry, facts.export.id, stream)) {
        const faults = [checkCut(facts, cut), before === null ? null : checkJoin(facts, before, cut)];
        found.push(...faults.filter((fault) => fault !== null));
        if (found.length > violationsMax || this.#isStopped) break;
        before = cut;
      }
    }
    this.#found.set(facts.export.id, found);
  }

  #tell(facts: AuditFacts, violations: readonly Violation[]): void {
    const { id: exportId, name } = facts.export;
    const before = this.#told.get(exportId);
    for (const violation of violations) {
      if (before?.has(violationKey(violation)) === true) continue;
      const { kind, type, partition, windowFirst, windowLast, offsets, records, message, hint } = violation;
      const windows = { windowFirst: printWindow(windowFirst), windowLast: printWindow(windowLast) };
      this.#log.error(
        { exportId, code: "conservation-violated", kind, type, partition, ...windows, offsets, records, hint },
        `The audit of the export "${name}" does not balance: ${message}`,
      );
    }
    this.#told.set(exportId, new Set(violations.map(violationKey)));
  }

  #failed(error: unknown): void {
    const fields = { error: messageOf(error), code: codeOf(error) };
    this.#log.error(fields, "The audit could not be made; it is tried again with the next window.");
  }
}

function noSuchViolation(id: string): ColdpathError {
  return new ColdpathError("conflict", "violation-not-found", `No violation ${JSON.stringify(id)} stands now.`, {
    hint: "Take the id from `coldpath export audit`: it changes with the numbers, and goes when it was accepted.",
  });
}
