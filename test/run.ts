// `npm test`: runs the suites (all of them, or what its arguments name: they are Vitest's own) and closes with the facts.
//
//     npm test
//     npm test -- src/journal
//     npm test -- --project unit -t "torn tail"
//
// The closing lines: per suite its counts and time; then each suite that was skipped for want of a tool, with the reason
// and the command that installs it; then, always last, `N passed, N failed`. All numbers come from the runner's own
// report. A run in which no test passed has failed: nothing that executed nothing may look green.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseCLI, startVitest } from "vitest/node";
import type { Reporter, TestModule, TestRunEndReason, Vitest } from "vitest/node";
import { readSkipped, skippedFileVariable } from "./lib/needs.ts";

interface Suite {
  files: number;
  passed: number;
  failed: number;
  skipped: number;
  startMs: number;
  endMs: number;
}

/** Counts what Vitest reports, per suite (Vitest's project). */
class Tally implements Reporter {
  readonly suites = new Map<string, Suite>();
  /** Errors outside any test: a file that cannot be loaded, an unhandled rejection. Each counts as a failure. */
  failedOutside = 0;
  /** The run was cut short. */
  interrupted = false;

  onTestModuleStart(module: TestModule): void {
    this.#suite(module).endMs = performance.now();
  }

  onTestModuleEnd(module: TestModule): void {
    const suite = this.#suite(module);
    suite.endMs = performance.now();
    suite.files++;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") suite.passed++;
      else if (state === "failed") suite.failed++;
      else suite.skipped++;
    }
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[], reason: TestRunEndReason): void {
    this.interrupted = reason === "interrupted";
    this.failedOutside = unhandled.length;
    for (const module of modules) {
      const hasFailedTest = !module.children.allTests("failed").next().done;
      if (!module.ok() && (module.errors().length > 0 || !hasFailedTest)) this.failedOutside++;
    }
  }

  #suite(module: TestModule): Suite {
    const name = module.project.name;
    let suite = this.suites.get(name);
    if (suite === undefined) {
      suite = { files: 0, passed: 0, failed: 0, skipped: 0, startMs: performance.now(), endMs: 0 };
      this.suites.set(name, suite);
    }
    return suite;
  }
}

const root = join(import.meta.dirname, "..");
const resultFolder = join(root, "test-results");
const skippedFile = join(resultFolder, `skipped-${process.pid}.jsonl`);
mkdirSync(resultFolder, { recursive: true });
process.env[skippedFileVariable] = skippedFile;

const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const tally = new Tally();
let vitest: Vitest | undefined;
try {
  vitest = await startVitest(filter, {
    ...options,
    root,
    run: true,
    watch: false,
    reporters: ["default", ["json", { outputFile: join(resultFolder, "report.json") }], tally],
  });
  await vitest.close();
} catch (error) {
  // Vitest has said on its own what was wrong with its arguments or its set-up; the verdict below must not be lost.
  console.error(error);
  tally.failedOutside++;
}

const code = conclude();
// A handle that a test left open must not keep the verdict waiting.
process.exit(code);

/** Prints the closing lines and returns the exit code. */
function conclude(): number {
  let passed = 0;
  let failed = tally.failedOutside;
  console.log("\nSuites");
  for (const [name, suite] of tally.suites) {
    passed += suite.passed;
    failed += suite.failed;
    const seconds = ((suite.endMs - suite.startMs) / 1000).toFixed(1);
    const counts = `${suite.passed} passed, ${suite.failed} failed, ${suite.skipped} skipped`;
    console.log(`  ${name.padEnd(8)} ${counts} in ${suite.files} files, ${seconds} s`);
  }
  const skipped = readSkipped(skippedFile);
  rmSync(skippedFile, { force: true });
  if (skipped.length > 0) {
    console.log("\nNot run, because this machine lacks something:");
    for (const { suite, reason, command } of skipped) console.log(`  ${suite}: ${reason}. To install: ${command}`);
  }
  if (tally.failedOutside > 0) console.log(`\n${tally.failedOutside} error(s) outside a test; see above.`);
  if (tally.interrupted) console.log("\nThe run was interrupted.");
  if (passed === 0) console.log("\nNo test passed, so this run proves nothing and counts as failed.");
  console.log(`\n${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0 && !tally.interrupted ? 0 : 1;
}
