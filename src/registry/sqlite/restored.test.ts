// What of an older registry is put on record when the journal beside it begins above what the registry had settled.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import type { Export, Registry } from "../registry.ts";
import { adoptRestoredRegistry } from "./restored.ts";
import { openSqliteRegistry } from "./sqlite-registry.ts";

const stream = { type: "measurements", partition: 0 } as const;
let directory = "";
let registry: Registry;
let one: Export;

/** Turned on at window 100; windows up to 104 are settled, with offsets up to 50. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-restored-"));
  registry = await openSqliteRegistry({ directory, clock: systemClock });
  const account = await registry.createStorageAccount({ name: "f", settings: { kind: "folder", path: "/f" } });
  const settings = {
    storageAccountId: account.id,
    container: "iot",
    types: ["measurements", "devices"],
    pathTemplate: "{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro",
    codec: "null",
    formatRevision: "2018-07",
    blockBytes: 65_536,
    fileBytesMax: 1 << 30,
  } as const;
  const made = await registry.createExport("e", settings, () => 100);
  one = await registry.setExportOn(made.id, true, () => 100);
  const at = new Date().toISOString();
  const gap = { ...stream, exportId: one.id, windowFirst: 100, windowLast: 104, reason: "x", at };
  const span = { tenure: 1, windowFirst: 100, windowLast: null };
  const settled = { ...gap, offsets: { first: 0, next: 50 }, records: 50 };
  await registry.advanceCheckpoint({ exportId: one.id, stream, from: null, to: 105, span, runs: [], gap: settled });
  await registry.close();
});
afterEach(async () => {
  await registry.close();
  rmSync(directory, { recursive: true, force: true });
});

test.each([
  { what: "begins where it ended: nothing is missing", windowNext: 108, offsetNext: 50, gap: null, checkpoint: 105 },
  { what: "begins above: what was trimmed is a gap", windowNext: 108, offsetNext: 60, gap: 107, checkpoint: 108 },
  { what: "is lost: a gap up to the restart", windowNext: 200, offsetNext: null, gap: 199, checkpoint: 200 },
])("B3, E3: the journal $what", async ({ windowNext, offsetNext, gap, checkpoint }) => {
  const { gaps } = await adoptRestoredRegistry(join(directory, "registry.db"), {
    windowNext: 200,
    partitions: [{ partition: 0, windowNext, offsetNext }],
    reason: "restored",
    at: "2026-03-04T05:06:07.000Z",
  });
  registry = await openSqliteRegistry({ directory, clock: systemClock });
  expect(gaps).toBe(gap === null ? 0 : 1);
  const [, ...added] = await registry.gaps(one.id);
  const expected = { windowFirst: 105, windowLast: gap, reason: "restored", offsets: null, records: null };
  expect(added).toMatchObject(gap === null ? [] : [expected]);
  expect(await registry.checkpoints(one.id)).toEqual([{ ...stream, windowNext: checkpoint }]);
  // S1: nothing below is cut again, and the next snapshot is full.
  expect(await registry.snapshotWindow()).toBe(199);
  expect(await registry.snapshotDemand(200)).toMatchObject([
    { type: "devices", full: [{ exportId: one.id }], delta: [] },
  ]);
});

test("A1: users and API tokens are restored, sessions are not", async () => {
  registry = await openSqliteRegistry({ directory, clock: systemClock });
  const password = "a long enough sentence";
  await registry.createFirstUser({ name: "ada", password });
  const nowMs = Date.now();
  const bounds = { idleMs: 1e6, lengthMs: 1e6, sessionsMax: 10 };
  const outcome = await registry.signIn("ada", password, nowMs, bounds);
  const session = outcome.kind === "signed-in" ? outcome.session.token : "";
  expect(registry.session(session, nowMs)).not.toBeNull();
  const wanted = { name: "t", role: "operator", expiresInDays: 1, createdBy: "ada" } as const;
  const { token } = await registry.createApiToken(wanted, nowMs);
  await registry.close();
  const restored = { windowNext: 200, partitions: [], reason: "restored", at: "2026-03-04T05:06:07.000Z" };
  await adoptRestoredRegistry(join(directory, "registry.db"), restored);
  registry = await openSqliteRegistry({ directory, clock: systemClock });
  expect(registry.session(session, nowMs)).toBeNull();
  expect(registry.apiToken(token, nowMs)).not.toBeNull();
  expect((await registry.signIn("ada", password, nowMs, bounds)).kind).toBe("signed-in");
});
