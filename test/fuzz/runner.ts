// One process that fuzzes one target; started by main.ts and by the test, with its orders as JSON.
//
// Prints its figures as lines of JSON, the last when it is done.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { companyOf } from "./engine/findings.ts";
import { Fuzzer, filesIn } from "./engine/fuzzer.ts";
import { instrument } from "./engine/instrument.ts";
import type { Target } from "./engine/target.ts";
import { Watchdog } from "./engine/watchdog.ts";
import { type TargetName, entryOf } from "./targets.ts";

export interface Orders {
  readonly target: TargetName;
  readonly directory: string;
  readonly keptCorpus: string;
  readonly seed: number;
  readonly executionsMax: number;
  readonly secondsMax: number;
  readonly findingsMax: number;
  readonly isPlanted: boolean;
  /** Runs this one input and says how long it took. */
  readonly replay?: string;
  /** Behind the inputs that are kept beside it. */
  readonly isInCompany?: boolean;
  /** From the tenth execution on none ends, or each fails: to see what becomes of it. */
  readonly tenth?: "hangs" | "fails" | "fails-late";
  /** Prints the covering part of the corpora, base64 by line, instead of fuzzing. */
  readonly isMinimising?: boolean;
}

const rssMax = 1.5 * 2 ** 30;

async function main(orders: Orders): Promise<void> {
  const { covers, plant, stubs = [] } = entryOf(orders.target);
  const instrumentation = instrument(covers, [...stubs, ...(orders.isPlanted ? [plant] : [])]);
  const { target } = (await import(`./targets/${orders.target}.ts`)) as { readonly target: Target };
  if (orders.tenth !== undefined) spoil(target, orders.tenth);
  if (orders.replay !== undefined) return await replay(target, orders.replay, orders.isInCompany === true);
  const watchdog = new Watchdog(join(orders.directory, "findings"), rssMax);
  const fuzzer = new Fuzzer({
    ...orders,
    target,
    instrumentation,
    watchdog,
    onFigures: (figures) => console.log(JSON.stringify(figures)),
  });
  if (orders.isMinimising === true) {
    const inputs = [orders.keptCorpus, join(orders.directory, "corpus")].flatMap(filesIn);
    for (const input of await fuzzer.minimised(inputs)) console.log(JSON.stringify(input.toString("base64")));
  } else await fuzzer.run();
  await watchdog.close();
}

function spoil(target: Target, how: NonNullable<Orders["tenth"]>): void {
  let executions = 0;
  target.run = () => {
    executions++;
    if (how === "fails" && executions >= 10) throw new Error("the tenth");
    if (how === "fails-late" && executions === 10) setImmediate(() => void Promise.reject(new Error("the tenth")));
    if (how === "hangs") while (executions >= 10) executions++;
  };
}

/** What fails late ends the process while it waits. */
const lateMs = 200;

async function replay(target: Target, path: string, isInCompany: boolean): Promise<void> {
  await target.open?.();
  for (const input of isInCompany ? companyOf(path) : []) await target.run(input);
  const startMs = performance.now();
  await target.run(readFileSync(path));
  const ms = Math.round(performance.now() - startMs);
  await new Promise((resolve) => setTimeout(resolve, lateMs));
  console.log(JSON.stringify({ ms }));
  await target.close?.();
}

await main(JSON.parse(process.argv[2] ?? "{}") as Orders);
// A target may have left a timer or a socket.
process.exit(0);
