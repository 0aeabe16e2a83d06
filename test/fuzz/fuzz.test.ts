// Every target for a few seconds with a fixed seed: the kept corpus first, then changes of it. And every target with a fault
// planted in the module that it tests, which it must find: a fuzzer that finds nothing proves nothing by itself.
//
// Longer: `npm run fuzz` (main.ts).

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, describe, expect, test } from "vitest";
import { findingsIn, judge } from "./engine/findings.ts";
import { withCounters } from "./engine/instrument.ts";
import { type Figures, filesIn, growsWithoutEnd } from "./engine/fuzzer.ts";
import { hangMs } from "./engine/watchdog.ts";
import type { Orders } from "./runner.ts";
import { type TargetName, entryOf, targetNames } from "./targets.ts";

const seconds = 5;
const scratch = mkdtempSync(join(tmpdir(), "coldpath-fuzz-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Run {
  readonly code: number | null;
  readonly figures: Figures;
  /** Of a replay. */
  readonly ms: number;
  readonly complaint: string;
  readonly findings: string;
  /** What its watchdog left behind before it killed the process. */
  readonly killedOver: readonly string[];
}

async function run(target: TargetName, more: Partial<Orders> = {}): Promise<Run> {
  const directory = mkdtempSync(join(scratch, `${target}-`));
  const orders: Orders = {
    target,
    directory,
    keptCorpus: join(import.meta.dirname, "corpus", target),
    seed: 1,
    executionsMax: 20_000,
    secondsMax: seconds,
    findingsMax: 1,
    isPlanted: false,
    ...more,
  };
  const flags = ["--expose-gc", "--disable-warning=ExperimentalWarning", join(import.meta.dirname, "runner.ts")];
  const child = spawn(process.execPath, [...flags, JSON.stringify(orders)], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const figures = JSON.parse(said.trim().split("\n").at(-1) || "{}") as Figures & { readonly ms: number };
  const findings = join(orders.directory, "findings");
  const found = existsSync(findings) ? findingsIn(findings) : [];
  for (const name of found) complaint += readFileSync(join(findings, `${name}.txt`), "utf8").slice(0, 2000) + name;
  const killedOver = found.filter((name) => /^(hang|memory)-/.test(name));
  return { code, figures, ms: figures.ms, complaint, findings, killedOver };
}

describe.each(targetNames)("%s", (target) => {
  test("Nothing is found in a few seconds: no crash, no hang, no invariant broken", async () => {
    const kept = filesIn(join(import.meta.dirname, "corpus", target)).length;
    const { code, figures, complaint, killedOver } = await run(target);
    expect(complaint).toBe("");
    expect([code, killedOver, figures.findings]).toEqual([0, [], []]);
    expect(kept, "npm run fuzz -- TARGET --keep").toBeGreaterThan(4);
    expect(figures.executions).toBeGreaterThan(kept);
    // What is out of reach is told in docs/guarantees.md; far less means that the target lost its way in.
    expect(figures.edges / figures.edgesTotal).toBeGreaterThan(entryOf(target).shareMin ?? 0.55);
  });

  test("The control: a fault that is planted in the module is found", async () => {
    const { figures, killedOver } = await run(target, { isPlanted: true, secondsMax: 30, executionsMax: 200_000 });
    expect([...figures.findings, ...killedOver]).not.toEqual([]);
  });
});

test("A loop without end is stopped by the watchdog, which keeps the input", async () => {
  const input = join(scratch, "input");
  writeFileSync(input, "a=1");
  const { code, killedOver } = await run("property-bag", { tenth: "hangs" });
  expect(code).toBeNull();
  expect(killedOver).toHaveLength(1);
});

test.each(["fails", "fails-late"] as const)(
  "A crash that comes of earlier inputs stays a finding, and comes again in their company: one that %s",
  async (tenth) => {
    const { figures, findings } = await run("property-bag", { tenth });
    const [name = "", ...others] = figures.findings;
    expect(others).toEqual([]);
    const replay = join(findings, name);
    const verdict = await judge(name, hangMs, async (isInCompany) => {
      const { code, ms, complaint } = await run("property-bag", { replay, isInCompany, tenth });
      return { isSound: code === 0, ms, complaint };
    });
    expect(verdict).toEqual({ isFinding: true, text: expect.stringMatching(/^In company only[^]*the tenth/) });
  },
);

test("What is fine when it runs again: a hang is taken back, a crash never", async () => {
  const sound = { isSound: true, ms: 1, complaint: "" };
  const verdict = async (name: string, again = sound): Promise<boolean> =>
    (await judge(name, hangMs, async () => await Promise.resolve(again))).isFinding;
  expect(await verdict("hang-1-2")).toBe(false);
  expect(await verdict("hang-1-2", { ...sound, ms: hangMs + 1 })).toBe(true);
  expect(await verdict("memory-1-2")).toBe(true);
  expect(await verdict("crash-0")).toBe(true);
});

test("Counters do not change what a module does, and count every way through it", () => {
  let edges = 0;
  const source = `
    const f = async (a = 1, { b = 2 } = {}) => { if (a) b++; else if (b) a--; for (const x of [1]) b += x; return a && b || (a ?? b); };
    const g = (x) => ({ x: x ? "y" : "n" });
    function h(n) { switch (n) { case 1: case 2: return "low"; default: try { throw n; } catch { return "high"; } } }
    result = [f.length, JSON.stringify(g(0)), h(1), h(9), [1, 2].map((n) => n * 2)];`;
  const counted = withCounters(source, () => edges++);
  const counters = new Uint8ClampedArray(edges);
  const outcome = (code: string): unknown => runInNewContext(`var result; ${code}; result`, { __fuzzEdges: counters });
  expect(JSON.stringify(outcome(counted))).toBe(JSON.stringify(outcome(source)));
  expect(edges).toBe(20);
  expect([...counters].filter((count) => count > 0)).toEqual([1, 1, 2, 1, 1, 1, 2]);
  expect(counted.split("\n")).toHaveLength(source.split("\n").length);
});

test("A heap that grows from third to third is told from one that comes to rest", () => {
  const grows = Array.from({ length: 30 }, (_, index) => 20 + index * 5);
  expect(growsWithoutEnd(grows)).toBe(true);
  expect(growsWithoutEnd(grows.map((_, index) => 40 + (index % 3) * 10))).toBe(false);
  expect(growsWithoutEnd([20, 60, 90, 91, 90, 92, 91, 90, 93, 92])).toBe(false);
});
