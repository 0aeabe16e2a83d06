// The program: its words to one command, and the exit code.

import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// A command starts in a third of the time when what was compiled is kept. Beside the program, not in the machine's
// temporary directory, where other users could put code of theirs; where it cannot be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/coldpath", import.meta.url)));

const { runCommandLine } = await import("./cli/run.ts");
const { openTerminal } = await import("./cli/terminal.ts");

// Not process.exit: output under way is still written, and what a command left open shows.
process.exitCode = await runCommandLine(process.argv.slice(2), openTerminal(), process.env);
