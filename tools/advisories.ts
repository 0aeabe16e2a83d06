// `node tools/advisories.ts`, a step of `npm run verify`: known vulnerabilities in what is installed with the product.
//
// Asks the registry's advisory service. Where that cannot be asked (offline, a mirror without it) the exit code is 3, which
// verify reports as CANNOT RUN: neither passed nor failed, and never silent.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

const cannotRun = 3;

export interface Audit {
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly severity: string; readonly range?: string; readonly via?: readonly unknown[] }>
  >;
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

export interface Verdict {
  readonly code: 0 | 1 | 3;
  readonly lines: readonly string[];
}

/** @param output  what `npm audit --json` wrote. Only an answer that lists vulnerabilities, or none, is one. */
export function verdictOf(output: string): Verdict {
  let audit: Audit;
  try {
    audit = JSON.parse(output) as Audit;
  } catch {
    return { code: cannotRun, lines: ["npm audit gave no answer"] };
  }
  if (audit.vulnerabilities === undefined) {
    return { code: cannotRun, lines: [audit.message ?? audit.error?.summary ?? "npm audit gave no list"] };
  }
  const found = Object.entries(audit.vulnerabilities).map(([name, { severity, range }]) => ({ name, severity, range }));
  // `low` and `moderate` are shown; they do not stop a change that has nothing to do with them.
  const grave = found.filter(({ severity }) => severity === "high" || severity === "critical");
  const lines = found.map(({ name, severity, range }) => `${severity}: ${name} ${range ?? ""}`);
  return {
    code: grave.length === 0 ? 0 : 1,
    lines: [...lines, `${found.length} advisories, ${grave.length} of them grave`],
  };
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const flags = ["audit", "--omit=dev", "--json", "--package-lock-only", "--fetch-retries=0", "--fetch-timeout=20000"];
  const { stdout } = spawnSync("npm", flags, { cwd: root, encoding: "utf8", timeout: 60_000 });
  const { code, lines } = verdictOf(stdout ?? "");
  for (const line of lines) console.log(line);
  process.exitCode = code;
}
