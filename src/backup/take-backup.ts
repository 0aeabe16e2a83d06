// Taking a backup of a data directory, whether a server runs on it or not.
//
//   B1  The registry is copied as of one moment. The marks of the journal are read after it, so that no export in the copy
//       is ahead of them.

import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ColdpathError } from "../lib/errors.ts";
import { version } from "../lib/version.ts";
import { readMarks } from "../journal/file/fresh-journal.ts";
import { copyRegistry } from "../registry/sqlite/copy.ts";
import { archiveEnd, entryBytesMax, padding, printHeader } from "./archive.ts";
import { type BackupEntry, type BackupManifest, backupVersion, entryNamePattern } from "./backup.ts";
import { printManifest } from "./manifest.ts";

interface Content extends BackupEntry {
  /** In memory, or a file that does not change. */
  readonly bytesOf: Buffer | { readonly path: string };
}

/**
 * @param of.temporaryDirectory  has room for a copy of the registry; what is put there is removed again.
 * @param of.write               is given the file's bytes.
 * @throws ColdpathError `registry-unreadable`, `journal-…`, `backup-too-large`, and what `write` throws.
 */
export async function takeBackup(of: {
  readonly dataDir: string;
  readonly temporaryDirectory: string;
  readonly nowMs: number;
  readonly write: (bytes: AsyncIterable<Buffer>) => Promise<void>;
}): Promise<BackupManifest> {
  const { dataDir, nowMs } = of;
  const temporary = await mkdtemp(join(of.temporaryDirectory, ".coldpath-backup-"));
  try {
    const copy = join(temporary, "registry.db");
    const { key, ...identity } = await copyRegistry(dataDir, copy);
    const contents: Content[] = [await contentOfFile("registry.db", copy)];
    if (key !== null) contents.push(contentOf("secret.key", key));
    for (const name of ["admin.token", ...(await namesIn(dataDir, "tls"))]) {
      const path = join(dataDir, name);
      if (existsSync(path) && entryNamePattern.test(name)) contents.push(contentOf(name, readFileSync(path)));
    }
    const manifest: BackupManifest = {
      version: backupVersion,
      createdAt: new Date(nowMs).toISOString(),
      software: version,
      ...identity,
      secretKey: key === null ? "elsewhere" : "included",
      journal: await readMarks(join(dataDir, "journal")),
      entries: contents.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    };
    await of.write(archiveOf(manifest, contents, nowMs));
    return manifest;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function* archiveOf(manifest: BackupManifest, contents: readonly Content[], nowMs: number) {
  const text = Buffer.from(printManifest(manifest));
  for (const { name, bytes, bytesOf } of [{ ...contentOf("manifest.json", text) }, ...contents]) {
    yield printHeader({ name, bytes }, nowMs);
    if (Buffer.isBuffer(bytesOf)) yield bytesOf;
    else for await (const chunk of createReadStream(bytesOf.path)) yield chunk as Buffer;
    yield padding(bytes);
  }
  yield archiveEnd();
}

function contentOf(name: string, bytesOf: Buffer): Content {
  return { name, bytes: bytesOf.length, sha256: createHash("sha256").update(bytesOf).digest("hex"), bytesOf };
}

async function contentOfFile(name: string, path: string): Promise<Content> {
  const { size } = await stat(path);
  if (size > entryBytesMax) {
    throw new ColdpathError("conflict", "backup-too-large", `The registry has ${size} bytes; 8 GiB fit in a backup.`, {
      hint: "Take a snapshot of the file system instead.",
    });
  }
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { name, bytes: size, sha256: hash.digest("hex"), bytesOf: { path } };
}

async function namesIn(dataDir: string, folder: string): Promise<string[]> {
  const path = join(dataDir, folder);
  if (!existsSync(path)) return [];
  return (await readdir(path)).toSorted().map((name) => `${folder}/${name}`);
}
