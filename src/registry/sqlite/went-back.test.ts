import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { windowOf } from "../../lib/window.ts";
import { definitionAt, isOwed } from "../tenure.ts";
import type { ExportSettings, Registry } from "../registry.ts";
import { openSqliteRegistry } from "./sqlite-registry.ts";

let registry: Registry;
let directory = "";
afterEach(async () => {
  await registry.close();
  rmSync(directory, { recursive: true, force: true });
});

test("E1: after windows went back an export goes on under its last definition, and what lies above stays owed", async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-back-"));
  registry = await openSqliteRegistry({ directory, clock: systemClock });
  const account = await registry.createStorageAccount({ name: "f", settings: { kind: "folder", path: directory } });
  const settings: ExportSettings = {
    storageAccountId: account.id,
    container: "iot",
    types: ["measurements", "devices"],
    pathTemplate: "{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro",
    codec: "null",
    formatRevision: "2018-07",
    blockBytes: 65_536,
    fileBytesMax: 1 << 30,
  };
  const wrong = windowOf(Date.parse("2038-01-01T00:00:00Z"));
  const right = windowOf(Date.parse("2026-01-01T00:00:00Z"));
  const made = await registry.createExport("m", settings, () => wrong);
  await registry.setExportOn(made.id, true, () => wrong);
  await registry.recordCuts(wrong, 0, [], await registry.snapshotDemand(wrong));
  await registry.updateExport(made.id, { settings: { ...settings, codec: "deflate" } }, () => wrong + 1);
  expect(await registry.snapshotWindow()).toBe(wrong);

  await registry.windowsWentBack(right, { windowLowest: wrong, windowHighest: wrong + 5 });
  const after = await registry.export(made.id);
  expect(after.on).toBe(true);
  for (const window of [right, right + 1000, wrong, wrong + 5])
    expect(isOwed(after, window, "measurements")).toBe(true);
  expect(definitionAt(after, right)).toMatchObject({ version: 3, codec: "deflate" });
  expect(await registry.snapshotWindow()).toBe(right - 1);
  const [demand] = await registry.snapshotDemand(right);
  expect(demand?.full.map(({ exportId }) => exportId)).toEqual([made.id]);

  await registry.windowsWentBack(right, { windowLowest: wrong, windowHighest: wrong + 5 });
  expect((await registry.export(made.id)).tenures.length).toBe(2); // nothing lies above any more
});
