// Overlaps: whether two exports, or two versions of one, could write a file of the same name. Pure.
//
// The destinations would refuse the second file (E5), but that export would stand still until somebody mends it. So what
// could meet is refused when it is saved.
//
// Two definitions that are never in force for the same window may share a template: its names are injective over windows.
// With different templates, the name of one window may be another window's name ({MM}/{dd} and {dd}/{MM}).

import { ColdpathError } from "../lib/errors.ts";
import type { Window } from "../lib/window.ts";
import type { Export, ExportDefinition, ExportSettings } from "../registry/registry.ts";
import { templatesOverlap } from "./path-template.ts";

/** Names that files may have, and whose they are. */
export interface Claim {
  readonly exportName: string;
  /** Canonical: `Destination.root`. */
  readonly root: string;
  readonly settings: Pick<ExportSettings, "types" | "pathTemplate">;
  /** In force only for windows before those of the definition that is to be saved. */
  readonly isBefore: boolean;
}

/**
 * What an export's definitions claim beside one that is to be saved.
 *
 * @param isOwn  whether it is this export that gets the new definition.
 * @param rootOf  the destination's root of a definition.
 */
export function claimsOf(
  one: Export,
  isOwn: boolean,
  windowOpen: Window,
  rootOf: (definition: ExportDefinition) => string,
): readonly Claim[] {
  return one.definitions.flatMap((definition, index) => {
    const next = one.definitions[index + 1];
    // Edited again before it came into force: it never names a file.
    if (next !== undefined && next.windowFirst <= definition.windowFirst) return [];
    const isOver = next !== undefined && next.windowFirst <= windowOpen;
    return [{ exportName: one.name, root: rootOf(definition), settings: definition, isBefore: isOwn || isOver }];
  });
}

/** The first claim that a definition with these settings could meet, or null. */
export function overlapOf(
  settings: Pick<ExportSettings, "types" | "pathTemplate">,
  root: string,
  claims: readonly Claim[],
  hub: string,
): Claim | null {
  return (
    claims.find((claim) => {
      if (claim.root !== root) return false;
      if (claim.isBefore && claim.settings.pathTemplate === settings.pathTemplate) return false;
      // Every pair of types, not only equal ones: a template need not have {type} when there is one type.
      return settings.types.some((type) =>
        claim.settings.types.some((other) =>
          templatesOverlap(
            settings.pathTemplate.replace("{type}", type),
            claim.settings.pathTemplate.replace("{type}", other),
            hub,
            type,
          ),
        ),
      );
    }) ?? null
  );
}

/**
 * Refuses a definition that could meet a claim.
 *
 * @throws ColdpathError `export-overlap`, field `pathTemplate`.
 */
export function refuseOverlap(
  settings: Pick<ExportSettings, "types" | "pathTemplate">,
  root: string,
  claims: readonly Claim[],
  hub: string,
): void {
  const claim = overlapOf(settings, root, claims, hub);
  if (claim === null) return;
  throw new ColdpathError(
    "conflict",
    "export-overlap",
    `Files of this export could get the same names as files of the export "${claim.exportName}" (${claim.settings.pathTemplate} in ${claim.root}).`,
    {
      field: "pathTemplate",
      hint: "Use another container, or begin the path template with a folder of its own, e.g. compressed/{type}/…",
    },
  );
}
