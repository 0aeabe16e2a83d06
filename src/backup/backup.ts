// The backup room: what of a data directory must be kept elsewhere, in one file, and a data directory made from it again.
//
// Owns:      the backup file and its manifest; what a restored hub starts with.
// Does not:  hold messages: what is journaled and not exported exists once; speak to a running server.
//
// Invariants (tests cite the numbers):
//   B1  A backup is of one moment, also while a server runs. One that is damaged, cut short or of a newer version is refused,
//       and nothing is changed.
//   B2  A restored hub uses no window, offset or generation id that the former one can have used.
//   B3  It exports nothing twice, overwrites nothing, and raises no alarm over what the former hub did. What may be lost is
//       on record as gaps, never shown as exported, and never in the way.
//   A2  A backup holds secrets: its file is for its owner only (mode 600).
//
// The file: a tar archive (docs/formats.md "Backup"): manifest first, then the entries that it names, each with its
// SHA-256. Decision: docs/decisions/0013-backup.md.

import { ColdpathError } from "../lib/errors.ts";
import type { PartitionMark } from "../journal/file/fresh-journal.ts";

export const backupVersion = 1;

/** In the data directory while a restore is under way: then it is no hub. */
export const restoringFolder = "restoring";

export interface BackupEntry {
  /** Its path in the data directory: `registry.db`, `secret.key`, `admin.token`, `tls/…`. */
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface BackupManifest {
  readonly version: number;
  /** ISO time, by the machine's clock. */
  readonly createdAt: string;
  /** The version of Coldpath that made it. */
  readonly software: string;
  readonly hubName: string;
  readonly installationId: string;
  /** Of the registry's schema. */
  readonly migrations: readonly string[];
  /** `elsewhere`: it was given to the server, and must be given to the restored one. */
  readonly secretKey: "included" | "elsewhere";
  readonly journal: readonly PartitionMark[];
  readonly entries: readonly BackupEntry[];
}

export const entryNamePattern = /^(?:registry\.db|secret\.key|admin\.token|tls\/[A-Za-z0-9][A-Za-z0-9._-]{0,80})$/;

export function damaged(what: string, cause?: unknown): ColdpathError {
  return new ColdpathError("invalid", "backup-damaged", `The backup is damaged or not a backup: ${what}.`, {
    hint: "Nothing was changed. Use another backup.",
    cause,
  });
}

export function newer(what: string): ColdpathError {
  return new ColdpathError("fatal", "backup-newer", `The backup was made by a newer Coldpath: ${what}.`, {
    hint: "Nothing was changed. Restore it with that version, or a later one.",
  });
}
