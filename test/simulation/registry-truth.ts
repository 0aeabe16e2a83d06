// What the registry really had, at every moment: read from its tables after each change, by statements of its own.
//
// Snapshots are judged by it (S1, S2), and so is what every export owes, which must never change once a window is closed
// (E1, E2).

import type { DatabaseSync } from "node:sqlite";
import type { World } from "./world.ts";

/** A device, or a published version of a device template, as it was from one revision to the next. */
export interface State {
  readonly type: "devices" | "deviceTemplates";
  readonly id: string;
  readonly revision: number;
  /** The exported record, as the schema has it. */
  readonly record: unknown;
  /** The last revision given out when it was found gone. */
  goneAt: number | null;
}

export interface Definition {
  readonly version: number;
  readonly windowFirst: number;
  readonly container: string;
  readonly types: readonly string[];
  readonly pathTemplate: string;
  readonly codec: string;
  readonly formatRevision: string;
  readonly blockBytes: number;
  readonly fileBytesMax: number;
  readonly storageAccountId: string;
}

export interface Tenure {
  readonly number: number;
  readonly windowFirst: number;
  readonly windowLast: number | null;
}

export interface ExportRow {
  readonly id: string;
  readonly name: string;
  readonly definitions: Definition[];
  readonly tenures: Tenure[];
  readonly checkpoints: Map<number, number>;
  readonly gaps: { type: string; partition: number; windowFirst: number; windowLast: number }[];
}

type Content = Readonly<Record<string, unknown>>;

export interface Twin {
  readonly desired: Content;
  readonly reported: Content;
}

type Row = Record<string, string | number | null>;

export class RegistryTruth {
  /** Ascending by revision. */
  readonly states: State[] = [];
  revision = 0;
  exports = new Map<string, ExportRow>();
  readonly generations = new Map<string, string>();
  /** Told of each generation of a device, when it is committed. */
  onGeneration: (deviceId: string) => void = () => {};
  #generationLast = "";
  readonly #known = new Map<number, string>();
  readonly #present = new Map<string, State>();
  readonly #world: World;
  #statements: Record<
    | "version"
    | "devices"
    | "twins"
    | "templates"
    | "counters"
    | "exports"
    | "definitions"
    | "tenures"
    | "checkpoints"
    | "gaps",
    () => Row[]
  > | null = null;
  #connection: DatabaseSync | null = null;
  /** What SQLite said of the database's version when it was looked at: as long as it says the same, nothing changed. */
  #thingsVersion = -1;
  #exportsVersion = -1;

  constructor(world: World) {
    this.#world = world;
  }

