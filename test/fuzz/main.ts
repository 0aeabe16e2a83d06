// `npm run fuzz`: coverage-guided fuzzing of what reads bytes and texts from outside.
//
// Corpus, figures and findings add up in `test-results/fuzz/TARGET`, or below --directory: an interrupted run goes on where
// it was. Another seed is drawn by each process from --seed and what was executed before.
//
// A process that hangs is killed by its watchdog (engine/watchdog.ts). What was found is run again (engine/findings.ts), and
// fuzzing goes on.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { refuse, scriptArguments } from "../lib/script-arguments.ts";
import { type Rerun, findingsIn, judge, removeFinding } from "./engine/findings.ts";
import { type Figures, growsWithoutEnd, nameOf } from "./engine/fuzzer.ts";
import { hangMs } from "./engine/watchdog.ts";
import type { Orders } from "./runner.ts";
import { type TargetName, isTargetName, targetNames } from "./targets.ts";

/** What all runs of a target come to. */
interface State {
  executions: number;
  seconds: number;
  edges: number;
  edgesTotal: number;
  corpus: number;
  /** Files in `findings` that were not taken back when they ran again. */
  findings: string[];
  /** Runs whose heap grew without end. */
  growths: number;
  rssMiBMax: number;
}

const root = join(import.meta.dirname, "../..");
const nodeFlags = ["--expose-gc", "--disable-warning=ExperimentalWarning"];
const runner = join(import.meta.dirname, "runner.ts");
/** A process is replaced after this long, so that what its heap does is seen more than once. */
const processSecondsMax = 300;
const findingsMax = 20;
const keptBytesMax = 24_000;
const progressMs = 5000;

const help = `npm run fuzz -- TARGET|all [options]

Fuzzing, guided by coverage, of what reads bytes and texts from outside. Started again it goes on where it was: corpus,
figures and findings add up. all is one target after the other; what has had its minutes is passed over.

  --minutes N      of fuzzing for each target, those of earlier runs included (default 1)
  --seed N         what chance begins with (default 1)
  --directory DIR  everything is kept there (default test-results/fuzz)
  --replay FILE    one input again, with its error; needs one target
  --company        behind the inputs that ran before it when it was found
  --keep           the covering part of what was found becomes the kept corpus, test/fuzz/corpus
  --json           figures as JSON, one line a target

Targets: ${targetNames.slice(0, 7).join(", ")},
  ${targetNames.slice(7, 14).join(", ")},
  ${targetNames.slice(14).join(", ")}

Exit codes: 0 nothing was found, 1 something was, 2 not understood.`;

const { values, positionals } = scriptArguments(
  help,
  {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    directory: { type: "string", default: join(root, "test-results/fuzz") },
    replay: { type: "string" },
    company: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  { minutes: 0.01, seed: 0 },
  1,
);

let child: ChildProcess | null = null;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    child?.kill("SIGKILL");
    process.exit(130);
  });
}

function ordersOf(target: TargetName, more: Partial<Orders> = {}): Orders {
  return {
    target,
    directory: join(values.directory, target),
    keptCorpus: join(import.meta.dirname, "corpus", target),
    seed: Number(values.seed),
    executionsMax: Number.MAX_SAFE_INTEGER,
    secondsMax: processSecondsMax,
    findingsMax,
    isPlanted: false,
    ...more,
  };
}

