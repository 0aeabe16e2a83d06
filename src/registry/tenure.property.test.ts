// Tenures, definitions and snapshot demand against a model that watches two exports moment by moment.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type ExportSettings, type ExportType, type SnapshotType, exportTypes, snapshotTypes } from "./registry.ts";
import { type ScheduledExport, snapshotDemandAt } from "./snapshot-demand.ts";
import {
  definitionAt,
  edited,
  hasWindowNotOwed,
  isOwed,
  snapshotWindowNext,
  spanAt,
  tenureAt,
  turnedOff,
  turnedOn,
} from "./tenure.ts";

type Step =
  | { readonly kind: "tick"; readonly windows: number }
  | { readonly kind: "on" | "off"; readonly which: number }
  | { readonly kind: "edit"; readonly which: number; readonly container: string; readonly types: ExportType[] }
  | { readonly kind: "change" }
  | { readonly kind: "cut" };

const which = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("tick" as const), windows: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constantFrom("on" as const, "off" as const), which }),
  fc.record({
    kind: fc.constant("edit" as const),
    which,
    container: fc.constantFrom("a", "b"),
    types: fc.subarray([...exportTypes], { minLength: 1 }),
  }),
  fc.record({ kind: fc.constant("change" as const) }),
  fc.record({ kind: fc.constant("cut" as const) }),
);

class Model {
  windowOpen = 100;
  revision = 1;
  recorded: number | null = null;
  readonly position = new Map<SnapshotType, number>();
  exports: ScheduledExport[];
  /** Windows in which each export was on at some moment. */
  readonly onIn = [new Set<number>(), new Set<number>()];
  /** What was promised for a window when it closed, or when the export was first on in it. */
  readonly promised = [new Map<number, string>(), new Map<number, string>()];
  /** How far each export's place knows the registry: `{place, revision, tenure}` by type. */
  readonly received = [new Map<SnapshotType, Received>(), new Map<SnapshotType, Received>()];

  constructor() {
    const { definition } = edited({ definitions: [], tenures: [] }, settingsOf("a", [...exportTypes]), this.windowOpen);
    this.exports = [0, 1].map((id) => ({ id: String(id), definitions: [definition], tenures: [], marks: [] }));
  }

  run(step: Step): void {
    switch (step.kind) {
      case "tick":
        for (let windows = 0; windows < step.windows; windows++) this.tick();
        break;
      case "on":
      case "off":
        this.toggle(step.which, step.kind === "on");
        break;
      case "edit":
        this.edit(step.which, settingsOf(step.container, step.types));
        break;
      case "change":
        this.revision++;
        break;
      case "cut":
        this.cutAll();
        break;
    }
    this.watch();
  }

  watch(): void {
    for (const [index, each] of this.exports.entries()) {
      if (each.tenures.at(-1)?.windowLast !== null) continue;
      this.onIn[index]!.add(this.windowOpen);
      this.promise(index, this.windowOpen);
    }
  }

  promise(index: number, window: number): void {
    const promised = this.promised[index]!;
    if (!promised.has(window)) promised.set(window, promiseOf(this.exports[index]!, window));
  }

  tick(): void {
    for (const index of this.exports.keys()) this.promise(index, this.windowOpen);
    this.windowOpen++;
    this.watch();
  }

  toggle(index: number, on: boolean): void {
    const each = this.exports[index]!;
    if (on) {
      const outcome = turnedOn(each.tenures, this.windowOpen);
      if (outcome === null) return;
      const others = each.tenures.filter(({ number }) => number !== outcome.tenure.number);
      this.put(index, { tenures: [...others, outcome.tenure], marks: [...each.marks, ...outcome.marks] });
      // A moment of being on counts, even when it is turned off before anything else happens.
      this.watch();
    } else {
      const tenure = turnedOff(each.tenures, this.windowOpen);
      if (tenure !== null) this.put(index, { tenures: [...each.tenures.slice(0, -1), tenure] });
    }
  }

  edit(index: number, settings: ExportSettings): void {
    const each = this.exports[index]!;
    const { definition, marks } = edited(each, settings, this.windowOpen);
    const kept = each.marks.filter(({ windowFirst }) => windowFirst !== definition.windowFirst);
    this.put(index, { definitions: [...each.definitions, definition], marks: [...kept, ...marks] });
  }

  put(index: number, part: Partial<ScheduledExport>): void {
    this.exports[index] = { ...this.exports[index]!, ...part };
  }

