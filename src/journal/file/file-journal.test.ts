import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { journalContract } from "../journal.contract.ts";
import { FileJournal } from "./file-journal.ts";

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

journalContract("file", (setting) => {
  const directory = mkdtempSync(join(tmpdir(), "coldpath-journal-"));
  made.push(directory);
  return FileJournal.open({
    directory,
    hub: "test",
    partitions: 1,
    bytesMax: 1e12,
    retentionMs: 7 * 24 * 3_600_000,
    recycleBytesMax: 1e9,
    frameBytesMax: 8 * 1024 * 1024,
    clockJumpMaxMs: 300_000,
    log: silentLog,
    onFailed: (error) => {
      throw error;
    },
    ...setting,
  });
});
