// `npm run simulate`: tells stories, one a seed, until it is stopped, and adds up what they came to.
//
// The same seed tells the same story, byte for byte, as long as the code is the same.

import "./builtins.ts";
import { execFileSync, fork } from "node:child_process";
import { join } from "node:path";
import { refuse, scriptArguments } from "../lib/script-arguments.ts";
import type { Focus } from "./plan.ts";
import { addStory, noResults, readResults, summaryOf, writeResults } from "./results.ts";
import { type StoryResult, runStory } from "./story.ts";

const help = `npm run simulate -- [options]

The whole server in one process on a virtual clock, under faults that a seed decides: one story after the other, each
checked after every step. Without --seeds it goes on until Ctrl-C, which ends the stories under way and keeps all.
Started again it goes on behind the last seed and adds up, as long as the commit is the same.

  --seed N         this story only; --verbose prints its trace
  --seeds N        so many stories, then stop (default: for ever)
  --from N         begin anew at this seed (default: behind the last one, or 1)
  --workers N      processes (default 2)
  --results FILE   where results accumulate (default test-results/simulation.json)
  --json           the results as one line of JSON, and nothing else
  --until-broken   stop at the first broken promise and print it as JSON, after 150 stories at the latest, or --seeds
  --focus JSON     what every story has besides what its seed decides: a part of Plan in test/simulation/plan.ts

Exit codes: 0 every promise was kept, 1 one was broken, 2 not understood.`;

const { values } = scriptArguments(
  help,
  {
    seed: { type: "string" },
    verbose: { type: "boolean", default: false },
    seeds: { type: "string" },
    "until-broken": { type: "boolean", default: false },
    from: { type: "string" },
    focus: { type: "string", default: "{}" },
    workers: { type: "string", default: "2" },
    results: { type: "string", default: join(import.meta.dirname, "../../test-results/simulation.json") },
    json: { type: "boolean", default: false },
    // A worker of this very program: it is sent seeds, and sends back what they came to.
    worker: { type: "boolean", default: false },
  },
  { seed: 0, seeds: 1, from: 0, workers: 1 },
);

interface Told {
  readonly story: StoryResult;
  readonly cpuSeconds: number;
}

/** What stories leave behind in a process (compiled code, contexts of promises that nobody settles) is given back then. */
const storiesOfWorker = 200;

const focus = focusOf(values.focus);

/** How to see a story again. */
const replay = (seed: number): string => `npm run simulate -- --seed ${seed} --verbose`;

if (values.worker) work();
else if (values["until-broken"]) await tellUntilBroken();
else if (values.seed !== undefined) await tellOne(Number(values.seed));
else await tellMany();

function focusOf(json: string): Focus {
  try {
    return JSON.parse(json) as Focus;
  } catch {
    return refuse(help, "--focus is not JSON.");
  }
}

async function tellOne(seed: number): Promise<void> {
  const story = await runStory(seed, values.verbose, focus);
  if (values.json) console.log(JSON.stringify(story));
  else if (story.violation !== null)
    console.log(`\nSeed ${seed} broke ${story.violation.check}: ${story.violation.message}`);
  else console.log(`Seed ${seed} kept every promise. Trace: ${story.digest}`);
  process.exitCode = story.violation === null ? 0 : 1;
}

async function tellUntilBroken(): Promise<void> {
  const first = Number(values.from ?? 1);
  const count = Number(values.seeds ?? 150);
  let told = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { violation } = await runStory(seed, false, focus);
    told++;
    if (violation === null) continue;
    console.log(JSON.stringify({ seed, told, ...violation, mutation: process.env["COLDPATH_MUTATED"] }));
    return;
  }
  console.log(JSON.stringify({ seed: null, told, mutation: process.env["COLDPATH_MUTATED"] }));
}

function work(): void {
  process.on("message", (seed: number) => {
    void tell(seed).then((told) => process.send?.(told));
  });
  process.on("disconnect", () => process.exit());
  process.on("SIGINT", () => {}); // the parent decides
}

async function tell(seed: number): Promise<Told> {
  const before = process.cpuUsage();
  const story = await runStory(seed, false, focus);
  const { user, system } = process.cpuUsage(before);
  return { story, cpuSeconds: (user + system) / 1e6 };
}

async function tellMany(): Promise<void> {
  const commit = commitOf();
  const kept = values.from === undefined ? readResults(values.results, commit) : null;
  const results = kept ?? noResults(commit, Number(values.from ?? 1));
  if (!values.json) {
    const told = results.seeds === 0 ? "" : `, after ${results.seeds} stories`;
    console.log(`From seed ${results.seedNext} on${told}, at commit ${commit}. Results: ${values.results}`);
  }
  const seedEnd = values.seeds === undefined ? Number.POSITIVE_INFINITY : results.seedNext + Number(values.seeds);
  let seedNext = results.seedNext;
  let isStopped = false;
  let saidMs = performance.now();
  process.on("SIGINT", () => {
    if (isStopped) process.exit(130);
    isStopped = true;
  });
  const isDone = (): boolean => isStopped || seedNext >= seedEnd;
  const worker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(import.meta.filename, ["--worker", "--focus", values.focus], { execArgv: process.execArgv });
      let left = storiesOfWorker;
      const next = (): void => {
        if (isDone() || left-- <= 0) child.disconnect();
        else child.send(seedNext++);
      };
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker ended with ${signal ?? code}`));
      });
      child.on("message", (told) => {
        const { story, cpuSeconds } = told as Told;
        addStory(results, story, cpuSeconds);
        if (story.violation !== null && !values.json) {
          console.log(`Seed ${story.seed} broke ${story.violation.check}: ${story.violation.message}`);
          console.log(`  ${replay(story.seed)}`);
        }
        if (performance.now() - saidMs > 5_000) {
          saidMs = performance.now();
          if (!values.json)
            console.log(`${results.seeds} told, at seed ${story.seed}, ${results.failures.length} failed`);
          writeResults(values.results, results);
        }
        next();
      });
      next();
    });
  const lane = async (): Promise<void> => {
    while (!isDone()) await worker();
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, lane));
  writeResults(values.results, results);
  if (values.json) console.log(JSON.stringify(results));
  else {
    console.log(`\n${summaryOf(results)}`);
    for (const { seed, check } of results.failures) console.log(`  ${check}: ${replay(seed)}`);
  }
  process.exitCode = results.failures.length === 0 ? 0 : 1;
}

function commitOf(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  } catch {
    return "unknown"; // no git, or no repository: a copy of the sources
  }
}
