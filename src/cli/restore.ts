// `coldpath restore`: a data directory from a backup.

import { resolve } from "node:path";
import { serverOptions } from "../config/options.ts";
import { command } from "./command.ts";
import { openBackup } from "./backup-inspect.ts";
import { minuteText } from "./journal-directory.ts";
import { jsonOption } from "./output.ts";

export const restoreCommand = command({
  name: "restore",
  purpose: "make a data directory from a backup, or only its registry",
  arguments: ["FILE"],
  details: [
    "Into an empty directory: the machine was lost, and its journal with it. The former server must not run any more. What it had journaled and not exported is lost and goes on record as gaps (export gaps); the restored hub goes on with the next minute, and with full snapshots.",
    "With --registry-only: only the registry was lost. The server must be stopped; the journal that is there stays, and what it holds is exported. The registry that is there is moved aside, never deleted.",
    "All is checked before anything is changed. With - as FILE the backup is read from standard input.",
  ].join("\n"),
  options: {
    "data-dir": { ...serverOptions["data-dir"], description: "The directory to restore into." },
    "registry-only": {
      group: "Options",
      type: "boolean",
      isFlagOnly: true,
      description: "Keep the journal of the directory.",
    },
    "test-clock-origin": serverOptions["test-clock-origin"],
    ...jsonOption,
  },
  examples: [
    ["coldpath restore /backup/coldpath-2026-01-02.tar --data-dir /var/lib/coldpath", "on a new machine"],
    ["coldpath restore coldpath.tar --data-dir /var/lib/coldpath --registry-only", "registry.db was lost"],
  ],
  exitCodes: {
    1: "The backup is damaged, or the directory is not one to restore into. Nothing was changed.",
    2: "A newer version made the backup, or a server runs on the directory. Nothing was changed.",
  },
  run: async ({ values, positionals: [file = ""], terminal }) => {
    const { restoreBackup } = await import("../backup/restore.ts");
    const restoration = await restoreBackup({
      source: openBackup(file),
      dataDir: resolve(values.dataDir),
      isRegistryOnly: values.registryOnly === true,
      nowMs: values.testClockOriginMs ?? Date.now(),
    });
    const { hubName, backupAt, windowNext, gaps, secretKey, formerRegistry } = restoration;
    if (values.json === true) {
      terminal.print(
        JSON.stringify(
          { dataDir: resolve(values.dataDir), ...restoration, windowNext: minuteText(windowNext) },
          null,
          2,
        ),
      );
      return;
    }
    terminal.print(`Hub "${hubName}" as of ${backupAt} is in ${resolve(values.dataDir)}.`);
    if (formerRegistry !== null) terminal.print(`The registry that was there is in ${formerRegistry}.`);
    if (values.registryOnly !== true) terminal.print(`It goes on with the minute ${minuteText(windowNext)}.`);
    if (gaps > 0) {
      terminal.print(
        `${gaps} ${gaps === 1 ? "gap is" : "gaps are"} on record for what may be lost: coldpath export gaps NAME.`,
      );
    }
    if (secretKey === "elsewhere") terminal.print("Give the server its secret key again: it is not in the backup.");
    terminal.print("Changes made after the backup are gone: look at devices, keys and exports before devices connect.");
  },
});
