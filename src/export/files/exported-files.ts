// The files of one export in its destination, level by level, as a person browses them.
//
// Owns:      which names are this export's, under any version of its definition, and which levels lead to them.
// Does not:  read the files (file-preview.ts); change anything.
//
//   A3  Nothing else of the container is shown or read: a path must be one that a path template of the export prints.
//
// Where every name of a level is known (`measurements`, `devices`), those are looked for one by one: a container full of
// other things makes it no slower. A level of digits is listed, and bounded.

import type { Destination, ListedObject } from "../../destinations/destination.ts";
import { ColdpathError } from "../../lib/errors.ts";
import type { Export, ExportDefinition } from "../../registry/registry.ts";
import { type FileName, anyDigit, beginsPattern, pathPatterns } from "../path-template.ts";
import { byTemplate, definitionsIn, namesOf } from "../verify/verify-places.ts";

/** The definitions of an export that write to one container. */
export interface FilePlace {
  readonly storageAccountId: string;
  readonly container: string;
  /** The newest of them: names the place. */
  readonly version: number;
  /** One for each path template. */
  readonly definitions: readonly ExportDefinition[];
}

export interface FileLevel {
  readonly prefix: string;
  /** Names of the next level, without a slash. */
  readonly folders: readonly string[];
  readonly files: readonly ListedObject[];
  /** Opaque; null on the last page. A page that is not the last may be short. */
  readonly next: string | null;
}

/** Names of a store that one page may look at, ours or not. */
const lookedAtMax = 10_000;
/** Requests of one page: a store may answer with fewer names than it was asked for. */
const requestsMax = 20;

/** Where the export's files are, the newest place first. */
export function filePlaces(one: Export): readonly FilePlace[] {
  const places = new Map<string, FilePlace>();
  for (const { storageAccountId, container, version } of one.definitions.toReversed()) {
    const key = JSON.stringify([storageAccountId, container]);
    if (places.has(key)) continue;
    const definitions = byTemplate(definitionsIn([one], { storageAccountId, container }));
    places.set(key, { storageAccountId, container, version, definitions });
  }
  return [...places.values()];
}

/**
 * The place that a definition version wrote to; the newest when it is left out.
 *
 * @throws ColdpathError `input-invalid`, field `version`.
 */
export function filePlace(one: Export, version: number | undefined): FilePlace {
  const places = filePlaces(one);
  const definition =
    version === undefined ? one.definitions.at(-1) : one.definitions.find((each) => each.version === version);
  const place = places.find(
    ({ storageAccountId, container }) =>
      storageAccountId === definition?.storageAccountId && container === definition.container,
  );
  if (place !== undefined) return place;
  throw new ColdpathError("invalid", "input-invalid", `The export ${one.name} has no definition ${version}.`, {
    field: "version",
    hint: `Give a version from 1 to ${one.definitions.at(-1)?.version ?? 1}, or leave it out for the newest.`,
  });
}

/**
 * What the path of one of the export's files says.
 *
 * @throws ColdpathError `path-foreign`, field `path`.
 */
export function requireFileName(place: FilePlace, hub: string, path: string): FileName {
  const [found] = namesOf(place.definitions, hub, path);
  if (found !== undefined) return found.name;
  throw foreign("path", path);
}

/**
 * One page of a level.
 *
 * @param request.prefix  "" or a folder of the export's paths, with or without its slash.
 * @throws ColdpathError `path-foreign`, field `prefix`; DestinationError.
 */
export async function fileLevel(
  place: FilePlace,
  destination: Pick<Destination, "listLevel">,
  hub: string,
  request: {
    readonly prefix: string;
    readonly limit: number;
    readonly after?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<FileLevel> {
  const { limit, after, signal } = request;
  const prefix = request.prefix === "" || request.prefix.endsWith("/") ? request.prefix : `${request.prefix}/`;
  const nexts = nextNames(place, hub, prefix);
  if (nexts.length === 0) throw foreign("prefix", request.prefix);
  const isOurs = (path: string): boolean => {
    if (!path.endsWith("/")) return namesOf(place.definitions, hub, path).length > 0;
    const name = path.slice(prefix.length);
    return nexts.some((next) => next.length === name.length && beginsPattern(next, name));
  };
  if (nexts.every((name) => name.endsWith("/") && !name.includes(anyDigit))) {
    return await knownLevel(destination, prefix, nexts, request);
  }
  const start = prefix + commonStart(nexts);
  const folders: string[] = [];
  const files: ListedObject[] = [];
  let cursor = after;
  let lookedAt = 0;
  for (let requests = 0; requests < requestsMax; requests++) {
    const left = limit - folders.length - files.length;
    const level = await destination.listLevel({ prefix: start, limit: Math.min(1000, left), after: cursor, signal });
    folders.push(...level.folders.filter(isOurs).map((path) => path.slice(prefix.length, -1)));
    files.push(...level.files.filter(({ path }) => isOurs(path)));
    if (level.next === null) return { prefix, folders, files, next: null };
    cursor = level.next;
    lookedAt += level.folders.length + level.files.length;
    if (folders.length + files.length >= limit || lookedAt >= lookedAtMax) break;
  }
  return { prefix, folders, files, next: cursor ?? null };
}

/** Few, and each with a name of its own: at most one for each type and path template. */
async function knownLevel(
  destination: Pick<Destination, "listLevel">,
  prefix: string,
  names: readonly string[],
  { limit, after, signal }: Parameters<typeof fileLevel>[3],
): Promise<FileLevel> {
  const folders: string[] = [];
  for (const name of names.filter((one) => after === undefined || one > after)) {
    if (folders.length === limit) return { prefix, folders, files: [], next: `${folders.at(-1)}/` };
    const level = await destination.listLevel({ prefix: prefix + name, limit: 1, signal });
    if (level.folders.length + level.files.length > 0 || level.next !== null) folders.push(name.slice(0, -1));
  }
  return { prefix, folders, files: [], next: null };
}

/** What can follow `prefix` up to the next slash, as patterns; none when no path of the export begins so. */
function nextNames({ definitions }: FilePlace, hub: string, prefix: string): readonly string[] {
  const names = definitions
    .flatMap(({ pathTemplate, types }) => types.flatMap((type) => pathPatterns(pathTemplate, hub, type)))
    .filter((pattern) => pattern.length > prefix.length && beginsPattern(pattern, prefix))
    .map((pattern) => {
      const slash = pattern.indexOf("/", prefix.length);
      return pattern.slice(prefix.length, slash < 0 ? undefined : slash + 1);
    });
  return [...new Set(names)].toSorted();
}

/** What all of them begin with, up to a digit or a slash. */
function commonStart(patterns: readonly string[]): string {
  const [first = ""] = patterns;
  let length = 0;
  while (
    length < first.length &&
    first[length] !== anyDigit &&
    first[length] !== "/" &&
    patterns.every((pattern) => pattern[length] === first[length])
  ) {
    length++;
  }
  return first.slice(0, length);
}

function foreign(field: "path" | "prefix", given: string): ColdpathError {
  const shown = JSON.stringify(given.slice(0, 200));
  return new ColdpathError(
    "invalid",
    "path-foreign",
    `${shown} is no ${field === "path" ? "file" : "folder"} of this export.`,
    {
      field,
      hint:
        field === "path"
          ? "Give a path as the export's runs and its list of files show it."
          : "Begin with an empty prefix, and go on with the folders that the answer names.",
    },
  );
}
