// The administration of exports: makes, turns on and off, edits and deletes them, and tells the oracle what it was told.

import { defaultPathTemplate } from "../../src/export/path-template.ts";
import type { Export, ExportSettings, ExportType } from "../../src/registry/registry.ts";
import type { ApiCalls } from "./api-calls.ts";
import type { Oracle } from "./oracle.ts";
import type { Chance } from "./world.ts";

export interface KnownExport {
  readonly id: string;
  readonly name: string;
  on: boolean;
  settings: ExportSettings;
}

export const containers = ["lake-one", "lake-two"];

export class ExportAdministration {
  readonly all = new Map<string, KnownExport>();
  storageAccountId = "";
  readonly #chance: Chance;
  readonly #calls: ApiCalls;
  readonly #oracle: Oracle;
  readonly #types: readonly ExportType[];

  constructor(chance: Chance, calls: ApiCalls, oracle: Oracle, types: readonly ExportType[]) {
    this.#chance = chance;
    this.#calls = calls;
    this.#oracle = oracle;
    this.#types = types;
  }

  /** Some of those of the story. */
  types(): ExportType[] {
    const types = this.#types.filter(() => this.#chance.is(0.75));
    return types.length === 0 ? ["measurements"] : types;
  }

  async make(name: string, more: Partial<ExportSettings>, on: boolean): Promise<boolean> {
    const chance = this.#chance;
    const settings: ExportSettings = {
      storageAccountId: this.storageAccountId,
      container: chance.pick(containers),
      types: ["measurements"],
      pathTemplate: `${name}/${defaultPathTemplate}`,
      codec: chance.pick(["null", "deflate"]),
      formatRevision: chance.pick(["2018-07", "2018-09"]),
      blockBytes: chance.pick([1024, 4096, 65_536]),
      fileBytesMax: chance.pick([1500, 4000, 1_000_000]),
      ...more,
    };
    onePartSnapshots(settings);
    const made = await this.#calls.call(`make the export ${name}`, async (hub) => {
      const open = (): number => hub.journal.windowNext();
      const { id } = await hub.registry.createExport(name, settings, open);
      return on ? await hub.registry.setExportOn(id, true, open) : await hub.registry.export(id);
    });
    if (made.kind !== "done") return false;
    this.all.set(made.value.id, { id: made.value.id, name, on, settings });
    this.#told(made.value.id, on);
    return true;
  }

  #told(id: string, on: boolean): void {
    this.#oracle.journal.look();
    this.#oracle.told(id, on);
  }

  async turn(one: KnownExport, on: boolean): Promise<boolean> {
    if (one.on === on) return false;
    this.#oracle.turning(one.id, on);
    const turned = await this.#calls.call(`turn ${one.name} ${on ? "on" : "off"}`, (hub) =>
      // As the route: what any partition has open is owed by an export that is turned on now, or was on until now.
      hub.registry.setExportOn(one.id, on, () => (on ? hub.journal.windowNext() : hub.journal.windowNewest())),
    );
    if (turned.kind !== "done") return false;
    one.on = on;
    this.#told(one.id, on);
    return true;
  }

  async edit(one: KnownExport): Promise<boolean> {
    const chance = this.#chance;
    const settings = { ...one.settings };
    if (chance.is(0.4)) Object.assign(settings, { codec: chance.pick(["null", "deflate"]) });
    if (chance.is(0.4)) Object.assign(settings, { types: this.types() });
    if (chance.is(0.3)) {
      const folder = chance.pick(["", "second/", "third/"]);
      Object.assign(settings, { pathTemplate: `${one.name}/${folder}${defaultPathTemplate}` });
    }
    if (chance.is(0.2)) Object.assign(settings, { container: chance.pick(containers) });
    if (chance.is(0.2)) Object.assign(settings, { formatRevision: chance.pick(["2018-07", "2018-09"]) });
    if (chance.is(0.2)) Object.assign(settings, { fileBytesMax: chance.pick([1500, 4000, 1_000_000]) });
    onePartSnapshots(settings);
    const edited = await this.#calls.call(
      `edit ${one.name}: ${settings.codec}, ${settings.types.join("+")}, ${settings.container}/${settings.pathTemplate}, ${settings.formatRevision}`,
      (hub) => hub.registry.updateExport(one.id, { settings }, () => hub.journal.windowNewest()),
    );
    if (edited.kind !== "done") return false;
    one.settings = settings;
    return true;
  }

  async delete(one: KnownExport): Promise<boolean> {
    if (one.on) return false;
    const gone = await this.#calls.call(`delete ${one.name}`, async (hub) => {
      const tenure = (await hub.registry.export(one.id)).tenures.at(-1);
      const isOver = tenure !== undefined && (tenure.windowLast ?? Infinity) < hub.journal.windowNext();
      const owesNothing = tenure === undefined || (isOver && hub.exporter.owesNothing(one.id));
      await hub.registry.deleteExport(one.id, owesNothing);
    });
    if (gone.kind === "refused") return false;
    this.all.delete(one.id);
    return gone.kind === "done";
  }

  /** What there is now. */
  learn(exports: readonly Export[]): void {
    for (const [id] of this.all) if (!exports.some((one) => one.id === id)) this.all.delete(id);
    for (const one of exports) {
      const {
        version: _version,
        windowFirst: _windowFirst,
        ...settings
      } = one.definitions.at(-1) as ExportSettings & {
        version: number;
        windowFirst: number;
      };
      this.all.set(one.id, { id: one.id, name: one.name, on: one.on, settings });
      this.#told(one.id, one.on);
    }
  }
}

/** Parts are for measurements here: the oracle reads a snapshot from one file. */
function onePartSnapshots(settings: { types: readonly ExportType[]; fileBytesMax: number }): void {
  if (settings.types.some((type) => type !== "measurements")) settings.fileBytesMax = 1_000_000;
}
