// Restoring a backup: into an empty directory, or only the registry into a directory whose journal is there.
//
// All is unpacked and checked in `{data-dir}/restoring`, then moved to its place, the registry last. A server does not start
// while that folder is there, so a restore that was cut short is never taken for a hub.

import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SnapshotStage } from "../export/snapshot-stage.ts";
import { makeFreshJournal, readMarks } from "../journal/file/fresh-journal.ts";
import { surveyPartition } from "../journal/file/survey.ts";
import { nodeDisk } from "../lib/disk.ts";
import { ColdpathError } from "../lib/errors.ts";
import { type Window, windowOf } from "../lib/window.ts";
import type { JournalStart } from "../registry/restored.ts";
import { examineRegistry, opensRegistry } from "../registry/sqlite/copy.ts";
import { lockDirectory } from "../registry/sqlite/lock.ts";
import { adoptRestoredRegistry } from "../registry/sqlite/restored.ts";
import { readSecretKey } from "../registry/sqlite/secret-key.ts";
import { type BackupManifest, damaged, restoringFolder } from "./backup.ts";
import { readBackup } from "./read-backup.ts";
import { type Restoration, writeRestored } from "./restored-file.ts";
import { restartAfter } from "./restart.ts";

export interface RestoreOptions {
  readonly source: AsyncIterable<Uint8Array>;
  readonly dataDir: string;
  /** Keep the journal that is there. */
  readonly isRegistryOnly: boolean;
  readonly nowMs: number;
}

interface Place {
  readonly windowNext: Window;
  readonly partitions: readonly JournalStart[];
  /** Makes the journal, when it is to be made. */
  readonly makeJournal: () => Promise<void>;
}

/**
 * @throws ColdpathError `backup-damaged`, `backup-newer`, `data-dir-not-empty`, `data-dir-in-use`, `journal-…`; then nothing
 *         of the directory was changed.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restoration> {
  const { dataDir, isRegistryOnly } = options;
  await checkDirectory(dataDir, isRegistryOnly);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(dataDir);
  const work = join(dataDir, restoringFolder);
  let isMoving = false;
  try {
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { mode: 0o700 });
    const manifest = await readBackup(options.source, work);
    checkUnpacked(manifest, work);
    const place = isRegistryOnly ? await placeBesideJournal(dataDir, manifest) : freshPlace(dataDir, manifest, options);
    const restoredAt = new Date(options.nowMs).toISOString();
    const { gaps, owed } = await adoptRestoredRegistry(join(work, "registry.db"), {
      ...place,
      at: restoredAt,
      reason: reasonOf(manifest, isRegistryOnly),
    });

    isMoving = true;
    await place.makeJournal();
    const stage = await SnapshotStage.open(join(dataDir, "snapshots"));
    for (const { cut } of owed) await stage.markLost(cut, reasonOf(manifest, isRegistryOnly));
    const formerRegistry = isRegistryOnly ? await moveAside(dataDir, options.nowMs) : null;
    const restoration: Restoration = {
      restoredAt,
      backupAt: manifest.createdAt,
      isRegistryOnly,
      hubName: manifest.hubName,
      secretKey: manifest.secretKey,
      windowNext: place.windowNext,
      gaps,
      formerRegistry,
    };
    await writeRestored(dataDir, restoration);
    // The registry is first in the manifest and moved last.
    for (const { name } of manifest.entries.toReversed()) {
      const target = join(dataDir, name);
      // Devices trust the authority that is there, and whoever administers has the token.
      if (isRegistryOnly && existsSync(target)) continue;
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await rename(join(work, name), target);
      await nodeDisk.syncDirectory(dirname(target));
    }
    await rm(work, { recursive: true });
    await nodeDisk.syncDirectory(dataDir);
    return restoration;
  } catch (error) {
    if (!isMoving) await rm(work, { recursive: true, force: true });
    throw error;
  } finally {
    unlock();
  }
}

function reasonOf({ createdAt }: BackupManifest, isRegistryOnly: boolean): string {
  const what = isRegistryOnly
    ? "what the former registry knew of it is gone"
    : "the journal of the former machine is gone";
  return `restored from a backup of ${createdAt}: ${what}`;
}

async function checkDirectory(dataDir: string, isRegistryOnly: boolean): Promise<void> {
  if (isRegistryOnly) {
    if (existsSync(join(dataDir, "journal", "partitions.json"))) return;
    throw new ColdpathError("not-found", "journal-not-found", `There is no journal in ${dataDir}.`, {
      hint: "Without --registry-only the whole backup is restored, into an empty directory.",
    });
  }
  const names = existsSync(dataDir) ? await readdir(dataDir) : [];
  const others = names.filter((name) => !["lost+found", restoringFolder].includes(name) && !name.startsWith("lock.db"));
  if (others.length === 0) return;
  const some = others.slice(0, 3).join(", ");
  throw new ColdpathError("conflict", "data-dir-not-empty", `${dataDir} is not empty: it has ${some}.`, {
    field: "data-dir",
    hint: "Name a directory that does not exist yet. If only the registry was lost and the journal is there: --registry-only.",
  });
}

/** B1: beyond the checksums, the registry is whole and its key opens it. */
function checkUnpacked(manifest: BackupManifest, work: string): void {
  const file = join(work, "registry.db");
  const { installationId, hubName } = examineRegistry(file);
  if (installationId !== manifest.installationId || hubName !== manifest.hubName)
    throw damaged("its registry is of another hub");
  if (manifest.secretKey !== "included") return;
  const key = readSecretKey(join(work, "secret.key"));
  if (key === null || !opensRegistry(file, key)) throw damaged("its key does not open its registry");
}

