import { describe, expect, test } from "vitest";
import type { ExportDefinition, ExportSettings, Tenure } from "./registry.ts";
import { definitionAt, edited, isOwed, snapshotWindowNext, tenureAt, turnedOff, turnedOn, wentBack } from "./tenure.ts";

const settings: ExportSettings = {
  storageAccountId: "s",
  container: "iot",
  types: ["measurements", "devices"],
  pathTemplate: "p",
  codec: "null",
  formatRevision: "2018-07",
  blockBytes: 65_536,
  fileBytesMax: 2 ** 30,
};
const version1: ExportDefinition = { ...settings, version: 1, windowFirst: 5 };
const tenure = (number: number, windowFirst: number, windowLast: number | null): Tenure => ({
  number,
  windowFirst,
  windowLast,
});

test("S1: edited while off in the newest window, and turned on in an older one that is still open: full at the new place", () => {
  const schedule = { definitions: [version1], tenures: [tenure(1, 7, 9)] };
  const { definition, marks } = edited(schedule, { ...settings, pathTemplate: "q" }, 10);
  expect(turnedOn(schedule.tenures, 9)).toEqual({ tenure: tenure(1, 7, null), marks: [] });
  expect(definition.windowFirst).toBe(10);
  expect(marks).toEqual([{ type: "devices", windowFirst: 10 }]);
});

describe("windows that went back", () => {
  const ahead = { windowLowest: 900, windowHighest: 905 };
  const after = (last: Tenure): readonly Tenure[] =>
    wentBack({ definitions: [version1], tenures: [last] }, 20, ahead).tenures;

  test("E1: what is owed up there stays owed when the export is turned off afterwards", () => {
    const tenures = after(tenure(1, 7, null));
    expect(tenures).toEqual([tenure(1, 900, 905), tenure(2, 7, null)]);
    expect(turnedOff(tenures, 21)).toEqual(tenure(2, 7, 21));
    expect(wentBack({ definitions: [version1], tenures }, 20, ahead).tenures).toEqual([]); // done again after a crash
  });

  test("E1: an export that was turned off up there is off", () => {
    expect(after(tenure(1, 7, 903))).toEqual([tenure(1, 900, 903), tenure(2, 7, 20)]);
    expect(after(tenure(1, 7, 890))).toEqual([tenure(1, 7, 20)]);
    expect(after(tenure(1, 7, 19))).toEqual([]);
  });
});

