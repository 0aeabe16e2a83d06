import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { windowOf } from "../lib/window.ts";
import type { Device, RegistryView, SnapshotCut } from "../registry/registry.ts";
import { SnapshotStage } from "./snapshot-stage.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-stage-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const window = windowOf(Date.parse("2026-01-02T03:04:00Z"));
const of = { type: "devices", window, scope: "full", revisionFrom: 0 } as const;

/** A view of `count` devices, with things in their rows that no file may hold. */
function viewOf(count: number): RegistryView {
  return {
    revision: count,
    devices: (after, limit) =>
      Array.from({ length: Math.min(limit, count - after) }, (_, index) => {
        const device: Device & { primaryKey: string } = {
          id: `dev-${after + index + 1}`,
          name: 'line\nbreak "quoted"',
          simulated: false,
          templateId: "t",
          templateVersion: "1.0.0",
          enabled: true,
          authentication: { type: "sas" },
          generationId: "1",
          etag: 1,
          createdAt: "",
          properties: { cloud: {}, device: {} },
          settings: { device: {} },
          primaryKey: "SECRET",
        };
        return { revision: after + index + 1, device };
      }),
    deviceTemplates: () => [],
    close: () => {},
  };
}

async function read(stage: SnapshotStage, cut: SnapshotCut): Promise<string[]> {
  const ids: string[] = [];
  for await (const state of stage.read(cut)) ids.push(state.id);
  return ids;
}

function fileOf(): string {
  return join(directory, readdirSync(directory)[0] ?? "");
}

test("What was staged is read back whole, in order, over several pages; keys are not in it (A2)", async () => {
  const stage = await SnapshotStage.open(directory);
  const cut = (await stage.write(viewOf(1201), of)) as SnapshotCut;
  expect(cut).toMatchObject({ records: 1201, revisionFrom: 0, revisionTo: 1201 });
  expect(readFileSync(fileOf()).length).toBe(cut.bytes);
  const ids = await read(stage, cut);
  expect(ids).toEqual(Array.from({ length: 1201 }, (_, index) => `dev-${index + 1}`));
  expect(readFileSync(fileOf(), "utf8")).not.toContain("SECRET");
});

test("Nothing changed, nothing staged", async () => {
  const stage = await SnapshotStage.open(directory);
  expect(await stage.write(viewOf(0), of)).toBeNull();
  expect(readdirSync(directory)).toEqual([]);
});

test("E2: a staged file that was changed, cut off or lost is told, never exported as it is", async () => {
  const stage = await SnapshotStage.open(directory);
  const cut = (await stage.write(viewOf(3), of)) as SnapshotCut;
  const whole = readFileSync(fileOf());
  const path = fileOf();
  for (let at = 0; at < whole.length - 1; at += 3) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 1;
    writeFileSync(path, changed);
    await expect(read(stage, cut), `byte ${at}`).rejects.toMatchObject({
      code: expect.stringMatching(/snapshot-lost/),
    });
  }
  for (const bytes of [0, 10, whole.length - 1, whole.length - 90]) {
    writeFileSync(path, whole.subarray(0, bytes));
    if (bytes === whole.length - 1) continue; // only the last line feed is missing: all is there
    await expect(read(stage, cut), `${bytes} bytes`).rejects.toMatchObject({ code: "snapshot-lost" });
  }
  writeFileSync(path, whole);
  appendFileSync(path, "{}\n");
  await expect(read(stage, cut)).rejects.toMatchObject({ code: "snapshot-lost" });
  rmSync(path);
  await expect(read(stage, cut)).rejects.toMatchObject({ code: "snapshot-lost" });
});

test("E2: of a damaged file not even the states before the damage are used", async () => {
  const stage = await SnapshotStage.open(directory);
  const cut = (await stage.write(viewOf(3), of)) as SnapshotCut;
  const whole = readFileSync(fileOf(), "utf8");
  // Still JSON, and no state that an encoder knows.
  writeFileSync(fileOf(), whole.replace('"settings"', '"Settings"'));
  expect(readFileSync(fileOf(), "utf8")).not.toBe(whole);
  const read: unknown[] = [];
  const reading = async (): Promise<void> => {
    for await (const state of stage.read(cut)) read.push(state);
  };
  await expect(reading()).rejects.toMatchObject({ code: "snapshot-lost" });
  expect(read).toEqual([]);
});

test("Files of no known cut are removed at a start", async () => {
  const stage = await SnapshotStage.open(directory);
  const cut = (await stage.write(viewOf(3), of)) as SnapshotCut;
  await stage.write(viewOf(3), { ...of, window: window + 1 });
  writeFileSync(join(directory, "x.tmp"), "");
  await stage.removeOthers([cut]);
  expect(readdirSync(directory)).toHaveLength(1);
  expect(await read(stage, cut)).toHaveLength(3);
});
