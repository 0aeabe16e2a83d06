// The file journal on a real disk tells the port's stories.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { type JournalSetting, journalContract } from "../journal.contract.ts";
import { type DiskFile, nodeDisk } from "../../lib/disk.ts";
import { FileJournal } from "./file-journal.ts";

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** The real disk, counted: it is at rest when it has been idle for some turns. */
let operations = 0;
const disk = counted(nodeDisk);

function counted<T extends object>(target: T): T {
  const entries = Object.entries(target as Record<string, (...values: never[]) => Promise<unknown>>);
  const wrapped = entries.map(([name, call]) => {
    const counting = async (...values: never[]): Promise<unknown> => {
      operations++;
      try {
        const outcome = await call(...values);
        return name === "open" ? counted(outcome as DiskFile) : outcome;
      } finally {
        operations--;
      }
    };
    return [name, counting] as const;
  });
  return Object.fromEntries(wrapped) as T;
}

async function diskAtRest(): Promise<void> {
  for (let idleTurns = 0; idleTurns < 6; idleTurns = operations === 0 ? idleTurns + 1 : 0) {
    await new Promise(setImmediate);
  }
}

function openFileJournal(setting: JournalSetting): Promise<FileJournal> {
  const directory = mkdtempSync(join(tmpdir(), "coldpath-journal-"));
  made.push(directory);
  return FileJournal.open({
    directory,
    hub: "test",
    partitions: 1,
    bytesMax: 1e12,
    warnShare: 0.8,
    warnBeforeMs: 0,
    freeBytesMin: 0,
    retentionMs: 7 * 24 * 3_600_000,
    recycleBytesMax: 1e9,
    frameBytesMax: 8 * 1024 * 1024,
    clockJumpMaxMs: 300_000,
    log: silentLog,
    onFailed: (error) => {
      throw error;
    },
    disk,
    ...setting,
  });
}

journalContract("file", openFileJournal, diskAtRest);
