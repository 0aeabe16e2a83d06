// `npm run verify`: everything that can be said about the sources without running them.
//
//     format   oxfmt --check            (repair: npm run format)
//     lint     oxlint --type-aware      floating promises above all
//     types    tsc
//     page     tsc for web/, which is for browsers
//     browser  tsc for test/page, which is for both
//     unused   knip                     files, exports, dependencies
//     supply   tools/supply-chain.ts    bill of materials, licences, install scripts, the lock file
//     advice   tools/advisories.ts      known vulnerabilities; needs the registry's advisory service
//
// A step that cannot run (exit code 3) is said to, and counts as neither passed nor failed.
//
// Every step runs even when an earlier one failed, so that one run shows all there is to repair. The last line is
// `N passed, N failed`, counted in steps; the exit code says the same.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { scriptArguments } from "../test/lib/script-arguments.ts";

scriptArguments(
  `npm run verify

Everything that can be said about the sources without running them: format, lint, types, unused code, bill of materials
with licences, advisories. Takes no options. Every step runs, also after one that failed; to repair the format: npm run
format.

Exit codes: 0 all that could run passed, 1 a step failed, 2 not understood.`,
  {},
);

const root = join(import.meta.dirname, "..");
const steps = [
  { name: "format", command: "oxfmt", parameters: ["--check", "."] },
  { name: "lint", command: "oxlint", parameters: ["--type-aware", "--deny-warnings"] },
  { name: "types", command: "tsc", parameters: ["-p", "."] },
  { name: "page", command: "tsc", parameters: ["-p", "web"] },
  { name: "browser", command: "tsc", parameters: ["-p", "test/page"] },
  { name: "unused", command: "knip", parameters: ["--no-progress"] },
  { name: "supply", command: "node", parameters: ["tools/supply-chain.ts"] },
  { name: "advice", command: "node", parameters: ["tools/advisories.ts"] },
] as const;

/** The exit code of a step that lacks something outside this machine. */
const cannotRun = 3;

const failed: string[] = [];
const notRun: string[] = [];
for (const { name, command, parameters } of steps) {
  const startMs = performance.now();
  const result = spawnSync(join(root, "node_modules/.bin", command), parameters, { cwd: root, encoding: "utf8" });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const isPassed = result.status === 0;
  // Only ours mean it so.
  const isNotRun = command === "node" && result.status === cannotRun;
  console.log(
    `${isPassed ? "passed" : isNotRun ? "CANNOT RUN" : "FAILED"}  ${name.padEnd(7)} ${seconds} s  ${[command, ...parameters].join(" ")}`,
  );
  if (isPassed) continue;
  (isNotRun ? notRun : failed).push(name);
  console.log(`${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`.trimEnd());
}
if (failed.length > 0)
  console.log(`\nTo repair: ${failed.join(", ")}${failed.includes("format") ? " (format: npm run format)" : ""}`);
if (notRun.length > 0)
  console.log(`\nNot checked: ${notRun.join(", ")}. Run it where the registry's advisory service can be asked.`);
console.log(`\n${steps.length - failed.length - notRun.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
