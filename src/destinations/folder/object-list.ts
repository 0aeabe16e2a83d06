// Listing a container's directory: the objects below a prefix, in path order, without holding more than the names of
// the directories on the way.

import { join } from "node:path";
import type { LevelRequest, ListedLevel, ListedObject } from "../destination.ts";
import { orAborted, throwIfAborted } from "../failure.ts";
import { isListed } from "../object-path.ts";
import { isAbsent } from "./file-error.ts";
import type { Files } from "./files.ts";

/**
 * Walks `root` in the order of whole paths: a directory sorts as its name with the slash, as Azure sorts blobs.
 * Symbolic links are neither followed nor shown. A directory that vanishes meanwhile counts as empty.
 */
export async function* listObjects(
  files: Files,
  root: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedObject> {
  yield* walk(files, root, "", prefix, signal);
}

/**
 * One level: what begins with `prefix`, up to the next slash. `next` is the last name of the page, so that a page stands
 * for itself. Of a directory all names are read, of its files only those of the page are looked at.
 */
export async function listDirectory(
  files: Files,
  root: string,
  { prefix, limit, after, signal }: LevelRequest,
): Promise<ListedLevel> {
  const operation = `listing ${root}`;
  const directory = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const names = await orAborted(signal, operation, namesOf(files, join(root, directory)));
  const found = names
    .map((name) => directory + name)
    .filter((path) => path.startsWith(prefix) && isListed(path) && (after === undefined || path > after));
  const page = found.slice(0, limit);
  const sized = await orAborted(
    signal,
    operation,
    Promise.all(
      page
        .filter((path) => !path.endsWith("/"))
        .map(async (path) => ({ path, bytes: await sizeOf(files, join(root, path)) })),
    ),
  );
  return {
    folders: page.filter((path) => path.endsWith("/")),
    files: sized.flatMap(({ path, bytes }) => (bytes === null ? [] : [{ path, bytes }])),
    next: found.length > limit ? (page.at(-1) ?? null) : null,
  };
}

async function* walk(
  files: Files,
  root: string,
  directory: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedObject> {
  const operation = `listing ${root}`;
  throwIfAborted(signal, operation);
  for (const entry of await orAborted(signal, operation, namesOf(files, join(root, directory)))) {
    const path = directory + entry;
    if (!isListed(path) || !overlaps(path, prefix)) continue;
    if (entry.endsWith("/")) {
      yield* walk(files, root, path, prefix, signal);
      continue;
    }
    if (!path.startsWith(prefix)) continue;
    const bytes = await orAborted(signal, operation, sizeOf(files, join(root, path)));
    if (bytes !== null) yield { path, bytes };
  }
}

/** Names of files, and of directories with a slash, sorted. */
async function namesOf(files: Files, directory: string): Promise<readonly string[]> {
  try {
    const entries = await files.readdir(directory, { withFileTypes: true });
    const names: string[] = [];
    for (const entry of entries) {
      if (entry.isDirectory()) names.push(`${entry.name}/`);
      else if (entry.isFile()) names.push(entry.name);
    }
    return names.sort();
  } catch (thrown) {
    if (isAbsent(thrown)) return [];
    throw thrown;
  }
}

/** True when a path at or below `path` can start with `prefix`. */
function overlaps(path: string, prefix: string): boolean {
  return path.startsWith(prefix) || prefix.startsWith(path);
}

async function sizeOf(files: Files, file: string): Promise<number | null> {
  try {
    return (await files.lstat(file)).size;
  } catch (thrown) {
    if (isAbsent(thrown)) return null;
    throw thrown;
  }
}
