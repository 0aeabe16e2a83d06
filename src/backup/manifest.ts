// The manifest of a backup, as text: JSON with its own SHA-256, so that no flipped bit in it goes unseen.

import { createHash } from "node:crypto";
import { codeOf } from "../lib/errors.ts";
import { type BackupEntry, type BackupManifest, backupVersion, damaged, entryNamePattern, newer } from "./backup.ts";

const kind = "coldpath backup";

export function printManifest(manifest: BackupManifest): string {
  const { version, createdAt, software, hubName, installationId, migrations, secretKey, journal, entries } = manifest;
  const content = {
    kind,
    version,
    createdAt,
    software,
    hubName,
    installationId,
    migrations,
    secretKey,
    journal: journal.map(({ partition, isRetired, windowNext, offsetNext }) => ({
      partition,
      isRetired,
      windowNext,
      offsetNext,
    })),
    entries: entries.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  };
  const sha256 = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return `${JSON.stringify({ ...content, sha256 }, null, 2)}\n`;
}

/** @throws ColdpathError `backup-damaged`, `backup-newer`. */
export function parseManifest(text: string): BackupManifest {
  try {
    const { sha256: _sha256, ...manifest } = JSON.parse(text) as BackupManifest & { kind: string; sha256: string };
    if (manifest.kind !== kind) throw damaged("it has no manifest of one");
    if (manifest.version > backupVersion) throw newer(`it has format version ${manifest.version}`);
    // What we would write is what must stand there, to the last byte.
    if (printManifest(manifest) !== text) throw damaged("its manifest does not match its checksum");
    checkEntries(manifest.entries);
    return manifest;
  } catch (error) {
    if (codeOf(error)?.startsWith("backup-") === true) throw error;
    throw damaged("its manifest cannot be read", error);
  }
}

/** No name may lead out of the directory that it is restored to. */
function checkEntries(entries: readonly BackupEntry[]): void {
  const names = new Set(entries.map(({ name }) => name));
  if (names.size !== entries.length) throw damaged("it names an entry twice");
  if (!names.has("registry.db")) throw damaged("it has no registry");
  const strange = entries.find(({ name }) => !entryNamePattern.test(name));
  if (strange !== undefined) throw damaged(`it names ${JSON.stringify(strange.name)}`);
}
