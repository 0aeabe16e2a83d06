// The judge: compares what the hub did with what it promised. It knows the documents, not the product's code: it derives
// each file's name and bytes a second time, and what each export owes from the registry's tables.
//
// A file is judged in the moment it becomes visible; progress and trimming when they happen; everything once more at the
// end, when nothing may be missing.

import type { StoredBlob } from "./store.ts";
import { containerOf, cut, readContainer, schemaOf, syncMarkerOf } from "./avro.ts";
import { hubName } from "./hub.ts";
import type { ClosedWindow, JournalTruth } from "./journal-truth.ts";
import type { Ledger } from "./ledger.ts";
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
import type { World } from "./world.ts";

/** A snapshot file that an export got. */
interface Received {
  readonly window: number;
  readonly first: number;
  readonly next: number;
}

interface ExpectedFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly first: number;
  readonly next: number;
  readonly records: number;
}

export class Oracle {
  readonly journal: JournalTruth;
  readonly registry: RegistryTruth;
  readonly ledger: Ledger;
  /** Of the installation: what sync markers are made with. */
  secret: Buffer | null = null;
  installation = "";
  /** What may stand nowhere but in the registry (A2). */
  readonly secrets = new Set<string>();
  files = 0;
  filesMeasurements = 0;
  records = 0;
  readonly #world: World;
  /** Every file that was ever made by us, `container/path`. */
  readonly #created = new Map<string, { bytes: Buffer; atMs: number }>();
  /** What an export promised for a window when it was closed. */
  readonly #promises = new Map<string, string>();
  readonly #checkpoints = new Map<string, number>();
  readonly #expectedFiles = new Map<ClosedWindow, Map<string, readonly ExpectedFile[]>>();
  readonly #snapshots = new Map<string, Received[]>();
  /** The last revision given out while a window was still open. */
  readonly #revisionIn = new Map<number, number>();
  /** What an administrator was told and nothing contradicted since. */
  readonly #told = new Map<string, { on: boolean; offSince: number }>();

  constructor(world: World, of: { journal: JournalTruth; registry: RegistryTruth; ledger: Ledger }) {
    this.#world = world;
    this.journal = of.journal;
    this.registry = of.registry;
    this.ledger = of.ledger;
  }

  // ---- what happens ----

  /** An acknowledgement reached its device (J1). */
  acknowledged(bodies: readonly string[]): void {
    for (const body of bodies) {
      const message = this.ledger.messages.get(body);
      if (message === undefined) continue;
      message.acknowledged++;
      this.ledger.acknowledged++;
      this.#world.count("acknowledged");
      if (this.journal.isSafe(body)) continue;
      this.#world.violate("J1", `${body.slice(0, 60)} was acknowledged and is not on stable storage`);
    }
  }

