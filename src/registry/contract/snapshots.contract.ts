import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Registry, SnapshotCut, SnapshotDemand } from "../registry.ts";
import { snapshotWindowNext } from "../tenure.ts";
import { type MakeStand, changesSince, fridge, makeExport } from "./stand.ts";

/** Cuts `window` as the exporter does and returns what was demanded. */
async function cut(registry: Registry, window: number): Promise<readonly SnapshotDemand[]> {
  const demand = await registry.snapshotDemand(window);
  const view = registry.openView();
  const cuts = demand.flatMap(({ type, revisionFrom, full, delta }) => {
    const base = { type, window, revisionTo: view.revision, records: 1, bytes: 100 };
    const cuts: SnapshotCut[] = [];
    if (full.length > 0) cuts.push({ ...base, scope: "full", revisionFrom: 0 });
    if (delta.length > 0) cuts.push({ ...base, scope: "delta", revisionFrom });
    return cuts;
  });
  view.close();
  expect(await registry.recordCuts(window, view.revision, cuts, demand)).toBe(true);
  return demand;
}

const brief = (demand: readonly SnapshotDemand[]): unknown =>
  Object.fromEntries(
    demand.map(({ type, full, delta }) => [
      type,
      [full.map((each) => each.definitionVersion), delta.map((each) => each.definitionVersion)],
    ]),
  );

