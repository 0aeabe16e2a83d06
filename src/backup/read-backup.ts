// Reading a backup: every byte is checked against the manifest, whether it is only looked at or unpacked.

import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unknownMigration } from "../registry/sqlite/copy.ts";
import { ArchiveReader } from "./archive.ts";
import { type BackupManifest, damaged, newer } from "./backup.ts";
import { parseManifest } from "./manifest.ts";

const manifestBytesMax = 1024 * 1024;

/**
 * Reads a backup to its end.
 *
 * @param unpackTo  a directory for its entries, each durable and for its owner only; null: they are only checked.
 * @throws ColdpathError `backup-damaged`, `backup-newer`; what was unpacked until then is the caller's to remove.
 */
export async function readBackup(
  source: AsyncIterable<Uint8Array>,
  unpackTo: string | null = null,
): Promise<BackupManifest> {
  const archive = new ArchiveReader(source);
  try {
    const manifest = await readManifest(archive);
    for (const entry of manifest.entries) {
      const header = await archive.header();
      if (header?.name !== entry.name || header.bytes !== entry.bytes)
        throw damaged(`${entry.name} is not in its place`);
      const file = unpackTo === null ? null : await create(join(unpackTo, entry.name));
      try {
        const hash = createHash("sha256");
        for await (const piece of archive.content(entry.bytes)) {
          hash.update(piece);
          await file?.writeFile(piece);
        }
        const sha256 = hash.digest("hex");
        if (sha256 !== entry.sha256) throw damaged(`${entry.name} does not match its checksum`);
        await file?.sync();
      } finally {
        await file?.close();
      }
    }
    if ((await archive.header()) !== null) throw damaged("it holds more than its manifest says");
    return manifest;
  } finally {
    await archive.close();
  }
}

async function readManifest(archive: ArchiveReader): Promise<BackupManifest> {
  const header = await archive.header();
  if (header?.name !== "manifest.json" || header.bytes > manifestBytesMax) throw damaged("it has no manifest");
  const pieces: Buffer[] = [];
  for await (const piece of archive.content(header.bytes)) pieces.push(Buffer.from(piece));
  const manifest = parseManifest(Buffer.concat(pieces).toString("utf8"));
  const unknown = unknownMigration(manifest.migrations);
  if (unknown !== null) throw newer(`its registry has migration ${unknown}, which this version does not know`);
  return manifest;
}

async function create(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return await open(path, "wx", 0o600);
}