  /** A file became visible. */
  created(container: string, path: string, blob: StoredBlob, label: Readonly<Record<string, string>>): void {
    this.journal.look();
    this.registry.lookAtThings();
    this.registry.lookAtExports();
    const name = `${container}/${path}`;
    this.#world.tell("store", `${name} is there: ${blob.bytes.length} bytes, ${label["records"]} records`);
    this.#world.count("files");
    this.files++;
    this.#created.set(name, { bytes: blob.bytes, atMs: this.#world.flowMs });
    this.#searchSecrets(name, blob.bytes.toString("latin1"));
    this.#searchSecrets(name, JSON.stringify(label));
    const one = this.registry.exports.get(label["export"] ?? "");
    if (one === undefined) {
      // Deleted meanwhile; an upload that was on its way may land.
      if (!this.#wasExport(label["export"] ?? "")) this.#world.violate("E5", `${name} is of no export`);
      return;
    }
    if (label["installation"] !== this.installation || label["coldpath"] !== "1") {
      this.#world.violate("E2", `${name} has the label ${JSON.stringify(label)}`);
    }
    if (label["type"] === "measurements") this.#measurements(one, container, path, blob.bytes, label);
    else this.#snapshot(one, container, path, blob.bytes, label);
  }

  /** A segment's file is about to go (E4). */
  trimmed(path: string): void {
    this.journal.look(); // it may have been closed while the hub was starting
    const closed = this.journal.all().find((one) => one.path === path);
    if (closed === undefined || closed.records.length === 0) return;
    this.registry.lookAtExports();
    this.#world.tell("journal", `partition ${closed.partition}, window ${closed.window} is trimmed`);
    this.#world.count("trimmed");
    for (const one of this.registry.exports.values()) {
      const { partition, window } = closed;
      if (!isOwed(one, window, "measurements")) continue;
      if ((one.checkpoints.get(partition) ?? 0) > window) continue;
      this.#world.violate("E4", `window ${window} of partition ${partition} is trimmed and ${one.name} still owes it`);
    }
  }

  logged(text: string): void {
    this.#searchSecrets("the log", text);
    this.journal.logged(text);
    if (text.includes("assertion failed")) this.#world.violate("assert", text);
    if (text.includes('"unexpected"')) this.#world.violate("unexpected", text);
  }

  /** An administrator was told that an export is on or off; null: what became of the call is not known. */
  told(exportId: string, on: boolean | null): void {
    if (on === null) this.#told.delete(exportId);
    else this.#told.set(exportId, { on, offSince: this.journal.floorHighest });
  }

  // ---- after every step ----

  check(): void {
    this.journal.look();
    this.registry.lookAtThings();
    this.registry.lookAtExports();
    this.#revisionIn.set(this.journal.floorLowest, this.registry.revision);
    for (const one of this.registry.exports.values()) {
      this.#checkPromises(one);
      this.#checkProgress(one);
      this.#checkTold(one);
    }
  }

  /** E1, E2: what concerns a closed window does not change. */
  #checkPromises(one: ExportRow): void {
    for (const [partition, windows] of this.journal.closed) {
      for (const { window } of windows) {
        const key = `${one.id} ${partition} ${window}`;
        const owed = isOwed(one, window, "measurements");
        const promise = owed ? `version ${definitionAt(one, window)?.version}` : "nothing";
        const before = this.#promises.get(key);
        // Turning on reckons with the oldest window that any partition has open: those ahead of it owe theirs again.
        const isTurnedOn = before === "nothing" && window >= this.journal.floorLowest;
        if (before === undefined || isTurnedOn) this.#promises.set(key, promise);
        else if (before !== promise) {
          this.#world.violate("E1", `${one.name} owed ${before} for window ${window}, and now ${promise}`);
        }
      }
    }
  }

