// What a command that fails prints, and the exit code it ends with.
//
// Codes made in this room: `usage` (a command line that is not understood), `declined`; of the way to the server:
// `server-absent`, `server-untrusted`, `server-answer`, `token-missing`. Others come from the rooms and from the server.

import { ColdpathError, messageOf } from "../lib/errors.ts";
import type { Terminal } from "./terminal.ts";

/**
 *   0  done
 *   1  the operation failed, or its input is invalid
 *   2  the command line is not understood, or the process cannot run
 */
export type ExitCode = 0 | 1 | 2;

/** A command line that makes no sense. @param command  whose help says more: `device list`; "" for the whole program. */
export class UsageError extends ColdpathError {
  readonly command: string;
  constructor(command: string, message: string, field?: string) {
    super("invalid", "usage", message, { field });
    this.command = command;
  }
}

export function exitCodeOf(thrown: unknown): ExitCode {
  if (!(thrown instanceof ColdpathError)) return 1;
  return thrown.kind === "fatal" || thrown.code === "usage" || thrown.code === "option-invalid" ? 2 : 1;
}

export interface ErrorView {
  /** As JSON, for programs. */
  readonly json: boolean;
  /** With stack traces. */
  readonly debug: boolean;
  /** The command that was run, for the way to its help. */
  readonly command: string;
}

/** Prints an error on standard error: what happened, what to do about it. */
export function printError(terminal: Terminal, thrown: unknown, view: ErrorView): void {
  const error = thrown instanceof ColdpathError ? thrown : null;
  const hint = hintOf(thrown, view);
  if (view.json) {
    const code = error?.code ?? "internal";
    terminal.complain(
      JSON.stringify({ error: { code, message: messageOf(thrown), field: error?.field, hint: hint ?? undefined } }),
    );
  } else {
    for (const line of messageOf(thrown).split("\n")) terminal.complain(`coldpath: ${line}`);
    // An option's error names its flag already.
    if (error?.field !== undefined && exitCodeOf(error) !== 2 && !messageOf(error).includes(error.field)) {
      terminal.complain(`  field: ${error.field}`);
    }
    if (hint !== null) terminal.complain(exitCodeOf(thrown) === 2 && error?.hint === undefined ? hint : `  → ${hint}`);
  }
  if (view.debug && thrown instanceof Error && thrown.stack !== undefined) terminal.complain(stackOf(thrown));
}

/** Whether errors are shown with where they happened. */
export function isDebugging(environment: Readonly<Record<string, string | undefined>>): boolean {
  return environment["COLDPATH_LOG_LEVEL"] === "debug";
}

function hintOf(thrown: unknown, view: ErrorView): string | null {
  if (!(thrown instanceof ColdpathError)) {
    return view.debug ? null : "This was not foreseen. COLDPATH_LOG_LEVEL=debug shows where it happened.";
  }
  if (thrown.hint !== undefined) return thrown.hint;
  if (thrown.code !== "usage" && thrown.code !== "option-invalid") return null;
  const command = thrown instanceof UsageError ? thrown.command : view.command;
  return `Try: coldpath help${command === "" ? "" : ` ${command}`}`;
}

function stackOf(error: Error): string {
  const lines: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) lines.push(at.stack ?? at.message);
  return lines.join("\ncaused by ");
}
