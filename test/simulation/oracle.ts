// The judge: compares what the hub did with what it promised. It knows the documents, not the product's code: it derives
// each file's name and bytes a second time (expected-files.ts), and what each export owes from the registry's tables.
//
// A file is judged in the moment it becomes visible; progress and trimming when they happen; everything once more at the
// end, when nothing may be missing.

import type { StoredBlob } from "./store.ts";
import { type ExpectedFile, ExpectedFiles } from "./expected-files.ts";
import type { ClosedWindow, JournalTruth } from "./journal-truth.ts";
import type { Ledger } from "./ledger.ts";
import {
  type Definition,
  type ExportRow,
  type RegistryTruth,
  definitionAt,
  isLetGo,
  isOwed,
  tenureAt,
} from "./registry-truth.ts";
import { type CreatedFile, SnapshotOracle } from "./snapshot-oracle.ts";
import { CloudMessageOracle } from "./cloud-message-oracle.ts";
import { MethodOracle } from "./method-oracle.ts";
import { ProvisioningOracle } from "./provisioning-oracle.ts";
import { TwinOracle } from "./twin-oracle.ts";
import type { World } from "./world.ts";

export class Oracle {
  readonly journal: JournalTruth;
  readonly registry: RegistryTruth;
  readonly ledger: Ledger;
  readonly twins: TwinOracle;
  readonly cloudMessages: CloudMessageOracle;
  readonly methods: MethodOracle;
  readonly provisioning: ProvisioningOracle;
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
  readonly #expectedFiles = new ExpectedFiles();
  readonly #snapshots: SnapshotOracle;
  /** What an administrator was told and nothing contradicted since. */
  readonly #told = new Map<string, { on: boolean; offSince: number }>();
  /** Windows whose segments are gone, by partition; and those that were gone before an export came to owe them. */
  readonly #trimmed = new Set<string>();
  readonly #goneBefore = new Set<string>();
  /** The oldest window that any partition had open when it was made or turned on: those ahead owe what they closed since. */
  readonly #mayOweFrom = new Map<string, number>();

  constructor(world: World, of: { journal: JournalTruth; registry: RegistryTruth; ledger: Ledger }) {
    this.#world = world;
    this.journal = of.journal;
    this.registry = of.registry;
    this.ledger = of.ledger;
    this.#snapshots = new SnapshotOracle(world, of.registry);
    this.twins = new TwinOracle(world, of.registry);
    this.cloudMessages = new CloudMessageOracle(world, of.registry);
    this.methods = new MethodOracle(world);
    this.provisioning = new ProvisioningOracle(world, of.registry);
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
    const file = { container, path, bytes: blob.bytes, label };
    if (label["type"] === "measurements") this.#measurements(one, file);
    else this.#snapshots.created(one, file, this.secret ?? Buffer.alloc(0));
  }

  /** A segment's file is about to go (E4). */
  trimmed(path: string): void {
    this.journal.look(); // it may have been closed while the hub was starting
    const closed = this.journal.all().find((one) => one.path === path);
    if (closed === undefined || closed.records.length === 0) return;
    this.registry.lookAtExports();
    this.#world.tell("journal", `partition ${closed.partition}, window ${closed.window} is trimmed`);
    this.#world.count("trimmed");
    this.#trimmed.add(`${closed.partition} ${closed.window}`);
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

  /** An administrator asks to turn an export on or off: until `told`, nobody knows which it is. */
  turning(exportId: string, on: boolean): void {
    this.check();
    this.#told.delete(exportId);
    this.#mayOweFrom.set(exportId, on ? this.journal.floorLowest : Infinity);
  }

  /** An administrator was told that an export is on or off. */
  told(exportId: string, on: boolean): void {
    this.#told.set(exportId, { on, offSince: this.journal.floorHighest });
  }

  // ---- after every step ----

  check(): void {
    this.journal.look();
    this.registry.lookAtThings();
    this.cloudMessages.look();
    this.registry.lookAtExports();
    this.#snapshots.look(this.journal.floorLowest);
    for (const one of this.registry.exports.values()) {
      if (!this.#mayOweFrom.has(one.id)) this.#mayOweFrom.set(one.id, this.journal.floorLowest);
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
        const isTurnedOn = before === "nothing" && window >= (this.#mayOweFrom.get(one.id) as number);
        if (owed && before !== promise && this.#trimmed.has(`${partition} ${window}`)) this.#goneBefore.add(key);
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
    if (this.#goneBefore.has(`${one.id} ${partition} ${window}`)) return null;
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

  #measurements(one: ExportRow, { container, path, bytes, label }: CreatedFile): void {
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

  #expected(definition: Definition, closed: ClosedWindow): readonly ExpectedFile[] {
    return this.#expectedFiles.of(this.secret ?? Buffer.alloc(0), definition, closed);
  }

  // ---- at the end ----

  /** Nothing is missing: every message that was acknowledged is in the journal, every owed window in its files. */
  checkAll(): void {
    this.check();
    this.twins.checkAll();
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
      for (const type of ["devices", "deviceTemplates"] as const) {
        this.#snapshots.checkRuns(one, type, this.journal.floorLowest);
      }
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
