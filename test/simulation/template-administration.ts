// The administration of the device template: new versions, edits of published ones in place, and edits that would break
// what relies on a version (docs/decisions/0017-template-edits.md). What an edit did, the oracle reads from the registry.

import { codeOf } from "../../src/lib/errors.ts";
import type { TemplateContent } from "../../src/registry/registry.ts";
import type { ApiCalls } from "./api-calls.ts";
import { template, templateId } from "./cooler-template.ts";
import type { Chance, World } from "./world.ts";

interface Named extends TemplateContent {
  readonly name: string;
}
type Edit = (was: Named, count: number) => Named;

/** One more field, or another definition of one. */
const telemetry = (was: Named, fields: TemplateContent["measurements"]["telemetry"]): Named => ({
  ...was,
  measurements: { ...was.measurements, telemetry: { ...was.measurements.telemetry, ...fields } },
});

/** Each is good for whatever was good before: bounds get wider from count to count. */
const harmless: readonly Edit[] = [
  (was, count) => ({ ...was, name: `Cooler, edited ${count}` }),
  (was, count) => telemetry(was, { temp: { name: "Temperature", dataType: "double", minValue: -100 - count } }),
  (was, count) => telemetry(was, { [`further${count}`]: { name: `Further ${count}`, dataType: "double" } }),
  (was, count) => ({
    ...was,
    measurements: { ...was.measurements, events: { fault: { name: `Fault ${count}`, category: "warning" } } },
  }),
  (was, count) => ({
    ...was,
    settings: { device: { fan: { name: "Fan", dataType: "double", initialValue: count } } },
  }),
];

const breaking: readonly Edit[] = [
  (was) => telemetry(was, { temp: { name: "Temperature", dataType: "double", minValue: 0, maxValue: 1 } }),
  (was) => ({ ...was, measurements: { ...was.measurements, telemetry: {} } }),
  (was) => ({ ...was, properties: { ...was.properties, device: { boots: { name: "Boots", dataType: "string" } } } }),
  (was, count) => ({
    ...was,
    properties: {
      ...was.properties,
      device: { ...was.properties.device, [`new${count}`]: { name: "New", dataType: "double" } },
    },
  }),
];

export class TemplateAdministration {
  /** Versions 1.0.0 to 1.0.{versions - 1} were made, or may have been. */
  #versions = 1;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #calls: ApiCalls;
  readonly #next: () => number;

  /** @param next  a number that was not used yet, higher than those before. */
  constructor(world: World, chance: Chance, calls: ApiCalls, next: () => number) {
    this.#world = world;
    this.#chance = chance;
    this.#calls = calls;
    this.#next = next;
  }

  async setUp(): Promise<void> {
    await this.#calls.must("template", (hub) =>
      hub.registry.createTemplate({ id: templateId, publish: true, ...template(1) }),
    );
  }

  /** One of those there are. */
  version(): string {
    return `1.0.${this.#chance.int(0, this.#versions - 1)}`;
  }

  async make(): Promise<boolean> {
    const version = `1.0.${this.#versions}`;
    const content = template(this.#chance.int(2, 9));
    const made = await this.#calls.call(`template made ${version}`, (hub) =>
      hub.registry.createTemplateVersion(templateId, { version, publish: true, ...content }),
    );
    if (made.kind !== "refused") this.#versions++;
    return made.kind === "done";
  }

  async editInPlace(): Promise<boolean> {
    return (await this.#edit("edit in place", harmless)) === "made";
  }

  /** An edit that breaks what relies on the version: it must not be made. */
  async break(): Promise<boolean> {
    const outcome = await this.#edit("breaking edit", breaking);
    if (outcome === "made")
      this.#world.violate("decision 17", "a published template was edited in place, and that breaks");
    return outcome === "template-edit-breaking";
  }

  async #edit(what: string, edits: readonly Edit[]): Promise<string | null> {
    const version = this.version();
    const edit = this.#chance.pick(edits);
    const count = this.#next();
    const done = await this.#calls.call(`${what} ${version}`, async ({ registry }) => {
      const { name, measurements, settings, properties, etag } = await registry.template(templateId, version);
      const content = edit({ name, measurements, settings, properties }, count);
      try {
        await registry.updateTemplate(templateId, version, content, etag);
        return "made";
      } catch (error) {
        if (codeOf(error) === "template-edit-breaking") return "template-edit-breaking";
        throw error;
      }
    });
    return done.kind === "done" ? done.value : null;
  }
}
