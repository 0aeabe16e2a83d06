// One command line from its words to its exit code.

import { exitCodeOf, isDebugging, printError, UsageError, type ExitCode } from "./errors.ts";
import { findCommand, overview } from "./commands.ts";
import type { Command, CommandFamily } from "./command.ts";
import { renderCommandHelp, renderFamilyHelp, styleHelp } from "./help-page.ts";
import type { Terminal } from "./terminal.ts";

/** Runs it and prints its error, if it has one. Never throws. */
export async function runCommandLine(
  words: readonly string[],
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ExitCode> {
  let name = "";
  const flags = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  try {
    const [first] = words;
    if (first === undefined) {
      terminal.complain(overview());
      return 2;
    }
    if (first === "--help" || first === "-h") return printHelp([], terminal);
    if (first === "help") return printHelp(words.slice(1), terminal);
    const { entry, rest } = findCommand(first === "--version" || first === "-v" ? ["version"] : words);
    name = entry.name;
    if (flags.includes("--help") || flags.includes("-h")) return printEntry(entry, terminal);
    if (entry.kind === "family") {
      const names = entry.commands.map((one) => one.name.slice(entry.name.length + 1));
      throw new UsageError(entry.name, `${entry.name} needs a command: ${names.join(", ")}.`);
    }
    return await entry.run(rest, terminal, environment);
  } catch (error) {
    const at = flags.indexOf("--log-level");
    const debug =
      flags.includes("--log-level=debug") || (at >= 0 && flags[at + 1] === "debug") || isDebugging(environment);
    printError(terminal, error, { json: flags.includes("--json"), debug, command: name });
    return exitCodeOf(error);
  }
}

/** `coldpath help [COMMAND [COMMAND]]`. */
function printHelp(words: readonly string[], terminal: Terminal): ExitCode {
  const names = words.filter((word) => !word.startsWith("-"));
  if (names.length === 0 || names[0] === "help") {
    terminal.print(styleHelp(terminal, overview()));
    return 0;
  }
  return printEntry(findCommand(names).entry, terminal);
}

function printEntry(entry: Command | CommandFamily, terminal: Terminal): ExitCode {
  const text = entry.kind === "command" ? renderCommandHelp(entry) : renderFamilyHelp(entry);
  terminal.print(styleHelp(terminal, text));
  return 0;
}
