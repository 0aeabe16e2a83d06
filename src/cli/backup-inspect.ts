// `coldpath backup inspect`: what is in a backup, every byte of it checked; no secret is shown.

import { createReadStream } from "node:fs";
import type { BackupManifest } from "../backup/backup.ts";
import { ColdpathError, codeOf, messageOf } from "../lib/errors.ts";
import { windowStartMs } from "../lib/window.ts";
import { command } from "./command.ts";
import { minuteText } from "./journal-directory.ts";
import { bytesText, jsonOption, stateText } from "./output.ts";
import { renderTable } from "./table.ts";

export const backupInspectCommand = command({
  name: "backup inspect",
  purpose: "check every byte of a backup and say what is in it, without its secrets",
  arguments: ["FILE"],
  details: "With - as FILE it is read from standard input.",
  options: jsonOption,
  examples: [["coldpath backup inspect /backup/coldpath-2026-01-02.tar", "whole or not, and of when"]],
  exitCodes: { 0: "It is whole.", 1: "It is damaged, or no backup.", 2: "A newer version made it." },
  run: async ({ values: { json }, positionals: [file = ""], terminal }) => {
    const { readBackup } = await import("../backup/read-backup.ts");
    const inspection = inspectionOf(await readBackup(openBackup(file)));
    if (json === true) {
      terminal.print(JSON.stringify({ file, ...inspection }, null, 2));
      return;
    }
    const { hubName, createdAt, software, secretKey, journal, entries } = inspection;
    terminal.print(
      `${stateText("sound", terminal)}: a backup of hub "${hubName}", made ${createdAt} by Coldpath ${software}.`,
    );
    if (secretKey === "elsewhere")
      terminal.print("The key of its secrets is not in it: it was given to the server from elsewhere.");
    for (const { partition, windowOpen, isRetired } of journal) {
      terminal.print(`partition ${partition}: ${isRetired ? "retired" : `minute ${windowOpen} was open`}`);
    }
    const rows = entries.map(({ name, bytes }) => [name, bytesText(bytes)]);
    terminal.print(renderTable(["entry", "size"], rows, terminal));
  },
});

/** For people and programs. */
export function inspectionOf(manifest: BackupManifest) {
  const { version, createdAt, software, hubName, installationId, migrations, secretKey, journal, entries } = manifest;
  return {
    version,
    createdAt,
    software,
    hubName,
    installationId,
    migrations,
    secretKey,
    bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    journal: journal.map(({ partition, isRetired, windowNext }) => {
      const windowOpen = windowStartMs(windowNext) > maxDateMs ? null : minuteText(windowNext);
      return { partition, isRetired, windowOpen };
    }),
    entries,
  };
}

const maxDateMs = 8.64e15;

/** @throws ColdpathError `backup-not-found` when it is read and is not there. */
export async function* openBackup(file: string): AsyncGenerator<Buffer, void, void> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  try {
    for await (const chunk of input) yield chunk as Buffer;
  } catch (cause) {
    if (codeOf(cause)?.startsWith("E") !== true) throw cause;
    throw new ColdpathError("not-found", "backup-not-found", `${file} cannot be read: ${messageOf(cause)}.`, {
      hint: "Name a file that `coldpath backup` made.",
      cause,
    });
  }
}
