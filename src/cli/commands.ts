// All commands, and how words become one of them.

import { suggest } from "../config/suggest.ts";
import type { Command, CommandFamily } from "./command.ts";
import { auditLogCommand } from "./audit-log.ts";
import { backupCommand } from "./backup.ts";
import { backupInspectCommand } from "./backup-inspect.ts";
import { caCertificateCommands } from "./ca-certificate.ts";
import { checkCommand } from "./check.ts";
import { deviceCommands } from "./device.ts";
import { enrollmentCommands } from "./enrollment.ts";
import { enrollmentGroupCommands } from "./enrollment-group.ts";
import { exportCommands } from "./export.ts";
import { moduleCommands } from "./module.ts";
import { policyCommands } from "./policy.ts";
import { provisioningCommands } from "./provisioning.ts";
import { registrationCommands } from "./registration.ts";
import { storageCommands } from "./storage.ts";
import { templateCommands } from "./template.ts";
import { UsageError } from "./errors.ts";
import { renderOverview } from "./help-page.ts";
import { journalCommands } from "./journal.ts";
import { migrateIotCentralCommand } from "./migrate-iot-central.ts";
import { readCommand } from "./read.ts";
import { restoreCommand } from "./restore.ts";
import { secretCommands } from "./secret.ts";
import { schemaCommand } from "./schema.ts";
import { serveCommand } from "./serve.ts";
import { tokenCommands } from "./token.ts";
import { userCommands } from "./user.ts";
import { verifyCommand } from "./verify.ts";
import { version } from "../lib/version.ts";
import { versionCommand } from "./version.ts";

const sections: readonly { readonly title: string; readonly entries: readonly (Command | CommandFamily)[] }[] = [
  { title: "The server", entries: [serveCommand, checkCommand] },
  {
    title: "Administration of a running server",
    entries: [
      deviceCommands,
      moduleCommands,
      templateCommands,
      policyCommands,
      caCertificateCommands,
      storageCommands,
      exportCommands,
    ],
  },
  {
    title: "Provisioning of devices that know no hub",
    entries: [
      provisioningCommands,
      enrollmentGroupCommands,
      enrollmentCommands,
      registrationCommands,
      migrateIotCentralCommand,
    ],
  },
  { title: "People and scripts", entries: [userCommands, tokenCommands, auditLogCommand] },
  { title: "Data at rest", entries: [verifyCommand, readCommand, schemaCommand, journalCommands, secretCommands] },
  { title: "Backups", entries: [backupCommand, backupInspectCommand, restoreCommand] },
  { title: "This program", entries: [versionCommand] },
];

const all = sections.flatMap((section) => section.entries);

export interface Found {
  readonly entry: Command | CommandFamily;
  /** What follows the words that name it. */
  readonly rest: readonly string[];
}

/**
 * The command or family that the first words name.
 *
 * @throws UsageError with the nearest name.
 */
export function findCommand(words: readonly string[]): Found {
  const [first = "", second] = words;
  const pair = all.find((one) => one.kind === "command" && one.name === `${first} ${second}`);
  if (pair !== undefined) return { entry: pair, rest: words.slice(2) };
  const entry = all.find((one) => one.name === first);
  if (entry === undefined) {
    throw unknown("", first, [...all.map((one) => one.name), "help"], "is not a command");
  }
  if (entry.kind === "command") return { entry, rest: words.slice(1) };
  if (second === undefined || second.startsWith("-")) return { entry, rest: words.slice(1) };
  const member = entry.commands.find((one) => one.name === `${first} ${second}`);
  if (member === undefined) {
    const names = entry.commands.map((one) => one.name.slice(first.length + 1));
    throw unknown(first, second, names, `is not a command of ${first}`);
  }
  return { entry: member, rest: words.slice(2) };
}

export function overview(): string {
  return renderOverview(
    version,
    sections.map(({ title, entries }) => ({ title, entries: entries.map((one) => [one.name, one.purpose] as const) })),
  );
}

function unknown(family: string, word: string, names: readonly string[], what: string): UsageError {
  const meant = suggest(word, names);
  const prefix = family === "" ? "" : `${family} `;
  return new UsageError(family, `${word} ${what}.${meant === null ? "" : ` Did you mean ${prefix}${meant}?`}`);
}
