// Reading a destination back: does it hold every file that an export wrote, each once, each as it was written?
//
// Owns:      the comparison of cut records with what is listed; faults, notes and sums by day.
// Does not:  change anything, here or there; print.
//
//   M1  Listings are streamed, cut records read by page. What is kept is a number for each window that was seen.
//
// The server may run meanwhile: a file whose window is not committed yet is no fault, and what a listing did not show is
// looked at once more by its name.

import { type Destination, DestinationError, type ListedObject } from "../destinations/destination.ts";
import type { Clock } from "../lib/clock.ts";
import type { Window } from "../lib/window.ts";
import { must } from "../lib/assert.ts";
import { messageOf } from "../lib/errors.ts";
import type {
  AcceptedViolation,
  AuditFacts,
  CutRecord,
  Export,
  ExportDefinition,
  ExportGap,
  ExportType,
  Registry,
  StreamKey,
} from "../registry/registry.ts";
import { isOwed } from "../registry/tenure.ts";
import { auditExport } from "./audit.ts";
import { checkCut, checkJoin } from "./check-cuts.ts";
import { type Violation, isAccepted } from "./violation.ts";
import { printPath } from "./path-template.ts";
import { type ReadAgainOptions, listAgain, readAgain } from "./read-again.ts";
import { type FileFinding, verifyFile } from "./verify-file.ts";
import { type Place, byTemplate, dayOf, definitionsIn, namesOf, prefixesOf } from "./verify-places.ts";

export type VerifyRegistry = Pick<Registry, "installation" | "exports" | "cuts" | "auditFacts">;

