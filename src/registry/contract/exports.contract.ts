import { describe, expect, test } from "vitest";
import type { ExportDefinition, ExportGap, ExportSettings } from "../registry.ts";
import { type MakeStand, cutOf, eventsOf, makeExport, runOf, spanFrom } from "./stand.ts";

export function exportStories(make: MakeStand): void {
  describe("exports", () => {
    test("start off, with definition 1 in force from the open window", async () => {
      const { registry } = await make();
      const made = await makeExport(registry, "lake", 10);
      expect(made).toMatchObject({ name: "lake", on: false, tenures: [], etag: 1 });
      expect(made.definitions).toMatchObject([{ version: 1, windowFirst: 10, container: "iot" }]);
      expect(await registry.export(made.id)).toEqual(made);
      expect(await registry.exports()).toEqual([made]);
    });

    test.each<[Partial<Record<keyof ExportSettings, unknown>>, string]>([
      [{ storageAccountId: "nowhere" }, "storageAccountId"],
      [{ container: "" }, "container"],
      [{ types: [] }, "types"],
      [{ types: ["devices", "devices"] }, "types"],
      [{ types: ["devices", "users"] }, "types"],
      [{ pathTemplate: "" }, "pathTemplate"],
      [{ codec: "snappy" }, "codec"],
      [{ formatRevision: "2019-01" }, "formatRevision"],
      [{ blockBytes: 1023 }, "blockBytes"],
      [{ blockBytes: 16 * 1024 ** 2 + 1 }, "blockBytes"],
      [{ fileBytesMax: 1024 }, "fileBytesMax"],
      [{ fileBytesMax: 1.5e9 + 0.5 }, "fileBytesMax"],
    ])("R8: settings with %j are refused by the field %s", async (part, field) => {
      const { registry } = await make();
      const refused = { kind: "invalid", field };
      await expect(makeExport(registry, "lake", 10, part as Partial<ExportSettings>)).rejects.toMatchObject(refused);
    });

    test("tenures open and close at the open window; what is so already stays", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      const events = eventsOf(registry);
      expect(await registry.setExportOn(id, false, () => 11)).toMatchObject({ on: false, etag: 1 });
      expect(await registry.setExportOn(id, true, () => 11)).toMatchObject({
        on: true,
        etag: 2,
        tenures: [{ number: 1, windowFirst: 11, windowLast: null }],
      });
      expect((await registry.setExportOn(id, true, () => 12)).etag).toBe(2);
      expect((await registry.setExportOn(id, false, () => 14)).tenures).toEqual([
        { number: 1, windowFirst: 11, windowLast: 14 },
      ]);
      // Again in the same window: no window is in two tenures (E1).
      expect((await registry.setExportOn(id, true, () => 14)).tenures).toHaveLength(1);
      await registry.setExportOn(id, false, () => 14);
      const { tenures } = await registry.setExportOn(id, true, () => 20);
      expect(tenures).toEqual([
        { number: 1, windowFirst: 11, windowLast: 14 },
        { number: 2, windowFirst: 20, windowLast: null },
      ]);
      expect(events).toHaveLength(5);
      await expect(registry.setExportOn(id, false, () => 21, 1)).rejects.toMatchObject({ code: "etag-stale" });
    });

    test("E2: an edit is a new version from the next window on; the same settings make none", async () => {
      const { registry } = await make();
      const made = await makeExport(registry, "lake", 10);
      const settings = settingsOf(made.definitions[0]!);
      await registry.setExportOn(made.id, true, () => 10);
      expect((await registry.updateExport(made.id, { settings }, () => 11)).definitions).toHaveLength(1);
      const edited = await registry.updateExport(made.id, { settings: { ...settings, codec: "deflate" } }, () => 12);
      expect(edited.definitions).toMatchObject([
        { version: 1, windowFirst: 10, codec: "null" },
        { version: 2, windowFirst: 13, codec: "deflate" },
      ]);
      const again = await registry.updateExport(made.id, { settings, name: "renamed" }, () => 12);
      expect(again.definitions.map(({ version, windowFirst }) => [version, windowFirst])).toEqual([
        [1, 10],
        [2, 13],
        [3, 13],
      ]);
      expect(again.name).toBe("renamed");
    });

    test("an edit before it is turned on needs no wait", async () => {
      const { registry } = await make();
      const made = await makeExport(registry, "lake", 10);
      const settings = settingsOf(made.definitions[0]!);
      const edited = await registry.updateExport(made.id, { settings: { ...settings, container: "b" } }, () => 12);
      expect(edited.definitions[1]).toMatchObject({ version: 2, windowFirst: 12 });
    });

    test("E1: a read shows every change asked for before it", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      const on = registry.setExportOn(id, true, () => 11);
      const [seen] = await registry.exports();
      expect(seen?.on).toBe(true);
      const off = registry.setExportOn(id, false, () => 12);
      expect((await registry.export(id)).on).toBe(false);
      await Promise.all([on, off]);
    });

    test("names are unique", async () => {
      const { registry } = await make();
      const { definitions } = await makeExport(registry, "lake", 10);
      const twice = registry.createExport("lake", settingsOf(definitions[0]!), () => 10);
      await expect(twice).rejects.toMatchObject({ code: "export-exists", field: "name" });
    });

    test("one that is on or owes anything is not deleted", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      await registry.setExportOn(id, true, () => 10);
      await expect(registry.deleteExport(id, true)).rejects.toMatchObject({ kind: "conflict", code: "export-on" });
      await registry.setExportOn(id, false, () => 10);
      await expect(registry.deleteExport(id, false)).rejects.toMatchObject({ code: "export-on" });
      await registry.deleteExport(id, true);
      await expect(registry.export(id)).rejects.toMatchObject({ kind: "not-found", code: "export-not-found" });
    });

    test("E3: a checkpoint moves by compare-and-set and never back", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      const stream = { type: "measurements", partition: 0 } as const;
      const move = (from: number | null, to: number) => {
        const runs = [runOf(id, to - 1)];
        const cut = cutOf(runs, 3 * to);
        return registry.advanceCheckpoint({ exportId: id, stream, from, to, span: spanFrom(10), runs, cut });
      };
      expect(await registry.checkpoints(id)).toEqual([]);
      expect(await move(10, 11)).toBe(false);
      expect(await move(null, 11)).toBe(true);
      expect(await move(null, 12)).toBe(false);
      expect(await Promise.all([move(11, 12), move(11, 13)])).toEqual([true, false]);
      expect(await registry.checkpoints(id)).toEqual([{ ...stream, windowNext: 12 }]);
      await expect(move(12, 12)).rejects.toThrow(/E3/);
      await expect(move(12, 11)).rejects.toThrow(/E3/);
      // A move that lost brought no run with it.
      expect((await registry.runs({ exportId: id, limit: 10 })).map(({ window }) => window)).toEqual([11, 10]);
      const gone = { exportId: "gone", stream, from: null, to: 11, span: spanFrom(10), runs: [] };
      expect(await registry.advanceCheckpoint(gone)).toBe(false);
    });

    test("runs are listed newest first by page, and pruned by export", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      const other = await makeExport(registry, "other", 10);
      for (const exportId of [id, other.id]) {
        const runs = [1, 2, 3, 4, 5].map((window) => runOf(exportId, window));
        const stream = { type: "measurements", partition: 0 } as const;
        const move = { exportId, stream, from: null, to: 6, span: spanFrom(1), runs, cut: cutOf(runs, 0) };
        await registry.advanceCheckpoint(move);
      }
      const page = await registry.runs({ exportId: id, limit: 2 });
      expect(page.map(({ window }) => window)).toEqual([5, 4]);
      const { number, ...first } = page[0]!;
      expect(first).toEqual(runOf(id, 5));
      const rest = await registry.runs({ exportId: id, limit: 10, before: page[1]!.number });
      expect(rest.map(({ window }) => window)).toEqual([3, 2, 1]);
      expect(number).toBeGreaterThan(page[1]!.number);
      await registry.pruneRuns(2);
      expect((await registry.runs({ exportId: id, limit: 10 })).map(({ window }) => window)).toEqual([5, 4]);
      expect(await registry.runs({ exportId: other.id, limit: 10 })).toHaveLength(2);
    });

    test("what was let go is on record", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10);
      const stream = { type: "measurements", partition: 0 } as const;
      const at = "2026-01-02T03:05:00.000Z";
      const offsets = { first: 7, next: 19 };
      const windows = { windowFirst: 10, windowLast: 14 };
      const gap: ExportGap = { exportId: id, ...stream, ...windows, reason: "backlog", at, offsets, records: 12 };
      const span = spanFrom(10);
      await registry.advanceCheckpoint({ exportId: id, stream, from: null, to: 15, span, runs: [], gap });
      expect(await registry.gaps(id)).toEqual([gap]);
    });
  });
}

/** An administrator's part of a definition. */
function settingsOf({ version: _version, windowFirst: _windowFirst, ...settings }: ExportDefinition): ExportSettings {
  return settings;
}
