// Secrets of storage accounts: from a file, standard input or the environment, never from the command line, where other
// users of the machine can read them.

import { readFileSync } from "node:fs";
import type { OptionTable } from "../config/option.ts";
import { messageOf } from "../lib/errors.ts";
import { UsageError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

export interface StorageSecret {
  readonly auth: "connection-string" | "account-key" | "sas";
  readonly text: string;
}

function fileOption(what: string, variable: string) {
  return {
    group: "Signing in to Azure",
    type: "string",
    isFlagOnly: true,
    form: "a file's name, or - for standard input",
    description: `File that holds ${what}; - is standard input. Or put it into ${variable}.`,
  } as const;
}

export const storageSecretOptions = {
  "connection-string-file": fileOption("the account's connection string", "COLDPATH_CONNECTION_STRING"),
  "account-key-file": fileOption("the account's key", "COLDPATH_ACCOUNT_KEY"),
  "sas-file": fileOption("a shared access signature", "COLDPATH_SAS"),
} as const satisfies OptionTable;

interface Given {
  readonly connectionStringFile: string | undefined;
  readonly accountKeyFile: string | undefined;
  readonly sasFile: string | undefined;
}

/**
 * The one secret that was given; null when none was. A flag wins over the environment.
 *
 * @param command  for the error: whose help says more.
 */
export async function readStorageSecret(
  command: string,
  given: Given,
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<StorageSecret | null> {
  const ways = [
    { auth: "connection-string", file: given.connectionStringFile, variable: "COLDPATH_CONNECTION_STRING" },
    { auth: "account-key", file: given.accountKeyFile, variable: "COLDPATH_ACCOUNT_KEY" },
    { auth: "sas", file: given.sasFile, variable: "COLDPATH_SAS" },
  ] as const;
  const named = ways.filter(({ file }) => file !== undefined);
  const set = ways.filter(({ variable }) => (environment[variable] ?? "") !== "");
  const chosen = named.length > 0 ? named : set;
  if (chosen.length > 1) {
    const names = chosen.map(({ auth, variable }) => (named.length > 0 ? `--${auth}-file` : variable));
    throw new UsageError(command, `Give one of ${names.join(" and ")}, not several.`);
  }
  const [way] = chosen;
  if (way === undefined) return null;
  const text = way.file === undefined ? environment[way.variable] : await readSecret(command, way.file, terminal);
  return { auth: way.auth, text: (text ?? "").trim() };
}

/** @param file  a file's name, or - for standard input. */
export async function readSecret(command: string, file: string, terminal: Terminal): Promise<string> {
  if (file === "-") return (await terminal.readInput()).trim();
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(command, `Cannot read ${file}: ${messageOf(error)}.`);
  }
}
