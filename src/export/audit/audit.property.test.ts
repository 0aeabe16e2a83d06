// The audit against a model that knows the fate of every window: it says exactly what went wrong, and nothing else.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Segment } from "../../journal/journal.ts";
import { cutOf, makeExport, runOf } from "../../registry/contract/stand.ts";
import type { ExportType, Registry } from "../../registry/registry.ts";
import { makeDirectory, openIn } from "../../registry/sqlite/sqlite-stand.contract.ts";
import { spanAt } from "../../registry/tenure.ts";
import { auditExport } from "./audit.ts";
import { sumOf } from "./balance.ts";
import { type Violation, isAccepted } from "./violation.ts";

const fates = ["write", "write", "write", "discard", "skip", "double", "miscount"] as const;

const step = fc.record<Step>({
  /** Records of the window, by the time it closes. */
  records: fc.integer({ min: 0, max: 4 }),
  change: fc.constantFrom("nothing", "nothing", "nothing", "toggle", "types"),
  /** What becomes of the oldest owed windows, one after the other. */
  fates: fc.array(fc.constantFrom(...fates), { maxLength: 3 }),
  /** Whether what the audit says is accepted at the end of it. */
  isTaken: fc.boolean(),
});

const kinds = { skip: "lost", double: "doubled", miscount: "miscounted" } as const;

interface Step {
  readonly records: number;
  readonly change: "nothing" | "toggle" | "types";
  readonly fates: readonly (typeof fates)[number][];
  readonly isTaken: boolean;
}

class Model {
  readonly #registry: Registry;
  readonly #id: string;
  readonly #isHonest: boolean;
  readonly #stream = { type: "measurements", partition: 0 } as const;
  #windowOpen = 100;
  #offsetNext = 1000;
  #isOn = false;
  #types: ExportType[] = ["measurements", "devices"];
  /** Was on in the open window, under definitions that toggled measurements when it opened. */
  #isOwed = false;
  #toggled = true;
  #segments: Segment[] = [];
  #pending: Segment[] = [];
  #checkpoint: number | null = null;
  /** Where the last written or discarded window ended. */
  #settledNext: number | null = null;
  readonly sums = { journaled: 0, exported: 0, waiting: 0, discarded: 0, accepted: 0 };
  faults: [kind: string, window: number][] = [];

  constructor(registry: Registry, id: string, isHonest: boolean) {
    this.#registry = registry;
    this.#id = id;
    this.#isHonest = isHonest;
  }

