// The program: its words to one command, and the exit code.

import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// File operations that hang (a folder on a file server that is gone) each hold a thread of Node's pool. Of the usual four,
// as many uploads would hold all, and the journal could write no more. Read by libuv when the pool is used first.
process.env["UV_THREADPOOL_SIZE"] ??= "96";

// A command starts in a third of the time when what was compiled is kept. Beside the program, not in the machine's
// temporary directory, where other users could put code of theirs; where it cannot be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/coldpath", import.meta.url)));

const { runCommandLine } = await import("./cli/run.ts");
const { endThoughFilesHang } = await import("./cli/end-process.ts");
const { openTerminal } = await import("./cli/terminal.ts");

// Not process.exit: output under way is still written, and what a command left open shows.
process.exitCode = await runCommandLine(process.argv.slice(2), openTerminal(), process.env);
endThoughFilesHang();