  /** E3: progress only over what is there, or on record as let go; never back. */
  #checkProgress(one: ExportRow): void {
    for (const [partition, checkpoint] of one.checkpoints) {
      const key = `${one.id} ${partition}`;
      const before = this.#checkpoints.get(key) ?? 0;
      if (checkpoint < before) this.#world.violate("E3", `${one.name} went back from ${before} to ${checkpoint}`);
      if (checkpoint === before) continue;
      this.#checkpoints.set(key, checkpoint);
      for (const closed of this.journal.closed.get(partition) ?? []) {
        if (closed.window < before || closed.window >= checkpoint) continue;
        const missing = this.#missing(one, closed);
        if (missing !== null) this.#world.violate("E3", `${one.name} went on to ${checkpoint}, and ${missing}`);
      }
    }
  }

  /** What of a window an export owes and nobody can find; null when all is well. */
  #missing(one: ExportRow, closed: ClosedWindow): string | null {
    const { partition, window } = closed;
    if (closed.records.length === 0 || !isOwed(one, window, "measurements")) return null;
    if (isLetGo(one, "measurements", partition, window)) return null;
    const definition = definitionAt(one, window);
    if (definition === undefined) return `no definition covers window ${window}`;
    const absent = this.#expected(definition, closed).find(
      ({ path }) => !this.#created.has(`${definition.container}/${path}`),
    );
    return absent === undefined ? null : `${definition.container}/${absent.path} is not there`;
  }

  /** E1: an export that is on owes what is open, one that is off does not. */
  #checkTold(one: ExportRow): void {
    const told = this.#told.get(one.id);
    if (told === undefined) return;
    for (const [partition, open] of this.journal.floors) {
      const isCovered = tenureAt(one, open) !== undefined;
      if (told.on && !isCovered) {
        this.#world.violate("E1", `${one.name} is on, and window ${open} of partition ${partition} is in no tenure`);
      }
      if (!told.on && isCovered && open > told.offSince) {
        this.#world.violate("E1", `${one.name} is off since ${told.offSince}, and window ${open} is in a tenure`);
      }
    }
  }

  // ---- files ----

  #measurements(
    one: ExportRow,
    container: string,
    path: string,
    bytes: Buffer,
    label: Readonly<Record<string, string>>,
  ): void {
    const name = `${container}/${path}`;
    const partition = Number(label["partition"]);
    const window = Number(label["window"]);
    const closed = this.journal.window(partition, window);
    if (closed === undefined) return this.#world.violate("J4", `${name} is of window ${window}, which is not closed`);
    if (!isOwed(one, window, "measurements")) {
      return this.#world.violate("E1", `${name}: ${one.name} does not owe window ${window}`);
    }
    const definition = definitionAt(one, window) as Definition;
    const part = Number(label["part"]);
    const expected = this.#expected(definition, closed)[part];
    if (expected === undefined) return this.#world.violate("E2", `${name} has a part ${part} too many`);
    if (definition.container !== container || expected.path !== path) {
      return this.#world.violate("E2", `${name} should be ${definition.container}/${expected.path}`);
    }
    this.filesMeasurements++;
    this.records += expected.records;
    this.#world.count("exported", expected.records);
    const says = (key: string): number => Number(label[key]);
    if (
      says("first") !== expected.first ||
      says("next") !== expected.next ||
      says("records") !== expected.records ||
      says("definition") !== definition.version
    ) {
      this.#world.violate("E2", `${name} has the label ${JSON.stringify(label)}`);
    }
    if (!bytes.equals(expected.bytes)) {
      this.#world.violate("E2", `${name} has ${bytes.length} bytes that are not the expected ${expected.bytes.length}`);
    }
  }

  /** The files of a window under a definition. Made once: neither changes. */
  #expected(definition: Definition, closed: ClosedWindow): readonly ExpectedFile[] {
    const { pathTemplate, codec, blockBytes, fileBytesMax, formatRevision } = definition;
    const key = [pathTemplate, codec, blockBytes, fileBytesMax, formatRevision].join(" ");
    const known = this.#expectedFiles.get(closed) ?? new Map<string, readonly ExpectedFile[]>();
    this.#expectedFiles.set(closed, known);
    const files = known.get(key) ?? this.#makeExpected(definition, closed);
    known.set(key, files);
    return files;
  }

  #makeExpected(definition: Definition, closed: ClosedWindow): readonly ExpectedFile[] {
    const { partition, window, records, offsetFirst } = closed;
    const { pathTemplate, codec, blockBytes, fileBytesMax, formatRevision } = definition;
    let first = offsetFirst;
    return cut(records, fileBytesMax).map((group, part) => {
      const file = { type: "measurements", partition, window, part };
      const syncMarker = syncMarkerOf(this.secret ?? Buffer.alloc(0), file);
      const schemaText = schemaOf("measurements", formatRevision).text;
      const bytes = containerOf(group, { schemaText, codec, syncMarker, blockBytes });
      const path = pathOf(pathTemplate, file);
      first += group.length;
      return { path, bytes, first: first - group.length, next: first, records: group.length };
    });
  }

  #snapshot(
    one: ExportRow,
    container: string,
    path: string,
    bytes: Buffer,
    label: Readonly<Record<string, string>>,
  ): void {
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
    if (!read.syncMarker.equals(syncMarkerOf(this.secret ?? Buffer.alloc(0), file))) {
      this.#world.violate("E2", `${name} has a strange sync marker`);
    }
    this.#world.count("snapshot files");
    if (part > 0 || read.records.length !== Number(label["records"])) {
      return this.#world.violate("E2", `${name}: snapshots of this story have one part`);
    }
    this.#checkStates(name, type, received, definition, read.records);
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
    for (const state of this.registry.states) {
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
    const missed = this.registry.states.find(
      ({ type: of, revision, goneAt, id }) =>
        of === type &&
        revision > from &&
        revision <= received.first &&
        goneAt === null &&
        !this.registry.states.some((later) => later.type === type && later.id === id && later.revision > revision),
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

  // ---- at the end ----

  /** Nothing is missing: every message that was acknowledged is in the journal, every owed window in its files. */
  checkAll(): void {
    this.check();
    const damaged = this.journal.isDamaged;
    for (const message of this.ledger.messages.values()) {
      if (message.stored >= message.acknowledged) continue;
      this.#world.violate(
        "J3",
        `${message.body.slice(0, 60)} of ${message.deviceId} was acknowledged ${message.acknowledged} times and is there ${message.stored} times${damaged ? ", with damage elsewhere" : ""}`,
      );
    }
    for (const one of this.registry.exports.values()) {
      for (const closed of this.journal.all()) {
        const missing = this.#missing(one, closed);
        if (missing !== null) this.#world.violate("E1", `${one.name}: ${missing}`);
      }
      for (const type of ["devices", "deviceTemplates"] as const) this.#checkRuns(one, type);
    }
  }

  /** S1: by the last window of each run, everything of it was told. */
  #checkRuns(one: ExportRow, type: State["type"]): void {
    if (one.gaps.some((gap) => gap.type === type)) return;
    const received = this.#snapshots.get(`${one.id} ${type}`) ?? [];
    const open = this.journal.floorLowest;
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
      const missed = this.registry.present(type).find(({ revision }) => revision > told && revision <= known);
      if (missed === undefined) continue;
      this.#world.violate(
        "S1",
        `${one.name} was told of ${type} up to revision ${told} by window ${end}; ${missed.id} changed at ${missed.revision}`,
      );
    }
  }

  /** Freshness: whether everything that was closed by a moment is exported. Null, or what is not. */
  lagging(closedByMs: number): string | null {
    for (const one of this.registry.exports.values()) {
      for (const closed of this.journal.all()) {
        if (closed.seenMs > closedByMs) continue;
        const missing = this.#missing(one, closed);
        if (missing !== null) return `${one.name}: ${missing}`;
      }
    }
    return null;
  }

  #wasExport(id: string): boolean {
    return [...this.#promises.keys()].some((key) => key.startsWith(id)) || this.#told.has(id);
  }

  #searchSecrets(where: string, text: string): void {
    for (const secret of this.secrets) {
      if (text.includes(secret)) this.#world.violate("A2", `a secret stands in ${where}`);
    }
  }
}