  async run({ records, change, fates, isTaken }: Step): Promise<void> {
    const windowOpen = (): number => this.#windowOpen;
    if (change === "toggle") {
      this.#isOn = !this.#isOn;
      await this.#registry.setExportOn(this.#id, this.#isOn, windowOpen);
    } else if (change === "types") {
      this.#types = this.#types.length === 2 ? ["devices"] : ["measurements", "devices"];
      const { definitions } = await this.#registry.export(this.#id);
      const { version: _version, windowFirst: _windowFirst, ...settings } = definitions.at(-1)!;
      await this.#registry.updateExport(this.#id, { settings: { ...settings, types: this.#types } }, windowOpen);
      // At once while the export has not been on in the window, else from the next on.
      if (!this.#wasOn) this.#toggled = this.#types.length === 2;
    }
    if (this.#isOn) this.#wasOn = true;
    this.#isOwed = this.#wasOn && this.#toggled;
    this.#close(records);
    for (const fate of fates) await this.#settle(this.#isHonest && fate !== "discard" ? "write" : fate);
    if (this.#isHonest) this.#segments = this.#segments.filter(({ window }) => window >= (this.#checkpoint ?? 0) - 1);
    const violations = await this.check();
    if (isTaken) await this.#accept(violations);
  }

  /** What was accepted is a fault no more, and counts as such; what comes later alarms as before. */
  async #accept(violations: readonly Violation[]): Promise<void> {
    for (const { kind, records } of violations) if (kind !== "doubled") this.sums.accepted += records;
    const more = { exportId: this.#id, reason: "known", at: "2026-01-02T03:04:05.000Z" };
    await this.#registry.acceptViolations(
      violations.map(({ id: _id, message: _message, hint: _hint, ...of }) => ({ ...of, ...more })),
    );
    this.faults = [];
    expect(await this.check()).toEqual([]);
  }

  #wasOn = false;

  #close(records: number): void {
    if (records > 0) {
      const [offsetFirst, window] = [this.#offsetNext, this.#windowOpen];
      this.#offsetNext += records;
      const segment = { partition: 0, window, offsetFirst, offsetNext: this.#offsetNext, recordBytes: 10 * records };
      this.#segments.push(segment);
      if (this.#isOwed) {
        this.#pending.push(segment);
        this.sums.journaled += records;
        this.sums.waiting += records;
      }
    }
    this.#windowOpen++;
    this.#wasOn = this.#isOn;
    this.#toggled = this.#types.length === 2;
  }

  async #settle(wanted: string): Promise<void> {
    const segment = this.#pending.shift();
    if (segment === undefined) return;
    const { window, offsetFirst, offsetNext } = segment;
    const records = offsetNext - offsetFirst;
    const fate = wanted === "double" && this.#settledNext !== offsetFirst ? "write" : wanted;
    const span = spanAt(await this.#registry.export(this.#id), window, "measurements")!;
    const move = { exportId: this.#id, stream: this.#stream, from: this.#checkpoint, to: window + 1, span };
    const extra = fate === "double" || fate === "miscount" ? 1 : 0;
    if (fate === "discard") {
      const offsets = { first: offsetFirst, next: offsetNext };
      const windows = { windowFirst: window, windowLast: window };
      const gap = { ...this.#stream, exportId: this.#id, ...windows, reason: "r", at: "t", offsets, records };
      await this.#registry.advanceCheckpoint({ ...move, runs: [], gap });
      this.sums.discarded += records;
    } else if (fate === "skip") {
      await this.#registry.advanceCheckpoint({ ...move, runs: [] });
    } else {
      const runs = [runOf(this.#id, window, { records: records + extra })];
      const first = fate === "double" ? offsetFirst - 1 : offsetFirst;
      await this.#registry.advanceCheckpoint({ ...move, runs, cut: cutOf(runs, first, { next: offsetNext }) });
      this.sums.exported += records + extra;
      if (fate === "double") this.sums.journaled++;
    }
    this.sums.waiting -= records;
    this.#checkpoint = window + 1;
    if (fate !== "skip") this.#settledNext = offsetNext;
    if (fate in kinds) this.faults.push([kinds[fate as keyof typeof kinds], window]);
  }

  async check(): Promise<readonly Violation[]> {
    const facts = await this.#registry.auditFacts(this.#id);
    const open = { window: this.#windowOpen, offsetNext: this.#offsetNext };
    const { balances, violations: all } = auditExport(facts, [{ partition: 0, segments: this.#segments, open }]);
    const violations = all.filter((one) => one.kind === "miscounted" || !isAccepted(one, facts.accepted));
    const exact = (kind: string): boolean => kind !== "miscounted";
    const found = violations.map(({ kind, windowFirst, windowLast }) => {
      if (exact(kind)) expect(windowLast).toBe(windowFirst);
      return [kind, windowFirst, windowLast] as const;
    });
    const sorted = (faults: readonly (readonly [string, number, ...unknown[]])[]) =>
      faults.map(([kind, window]) => `${kind} ${window}`).toSorted();
    expect(sorted(found.filter(([kind]) => exact(kind)))).toEqual(sorted(this.faults.filter(([kind]) => exact(kind))));
    // A tally names a range; the cut records in it name the window.
    const miscounted = this.faults.filter(([kind]) => kind === "miscounted").map(([, window]) => window);
    const ranges = found.filter(([kind]) => kind === "miscounted");
    for (const [, first, last] of ranges) expect(miscounted.some((one) => first <= one && one <= last)).toBe(true);
    for (const one of miscounted) expect(ranges.some(([, first, last]) => first <= one && one <= last)).toBe(true);
    expect(sumOf(balances)).toEqual(this.sums);
    return violations;
  }
}

/** The first owed window of all, under a definition that came to an end. */
const passedOverFirst: Step[] = [
  { records: 0, change: "toggle", fates: [], isTaken: false },
  { records: 1, change: "types", fates: ["skip"], isTaken: false },
  { records: 0, change: "types", fates: [], isTaken: false },
  { records: 1, change: "nothing", fates: ["write"], isTaken: true },
];

test("E1: whatever is passed over, doubled or miscounted is named with its window; the sums are the model's", async () => {
  const registry = await openIn(makeDirectory());
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25, size: "max" }), fc.boolean(), async (steps, isHonest) => {
      const { id } = await makeExport(registry, `e${number++}`, 100, { types: ["measurements", "devices"] });
      const model = new Model(registry, id, isHonest);
      for (const each of steps) await model.run(each);
    }),
    { numRuns: 60, examples: [[passedOverFirst, false]] },
  );
}, 60_000);
