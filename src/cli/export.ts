// `coldpath export`: continuous data exports, their state, and what to do about one that does not move.

import type { CommandFamily } from "./command.ts";
import { acceptCommand, auditCommand } from "./export-audit.ts";
import { createExportCommand, deleteExportCommand, editExportCommand, turnExportCommands } from "./export-changes.ts";
import { filesCommand, previewCommand } from "./export-files.ts";
import { discardCommand, retryExportCommand } from "./export-repair.ts";
import { exportStatusCommand, listExportsCommand, showExportCommand } from "./export-views.ts";
import { gapsCommand, runsCommand } from "./export-history.ts";

export const exportCommands: CommandFamily = {
  kind: "family",
  name: "export",
  purpose: "continuous data exports: create, turn on and off, see how they are, repair",
  details: "EXPORT is an export's id, or its name.",
  commands: [
    listExportsCommand,
    createExportCommand,
    showExportCommand,
    exportStatusCommand,
    editExportCommand,
    ...turnExportCommands,
    retryExportCommand,
    discardCommand,
    auditCommand,
    acceptCommand,
    runsCommand,
    filesCommand,
    previewCommand,
    gapsCommand,
    deleteExportCommand,
  ],
  examples: [
    ["coldpath export create lake --storage azure --container iot", "everything, every minute"],
    ["coldpath export status", "how all exports are, and what to do"],
  ],
};
