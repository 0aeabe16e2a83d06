// A staged snapshot that was lost with its machine: the file that the former hub wrote is recognised as ours; what it had not
// written goes on record, when a restore says so, and stands in nobody's way.

import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SnapshotStage } from "../../src/export/snapshot-stage.ts";
import type { Export, OwedSnapshot } from "../../src/registry/registry.ts";
import { ExportBench } from "../lib/export-bench.ts";

let bench: ExportBench;
let one: Export;
let owed: readonly OwedSnapshot[] = [];
let path = "";

const devicesFile = (): string => bench.files("lake").find((name) => name.startsWith("iot/devices/")) ?? "";

/** A full snapshot of devices is exported; then the registry is one that does not know, and the staged file is gone. */
beforeEach(async () => {
  bench = await ExportBench.open();
  const folder = await bench.folder("lake");
  for (const id of ["a", "b", "c"]) await bench.device(id);
  const away = join(bench.directory, "lake", "iot");
  one = await bench.createExport("lake", { ...bench.settings(folder), types: ["devices"] });
  rmSync(away, { recursive: true });
  await bench.pass(1);
  owed = await bench.registry.owedSnapshots();
  expect(owed.length).toBe(1);
  await bench.exporter.stop();
});
afterEach(async () => await bench.close());

const stagedFolder = (): string => join(bench.directory, "snapshots");

/** What the former hub did after the backup: the same snapshot, into the same place, by a second exporter. */
async function writtenByTheFormerHub(): Promise<void> {
  const { openStorage } = await import("../../src/destinations/open-storage.ts");
  const storage = openStorage({ kind: "folder", path: join(bench.directory, "lake") }, undefined);
  await storage.createContainer("iot");
  const settle = bench.registry.settleSnapshot.bind(bench.registry);
  // It commits into a registry that is lost: this one hears nothing of it.
  bench.registry.settleSnapshot = () => Promise.resolve(false);
  const staged = readdirSync(stagedFolder()).map((name) => join(stagedFolder(), name));
  const kept = staged.map((file) => readFileSync(file));
  await bench.startExporter();
  await bench.until(() => devicesFile() !== "");
  await bench.exporter.stop();
  bench.registry.settleSnapshot = settle;
  for (const [index, file] of staged.entries()) writeFileSync(file, kept[index] ?? "");
  path = devicesFile();
}

async function startWithoutStaged(reason: string | null): Promise<void> {
  for (const name of readdirSync(stagedFolder())) rmSync(join(stagedFolder(), name));
  const stage = await SnapshotStage.open(stagedFolder());
  if (reason !== null) for (const { cut } of owed) await stage.markLost(cut, reason);
  await bench.startExporter();
  await bench.settle();
}

test.each([null, "restored"])(
  "E5: the file that was written is ours by its label and its bytes (staged file: %s)",
  async (reason) => {
    await writtenByTheFormerHub();
    const bytes = bench.bytes("lake", path);
    await startWithoutStaged(reason);
    expect(await bench.registry.owedSnapshots()).toEqual([]);
    const [run] = await bench.registry.runs({ exportId: one.id, limit: 10 });
    expect(run).toMatchObject({ outcome: "adopted", records: 3, bytes: bytes.length });
    expect(await bench.registry.gaps(one.id)).toEqual([]);
    expect(bench.bytes("lake", path)).toEqual(bytes);
    expect(bench.exporter.status(one.id)).toMatchObject({ state: "healthy", trouble: null });
  },
);

test("A file at the name with other bytes than its label says is not taken for ours: after a restore a gap, else a stop", async () => {
  await writtenByTheFormerHub();
  const file = join(bench.directory, "lake", path);
  rmSync(file);
  writeFileSync(file, "something else");
  await startWithoutStaged(null);
  expect(bench.exporter.status(one.id)?.trouble).toMatchObject({ code: "snapshot-lost" });
  expect((await bench.registry.owedSnapshots()).length).toBe(1);
  await bench.exporter.stop();
  await startWithoutStaged("restored from a backup");
  expect(await bench.registry.gaps(one.id)).toMatchObject([{ reason: "restored from a backup", records: 3 }]);
  expect(readFileSync(file, "utf8")).toBe("something else");
});

test("B3: not written by the former hub: a gap with the reason of the restore, and the export goes on", async () => {
  await startWithoutStaged("restored from a backup");
  // The container is away: nothing is let go on a guess.
  expect(await bench.registry.gaps(one.id)).toEqual([]);
  expect(bench.exporter.status(one.id)?.trouble).toMatchObject({ code: "container-not-found" });
  const { openStorage } = await import("../../src/destinations/open-storage.ts");
  await openStorage({ kind: "folder", path: join(bench.directory, "lake") }, undefined).createContainer("iot");
  bench.exporter.retry(one.id);
  await bench.settle();
  const [{ cut }] = owed as [OwedSnapshot];
  expect(await bench.registry.gaps(one.id)).toMatchObject([
    { type: "devices", windowFirst: cut.window, windowLast: cut.window, reason: "restored from a backup", records: 3 },
  ]);
  await bench.registry.updateDevice("a", { name: "renamed" });
  await bench.pass(1);
  expect((await bench.records("lake", devicesFile())).map(({ id }) => id)).toEqual(["a"]);
  expect(bench.exporter.status(one.id)).toMatchObject({ state: "healthy" });
});
