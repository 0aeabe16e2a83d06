// What many stories came to: added up, kept in a file, resumed.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { StoryResult } from "./story.ts";

export interface Failure {
  readonly seed: number;
  readonly check: string;
  readonly message: string;
}

export interface Results {
  /** Of the code that the stories were told about; another one begins anew. */
  readonly commit: string;
  /** The first seed that was not run yet. */
  seedNext: number;
  seeds: number;
  cpuSeconds: number;
  virtualHours: number;
  /** How often each thing happened, over all stories. */
  counts: Record<string, number>;
  failures: Failure[];
}

export function noResults(commit: string, seedFirst: number): Results {
  return { commit, seedNext: seedFirst, seeds: 0, cpuSeconds: 0, virtualHours: 0, counts: {}, failures: [] };
}

export function addStory(results: Results, story: StoryResult, cpuSeconds: number): void {
  results.seeds++;
  results.seedNext = Math.max(results.seedNext, story.seed + 1);
  results.cpuSeconds += cpuSeconds;
  results.virtualHours += story.virtualMs / 3_600_000;
  for (const [what, count] of Object.entries(story.counts)) results.counts[what] = (results.counts[what] ?? 0) + count;
  if (story.violation !== null) results.failures.push({ seed: story.seed, ...story.violation });
}

/** What was accumulated for this commit; null when there is nothing. */
export function readResults(path: string, commit: string): Results | null {
  if (!existsSync(path)) return null;
  const results = JSON.parse(readFileSync(path, "utf8")) as Results;
  return results.commit === commit ? results : null;
}

/** Whole or not at all: Ctrl-C may come at any time. */
export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  const counts = Object.fromEntries(Object.entries(results.counts).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(`${path}.tmp`, `${JSON.stringify({ ...results, counts }, null, 2)}\n`);
  renameSync(`${path}.tmp`, path);
}

/** A paragraph for people. */
export function summaryOf(results: Results): string {
  const { seeds, counts, virtualHours, cpuSeconds, failures } = results;
  const count = (what: string): string => (counts[what] ?? 0).toLocaleString("en");
  return (
    `${seeds.toLocaleString("en")} stories, ${virtualHours.toFixed(1)} hours of virtual time, ${cpuSeconds.toFixed(0)} s of CPU: ` +
    `${count("acknowledged")} messages acknowledged, ${count("exported")} records exported in ${count("files")} files, ` +
    `${count("windows")} windows, ${count("process ended")} ends of processes. ${failures.length} failed.`
  );
}
