// The program: its words to one command, and the exit code.

import { runCommandLine } from "./cli/run.ts";
import { openTerminal } from "./cli/terminal.ts";

// Not process.exit: output under way is still written, and what a command left open shows.
process.exitCode = await runCommandLine(process.argv.slice(2), openTerminal(), process.env);
