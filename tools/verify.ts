// `npm run verify`: everything that can be said about the sources without running them.
//
//     format   oxfmt --check            (repair: npm run format)
//     lint     oxlint --type-aware      floating promises above all
//     types    tsc
//     unused   knip                     files, exports, dependencies
//
// Every step runs even when an earlier one failed, so that one run shows all there is to repair. The last line is
// `N passed, N failed`, counted in steps; the exit code says the same.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const steps = [
  { name: "format", command: "oxfmt", parameters: ["--check", "."] },
  { name: "lint", command: "oxlint", parameters: ["--type-aware", "--deny-warnings"] },
  { name: "types", command: "tsc", parameters: ["-p", "."] },
  { name: "unused", command: "knip", parameters: ["--no-progress"] },
] as const;

const failed: string[] = [];
for (const { name, command, parameters } of steps) {
  const startMs = performance.now();
  const result = spawnSync(join(root, "node_modules/.bin", command), parameters, { cwd: root, encoding: "utf8" });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const isPassed = result.status === 0;
  console.log(
    `${isPassed ? "passed" : "FAILED"}  ${name.padEnd(7)} ${seconds} s  ${[command, ...parameters].join(" ")}`,
  );
  if (isPassed) continue;
  failed.push(name);
  console.log(`${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`.trimEnd());
}
if (failed.length > 0)
  console.log(`\nTo repair: ${failed.join(", ")}${failed.includes("format") ? " (format: npm run format)" : ""}`);
console.log(`\n${steps.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
