// Passwords that a person types, unseen, or that standard input holds: never an argument, which other users of the machine
// can read.

import { UsageError } from "./errors.ts";
import { readSecret } from "./storage-secret.ts";
import type { Terminal } from "./terminal.ts";

export const passwordOption = {
  "password-file": {
    group: "Options",
    type: "string",
    isFlagOnly: true,
    form: "a file's name, or - for standard input",
    description: "File that holds the password; - is standard input. Left out: asked for, unseen.",
  },
} as const;

/**
 * @param command  for the error: whose help says more.
 * @throws UsageError when there is nobody to ask.
 */
export async function readPassword(command: string, file: string | undefined, terminal: Terminal): Promise<string> {
  if (file !== undefined) return await readSecret(command, file, terminal);
  if (!terminal.canAsk) {
    throw new UsageError(
      command,
      `${command} asks for a password; without a terminal, give --password-file - and send it.`,
    );
  }
  const password = await terminal.askUnseen("Password (12 to 128 characters): ");
  const again = await terminal.askUnseen("Again: ");
  // Both were typed by the same person: nothing to be learnt from how long this takes.
  if (Buffer.from(password).equals(Buffer.from(again))) return password;
  throw new UsageError(command, "The two are not the same. Nothing was changed.");
}
