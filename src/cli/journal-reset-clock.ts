// `coldpath journal reset-clock`: after the machine's clock was wrong by far, goes on at the right time.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../lib/clock.ts";
import { ColdpathError } from "../lib/errors.ts";
import { readGivenKey } from "../server/given-secret-key.ts";
import { command } from "./command.ts";
import { dataDirOption, journalDirectory, minuteText } from "./journal-directory.ts";
import { confirm, durationText, jsonOption, yesOption } from "./output.ts";
import { secretKeyOptions } from "./secret-key-options.ts";

export const journalResetClockCommand = command({
  name: "journal reset-clock",
  purpose: "go on in fresh partitions, after the machine's clock was far ahead",
  details:
    "Time in a partition never goes back: one that was led into next year would stay there. This closes such partitions, keeps what they hold until it is exported, and opens fresh ones at the present time. Set the machine's clock right and stop the server first. Files of later windows have partition numbers that were not used before.",
  options: {
    ...dataDirOption,
    ...secretKeyOptions,
    force: {
      group: "Options",
      type: "boolean",
      isFlagOnly: true,
      description: "Also when the clock is not behind the journal.",
    },
    ...yesOption,
    ...jsonOption,
  },
  examples: [
    ["coldpath journal reset-clock", "asks, then does it for the journal in ./data"],
    ["coldpath journal reset-clock --data-dir /var/lib/coldpath --yes", "for scripts"],
  ],
  exitCodes: { 1: "It was not needed, not wanted, or not possible; nothing was changed." },
  run: async ({ values, terminal }) => {
    const { dataDir, force } = values;
    const directory = journalDirectory(dataDir);
    if (!existsSync(join(dataDir, "registry.db"))) {
      throw new ColdpathError("not-found", "journal-not-found", `${dataDir} is not a server's data directory.`, {
        hint: "Name it with --data-dir (COLDPATH_DATA_DIR).",
      });
    }
    const [{ resetClock }, { openSqliteRegistry }, { refuseToStart }] = await Promise.all([
      import("../journal/file/reset-clock.ts"),
      import("../registry/sqlite/sqlite-registry.ts"),
      import("../server/refuse-to-start.ts"),
    ]);
    const { secretKey: text, secretKeyCommand } = values;
    const secretKey = await readGivenKey({ text, command: secretKeyCommand, option: "secret-key" });
    const options = { directory: dataDir, secretKey, clock: systemClock, beforeOpening: refuseToStart };
    // Holds the directory's lock until it is closed: no server can start meanwhile.
    const registry = await openSqliteRegistry(options).catch((error: unknown) => {
      if (!(error instanceof ColdpathError) || error.code !== "data-dir-in-use") throw error;
      throw new ColdpathError("conflict", error.code, error.message, { hint: "Stop it first, then run this again." });
    });
    try {
      await confirm(
        "journal reset-clock",
        `Is ${new Date().toISOString()} the right time, and go on with it?`,
        values,
        terminal,
      );
      const outcome = await resetClock({
        directory,
        hub: registry.installation.hubName,
        nowMs: systemClock.nowMs(),
        isForced: force === true,
        onClosed: (windowOpen, ahead) => registry.windowsWentBack(windowOpen, ahead),
        onNotice: (level, code, message) => terminal.complain(`coldpath: ${level} ${code}: ${message}`),
      });
      if (values.json === true) {
        terminal.print(JSON.stringify(outcome, null, 2));
        return;
      }
      for (const { partition, window, offsetFirst, offsetNext } of outcome.sealed) {
        terminal.print(
          `Partition ${partition}: window ${minuteText(window)} was closed with offsets ${offsetFirst} to ${offsetNext - 1}.`,
        );
      }
      if (outcome.aheadMs > 0) terminal.print(`The journal was ${durationText(outcome.aheadMs)} ahead of the clock.`);
      terminal.print(
        `It goes on in partition ${outcome.active.join(", ")}; partition ${outcome.retired.join(", ")} is kept until it is exported.`,
      );
    } finally {
      await registry.close();
    }
  },
});
