// `npm run simulate`: tells stories, one a seed, until it is stopped, and adds up what they came to.
//
//     npm run simulate                                  goes on behind the last seed of the results file
//     npm run simulate -- --seeds 500 --from 1          so many, from a seed on
//     node test/simulation/main.ts --seed 123 --verbose one story, with its trace
//
// --until-broken  stops at the first broken promise and prints it as JSON, with how many stories that took
// --focus JSON    what every story has besides what its seed decides: a part of plan.ts's Plan
// --workers N     processes, 2 when left out
// --results PATH  where results accumulate: test-results/simulation.json
// --json          prints the results as one line of JSON, and nothing else
//
// The same seed tells the same story, byte for byte, as long as the code is the same.

import "./builtins.ts";
import { execFileSync, fork } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Focus } from "./plan.ts";
import { addStory, noResults, readResults, summaryOf, writeResults } from "./results.ts";
import { type StoryResult, runStory } from "./story.ts";

const { values } = parseArgs({
  options: {
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
});

interface Told {
  readonly story: StoryResult;
  readonly cpuSeconds: number;
}

/** What stories leave behind in a process (compiled code, contexts of promises that nobody settles) is given back then. */
const storiesOfWorker = 200;

const focus = JSON.parse(values.focus) as Focus;

/** How to see a story again. */
const replay = (seed: number): string => `node test/simulation/main.ts --seed ${seed} --verbose`;

if (values.worker) work();
else if (values["until-broken"]) await tellUntilBroken();
else if (values.seed !== undefined) await tellOne(Number(values.seed));
else await tellMany();

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
            console.log(`${results.seeds} stories, at seed ${story.seed}, ${results.failures.length} failed`);
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