/** Runs a process. @returns its exit code, null when it was killed, and what it said on standard error. */
async function runProcess(
  orders: Orders,
  onLine: (line: string) => void,
): Promise<{ code: number | null; complaint: string }> {
  const process_ = spawn(process.execPath, [...nodeFlags, runner, JSON.stringify(orders)], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child = process_;
  const complaint: string[] = [];
  process_.stderr.setEncoding("utf8").on("data", (text: string) => complaint.push(text));
  createInterface({ input: process_.stdout }).on("line", onLine);
  const code = await new Promise<number | null>((resolve) => process_.on("close", resolve));
  child = null;
  return { code, complaint: complaint.join("") };
}

async function fuzz(target: TargetName): Promise<State> {
  const directory = join(values.directory, target);
  const findings = join(directory, "findings");
  mkdirSync(findings, { recursive: true });
  const statePath = join(directory, "state.json");
  const state: State = existsSync(statePath)
    ? (JSON.parse(readFileSync(statePath, "utf8")) as State)
    : { executions: 0, seconds: 0, edges: 0, edgesTotal: 0, corpus: 0, findings: [], growths: 0, rssMiBMax: 0 };
  const secondsMax = Number(values.minutes) * 60;
  let toldAt = 0;
  while (state.seconds < secondsMax && state.findings.length < findingsMax) {
    const before = { executions: state.executions, seconds: state.seconds };
    let heapMiB: readonly number[] = [];
    const more = {
      seed: Number(values.seed) + state.executions,
      secondsMax: Math.min(processSecondsMax, secondsMax - state.seconds),
    };
    const { code, complaint } = await runProcess(ordersOf(target, more), (line) => {
      const figures = JSON.parse(line) as Figures;
      heapMiB = figures.heapMiB;
      state.executions = before.executions + figures.executions;
      state.seconds = before.seconds + figures.seconds;
      state.edges = Math.max(state.edges, figures.edges);
      state.edgesTotal = figures.edgesTotal;
      state.corpus = figures.corpus;
      state.rssMiBMax = Math.max(state.rssMiBMax, figures.rssMiB);
      writeFileSync(statePath, `${JSON.stringify(state)}\n`);
      if (performance.now() < toldAt) return;
      toldAt = performance.now() + progressMs;
      const perSecond = Math.round(figures.executions / Math.max(figures.seconds, 0.001));
      console.error(
        `${target}: ${state.executions} executions in ${state.seconds.toFixed(0)} s (${perSecond}/s), ` +
          `${state.edges}/${state.edgesTotal} edges, ${state.corpus} inputs, ${figures.rssMiB} MiB, heap ${figures.heapMiB.at(-1) ?? 0} MiB`,
      );
    });
    if (growsWithoutEnd(heapMiB)) state.growths++;
    const fresh = findingsIn(findings).filter((name) => !state.findings.includes(name));
    for (const name of fresh) {
      const path = join(findings, name);
      const { isFinding, text } = await judge(name, hangMs, (isInCompany) => rerun(target, path, isInCompany));
      if (isFinding) state.findings.push(name);
      else removeFinding(path);
      console.error(`${target}: ${isFinding ? `FOUND ${path}` : name}\n${text}`);
      if (isFinding) console.error(`  npm run fuzz -- ${target} --replay ${path}`);
    }
    writeFileSync(statePath, `${JSON.stringify(state)}\n`);
    // Neither its end nor a finding: it cannot run at all.
    if (code !== 0 && fresh.length === 0)
      throw new Error(`The process for ${target} ended with ${code}:\n${complaint}`);
    if (code !== 0 && state.seconds === before.seconds) state.seconds += 1;
  }
  return state;
}

/** A process of its own; it has a minute. */
async function rerun(target: TargetName, path: string, isInCompany: boolean): Promise<Rerun> {
  const lines: string[] = [];
  const watch = setTimeout(() => child?.kill("SIGKILL"), 60_000);
  const orders = ordersOf(target, { replay: path, isInCompany });
  const { code, complaint } = await runProcess(orders, (line) => lines.push(line));
  clearTimeout(watch);
  if (code !== 0) return { isSound: false, ms: Number.POSITIVE_INFINITY, complaint };
  const { ms } = JSON.parse(lines.at(-1) ?? "{}") as { ms: number };
  return { isSound: true, ms, complaint };
}

/** The covering part of the corpora, the shortest first, up to a bound of bytes. */
async function keep(target: TargetName): Promise<void> {
  const kept: Buffer[] = [];
  const { code, complaint } = await runProcess(ordersOf(target, { isMinimising: true }), (line) =>
    kept.push(Buffer.from(JSON.parse(line) as string, "base64")),
  );
  if (code !== 0) throw new Error(`The corpus of ${target} cannot be read:\n${complaint}`);
  const directory = join(import.meta.dirname, "corpus", target);
  mkdirSync(directory, { recursive: true });
  // What once found something stays, whatever it reaches now.
  for (const name of readdirSync(directory)) if (!name.startsWith("found-")) rmSync(join(directory, name));
  let bytes = 0;
  let count = 0;
  for (const input of kept) {
    bytes += input.length;
    if (bytes > keptBytesMax) break;
    writeFileSync(join(directory, nameOf(input)), input);
    count++;
  }
  console.error(`${target}: ${count} of ${kept.length} covering inputs kept, ${Math.min(bytes, keptBytesMax)} bytes.`);
}

const [wanted = ""] = positionals;
if (wanted !== "all" && !isTargetName(wanted))
  refuse(help, wanted === "" ? "Name a target, or all." : `There is no target ${wanted}.`);
const chosen = isTargetName(wanted) ? [wanted] : targetNames;

if (values.replay !== undefined) {
  if (!isTargetName(wanted)) refuse(help, "--replay needs one target.");
  const { code, complaint } = await runProcess(
    ordersOf(wanted, { replay: values.replay, isInCompany: values.company }),
    (line) => console.log(line),
  );
  console.error(complaint);
  process.exit(code === 0 ? 0 : 1);
}
let isSound = true;
for (const target of chosen) {
  if (values.keep) {
    await keep(target);
    continue;
  }
  const state = await fuzz(target);
  isSound &&= state.findings.length === 0 && state.growths === 0;
  const growth = state.growths > 0 ? `, heap GROWING in ${state.growths} processes` : "";
  console.log(
    values.json
      ? JSON.stringify({ target, ...state })
      : `${target}: ${state.executions} executions in ${(state.seconds / 60).toFixed(1)} minutes, ${state.edges}/${state.edgesTotal} edges, ` +
          `${state.corpus} inputs, ${state.rssMiBMax} MiB at most, ${state.findings.length} found${growth}`,
  );
}
process.exit(isSound ? 0 : 1);
