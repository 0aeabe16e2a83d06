// `restored.json` in a data directory: that it was restored, from what, and what was lost. For the operator; nothing
// depends on it.

import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Window } from "../lib/window.ts";
import type { BackupManifest } from "./backup.ts";

const fileName = "restored.json";

export interface Restoration {
  readonly restoredAt: string;
  /** When the backup was made. */
  readonly backupAt: string;
  readonly isRegistryOnly: boolean;
  readonly hubName: string;
  readonly secretKey: BackupManifest["secretKey"];
  /** The first window of the restored hub. */
  readonly windowNext: Window;
  /** Gaps on record because of it. */
  readonly gaps: number;
  /** Where the former registry is, or null. */
  readonly formerRegistry: string | null;
}

export async function writeRestored(dataDir: string, restoration: Restoration): Promise<void> {
  await writeFile(join(dataDir, fileName), `${JSON.stringify(restoration, null, 2)}\n`, { mode: 0o600 });
}

/** Null when it never was, or the file cannot be read. */
export function readRestored(
  dataDir: string,
): Pick<Restoration, "restoredAt" | "backupAt" | "isRegistryOnly" | "gaps"> | null {
  try {
    const { restoredAt, backupAt, isRegistryOnly, gaps } = JSON.parse(
      readFileSync(join(dataDir, fileName), "utf8"),
    ) as Restoration;
    return { restoredAt, backupAt, isRegistryOnly, gaps };
  } catch {
    return null;
  }
}
