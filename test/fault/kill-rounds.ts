// `npm run fault:kill -- --rounds 200`: the promise under SIGKILL, for long. It goes on where it was when it is started
// again (SIGTERM ends it in order after the round under way; what is acknowledged in a round that is cut off does not
// count). Its directory is kept for that until `--fresh`.
//
// Devices send over every transport, as themselves and as modules, by key and by certificate; each acknowledgement is counted by
// the way it came. Every few rounds, and over everything at the end, an independent reader says how many messages were exported, lost and
// doubled. Exit code 1 when the promise was broken.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { KillStory } from "../lib/kill-story.ts";
import { ways } from "../lib/load-devices.ts";
import { reasonMissing, setupCommand } from "../lib/needs.ts";
import { scriptArguments } from "../lib/script-arguments.ts";

const help = `npm run fault:kill -- [options]

A server under load is killed with SIGKILL again and again; an independent reader counts what was lost or doubled.
Started again it goes on where it was. SIGTERM ends it after the round under way.

  --rounds N       rounds in all, those of earlier runs included (default 200)
  --messages N     acknowledged in a round before the kill, give or take a third (default 60000)
  --directory DIR  everything is kept there (default test-results/fault-kill); 10 million messages take about 10 GB
  --fresh          begin anew

Exit codes: 0 the promise was kept, 1 it was broken, 2 it cannot run.`;

const { values } = scriptArguments(
  help,
  {
    rounds: { type: "string", default: "200" },
    messages: { type: "string", default: "60000" },
    directory: { type: "string", default: join(import.meta.dirname, "../../test-results/fault-kill") },
    fresh: { type: "boolean", default: false },
  },
  { rounds: 1, messages: 1 },
);
const missing = reasonMissing(["python"]);
if (missing !== null) {
  console.error(`It needs the independent reader, and ${missing}. To install: ${setupCommand}`);
  process.exit(2);
}

if (values.fresh) rmSync(values.directory, { recursive: true, force: true });
mkdirSync(values.directory, { recursive: true });
const story = await KillStory.open({
  directory: values.directory,
  ways,
  inFlight: 100,
  acknowledgedPerRound: Number(values.messages),
});
const stopping = new AbortController();
process.on("SIGTERM", () => {
  stopping.abort();
  console.log("Stopping after this round.");
});

const judgeEveryRounds = 20;
const number = (value: number): string => value.toLocaleString("en-US");

/** @returns whether the promise was kept. */
async function judge(isWhole: boolean): Promise<boolean> {
  const { acknowledged, acknowledgedBy, exports } = await story.judge(isWhole);
  if (isWhole) for (const [way, count] of acknowledgedBy) console.log(`  ${way}: ${number(count)} acknowledged`);
  let isKept = true;
  for (const { name, files, records, breaches } of exports) {
    const { lost, doubled, invented, wrong } = breaches;
    console.log(
      `${name}: ${number(acknowledged)} acknowledged, ${number(records)} exported in ${number(files)} files, ` +
        `${number(lost.length)} lost, ${number(doubled.length)} twice, ${number(invented.length)} never sent, ` +
        `${wrong.length} files wrong`,
    );
    if (lost.length + doubled.length + invented.length + wrong.length === 0) continue;
    isKept = false;
    for (const [kind, found] of Object.entries(breaches)) console.log(`  ${kind}: ${found.slice(0, 10).join(", ")}`);
  }
  return isKept;
}

if (story.rounds > 0) console.log(`Going on after ${story.rounds} rounds, ${number(story.acknowledged)} acknowledged.`);
let isKept = true;
while (story.rounds < Number(values.rounds) && !stopping.signal.aborted && isKept) {
  const { round, moment, kills, acknowledged, seconds } = await story.round();
  console.log(
    `round ${round} of ${values.rounds}: ${kills} × SIGKILL (${moment}), ${number(acknowledged)} acknowledged, ` +
      `${number(story.acknowledged)} in all, ${seconds.toFixed(1)} s`,
  );
  if (round % judgeEveryRounds === 0) isKept = await judge(false);
}
console.log("Reading everything back.");
isKept = (await judge(true)) && isKept;
const code = await story.close();
console.log(
  `${story.rounds} rounds, ${story.kills} × SIGKILL, ${number(story.acknowledged)} acknowledged: ` +
    `the promise was ${isKept ? "kept" : "BROKEN"}.`,
);
process.exit(isKept && code === 0 ? 0 : 1);