/** The machine was lost, and the journal with it. */
function freshPlace(dataDir: string, manifest: BackupManifest, { nowMs }: RestoreOptions): Place {
  const { windowNext, marks } = restartAfter(manifest.journal, Date.parse(manifest.createdAt), nowMs);
  return {
    windowNext,
    partitions: marks.map((mark) => ({ partition: mark.partition, windowNext: mark.windowNext, offsetNext: null })),
    makeJournal: () => makeFreshJournal(join(dataDir, "journal"), marks),
  };
}

/** Only the registry was lost. What the journal has trimmed since the backup, the former hub had exported. */
async function placeBesideJournal(dataDir: string, manifest: BackupManifest): Promise<Place> {
  const directory = join(dataDir, "journal");
  const partitions: JournalStart[] = [];
  const open: Window[] = [];
  for (const { partition, isRetired } of await readMarks(directory)) {
    const survey = await surveyPartition(nodeDisk, join(directory, String(partition)), false);
    const foreign = survey.segments.find(({ identity }) => identity !== null && identity.hub !== manifest.hubName);
    if (foreign !== undefined) {
      const message = `The journal in ${dataDir} is of hub "${foreign.identity?.hub}", the backup of "${manifest.hubName}".`;
      throw new ColdpathError("conflict", "journal-foreign", message, { hint: "Use a backup of that hub." });
    }
    const [oldest] = survey.segments;
    const { windowNext, offsetNext } = survey;
    partitions.push({
      partition,
      windowNext: oldest?.window ?? windowNext,
      offsetNext: oldest?.offsetFirst ?? offsetNext,
    });
    if (!isRetired) open.push(windowNext);
  }
  return { windowNext: Math.min(...open), partitions, makeJournal: () => Promise.resolve() };
}

/** The registry that is there, whole or not, is kept: nothing is ever deleted. */
async function moveAside(dataDir: string, nowMs: number): Promise<string | null> {
  const names = (await readdir(dataDir)).filter((name) => /^(?:registry\.db|secret\.key)(?:[.-].*)?$/.test(name));
  if (names.length === 0) return null;
  let folder = join(dataDir, `former-registry-${windowOf(nowMs)}`);
  for (let number = 2; existsSync(folder); number++)
    folder = join(dataDir, `former-registry-${windowOf(nowMs)}-${number}`);
  await mkdir(folder, { mode: 0o700 });
  for (const name of names) await rename(join(dataDir, name), join(folder, name));
  await nodeDisk.syncDirectory(dataDir);
  return folder;
}