  /** What the exporter does whenever it gets to it, with a downtime of any length before. */
  cutAll(): void {
    for (;;) {
      const window = snapshotWindowNext(this.exports, this.recorded, this.windowOpen - 1);
      if (window === null) return;
      const demand = snapshotDemandAt(this.exports, (type) => this.position.get(type) ?? 0, window);
      expect(demand.length).toBeGreaterThan(0);
      for (const { type, revisionFrom, full, delta } of demand) {
        for (const { exportId } of full) this.receive(Number(exportId), type, window, null);
        for (const { exportId } of delta) this.receive(Number(exportId), type, window, revisionFrom);
        this.position.set(type, this.revision);
        for (const { exportId } of full) {
          const each = this.exports[Number(exportId)]!;
          const isPending = (mark: { type: string; windowFirst: number }): boolean =>
            mark.type !== type || mark.windowFirst > window;
          this.put(Number(exportId), { marks: each.marks.filter(isPending) });
        }
      }
      this.recorded = window;
    }
  }

  receive(index: number, type: SnapshotType, window: number, revisionFrom: number | null): void {
    const each = this.exports[index]!;
    const place = definitionAt(each, window)!.container;
    const tenure = tenureAt(each, window)!.number;
    const before = this.received[index]!.get(type);
    if (revisionFrom !== null) {
      // S1: a delta continues what this place has, in this tenure, without a break.
      expect(before).toMatchObject({ place, tenure });
      expect(before!.revision).toBeGreaterThanOrEqual(revisionFrom);
    }
    this.received[index]!.set(type, { place, tenure, revision: this.revision, window });
  }

  check(): void {
    for (const [index, each] of this.exports.entries()) {
      for (let window = 100; window <= this.windowOpen; window++) {
        const covering = each.tenures.filter(
          ({ windowFirst, windowLast }) => windowFirst <= window && (windowLast === null || window <= windowLast),
        );
        // E1
        expect(covering.length).toBe(this.onIn[index]!.has(window) ? 1 : 0);
      }
      // E2
      for (const [window, promised] of this.promised[index]!) expect(promiseOf(each, window)).toBe(promised);
      this.checkReceived(index, each);
      if (index === 0) this.checkSpans(each);
    }
  }

  /** Spans against going from window to window. */
  checkSpans(each: ScheduledExport): void {
    const last = this.windowOpen + 5;
    const tenureOf = (at: number): number | undefined =>
      isOwed(each, at, "measurements") ? tenureAt(each, at)?.number : undefined;
    for (let window = 98; window <= last; window++) {
      const tenure = tenureOf(window);
      const span = spanAt(each, window, "measurements");
      expect(hasWindowNotOwed(each, window, window + 3, "measurements")).toBe(
        [0, 1, 2, 3].some((more) => tenureOf(window + more) === undefined),
      );
      if (tenure === undefined) {
        expect(span).toBeNull();
        continue;
      }
      let windowFirst = window;
      while (tenureOf(windowFirst - 1) === tenure) windowFirst--;
      let windowLast: number | null = window;
      while (windowLast < last && tenureOf(windowLast + 1) === tenure) windowLast++;
      if (windowLast === last) windowLast = null;
      expect(span).toEqual({ tenure, windowFirst, windowLast });
    }
  }

  /** S1: when all is cut, each type's last owed window was reached. */
  checkReceived(index: number, each: ScheduledExport): void {
    for (const type of snapshotTypes) {
      let last: number | undefined;
      for (let window = 100; window < this.windowOpen; window++) if (isOwed(each, window, type)) last = window;
      expect(this.received[index]!.get(type)?.window).toBe(last);
    }
  }
}

interface Received {
  readonly place: string;
  readonly tenure: number;
  readonly revision: number;
  readonly window: number;
}

function settingsOf(container: string, types: readonly ExportType[]): ExportSettings {
  const rest = { pathTemplate: "p", codec: "null", formatRevision: "2018-07", blockBytes: 1024 } as const;
  return { storageAccountId: "s", container, types, fileBytesMax: 2 ** 30, ...rest };
}

/** What an export owes for a window and under which definition; the definition matters only where something is owed. */
function promiseOf(each: ScheduledExport, window: number): string {
  if (tenureAt(each, window) === null) return "nothing";
  return JSON.stringify(definitionAt(each, window));
}

test("E1, E2, S1 hold for any order of toggles, edits, changes, windows and late cuts of two exports", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const model = new Model();
      for (const each of steps) model.run(each);
      model.tick();
      model.cutAll();
      model.check();
    }),
    { numRuns: 1000 },
  );
});
