// The fault matrix: a real server with devices that publish all the time, and one export for every fault of a store. Of
// each: what the operator sees, that the export beside it goes on, that it heals as the manual says, and that afterwards
// every message is in exactly one file, byte for byte as in the folder beside. Results: test-results/fault-matrix.json.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FaultRow, FaultStand, eventually, operatingManual, pathOf, rate } from "../lib/fault-stand.ts";
import { needs } from "../lib/needs.ts";
import { ReadBack, noBreaches } from "../lib/read-back.ts";
import { type StoreFault, storeFaults } from "./store-faults.ts";

interface Result {
  readonly theStore: string;
  readonly state: string;
  readonly code: string;
  readonly goesOn: string;
  /** Seconds of the window clock: from the fault to what the operator sees, and from mending to the first file. */
  readonly shownAfterSeconds: number;
  readonly healedAfterSeconds: number;
  readonly files: number;
}

needs("python")("the fault matrix of stores", () => {
  let stand: FaultStand;
  const results: Result[] = [];
  beforeAll(async () => {
    // As many uploads as rows want: what the rows take from each other is another test's.
    stand = await FaultStand.open("--export-uploads-max=32", "--storage-timeout=2s");
  });
  afterAll(async () => {
    await stand.close();
    results.sort((one, other) => names.indexOf(one.theStore) - names.indexOf(other.theStore));
    const directory = join(import.meta.dirname, "../../test-results");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "fault-matrix.json"), `${JSON.stringify(results, null, 2)}\n`);
    console.table(results);
  });
  const names = storeFaults.map(({ name }) => name);
  const manual = operatingManual();

  test.concurrent.each(storeFaults)("E1, E3, E5: the store $name: $state $codes, goes on $heals", async (fault) => {
    const row = await stand.row();
    try {
      await pass(row, fault);
    } finally {
      await row.close();
    }
  });

  async function pass(row: FaultRow, fault: StoreFault): Promise<void> {
    const madeMs = performance.now();
    await fault.make(row);
    const seen = await row.until(
      `${fault.state} ${fault.codes.join()}`,
      ({ status: { state, trouble, filesWritten } }) =>
        fault.codes.length === 0
          ? filesWritten > 4
          : state === fault.state && fault.codes.includes(trouble?.code ?? ""),
    );
    const shownMs = performance.now();
    const { state, trouble } = seen.status;
    expect(state).toBe(fault.state);
    expect(trouble?.hint ?? "").toMatch(fault.hint);
    const code = fault.codes.map((one) => `\`${one}\``).join(" or ");
    const line = `| ${fault.name} | ${fault.state} | ${code === "" ? "–" : code} | ${fault.heals} |`;
    expect(manual.includes(line), `docs/operating.md has the line ${line}`).toBe(true);

    // The export beside it has the minute that is written now, while this one still waits.
    await stand.besideCatchesUp();
    const meanwhile = await row.answer();
    if (fault.codes.length > 0) expect(["retrying", "stopped"]).toContain(meanwhile.status.state);

    const mendedMs = performance.now();
    const window = await stand.windowOpen();
    await fault.mend(row);
    await row.until(
      "healthy, with all files",
      ({ status }) => status.state === "healthy" && (status.lastFile?.path ?? "") >= pathOf(window),
    );
    const healedMs = performance.now();
    row.proxy.clear();
    const expected = new Map(await row.finish());
    for (const path of (await fault.missing?.(row)) ?? []) expected.delete(path);
    const files = await row.files();
    expect(Object.fromEntries(files)).toEqual(Object.fromEntries(expected));
    expect(files.size).toBeGreaterThan(1);
    const { items: runs } = await row.api<{ items: readonly { readonly outcome: string }[] }>("GET", "/runs");
    expect(runs.filter(({ outcome }) => outcome === "adopted").length).toBeGreaterThanOrEqual(fault.adopted ?? 0);
    const seconds = (ms: number): number => Math.round((ms * rate) / 1000);
    results.push({
      theStore: fault.name,
      state,
      code: trouble?.code ?? "",
      goesOn: fault.heals,
      shownAfterSeconds: seconds(shownMs - madeMs),
      healedAfterSeconds: seconds(healedMs - mendedMs),
      files: files.size,
    });
  }

  test("J1, E1: after all of it every PUBACK has its record in exactly one file of the folder beside", async () => {
    await stand.settle();
    const reading = new ReadBack(stand.folder);
    await eventually(
      "every message is in a file",
      async () => {
        await reading.more();
        return reading.breaches(stand.ledger).lost.length;
      },
      (lost) => lost === 0,
    );
    expect(reading.breaches(stand.ledger)).toEqual(noBreaches);
    expect(stand.ledger.acknowledged.size).toBeGreaterThan(100);
    expect(results.length).toBe(storeFaults.length);
  });
});

needs("python")("a store that hangs", () => {
  test("E1: takes no place from the export beside it, though it has more to write than there are places", async () => {
    // Waits for ever, in the time of a test: who has a place keeps it.
    const stand = await FaultStand.open("--export-uploads-max=2", "--storage-timeout=1h");
    const row = await stand.row("devices", "deviceTemplates");
    try {
      const hang = row.proxy.add({ fault: { kind: "hang" } });
      await eventually(
        "a request hangs",
        () => Promise.resolve(hang.hits),
        (hits) => hits > 0,
      );
      await stand.hub.api("PATCH", "/devices/dev-0", { name: "renamed" });
      for (let windows = 0; windows < 3; windows++) await stand.besideCatchesUp();
    } finally {
      await row.close();
      await stand.close();
    }
  });
});