  /** A registry is there. */
  open(connection: DatabaseSync): void {
    this.close();
    this.#connection = connection;
    this.#thingsVersion = -1;
    this.#exportsVersion = -1;
    const query = (sql: string): (() => Row[]) => {
      const statement = connection.prepare(sql);
      return () => statement.all() as unknown as Row[];
    };
    this.#statements = {
      version: query("pragma data_version"),
      devices: query(
        `select id, name, simulated, template_id, template_version, property_values, generation_id, revision
         from devices order by revision`,
      ),
      twins: query("select device_id, desired, reported from device_twins"),
      templates: query(
        "select id, version, name, content, revision from device_templates where published = 1 order by revision",
      ),
      counters: query("select revision from counters"),
      exports: query("select id, name from exports order by id"),
      definitions: query(
        "select export_id, version, window_first, settings from export_definitions order by export_id, version",
      ),
      tenures: query(
        "select export_id, number, window_first, window_last from export_tenures order by export_id, number",
      ),
      checkpoints: query(
        "select export_id, partition, window_next from export_checkpoints where type = 'measurements'",
      ),
      gaps: query("select export_id, type, partition, window_first, window_last from export_gaps order by number"),
    };
  }

  /** What a statement finds in what is committed; null while there is no registry. */
  find(sql: string): readonly Row[] | null {
    return (this.#connection?.prepare(sql).all() ?? null) as readonly Row[] | null;
  }

  /** Another one when anything was committed since; null while there is no registry. */
  version(): number | null {
    const [row] = this.#statements?.version() ?? [];
    return row === undefined ? null : Number(row["data_version"]);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
    this.#statements = null;
  }

  /** After every change of devices or templates, in order of commit. */
  lookAtThings(): void {
    const statements = this.#statements;
    if (statements === null) return;
    const version = Number(statements.version()[0]?.["data_version"]);
    if (version === this.#thingsVersion) return;
    this.#thingsVersion = version;
    this.revision = Number(statements.counters()[0]?.["revision"] ?? 0);
    const seen = new Set<string>();
    const began: string[] = [];
    for (const row of statements.devices()) {
      const id = String(row["id"]);
      const generation = String(row["generation_id"]);
      if (this.generations.get(id) !== generation) {
        if (generation <= this.#generationLast) {
          this.#world.violate("D1", `${id} got generation ${generation} after ${this.#generationLast}`);
        }
        this.generations.set(id, generation);
        this.#generationLast = generation;
        began.push(id);
      }
      seen.add(`devices ${id}`);
      const values = JSON.parse(String(row["property_values"])) as Record<string, unknown>;
      this.#state("devices", id, Number(row["revision"]), {
        id,
        name: row["name"],
        simulated: row["simulated"] === 1,
        deviceTemplate: { id: row["template_id"], version: row["template_version"] },
        ...values,
      });
    }
    for (const row of statements.templates()) {
      const id = `${row["id"]} ${row["version"]}`;
      seen.add(`deviceTemplates ${id}`);
      const record = {
        id: row["id"],
        name: row["name"],
        version: row["version"],
        content: JSON.parse(String(row["content"])),
      };
      this.#state("deviceTemplates", id, Number(row["revision"]), record);
    }
    for (const [key, state] of this.#present) {
      if (seen.has(key)) continue;
      state.goneAt = this.revision;
      this.#present.delete(key);
      if (state.type === "devices") this.generations.delete(state.id);
    }
    for (const id of began) this.onGeneration(id);
  }

  #state(type: State["type"], id: string, revision: number, record: unknown): void {
    const text = JSON.stringify(record);
    const known = this.#known.get(revision);
    if (known === text) return;
    if (known !== undefined) return this.#world.violate("S1", `revision ${revision} of ${id} has two states`);
    if (revision > this.revision) this.#world.violate("S1", `revision ${revision} of ${id} was never given out`);
    const newest = this.states.at(-1)?.revision ?? 0;
    if (revision < newest && this.#present.get(`${type} ${id}`) !== undefined) {
      this.#world.violate("S1", `${id} changed under revision ${revision}, but ${newest} was there before`);
    }
    this.#known.set(revision, text);
    const state: State = { type, id, revision, record, goneAt: null };
    this.#present.set(`${type} ${id}`, state);
    this.states.push(state);
    this.states.sort((one, other) => one.revision - other.revision);
  }

  /** Present now, with their last revisions. */
  present(type: State["type"]): readonly State[] {
    return [...this.#present.values()].filter((state) => state.type === type);
  }

  /** What stands in the twin of a device; one without a row has its settings in desired, as its template wraps them. */
  twin(deviceId: string): Twin | null {
    const device = this.#present.get(`devices ${deviceId}`);
    if (device === undefined) return null;
    const row = this.#statements?.twins().find((one) => one["device_id"] === deviceId);
    if (row !== undefined) {
      const contentOf = (text: unknown) => (JSON.parse(String(text)) as { readonly content: Content }).content;
      return { desired: contentOf(row["desired"]), reported: contentOf(row["reported"]) };
    }
    const { settings } = device.record as { readonly settings: { readonly device: Content } };
    const set = Object.entries(settings.device).filter(([, value]) => value !== null);
    return { desired: Object.fromEntries(set.map(([name, value]) => [name, { value }])), reported: {} };
  }

  /** After every step. */
  lookAtExports(): void {
    const statements = this.#statements;
    if (statements === null) return;
    const version = Number(statements.version()[0]?.["data_version"]);
    if (version === this.#exportsVersion) return;
    this.#exportsVersion = version;
    const exports = new Map<string, ExportRow>();
    for (const row of statements.exports()) {
      const id = String(row["id"]);
      exports.set(id, {
        id,
        name: String(row["name"]),
        definitions: [],
        tenures: [],
        checkpoints: new Map(),
        gaps: [],
      });
    }
    for (const row of statements.definitions()) {
      exports.get(String(row["export_id"]))?.definitions.push({
        ...(JSON.parse(String(row["settings"])) as Definition),
        version: Number(row["version"]),
        windowFirst: Number(row["window_first"]),
      });
    }
    for (const row of statements.tenures()) {
      exports.get(String(row["export_id"]))?.tenures.push({
        number: Number(row["number"]),
        windowFirst: Number(row["window_first"]),
        windowLast: row["window_last"] === null ? null : Number(row["window_last"]),
      });
    }
    for (const row of statements.checkpoints()) {
      exports.get(String(row["export_id"]))?.checkpoints.set(Number(row["partition"]), Number(row["window_next"]));
    }
    for (const row of statements.gaps()) {
      exports.get(String(row["export_id"]))?.gaps.push({
        type: String(row["type"]),
        partition: Number(row["partition"]),
        windowFirst: Number(row["window_first"]),
        windowLast: Number(row["window_last"]),
      });
    }
    this.exports = exports;
  }
}

/** In force at a window: the highest version that began by then. */
export function definitionAt(one: ExportRow, window: number): Definition | undefined {
  return one.definitions.filter(({ windowFirst }) => windowFirst <= window).at(-1);
}

export function tenureAt(one: ExportRow, window: number): Tenure | undefined {
  return one.tenures.findLast(
    ({ windowFirst, windowLast }) => windowFirst <= window && (windowLast === null || window <= windowLast),
  );
}

export function isOwed(one: ExportRow, window: number, type: string): boolean {
  return tenureAt(one, window) !== undefined && definitionAt(one, window)?.types.includes(type) === true;
}

export function isLetGo(one: ExportRow, type: string, partition: number, window: number): boolean {
  return one.gaps.some(
    (gap) => gap.type === type && gap.partition === partition && gap.windowFirst <= window && window <= gap.windowLast,
  );
}
