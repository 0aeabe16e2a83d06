// Reading a destination back: does it hold every file that an export wrote, each once, each as it was written?
//
// Owns:      the comparison of cut records with what is listed, both ways: each file has its record, each record its files.
// Does not:  change anything, here or there; print.
//
//   M1  Listings are streamed, cut records read by page. What is kept is a number for each window that was seen.
//
// The server may run meanwhile: a file whose window is not committed yet is no fault, and what a listing did not show is
// looked at once more by its name.

import { type Destination, DestinationError, type ListedObject } from "../../destinations/destination.ts";
import { must } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Window } from "../../lib/window.ts";
import type { AuditFacts, CutRecord, Export, ExportDefinition, Registry, StreamKey } from "../../registry/registry.ts";
import { isOwed } from "../../registry/tenure.ts";
import { auditExport } from "../audit/audit.ts";
import { checkCut, checkJoin } from "../audit/check-cuts.ts";
import { CutLookup } from "./cut-lookup.ts";
import { printPath } from "../path-template.ts";
import { type ReadAgainOptions, listAgain, readAgain } from "./read-again.ts";
import { cutsOf, streamsOf } from "../audit/read-cuts.ts";
import { SeenFiles } from "./seen-files.ts";
import { TaskGroup } from "./task-group.ts";
import { Findings, type Verification } from "./verification.ts";
import { verifyFile } from "./verify-file.ts";
import { type Place, byTemplate, definitionsIn, namesOf, prefixesOf } from "./verify-places.ts";
import { isAccepted, violationStart } from "../audit/violation.ts";

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

export async function verifyExport(options: VerifyOptions): Promise<Verification> {
  return await new Verifying(options).run();
}

