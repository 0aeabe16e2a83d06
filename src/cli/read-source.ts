// What `coldpath read` is pointed at: files, folders, blobs; each in the end a list of Avro files in path order.

import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Destination, StorageAccess } from "../destinations/destination.ts";
import { codeOf, ColdpathError } from "../lib/errors.ts";
import type { StorageSecret } from "./storage-secret.ts";

/** One Avro file. */
export interface AvroFile {
  /** As the user would name it; free of secrets. */
  readonly name: string;
  readonly bytes: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Directories of Coldpath's own, which hold files under way. */
const ownDirectory = ".coldpath";

/**
 * The Avro files that `place` stands for.
 *
 * @param secret  how to sign in to a blob's account, when its URL carries no SAS.
 * @param closers  gets what ends connections, for when all files are read.
 * @throws ColdpathError `file-not-found`, `invalid-url` or what the storage says.
 */
export async function* avroFiles(
  place: string,
  secret: StorageSecret | null,
  closers: (() => Promise<void>)[],
): AsyncGenerator<AvroFile, void, void> {
  if (/^https?:\/\//i.test(place)) yield* blobFiles(place, secret, closers);
  else yield* localFiles(place);
}

async function* localFiles(path: string): AsyncGenerator<AvroFile, void, void> {
  const found = await stat(path).catch((error: unknown) => {
    throw new ColdpathError("not-found", "file-not-found", `Cannot read ${path}: ${reasonOf(error)}.`, {
      cause: error,
    });
  });
  if (found.isDirectory()) yield* walk(path);
  else yield fileAt(path, found.size);
}

/** In the order of whole paths, as object storage lists them: `a.avro` before `a/b.avro`. */
async function* walk(folder: string): AsyncGenerator<AvroFile, void, void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new ColdpathError("invalid", "file-unreadable", `Cannot list ${folder}: ${reasonOf(error)}.`, {
      cause: error,
    });
  });
  const sorted = entries
    .filter((entry) => entry.name !== ownDirectory)
    .map((entry) => ({ entry, key: entry.isDirectory() ? `${entry.name}/` : entry.name }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { entry } of sorted) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.name.endsWith(".avro")) {
      // A file that went away meanwhile is no file of this folder.
      const found = await stat(path).catch(() => null);
      if (found?.isFile() === true) yield fileAt(path, found.size);
    }
  }
}

function fileAt(path: string, bytes: number): AvroFile {
  return { name: path, bytes, open: () => createReadStream(path, { highWaterMark: 256 * 1024 }) };
}

interface BlobPlace {
  readonly endpoint: string;
  readonly container: string;
  /** A blob's name or a prefix of names. */
  readonly path: string;
  readonly sas: string | null;
}

async function* blobFiles(
  address: string,
  given: StorageSecret | null,
  closers: (() => Promise<void>)[],
): AsyncGenerator<AvroFile, void, void> {
  const place = parseBlobUrl(address);
  const account = await signIn(place, given);
  closers.push(() => account.close());
  const container = await account.container(place.container);
  const nameOf = (path: string): string => `${place.endpoint}/${place.container}/${path}`;
  if (place.path.endsWith(".avro")) {
    const head = await container.head(place.path);
    if (head.kind === "absent") {
      throw new ColdpathError("not-found", "file-not-found", `There is no blob ${nameOf(place.path)}.`);
    }
    if (head.kind !== "found") {
      throw new ColdpathError("invalid", head.code, head.message, { hint: head.hint });
    }
    yield blobAt(container, place.path, head.bytes, nameOf);
    return;
  }
  const prefix = place.path === "" || place.path.endsWith("/") ? place.path : `${place.path}/`;
  for await (const { path, bytes } of container.list(prefix)) {
    if (path.endsWith(".avro")) yield blobAt(container, path, bytes, nameOf);
  }
}

function blobAt(container: Destination, path: string, bytes: number, nameOf: (path: string) => string): AvroFile {
  return { name: nameOf(path), bytes, open: () => container.read(path) };
}

async function signIn(place: BlobPlace, given: StorageSecret | null): Promise<StorageAccess> {
  // Loaded here: reading a local file needs none of it.
  const { openStorage } = await import("../destinations/open-storage.ts");
  const { endpoint } = place;
  if (place.sas !== null) return openStorage({ kind: "azure-blob", auth: "sas", endpoint }, place.sas);
  if (given === null) return openStorage({ kind: "azure-blob", auth: "entra", endpoint }, undefined);
  return openStorage({ kind: "azure-blob", auth: given.auth, endpoint }, given.text);
}

/**
 * `https://acct.blob.core.windows.net/container/path?sas`; with an address or `localhost` as host, the account is the
 * first part of the path, as Azurite has it.
 */
function parseBlobUrl(address: string): BlobPlace {
  const url = URL.parse(address);
  const parts = (url?.pathname ?? "").split("/").filter((part) => part !== "");
  const isPathStyle = url !== null && /^(?:localhost|\[.*\]|[\d.]+)$/.test(url.hostname);
  const [account, container, ...path] = isPathStyle ? parts : ["", ...parts];
  if (url === null || container === undefined) {
    throw new ColdpathError("invalid", "invalid-url", "The URL does not name a blob or a container.", {
      hint: "Give https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH, with ?SAS at its end if you have one.",
    });
  }
  return {
    endpoint: account === undefined || account === "" ? url.origin : `${url.origin}/${account}`,
    container: decodeURIComponent(container),
    path: path.map(decodeURIComponent).join("/") + (url.pathname.endsWith("/") && path.length > 0 ? "/" : ""),
    sas: url.search === "" ? null : url.search.slice(1),
  };
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "there is no such file or folder";
    case "EACCES":
      return "permission denied";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
