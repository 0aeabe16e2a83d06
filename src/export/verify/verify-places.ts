// Where the files of an export may lie: the places of all its definitions, what to list there, and what a path says.

import type { Destination } from "../../destinations/destination.ts";
import { type Window, windowStartMs } from "../../lib/window.ts";
import type { Export, ExportDefinition, ExportType } from "../../registry/registry.ts";
import { type FileName, parsePath, pathPrefix } from "../path-template.ts";

export interface Place {
  readonly destination: Destination;
  /** Of the verified export, one for each template. */
  readonly definitions: readonly ExportDefinition[];
  /** Of other exports that write there. */
  readonly others: readonly ExportDefinition[];
}

/** A day of minutes. */
const dayWindows = 24 * 60;
/** Beyond so many days all is listed at once. */
const daysMax = 400;

/** Definitions of a place by what their paths look like. */
export function byTemplate(definitions: readonly ExportDefinition[]): readonly ExportDefinition[] {
  const templates = new Map<string, ExportDefinition>();
  for (const definition of definitions) {
    const before = templates.get(definition.pathTemplate);
    const types = [...new Set([...(before?.types ?? []), ...definition.types])];
    templates.set(definition.pathTemplate, { ...definition, types });
  }
  return [...templates.values()];
}

/**
 * What to list so that every file of the windows is seen, and nothing twice.
 *
 * @param range  null for everything: then files that are no window's are seen, too.
 */
export function prefixesOf(
  definitions: readonly ExportDefinition[],
  hub: string,
  range: { readonly first: Window; readonly last: Window } | null,
): readonly string[] {
  const days = range === null ? [null] : daysOf(range.first, range.last);
  const prefixes = new Set<string>();
  for (const { pathTemplate, types } of definitions) {
    for (const type of types) for (const day of days) prefixes.add(pathPrefix(pathTemplate, hub, type, day));
  }
  const sorted = [...prefixes].toSorted();
  // A prefix of another one lists it, too; and sorts right before those that it covers.
  return sorted.filter((prefix) => !sorted.some((other) => other !== prefix && prefix.startsWith(other)));
}

function daysOf(first: Window, last: Window): readonly (Window | null)[] {
  const [dayFirst, dayLast] = [Math.floor(first / dayWindows), Math.floor(last / dayWindows)];
  if (dayLast - dayFirst >= daysMax) return [null];
  return Array.from({ length: dayLast - dayFirst + 1 }, (_, index) => (dayFirst + index) * dayWindows);
}

/** What a path says under the templates of these definitions. */
export function namesOf(
  definitions: readonly ExportDefinition[],
  hub: string,
  path: string,
): readonly { readonly name: FileName; readonly definition: ExportDefinition }[] {
  return definitions.flatMap((definition) => {
    // A template without {type} is of one type only.
    const only: ExportType | undefined = definition.types[0];
    const name = parsePath(definition.pathTemplate, hub, path, only);
    return name === null || !definition.types.includes(name.type) ? [] : [{ name, definition }];
  });
}

/** `2026-01-02`. */
export function dayOf(window: Window): string {
  return new Date(windowStartMs(window)).toISOString().slice(0, 10);
}

/** The exports' definitions that write into one container of one account. */
export function definitionsIn(
  exports: readonly Export[],
  { storageAccountId, container }: Pick<ExportDefinition, "storageAccountId" | "container">,
): readonly ExportDefinition[] {
  return exports
    .flatMap(({ definitions }) => definitions)
    .filter((one) => one.storageAccountId === storageAccountId && one.container === container);
}