/** docs/formats.md, "Paths". */
export function pathOf(
  template: string,
  of: { type: string; window: number; partition: number; part: number },
): string {
  const at = new Date(of.window * 60_000).toISOString();
  const two = String(of.partition).padStart(2, "0");
  return template
    .replace("{type}", of.type)
    .replace("{hub}", hubName)
    .replace("{YYYY}", at.slice(0, 4))
    .replace("{MM}", at.slice(5, 7))
    .replace("{dd}", at.slice(8, 10))
    .replace("{hh}", at.slice(11, 13))
    .replace("{mm}", at.slice(14, 16))
    .replace("{NN}", of.part === 0 ? two : `${two}_${String(of.part).padStart(3, "0")}`);
}

type Fields = Record<string, Record<string, unknown>>;

/** docs/formats.md, "Devices" and "Device templates". */
function recordOf({ type, record }: State, formatRevision: string): unknown {
  if (type === "devices") {
    const device = record as Record<string, unknown>;
    return formatRevision === "2018-09" ? { ...device, deviceId: device["id"] } : device;
  }
  const { id, name, version, content } = record as {
    id: string;
    name: string;
    version: string;
    content: {
      measurements: Record<string, Fields>;
      settings: Record<string, Fields>;
      properties: Record<string, Fields>;
    };
  };
  const map = (fields: Fields | undefined, to: (field: Record<string, unknown>) => unknown): unknown =>
    Object.fromEntries(Object.entries(fields ?? {}).map(([key, field]) => [key, to(field)]));
  const setting = (field: Record<string, unknown>): unknown => ({
    dataType: field["dataType"],
    name: field["name"],
    initialValue: field["initialValue"] ?? null,
  });
  const { measurements, settings, properties } = content;
  return {
    id,
    name,
    version,
    measurements: {
      telemetry: map(measurements["telemetry"], (field) => ({
        dataType: field["dataType"],
        name: field["name"],
        minValue: field["minValue"] ?? null,
        maxValue: field["maxValue"] ?? null,
      })),
      states: map(measurements["states"], (field) => ({ dataType: "enum", name: field["name"] })),
      events: map(measurements["events"], (field) => ({ name: field["name"], category: field["category"] })),
    },
    settings: { device: map(settings["device"], setting) },
    properties: {
      cloud: map(properties["cloud"], setting),
      device: map(properties["device"], (field) => ({ dataType: field["dataType"], name: field["name"] })),
    },
  };
}

/** Equal for equal values, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