export interface VerifyOptions {
  readonly registry: VerifyRegistry;
  readonly export: Export;
  readonly destinationOf: (settings: Pick<ExportDefinition, "storageAccountId" | "container">) => Promise<Destination>;
  /** Only these windows; all when null. */
  readonly range: { readonly first: Window; readonly last: Window } | null;
  /** Hash every byte; else labels and sizes are believed. */
  readonly isDeep: boolean;
  /** Requests at once. */
  readonly requestsMax: number;
  /** For the waits between attempts. */
  readonly clock: Clock;
  /** Told when a read failed for a moment and is tried again. */
  readonly onRetry: (message: string, delayMs: number) => void;
  /** Told now and then: files looked at so far. */
  readonly onProgress: (files: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 *   doubled    a window's records lie in a further file: an extra part, or an older definition's path
 *   unknown    a file of a window that this export has no record of
 *   lost, miscounted, …  what the audit says of the cut records themselves
 */
export interface Finding {
  readonly kind:
    | FileFinding["kind"]
    | "doubled"
    | "unknown"
    | "let-go"
    | "foreign"
    | "lost"
    | "replaced"
    | "miscounted"
    | "unbalanced";
  readonly window: Window | null;
  readonly type: ExportType | null;
  readonly partition: number | null;
  readonly path: string | null;
  readonly what: string;
  readonly hint: string;
}

export interface VerifiedDay {
  readonly day: string;
  windows: number;
  files: number;
  records: number;
  bytes: number;
  faults: number;
}

export interface Verification {
  readonly exportId: string;
  readonly name: string;
  readonly isDeep: boolean;
  /** By the cut records: what must be there. */
  readonly days: readonly VerifiedDay[];
  /** The first of them; the counts say how many there are. */
  readonly faults: readonly Finding[];
  readonly faultCount: number;
  readonly notes: readonly Finding[];
  readonly noteCount: number;
  /** Files of windows whose cut records are no longer, or were never, kept. */
  readonly unrecordedFiles: number;
  readonly gaps: readonly ExportGap[];
  /** Violations of the audit that an administrator accepted: no faults any more. */
  readonly accepted: readonly AcceptedViolation[];
}

const findingsMax = 1000;
const pageRows = 500;

export async function verifyExport(options: VerifyOptions): Promise<Verification> {
  return await new Verifying(options).run();
}

class Verifying {
  readonly #options: VerifyOptions;
  readonly #hub: string;
  readonly #signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #again: ReadAgainOptions;
  readonly #days = new Map<string, VerifiedDay>();
  readonly #faults: Finding[] = [];
  readonly #notes: Finding[] = [];
  readonly #destinations = new Map<string, Promise<Destination>>();
  /** Files of a window seen under their names, by stream and day. */
  readonly #seen = new Map<string, Uint16Array>();
  readonly #horizons = new Map<string, Promise<Window>>();
  readonly #pages = new Map<string, Promise<readonly CutRecord[]>>();
  readonly #running = new Set<Promise<void>>();
  /** Where the violations start that the sums tell. */
  readonly #known = new Set<string>();
  #facts!: AuditFacts;
  /** What ended it. */
  #failure: Error | null = null;
  #faultCount = 0;
  #noteCount = 0;
  #unrecordedFiles = 0;
  #files = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#hub = options.registry.installation.hubName;
    this.#signal =
      options.signal === undefined ? this.#stop.signal : AbortSignal.any([options.signal, this.#stop.signal]);
    const { clock, onRetry } = options;
    this.#again = { clock, signal: this.#signal, onRetry: ({ message }, delayMs) => onRetry(message, delayMs) };
  }

  async run(): Promise<Verification> {
    const { registry, export: one, isDeep } = this.#options;
    this.#facts = await registry.auditFacts(one.id);
    this.#checkSums();
    try {
      for (const place of await this.#places()) await this.#list(place);
      for (const stream of this.#streams()) await this.#checkStream(stream);
      await this.#rest();
    } catch (error) {
      throw this.#failure ?? error;
    } finally {
      this.#stop.abort();
      await Promise.allSettled(this.#running);
    }
    const days = [...this.#days.values()].toSorted((a, b) => (a.day < b.day ? -1 : 1));
    return {
      exportId: one.id,
      name: one.name,
      isDeep,
      days,
      faults: this.#faults.toSorted(byPlace),
      faultCount: this.#faultCount,
      notes: this.#notes.toSorted(byPlace),
      noteCount: this.#noteCount,
      unrecordedFiles: this.#unrecordedFiles,
      gaps: this.#facts.gaps.filter((gap) => this.#isInRange(gap.windowFirst) || this.#isInRange(gap.windowLast)),
      accepted: this.#facts.accepted.filter(
        (one) => this.#isInRange(one.windowFirst) || this.#isInRange(one.windowLast),
      ),
    };
  }

  #streams(): readonly StreamKey[] {
    const streams = this.#facts.tallies.map(({ type, partition }) => ({ type, partition }));
    return [...new Map(streams.map((stream) => [keyOf(stream), stream])).values()];
  }

  /** What the sums say that are kept for ever, also of windows whose records are gone. */
  #checkSums(): void {
    for (const violation of auditExport(this.#facts, []).violations) {
      this.#known.add(startOf(violation));
      if (isAccepted(violation, this.#facts.accepted)) continue;
      const { kind, type, partition, windowFirst, windowLast, message: what, hint } = violation;
      // Which window is miscounted, the records say.
      if (kind === "miscounted" || !(this.#isInRange(windowFirst) || this.#isInRange(windowLast))) continue;
      this.#fault({ kind, window: windowFirst, type, partition, path: null, what, hint });
    }
  }

  async #places(): Promise<readonly Place[]> {
    const { registry, export: one } = this.#options;
    const exports = await registry.exports();
    const containers = new Map(
      one.definitions.map((each) => [`${each.storageAccountId}/${each.container}`, each] as const),
    );
    return await Promise.all(
      [...containers.values()].map(async (settings) => ({
        destination: await this.#destinationOf(settings),
        definitions: byTemplate(definitionsIn([one], settings)),
        others: byTemplate(
          definitionsIn(
            exports.filter(({ id }) => id !== one.id),
            settings,
          ),
        ),
      })),
    );
  }

  async #list(place: Place): Promise<void> {
    for (const prefix of prefixesOf(place.definitions, this.#hub, this.#options.range)) {
      for await (const object of listAgain(this.#again, place.destination, prefix)) {
        if (++this.#files % 100 === 0) this.#options.onProgress(this.#files);
        await this.#spawn(() => this.#look(place, object));
      }
    }
    await this.#rest();
  }

  async #look(place: Place, object: ListedObject): Promise<void> {
    const names = namesOf(place.definitions, this.#hub, object.path);
    const first = names[0];
    if (first === undefined) {
      if (namesOf(place.others, this.#hub, object.path).length > 0) return;
      const what = `${object.path} in ${place.destination.root} is no export's file.`;
      const hint = "It was left alone. Move it away if it does not belong there.";
      this.#note({ kind: "foreign", window: null, type: null, partition: null, path: object.path, what, hint });
      return;
    }
    for (const { name } of names) {
      if (!this.#isInRange(name.window)) return;
      const cut = await this.#cutAt(name, name.window);
      if (cut === null) continue;
      const file = { type: name.type, window: name.window, partition: name.partition, part: name.part };
      if (name.part < cut.parts.length && (await this.#isPathOf(cut, name.part, place.destination, object.path))) {
        this.#count(cut);
        await this.#check(place.destination, object, cut, name.part);
        return;
      }
      const wasWritten = must(cut.parts[0], "a cut has a part");
      const paths = await this.#pathOf(cut, 0);
      const what =
        name.part >= cut.parts.length
          ? `${object.path} is a part ${name.part} of a window that was written in ${cut.parts.length} ${cut.parts.length === 1 ? "file" : "files"}.`
          : `${object.path} is at an older place; the window was written to ${paths.path} (${wasWritten.records} records).`;
      const hint = "Readers of the whole folder see its records twice. Compare it with the other file, then remove it.";
      this.#fault({ kind: "doubled", ...file, path: object.path, what, hint });
      return;
    }
    await this.#lookUnrecorded(first.name, object.path);
  }

  /** A file under one of the export's names, for which there is no cut record. */
  async #lookUnrecorded(name: StreamKey & { readonly window: Window }, path: string): Promise<void> {
    const { registry, export: one } = this.#options;
    const { type, partition, window } = name;
    // The server may have gone on since.
    this.#facts = await registry.auditFacts(one.id);
    const isOurs = (of: StreamKey): boolean => of.type === type && of.partition === partition;
    const windowNext = this.#facts.checkpoints.find(isOurs)?.windowNext ?? this.#firstOfNewStream();
    const isPending =
      type === "measurements"
        ? window >= windowNext
        : this.#facts.owed.some(({ cut }) => cut.type === type && cut.window === window);
    if (isPending) return;
    const [late] = await registry.cuts({
      exportId: one.id,
      stream: name,
      windowFirst: window,
      windowLast: window,
      limit: 1,
    });
    if (late !== undefined) return; // written meanwhile; the server's own look is enough
    const of = { window, type, partition, path };
    if (this.#facts.gaps.some((gap) => isOurs(gap) && gap.windowFirst <= window && window <= gap.windowLast)) {
      const what = `${path} is there, although its window was let go.`;
      const hint = "An upload whose answer was lost, or a file from before a restore. Keep it or remove it.";
      this.#note({ kind: "let-go", ...of, what, hint });
      return;
    }
    const isKnownStream = this.#facts.tallies.some(isOurs);
    if (isKnownStream && isOwed(this.#facts.export, window, type) && window < (await this.#horizon(name))) {
      this.#unrecordedFiles++;
      return;
    }
    const what = `${path} has the name of this export's file, and there is no record that it wrote one for that window.`;
    this.#fault({ kind: "unknown", ...of, what, hint: "Find out who wrote it; coldpath read shows what it holds." });
  }

  /** A partition that was added a moment ago may have written its first file, and not have committed it yet. */
  #firstOfNewStream(): Window {
    const others = this.#facts.checkpoints.map(({ windowNext }) => windowNext);
    return others.length === 0 ? 0 : Math.min(...others) - newStreamWindows;
  }

  /** All cut records of a stream: do they join, and was each of their files seen? */
  async #checkStream(stream: StreamKey): Promise<void> {
    const { registry, export: one, range } = this.#options;
    let before: CutRecord | null = null;
    for (let windowFirst = range?.first ?? 0; ;) {
      const query = { exportId: one.id, stream, windowFirst, windowLast: range?.last, limit: pageRows };
      const cuts: readonly CutRecord[] = await registry.cuts(query);
      for (const cut of cuts) {
        this.#sum(cut);
        this.#checkRecord(before, cut);
        if (this.#seenOf(cut) < cut.parts.length) await this.#spawn(() => this.#lookFor(cut));
        before = cut;
      }
      const last = cuts.at(-1);
      if (last === undefined || cuts.length < pageRows) break;
      windowFirst = last.window + 1;
    }
    await this.#rest();
  }

  #checkRecord(before: CutRecord | null, cut: CutRecord): void {
    for (const violation of [
      checkCut(this.#facts, cut),
      before === null ? null : checkJoin(this.#facts, before, cut),
    ]) {
      if (violation === null) continue;
      if (violation.kind !== "miscounted" && this.#known.has(startOf(violation))) continue; // the sums said so
      if (isAccepted(violation, this.#facts.accepted)) continue;
      const { kind, type, partition, windowFirst: window, message: what, hint } = violation;
      this.#fault({ kind, window, type, partition, path: null, what, hint });
    }
  }

  /** Not all of its files were listed: each is looked at by its name. */
  async #lookFor(cut: CutRecord): Promise<void> {
    for (const part of cut.parts.keys()) {
      const { destination, path } = await this.#pathOf(cut, part);
      const head = await readAgain(this.#again, async () => {
        const answer = await destination.head(path, this.#signal);
        if (answer.kind !== "found" && answer.kind !== "absent") throw new DestinationError(answer);
        return answer;
      });
      if (head.kind === "found") {
        // Listed and looked at already, unless the listing began before it was written.
        if (this.#seenOf(cut) === 0) await this.#check(destination, { path, bytes: head.bytes }, cut, part);
      } else {
        const { records } = must(cut.parts[part], "of this cut");
        this.#found({ kind: "missing", what: "it is not there" }, cut, path, `${records} records`);
      }
    }
  }

  async #check(destination: Destination, object: ListedObject, cut: CutRecord, part: number): Promise<void> {
    const { registry, isDeep } = this.#options;
    const expected = { cut, part, installation: registry.installation.id };
    const finding = await readAgain(this.#again, () => verifyFile(destination, object, expected, isDeep, this.#signal));
    if (finding !== null) this.#found(finding, cut, object.path, "");
  }

  #found({ kind, what }: FileFinding, cut: CutRecord, path: string, more: string): void {
    const { window, type, partition } = cut;
    const of = { kind, window, type, partition, path, what: `${path}: ${what}${more === "" ? "" : ` (${more})`}.` };
    if (kind === "label-missing" || kind === "other-bytes") this.#note({ ...of, hint: "Nothing is lost." });
    else this.#fault({ ...of, hint: hints[kind] });
  }

  #fault(finding: Finding): void {
    this.#faultCount++;
    if (this.#faults.length < findingsMax) this.#faults.push(finding);
    if (finding.window !== null) this.#day(finding.window).faults++;
  }

  #note(finding: Finding): void {
    this.#noteCount++;
    if (this.#notes.length < findingsMax) this.#notes.push(finding);
  }

  #sum(cut: CutRecord): void {
    const day = this.#day(cut.window);
    day.windows++;
    day.files += cut.parts.length;
    for (const { records, bytes } of cut.parts) {
      day.records += records;
      day.bytes += bytes;
    }
  }

  #day(window: Window): VerifiedDay {
    const day = dayOf(window);
    const known = this.#days.get(day) ?? { day, windows: 0, files: 0, records: 0, bytes: 0, faults: 0 };
    this.#days.set(day, known);
    return known;
  }

  #isInRange(window: Window): boolean {
    const { range } = this.#options;
    return range === null || (range.first <= window && window <= range.last);
  }

  /** The cut record of a window, by way of the page it is in: listings go by time, as a rule. */
  async #cutAt(stream: StreamKey, window: Window): Promise<CutRecord | null> {
    const key = keyOf(stream);
    const at = Math.floor(window / pageWindows);
    const page = `${key}/${at}`;
    let cuts = this.#pages.get(page);
    if (cuts === undefined) {
      const windowFirst = at * pageWindows;
      const windows = { windowFirst, windowLast: windowFirst + pageWindows - 1 };
      const { type, partition } = stream;
      const query = { exportId: this.#options.export.id, stream: { type, partition }, ...windows, limit: pageWindows };
      cuts = this.#options.registry.cuts(query);
      this.#pages.set(page, cuts);
      const [oldest] = this.#pages.keys();
      if (this.#pages.size > pagesMax && oldest !== undefined) this.#pages.delete(oldest);
    }
    return (await cuts).find((cut) => cut.window === window) ?? null;
  }

  /** The first window that has a cut record. */
  #horizon(stream: StreamKey): Promise<Window> {
    const { registry, export: one } = this.#options;
    const key = keyOf(stream);
    let horizon = this.#horizons.get(key);
    if (horizon === undefined) {
      const { type, partition } = stream;
      horizon = registry
        .cuts({ exportId: one.id, stream: { type, partition }, windowFirst: 0, limit: 1 })
        .then(([first]) => first?.window ?? Infinity);
      this.#horizons.set(key, horizon);
    }
    return horizon;
  }

  async #pathOf(cut: CutRecord, part: number): Promise<{ destination: Destination; path: string }> {
    const definition = must(
      this.#facts.export.definitions.find(({ version }) => version === cut.definitionVersion),
      "a definition version is kept as long as its export",
    );
    const path = printPath(definition.pathTemplate, this.#hub, { ...cut, part });
    return { destination: await this.#destinationOf(definition), path };
  }

  async #isPathOf(cut: CutRecord, part: number, destination: Destination, path: string): Promise<boolean> {
    const expected = await this.#pathOf(cut, part);
    return expected.path === path && expected.destination.root === destination.root;
  }

  #destinationOf(settings: Pick<ExportDefinition, "storageAccountId" | "container">): Promise<Destination> {
    const { storageAccountId, container } = settings;
    const key = `${storageAccountId}/${container}`;
    const known = this.#destinations.get(key) ?? this.#options.destinationOf(settings);
    this.#destinations.set(key, known);
    return known;
  }

  #count(cut: CutRecord): void {
    const counts = this.#countsOf(cut);
    const at = cut.window % countWindows;
    counts[at] = (counts[at] ?? 0) + 1;
  }

  #seenOf(cut: CutRecord): number {
    return this.#countsOf(cut)[cut.window % countWindows] ?? 0;
  }

  #countsOf(cut: CutRecord): Uint16Array {
    const key = `${keyOf(cut)}/${Math.floor(cut.window / countWindows)}`;
    const known = this.#seen.get(key) ?? new Uint16Array(countWindows);
    this.#seen.set(key, known);
    return known;
  }

  /** Runs it beside others, as soon as there are few enough. The first failure ends all. */
  async #spawn(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#options.requestsMax) await Promise.race(this.#running);
    if (this.#failure !== null) throw this.#failure;
    const run = work()
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(messageOf(error));
        this.#stop.abort();
      })
      .finally(() => {
        this.#running.delete(run);
      });
    this.#running.add(run);
  }

  /** Waits for what runs beside. Throws what ended it. */
  async #rest(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== null) throw this.#failure;
  }
}

/** Windows of a page of cut records, and pages kept. */
const pageWindows = 240;
const pagesMax = 64;
const countWindows = 1440;
/** How far a new partition may be behind the others: longer than any start takes. */
const newStreamWindows = 60;

const hints: Readonly<Record<Exclude<FileFinding["kind"], "label-missing" | "other-bytes">, string>> = {
  missing: "Restore it from a backup of the store. While the journal has the minute, journal cat prints its records.",
  damaged: "Restore it from a backup of the store; coldpath read prints what is whole.",
  altered: "Somebody changed it since it was written. Restore it from a backup of the store.",
  misplaced: "Put each file back under its own name, or restore it from a backup of the store.",
};

function keyOf({ type, partition }: StreamKey): string {
  return `${type}/${partition}`;
}

function byPlace(one: Finding, other: Finding): number {
  const textOf = ({ path, kind }: Finding): string => `${path ?? ""}/${kind}`;
  return (one.window ?? 0) - (other.window ?? 0) || (textOf(one) < textOf(other) ? -1 : 1);
}

function startOf({ type, partition, offsets }: Pick<Violation, "type" | "partition" | "offsets">): string {
  return `${type}/${partition}/${offsets?.first}`;
}
