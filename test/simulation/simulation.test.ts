// 500 stories, always the same ones; and the two things that make them worth something: the same seed tells the same
// story, and every kind of fault did happen.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { administratorActs } from "./administrator.ts";
import { machineFaults } from "./plan.ts";
import type { Results } from "./results.ts";
import type { StoryResult } from "./story.ts";
import { outages, storeFaults } from "./wire.ts";

const main = join(import.meta.dirname, "main.ts");
const run = promisify(execFile);

/** A program of its own, because it replaces Node's time, chance and network. */
async function simulate<T>(...options: string[]): Promise<T> {
  try {
    const { stdout } = await run(process.execPath, [main, ...options, "--json"], { maxBuffer: 64 * 1024 * 1024 });
    return JSON.parse(stdout) as T;
  } catch (error) {
    // Exit code 1: a promise was broken, and the output says which.
    const { stdout } = error as { stdout?: string };
    if (stdout === undefined || stdout === "") throw error;
    return JSON.parse(stdout) as T;
  }
}

test.each([7, 21, 22, 110])("The same seed tells the same story, byte for byte: %i", async (seed) => {
  const [one, other] = await Promise.all([
    simulate<StoryResult>("--seed", String(seed)),
    simulate<StoryResult>("--seed", String(seed)),
  ]);
  expect(one.digest).toMatch(/^\d{3,} [0-9a-f]{32}$/);
  expect(other).toEqual(one);
});

/** What devices do, and what happens to them. */
const deviceFaults = [
  "re-send",
  "reconnect storm",
  "half-open",
  "connection reset",
  "slow reader",
  "identical message",
  "clean session",
  "persistent session",
  "http single",
  "http batch",
  "http answer lost",
  "qos 0",
  "malformed packet",
  "sent without access",
];
const crashPoints = ["kill", "power cut"].flatMap((end) =>
  ["disk", "sqlite", "store"].map((place) => `${end} at ${place}`),
);
const happened = [
  ...machineFaults.filter((fault) => !fault.endsWith("at an operation")),
  ...crashPoints,
  ...storeFaults,
  ...outages.map((outage) => `outage ${outage}`),
  ...deviceFaults,
  ...administratorActs,
  "label lost",
  "damage told",
  "bit flip in an open segment",
  "damaged while open",
  ...["taken", "delivered", "polled", "completed", "rejected", "expired", "dead-lettered", "purged"].map(
    (what) => `cloud message ${what}`,
  ),
  "queue full",
  ...["answered", "device-offline", "method-timeout", "device-disconnected"].map((what) => `method ${what}`),
  ...["assigned", "assigning", "disabled", "failed"].map((word) => `provisioning ${word}`),
  "registration approved",
  "trimmed",
];

test("J1…M1: 500 stories of faults keep every promise, and every kind of fault happened in them", async () => {
  const directory = mkdtempSync(join(tmpdir(), "coldpath-simulation-"));
  try {
    const results = await simulate<Results>(
      "--from",
      "1",
      "--seeds",
      "500",
      "--results",
      join(directory, "results.json"),
    );
    const replay = results.failures.map(
      ({ seed, check, message }) => `npm run simulate -- --seed ${seed} --verbose   # ${check}: ${message}`,
    );
    expect(replay).toEqual([]);
    expect(results.seeds).toBe(500);
    expect(happened.filter((what) => (results.counts[what] ?? 0) < 5)).toEqual([]);
    expect(results.counts["acknowledged"]).toBeGreaterThan(50_000);
    expect(results.counts["windows"]).toBeGreaterThan(1_000);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
