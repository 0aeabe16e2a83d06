// `coldpath journal`: looks at a journal on disk, without a server, and repairs its clock.

import type { CommandFamily } from "./command.ts";
import { journalCatCommand } from "./journal-cat.ts";
import { journalCheckCommand } from "./journal-check.ts";
import { journalResetClockCommand } from "./journal-reset-clock.ts";

export const journalCommands: CommandFamily = {
  kind: "family",
  name: "journal",
  purpose: "look at the journal on disk: check it, print its records, reset its clock",
  details:
    "These work on the files in {data-dir}/journal, without a server. check and cat only read, also beside a running server; then the minute under way may be in motion.",
  commands: [journalCheckCommand, journalCatCommand, journalResetClockCommand],
  examples: [
    ["coldpath journal check --data-dir /var/lib/coldpath", "reads every byte and says whether all is sound"],
    ["coldpath journal cat --window 2026-01-02T03:04", "what devices sent in that minute"],
  ],
};