class Verifying {
  readonly #options: VerifyOptions;
  readonly #hub: string;
  readonly #again: ReadAgainOptions;
  readonly #findings = new Findings();
  readonly #seen = new SeenFiles();
  readonly #cuts: CutLookup;
  readonly #tasks: TaskGroup;
  readonly #destinations = new Map<string, Promise<Destination>>();
  /** Where the violations start that the sums tell. */
  readonly #known = new Set<string>();
  #facts!: AuditFacts;
  #unrecordedFiles = 0;
  #files = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#hub = options.registry.installation.hubName;
    this.#cuts = new CutLookup(options.registry, options.export.id);
    this.#tasks = new TaskGroup(options.requestsMax, options.signal);
    const { clock, onRetry } = options;
    const { signal } = this.#tasks;
    this.#again = { clock, signal, onRetry: ({ message }, delayMs) => onRetry(message, delayMs) };
  }

  async run(): Promise<Verification> {
    const { registry, export: one, isDeep } = this.#options;
    this.#facts = await registry.auditFacts(one.id);
    this.#checkSums();
    try {
      for (const place of await this.#places()) await this.#list(place);
      for (const stream of streamsOf(this.#facts)) await this.#checkStream(stream);
      await this.#tasks.rest();
    } catch (error) {
      throw this.#tasks.failure ?? error;
    } finally {
      await this.#tasks.end();
    }
    return {
      exportId: one.id,
      name: one.name,
      isDeep,
      ...this.#findings.all,
      unrecordedFiles: this.#unrecordedFiles,
      gaps: this.#facts.gaps.filter((one) => this.#isInRange(one.windowFirst, one.windowLast)),
      accepted: this.#facts.accepted.filter((one) => this.#isInRange(one.windowFirst, one.windowLast)),
    };
  }

  /** What the sums say that are kept for ever, also of windows whose records are gone. */
  #checkSums(): void {
    for (const violation of auditExport(this.#facts, []).violations) {
      this.#known.add(violationStart(violation));
      if (isAccepted(violation, this.#facts.accepted)) continue;
      const { kind, type, partition, windowFirst, windowLast, message: what, hint } = violation;
      // Which window is miscounted, the records say.
      if (kind === "miscounted" || !this.#isInRange(windowFirst, windowLast)) continue;
      this.#findings.fault({ kind, window: windowFirst, type, partition, path: null, what, hint });
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
        await this.#tasks.run(() => this.#look(place, object));
      }
    }
    await this.#tasks.rest();
  }

  async #look(place: Place, object: ListedObject): Promise<void> {
    const names = namesOf(place.definitions, this.#hub, object.path);
    const first = names[0];
    if (first === undefined) {
      if (namesOf(place.others, this.#hub, object.path).length > 0) return;
      const what = `${object.path} in ${place.destination.root} is no export's file.`;
      const hint = "It was left alone. Move it away if it does not belong there.";
      this.#findings.note({
        kind: "foreign",
        window: null,
        type: null,
        partition: null,
        path: object.path,
        what,
        hint,
      });
      return;
    }
    for (const { name } of names) {
      if (!this.#isInRange(name.window)) return;
      const cut = await this.#cuts.at(name, name.window);
      if (cut === null) continue;
      const file = { type: name.type, window: name.window, partition: name.partition, part: name.part };
      if (name.part < cut.parts.length && (await this.#isPathOf(cut, name.part, place.destination, object.path))) {
        this.#seen.add(cut);
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
      this.#findings.fault({ kind: "doubled", ...file, path: object.path, what, hint });
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
    // Written meanwhile: the server's own look is enough.
    if ((await this.#cuts.now(name, window)) !== null) return;
    const of = { window, type, partition, path };
    if (this.#facts.gaps.some((gap) => isOurs(gap) && gap.windowFirst <= window && window <= gap.windowLast)) {
      const what = `${path} is there, although its window was let go.`;
      const hint = "An upload whose answer was lost, or a file from before a restore. Keep it or remove it.";
      this.#findings.note({ kind: "let-go", ...of, what, hint });
      return;
    }
    const isKnownStream = this.#facts.tallies.some(isOurs);
    if (isKnownStream && isOwed(this.#facts.export, window, type) && window < (await this.#cuts.horizon(name))) {
      this.#unrecordedFiles++;
      return;
    }
    const what = `${path} has the name of this export's file, and there is no record that it wrote one for that window.`;
    this.#findings.fault({
      kind: "unknown",
      ...of,
      what,
      hint: "Find out who wrote it; coldpath read shows what it holds.",
    });
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
    for await (const cut of cutsOf(registry, one.id, stream, range)) {
      this.#findings.sum(cut);
      this.#checkRecord(before, cut);
      if (this.#seen.count(cut) < cut.parts.length) await this.#tasks.run(() => this.#lookFor(cut));
      before = cut;
    }
    await this.#tasks.rest();
  }

  #checkRecord(before: CutRecord | null, cut: CutRecord): void {
    for (const violation of [
      checkCut(this.#facts, cut),
      before === null ? null : checkJoin(this.#facts, before, cut),
    ]) {
      if (violation === null) continue;
      if (violation.kind !== "miscounted" && this.#known.has(violationStart(violation))) continue; // the sums said so
      if (isAccepted(violation, this.#facts.accepted)) continue;
      const { kind, type, partition, windowFirst: window, message: what, hint } = violation;
      this.#findings.fault({ kind, window, type, partition, path: null, what, hint });
    }
  }

  /** Not all of its files were listed: each is looked at by its name. */
  async #lookFor(cut: CutRecord): Promise<void> {
    for (const part of cut.parts.keys()) {
      const { destination, path } = await this.#pathOf(cut, part);
      const head = await readAgain(this.#again, async () => {
        const answer = await destination.head(path, this.#tasks.signal);
        if (answer.kind !== "found" && answer.kind !== "absent") throw new DestinationError(answer);
        return answer;
      });
      if (head.kind === "found") {
        // Listed and looked at already, unless the listing began before it was written.
        if (this.#seen.count(cut) === 0) await this.#check(destination, { path, bytes: head.bytes }, cut, part);
      } else {
        const { records } = must(cut.parts[part], "of this cut");
        this.#findings.file({ kind: "missing", what: "it is not there" }, cut, path, `${records} records`);
      }
    }
  }

  async #check(destination: Destination, object: ListedObject, cut: CutRecord, part: number): Promise<void> {
    const { registry, isDeep } = this.#options;
    const expected = { cut, part, installation: registry.installation.id };
    const finding = await readAgain(this.#again, () =>
      verifyFile(destination, object, expected, isDeep, this.#tasks.signal),
    );
    if (finding !== null) this.#findings.file(finding, cut, object.path);
  }

  /** Whether a window, or one of several, is to be looked at. */
  #isInRange(windowFirst: Window, windowLast = windowFirst): boolean {
    const { range } = this.#options;
    return range === null || (range.first <= windowLast && windowFirst <= range.last);
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
}

/** How far a new partition may be behind the others: longer than any start takes. */
const newStreamWindows = 60;
