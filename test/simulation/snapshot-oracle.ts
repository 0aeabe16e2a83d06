// The judge of snapshots: each file when it becomes visible, and at the end whether everything was told.
//
//   S1  Full at first, and then without a break.
//   S2  A file holds the states at `next` of all that changed after `first`.

import { readContainer, schemaOf, syncMarkerOf } from "./avro.ts";
import { pathOf } from "./expected-files.ts";
import {
  type Definition,
  type ExportRow,
  type RegistryTruth,
  type State,
  definitionAt,
  isLetGo,
  isOwed,
  tenureAt,
} from "./registry-truth.ts";
import { canonical, recordOf } from "./snapshot-records.ts";
import type { World } from "./world.ts";

/** A snapshot file that an export got. */
interface Received {
  readonly window: number;
  readonly first: number;
  readonly next: number;
}

/** A file that became visible, with its label. */
export interface CreatedFile {
  readonly container: string;
  readonly path: string;
  readonly bytes: Buffer;
  readonly label: Readonly<Record<string, string>>;
}

export class SnapshotOracle {
  readonly #world: World;
  readonly #registry: RegistryTruth;
  readonly #snapshots = new Map<string, Received[]>();
  /** The last revision given out while a window was still open. */
  readonly #revisionIn = new Map<number, number>();

  constructor(world: World, registry: RegistryTruth) {
    this.#world = world;
    this.#registry = registry;
  }

  /** Everything that changed so far, changed in this window. */
  look(windowOpen: number): void {
    this.#revisionIn.set(windowOpen, this.#registry.revision);
  }

  created(one: ExportRow, { container, path, bytes, label }: CreatedFile, secret: Buffer): void {
    const name = `${container}/${path}`;
    const type = label["type"] as State["type"];
    const window = Number(label["window"]);
    const part = Number(label["part"]);
    const received: Received = { window, first: Number(label["first"]), next: Number(label["next"]) };
    if (!isOwed(one, window, type)) return this.#world.violate("E1", `${name}: ${one.name} does not owe it`);
    const definition = definitionAt(one, window) as Definition;
    const file = { type, partition: 0, window, part };
    const expectedPath = pathOf(definition.pathTemplate, file);
    if (definition.container !== container || expectedPath !== path) {
      this.#world.violate("E2", `${name} should be ${definition.container}/${expectedPath}`);
    }
    const { text, type: schema } = schemaOf(type, definition.formatRevision);
    const read = readContainer(bytes, schema);
    if (read.schemaText !== text || read.codec !== definition.codec) {
      this.#world.violate("E2", `${name} has another schema or codec than its definition`);
    }
    if (!read.syncMarker.equals(syncMarkerOf(secret, file))) {
      this.#world.violate("E2", `${name} has a strange sync marker`);
    }
    this.#world.count("snapshot files");
    if (part > 0 || read.records.length !== Number(label["records"])) {
      return this.#world.violate("E2", `${name}: snapshots of this story have one part`);
    }
    this.#checkStates(name, type, received, definition, read.records);
    // Let go while its upload hung, and landed late: nothing is said about its place among the others.
    if (isLetGo(one, type, 0, window)) return;
    const key = `${one.id} ${type}`;
    const receivedBefore = this.#snapshots.get(key) ?? [];
    // The same one again: its container was deleted and made again before the hub had the answer.
    const last = receivedBefore.at(-1);
    if (last?.window === window && last.first === received.first && last.next === received.next) return;
    this.#checkContinuity(one, type, name, received);
    this.#snapshots.set(key, [...receivedBefore, received]);
  }