export function snapshotStories(make: MakeStand): void {
  describe("views", () => {
    test("S2: show one moment, whatever is written beside them", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await registry.createDevices([
        { id: "a", templateId: "fridge" },
        { id: "b", templateId: "fridge" },
      ]);
      const view = registry.openView();
      await registry.updateDevice("a", { name: "later" });
      await registry.createDevice({ id: "c", templateId: "fridge" });
      await registry.deleteDevice("b");
      const seen = view.devices(0, 100);
      expect(seen.map(({ device }) => [device.id, device.name])).toEqual([
        ["a", "a"],
        ["b", "b"],
      ]);
      view.close();
      const after = changesSince(registry, view.revision);
      expect(after.devices.map(({ id, name }) => [id, name])).toEqual([
        ["a", "later"],
        ["c", "c"],
      ]);
    });

    test("X6: a device changed five times is in the changes once, with its last state, an unchanged one is not", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await registry.createDevices([
        { id: "a", templateId: "fridge" },
        { id: "b", templateId: "fridge" },
      ]);
      const { revision } = changesSince(registry, 0);
      for (let fanSpeed = 1; fanSpeed <= 5; fanSpeed++) {
        await registry.updateDevice("a", { settings: { device: { fanSpeed } } });
      }
      expect(changesSince(registry, revision).devices).toMatchObject([
        { id: "a", settings: { device: { fanSpeed: 5 } } },
      ]);
    });

    test("S1: revisions are unique and ascend page by page", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await registry.createDevices(Array.from({ length: 20 }, (_, at) => ({ id: `d${at}`, templateId: "fridge" })));
      await registry.updateDevice("d3", { name: "n" });
      const view = registry.openView();
      const revisions = view.devices(0, 100).map(({ revision }) => revision);
      expect(new Set(revisions).size).toBe(20);
      expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
      expect(view.devices(revisions[4]!, 3).map(({ revision }) => revision)).toEqual(revisions.slice(5, 8));
      expect(revisions.at(-1)).toBe(view.revision);
      view.close();
    });

    test("S1: snapshots one after another miss nothing that concurrent writers change", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      const ids = ["a", "b", "c", "d"];
      await registry.createDevices(ids.map((id) => ({ id, templateId: "fridge" })));
      const write = fc.tuple(fc.constantFrom(...ids), fc.integer({ min: 0, max: 3 }));
      const story = fc.asyncProperty(fc.array(fc.array(write, { maxLength: 6 }), { maxLength: 5 }), async (rounds) => {
        // What a reader of the files knows.
        const known = new Map<string, unknown>();
        let revision = 0;
        for (const round of rounds) {
          const writes = round.map(([id, fanSpeed]) =>
            registry.updateDevice(id, { settings: { device: { fanSpeed } } }),
          );
          for (let moment = 0; moment < 3; moment++) {
            const changes = changesSince(registry, revision, 2);
            for (const device of changes.devices) known.set(device.id, device.settings);
            revision = changes.revision;
            await Promise.race([...writes, Promise.resolve()]);
          }
          await Promise.all(writes);
        }
        for (const device of changesSince(registry, revision).devices) known.set(device.id, device.settings);
        const { items } = await registry.devices({});
        const present = Object.fromEntries(items.map(({ id, settings }) => [id, settings]));
        expect(Object.fromEntries(known)).toEqual(present);
      });
      await fc.assert(story, { numRuns: 20 });
    });
  });

  describe("snapshot demand", () => {
    test("S1: a tenure's first snapshot is full, later ones are deltas from where the last cut ended", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      const { id } = await makeExport(registry, "lake", 10);
      expect(await registry.snapshotDemand(10)).toEqual([]);
      await registry.setExportOn(id, true, () => 11);
      expect(await registry.snapshotDemand(10)).toEqual([]);
      const first = await cut(registry, 11);
      expect(first).toEqual([
        { type: "devices", revisionFrom: 0, full: [{ exportId: id, definitionVersion: 1 }], delta: [] },
        { type: "deviceTemplates", revisionFrom: 0, full: [{ exportId: id, definitionVersion: 1 }], delta: [] },
      ]);
      await registry.createDevice({ id: "a", templateId: "fridge" });
      expect(await cut(registry, 12)).toEqual([
        { type: "devices", revisionFrom: 1, full: [], delta: [{ exportId: id, definitionVersion: 1 }] },
        { type: "deviceTemplates", revisionFrom: 1, full: [], delta: [{ exportId: id, definitionVersion: 1 }] },
      ]);
      expect((await registry.snapshotDemand(13))[0]).toMatchObject({ revisionFrom: 2 });
      expect(await registry.snapshotWindow()).toBe(12);
    });

    test("S1: only the tenure in which it was asked for is due in full: an edit in mid-tenure, then off and on", async () => {
      const { registry } = await make();
      const made = await makeExport(registry, "lake", 10, { types: ["devices"] });
      const { version: _version, windowFirst: _windowFirst, ...settings } = made.definitions[0]!;
      await registry.setExportOn(made.id, true, () => 10);
      await registry.updateExport(
        made.id,
        { settings: { ...settings, types: ["devices", "deviceTemplates"] } },
        () => 10,
      );
      expect(brief(await cut(registry, 10))).toEqual({ devices: [[1], []] });
      expect(brief(await cut(registry, 11))).toEqual({ devices: [[], [2]], deviceTemplates: [[2], []] });
      await registry.updateExport(made.id, { settings: { ...settings, pathTemplate: "other" } }, () => 12);
      expect(brief(await cut(registry, 12))).toEqual({ devices: [[], [2]], deviceTemplates: [[], [2]] });
      await registry.setExportOn(made.id, false, () => 13);
      await registry.setExportOn(made.id, true, () => 13);
      expect(brief(await cut(registry, 13))).toEqual({ devices: [[3], []] });
      await registry.setExportOn(made.id, false, () => 14);
      await registry.setExportOn(made.id, true, () => 15);
      expect(brief(await cut(registry, 14))).toEqual({ devices: [[], [3]] });
      expect(brief(await cut(registry, 15))).toEqual({ devices: [[3], []] });
    });

    test("a tenure that ended before a downtime still gets its snapshot", async () => {
      const { registry } = await make();
      const short = await makeExport(registry, "short", 10);
      const long = await makeExport(registry, "long", 10);
      await registry.setExportOn(short.id, true, () => 10);
      await registry.setExportOn(short.id, false, () => 11);
      await registry.setExportOn(long.id, true, () => 11);
      const windows: number[] = [];
      for (;;) {
        const window = snapshotWindowNext(await registry.exports(), await registry.snapshotWindow(), 500);
        if (window === null) break;
        windows.push(window);
        await cut(registry, window);
      }
      expect(windows).toEqual([11, 500]);
      const owed = await registry.owedSnapshots();
      expect(owed.filter(({ exportId }) => exportId === short.id).map(({ cut }) => [cut.window, cut.scope])).toEqual([
        [11, "full"],
        [11, "full"],
      ]);
      expect(owed.filter(({ exportId }) => exportId === long.id)).toHaveLength(4);
    });

    test("answers the same after a crash until the window is recorded, then nothing", async () => {
      const stand = await make();
      const { id } = await makeExport(stand.registry, "lake", 10);
      await stand.registry.setExportOn(id, true, () => 10);
      const demand = await stand.registry.snapshotDemand(10);
      await stand.reopen();
      expect(await stand.registry.snapshotDemand(10)).toEqual(demand);
      await cut(stand.registry, 10);
      await stand.reopen();
      expect(await stand.registry.snapshotDemand(10)).toEqual([]);
      expect(await stand.registry.recordCuts(10, 99, [], demand)).toBe(false);
      expect(await stand.registry.recordCuts(9, 99, [], demand)).toBe(false);
      expect(await stand.registry.owedSnapshots()).toHaveLength(2);
    });

    test("an empty full snapshot counts: what comes after is in the deltas", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10, { types: ["devices"] });
      await registry.setExportOn(id, true, () => 10);
      await registry.recordCuts(10, 0, [], await registry.snapshotDemand(10));
      expect(brief(await registry.snapshotDemand(11))).toEqual({ devices: [[], [1]] });
    });
  });

  describe("snapshot debts", () => {
    test("E4: a cut stays until the last export that owes it has settled", async () => {
      const { registry } = await make();
      const a = await makeExport(registry, "a", 10, { types: ["devices"] });
      const b = await makeExport(registry, "b", 10, { types: ["devices"] });
      for (const { id } of [a, b]) await registry.setExportOn(id, true, () => 10);
      await cut(registry, 10);
      const [first, second] = await registry.owedSnapshots();
      expect(await registry.owedSnapshots(a.id)).toHaveLength(1);
      expect(await registry.settleSnapshot(first!, [])).toBe(true);
      expect(await registry.settleSnapshot(first!, [])).toBe(false);
      expect(await registry.settledCuts()).toEqual([]);
      await expect(registry.forgetCut(second!.cut)).rejects.toThrow();
      expect(await registry.settleSnapshot(second!, [])).toBe(true);
      expect(await registry.settledCuts()).toEqual([second!.cut]);
      await registry.forgetCut(second!.cut);
      await registry.forgetCut(second!.cut);
      expect(await registry.settledCuts()).toEqual([]);
    });

    test("a settled debt brings its runs and gap; a draining export with debts is not deleted", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10, { types: ["devices"] });
      await registry.setExportOn(id, true, () => 10);
      await registry.setExportOn(id, false, () => 10);
      await cut(registry, 10);
      await expect(registry.deleteExport(id, true)).rejects.toMatchObject({ code: "export-on" });
      const [owed] = await registry.owedSnapshots(id);
      const stream = { exportId: id, type: "devices", partition: 0 } as const;
      const at = "2026-01-02T03:05:00.000Z";
      const offsets = { first: owed!.cut.revisionFrom, next: owed!.cut.revisionTo };
      const gap = { ...stream, windowFirst: 10, windowLast: 10, reason: "discarded", at, offsets, records: 4 };
      await registry.settleSnapshot(owed!, [], gap);
      expect(await registry.gaps(id)).toEqual([gap]);
      await registry.deleteExport(id, true);
      expect(await registry.settledCuts()).toHaveLength(1);
    });

    test("an export deleted between demand and record owes nothing", async () => {
      const { registry } = await make();
      const { id } = await makeExport(registry, "lake", 10, { types: ["devices"] });
      await registry.setExportOn(id, true, () => 10);
      await registry.setExportOn(id, false, () => 10);
      const demand = await registry.snapshotDemand(10);
      await registry.deleteExport(id, true);
      const full = {
        type: "devices",
        window: 10,
        scope: "full",
        revisionFrom: 0,
        revisionTo: 5,
        records: 1,
        bytes: 9,
      } as const;
      expect(await registry.recordCuts(10, 5, [full], demand)).toBe(true);
      expect(await registry.owedSnapshots()).toEqual([]);
      expect(await registry.settledCuts()).toEqual([full]);
    });
  });
}