describe("turning on and off", () => {
  test("E1: both the window it was turned on in and the one it was turned off in are owed", () => {
    const schedule = { definitions: [version1], tenures: [tenure(1, 7, 9)] };
    expect([6, 7, 8, 9, 10].map((window) => isOwed(schedule, window, "measurements"))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  test("E1: a type that the definition in force does not toggle is not owed", () => {
    expect(isOwed({ definitions: [version1], tenures: [tenure(1, 7, null)] }, 8, "deviceTemplates")).toBe(false);
  });

  test("off then on within one window goes on with the tenure, without another full snapshot", () => {
    expect(turnedOn([tenure(1, 7, 9)], 9)).toEqual({ tenure: tenure(1, 7, null), marks: [] });
  });

  test("on, off and on within the first window keeps one tenure of that window", () => {
    const first = turnedOn([], 7);
    const off = turnedOff([first!.tenure], 7);
    expect(off).toEqual(tenure(1, 7, 7));
    expect(turnedOn([off!], 7)).toEqual({ tenure: tenure(1, 7, null), marks: [] });
  });

  test("S1: on in the window after the one it was turned off in is a new, adjacent tenure that starts full", () => {
    expect(turnedOn([tenure(1, 7, 9)], 10)).toEqual({
      tenure: tenure(2, 10, null),
      marks: [
        { type: "devices", windowFirst: 10 },
        { type: "deviceTemplates", windowFirst: 10 },
      ],
    });
  });

  test("what is already so stays so", () => {
    expect(turnedOn([tenure(1, 7, null)], 9)).toBeNull();
    expect(turnedOff([tenure(1, 7, 9)], 9)).toBeNull();
    expect(turnedOff([], 9)).toBeNull();
  });

  test("on after the windows went back (journal reset-clock) is owed from the open window on", () => {
    const outcome = turnedOn([tenure(1, 1000, 1001)], 20);
    expect(outcome?.tenure).toEqual(tenure(2, 20, null));
  });
});

describe("editing", () => {
  const running = { definitions: [version1], tenures: [tenure(1, 7, null)] };

  test("an edit while it is on comes into force with the next window", () => {
    expect(edited(running, { ...settings, codec: "deflate" }, 9)).toEqual({
      definition: { ...settings, codec: "deflate", version: 2, windowFirst: 10 },
      marks: [],
    });
  });

  test("an edit before it was ever on is in force at once", () => {
    const outcome = edited({ definitions: [version1], tenures: [] }, settings, 9);
    expect(outcome.definition).toMatchObject({ version: 2, windowFirst: 9 });
  });

  test("E2: an edit in the window it was turned off in leaves that window to the old definition", () => {
    const off = { definitions: [version1], tenures: [tenure(1, 7, 9)] };
    expect(edited(off, settings, 9).definition.windowFirst).toBe(10);
    expect(edited(off, settings, 10).definition.windowFirst).toBe(10);
  });

  test("of two edits in one window the later wins from the next window on", () => {
    const second = edited(running, { ...settings, codec: "deflate" }, 9).definition;
    const third = edited({ ...running, definitions: [version1, second] }, settings, 9).definition;
    const definitions = [version1, second, third];
    expect(definitionAt({ definitions }, 9)?.version).toBe(1);
    expect(definitionAt({ definitions }, 10)?.version).toBe(3);
    expect(definitionAt({ definitions }, 4)).toBeNull();
  });

  test("S1: a type newly toggled on is due in full at the first window of the edit", () => {
    const types = ["measurements", "devices", "deviceTemplates"] as const;
    expect(edited(running, { ...settings, types }, 9).marks).toEqual([{ type: "deviceTemplates", windowFirst: 10 }]);
  });

  test.each([
    ["storageAccountId", { storageAccountId: "other" }],
    ["container", { container: "other" }],
    ["pathTemplate", { pathTemplate: "other" }],
    ["formatRevision", { formatRevision: "2018-09" }],
  ] as const)("S1: after a change of %s the snapshots toggled on are due in full", (_key, change) => {
    expect(edited(running, { ...settings, ...change }, 9).marks).toEqual([{ type: "devices", windowFirst: 10 }]);
  });

  test.each([
    ["codec", { codec: "deflate" }],
    ["blockBytes", { blockBytes: 2048 }],
    ["fileBytesMax", { fileBytesMax: 2 ** 20 }],
  ] as const)("after a change of %s deltas go on", (_key, change) => {
    expect(edited(running, { ...settings, ...change }, 9).marks).toEqual([]);
  });

  test("an edit taken back in the same window asks for nothing in full", () => {
    const second = edited(running, { ...settings, container: "other" }, 9);
    const third = edited({ ...running, definitions: [version1, second.definition] }, settings, 9);
    expect(third.marks).toEqual([]);
  });
});

describe("tenureAt", () => {
  test("finds the tenure that covers a window", () => {
    const tenures = [tenure(1, 7, 9), tenure(2, 10, 10), tenure(3, 20, null)];
    expect([6, 9, 10, 11, 500].map((window) => tenureAt({ tenures }, window)?.number)).toEqual([
      undefined,
      1,
      2,
      undefined,
      3,
    ]);
  });
});

describe("the next window to cut", () => {
  const version2: ExportDefinition = { ...settings, version: 2, windowFirst: 13 };

  test("is the newest closed one when everything goes on", () => {
    expect(snapshotWindowNext([{ definitions: [version1], tenures: [tenure(1, 7, null)] }], 8, 20)).toBe(20);
  });

  test("S1: never passes over the last window of a tenure or of a definition", () => {
    const schedules = [{ definitions: [version1, version2], tenures: [tenure(1, 7, 17)] }];
    expect(snapshotWindowNext(schedules, null, 20)).toBe(12);
    expect(snapshotWindowNext(schedules, 12, 20)).toBe(17);
    expect(snapshotWindowNext(schedules, 17, 20)).toBeNull();
  });

  test("is none when no export owes a snapshot, or all is recorded", () => {
    const measurementsOnly = { ...version1, types: ["measurements"] as const };
    expect(snapshotWindowNext([{ definitions: [measurementsOnly], tenures: [tenure(1, 7, null)] }], 8, 20)).toBeNull();
    expect(snapshotWindowNext([{ definitions: [version1], tenures: [tenure(1, 7, null)] }], 20, 20)).toBeNull();
    expect(snapshotWindowNext([], null, 20)).toBeNull();
  });
});