  /** S2: the states at `next` of all that changed after `first`, in the order of their changes. */
  #checkStates(
    name: string,
    type: State["type"],
    { first, next }: Received,
    definition: Definition,
    records: readonly unknown[],
  ): void {
    const newest = new Map<string, State>();
    for (const state of this.#registry.states) {
      if (state.type === type && state.revision <= next) newest.set(state.id, state);
    }
    const states = [...newest.values()]
      .filter(({ revision, goneAt }) => revision > first && (goneAt === null || goneAt >= next))
      .toSorted((a, b) => a.revision - b.revision);
    let at = 0;
    for (const state of states) {
      const expected = canonical(recordOf(state, definition.formatRevision));
      if (at < records.length && canonical(records[at]) === expected) at++;
      else if (state.goneAt !== next) {
        const found = at < records.length ? canonical(records[at]) : "nothing";
        this.#world.violate("S2", `${name} (${first}, ${next}] should hold ${expected} and holds ${found}`);
        return;
      }
    }
    if (at < records.length) this.#world.violate("S2", `${name} holds ${canonical(records[at])}, which it should not`);
  }

  /** S1: full at first, and then without a break. */
  #checkContinuity(one: ExportRow, type: State["type"], name: string, received: Received): void {
    if (received.first === 0) return;
    const before = (this.#snapshots.get(`${one.id} ${type}`) ?? []).at(-1);
    const run = this.#runOf(one, type, received.window);
    const from = before !== undefined && before.window >= run ? before.next : 0;
    if (before !== undefined && before.window >= received.window) {
      this.#world.violate("S1", `${name} comes after the snapshot of window ${before.window}`);
    }
    const missed = this.#registry.states.find(
      ({ type: of, revision, goneAt, id }) =>
        of === type &&
        revision > from &&
        revision <= received.first &&
        goneAt === null &&
        !this.#registry.states.some((later) => later.type === type && later.id === id && later.revision > revision),
    );
    if (missed === undefined || one.gaps.some((gap) => gap.type === type)) return;
    this.#world.violate("S1", `${name} starts at ${received.first}, but ${missed.id} changed at ${missed.revision}`);
  }

  /** The first window of the run without a break that a window lies in: same tenure, same place, type owed. */
  #runOf(one: ExportRow, type: string, window: number): number {
    const keyOf = (at: number): string | null => {
      const definition = definitionAt(one, at);
      if (definition === undefined || !isOwed(one, at, type)) return null;
      const { storageAccountId, container, pathTemplate, formatRevision } = definition;
      return JSON.stringify([tenureAt(one, at)?.number, storageAccountId, container, pathTemplate, formatRevision]);
    };
    // Only where a tenure or a definition begins can a run begin.
    const starts = [...one.tenures, ...one.definitions]
      .map(({ windowFirst }) => windowFirst)
      .filter((start) => start <= window)
      .toSorted((a, b) => b - a);
    const key = keyOf(window);
    return starts.find((start) => keyOf(start - 1) !== key) ?? window;
  }

  /**
   * S1: by the last window of each run, everything of it was told.
   *
   * @param open  the oldest window that is open.
   */
  checkRuns(one: ExportRow, type: State["type"], open: number): void {
    if (one.gaps.some((gap) => gap.type === type)) return;
    const received = this.#snapshots.get(`${one.id} ${type}`) ?? [];
    // Where a tenure or a definition ends, or time has come to.
    const candidates = [
      open - 1,
      ...one.tenures.flatMap(({ windowLast }) => (windowLast === null ? [] : [windowLast])),
      ...one.definitions.map(({ windowFirst }) => windowFirst - 1),
    ];
    const ends = [...new Set(candidates)].filter(
      (window) =>
        window < open &&
        isOwed(one, window, type) &&
        (window === open - 1 || !isOwed(one, window + 1, type) || this.#runOf(one, type, window + 1) === window + 1),
    );
    for (const end of ends) {
      const first = this.#runOf(one, type, end);
      const last = received.findLast(({ window }) => window >= first && window <= end);
      const told = last?.next ?? 0;
      const known = Math.max(
        0,
        ...[...this.#revisionIn].filter(([window]) => window <= end).map(([, revision]) => revision),
      );
      const missed = this.#registry.present(type).find(({ revision }) => revision > told && revision <= known);
      if (missed === undefined) continue;
      this.#world.violate(
        "S1",
        `${one.name} was told of ${type} up to revision ${told} by window ${end}; ${missed.id} changed at ${missed.revision}`,
      );
    }
  }
}
