// Listing a container's directory: the objects below a prefix, in path order, without holding more than the names of
// the directories on the way.

import { join } from "node:path";
import type { ListedObject } from "../destination.ts";
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
