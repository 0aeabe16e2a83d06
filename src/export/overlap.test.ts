import { describe, expect, test } from "vitest";
import { type Export, type ExportDefinition, holdBacklog } from "../registry/registry.ts";
import { type Claim, claimsOf, overlapOf, refuseOverlap } from "./overlap.ts";
import { defaultPathTemplate } from "./path-template.ts";

const claim = (more: Partial<Claim["settings"]> & { root?: string; isBefore?: boolean } = {}): Claim => ({
  exportName: "other",
  root: more.root ?? "folder:/lake/iot",
  settings: { types: more.types ?? ["measurements"], pathTemplate: more.pathTemplate ?? defaultPathTemplate },
  isBefore: more.isBefore ?? false,
});
const settings = { types: ["measurements"], pathTemplate: defaultPathTemplate } as const;
const meets = (given: Parameters<typeof overlapOf>[0], ...claims: Claim[]): boolean =>
  overlapOf(given, "folder:/lake/iot", claims, "hub") !== null;

describe("overlapOf", () => {
  test("finds the same names in the same root for a common type", () => {
    expect(meets(settings, claim())).toBe(true);
    expect(meets(settings, claim({ root: "folder:/lake/other" }))).toBe(false);
    expect(meets(settings, claim({ types: ["devices", "deviceTemplates"] }))).toBe(false);
    expect(meets({ ...settings, types: ["measurements", "devices"] }, claim({ types: ["devices"] }))).toBe(true);
    expect(meets(settings, claim({ pathTemplate: `copy/${defaultPathTemplate}` }))).toBe(false);
  });

  test("finds templates that meet on some days only", () => {
    const swapped = defaultPathTemplate.replace("{MM}/{dd}", "{dd}/{MM}");
    expect(meets(settings, claim({ pathTemplate: swapped }))).toBe(true);
    expect(meets(settings, claim({ pathTemplate: swapped, isBefore: true }))).toBe(true);
  });

  test("lets a template be used again for later windows", () => {
    expect(meets(settings, claim({ isBefore: true }))).toBe(false);
  });

  test("looks at other types too where a template does not tell them apart", () => {
    const untyped = defaultPathTemplate.replace("{type}/", "");
    expect(meets({ types: ["devices"], pathTemplate: untyped }, claim({ pathTemplate: untyped }))).toBe(true);
    const literal = defaultPathTemplate.replace("{type}", "measurements");
    expect(meets({ types: ["devices"], pathTemplate: literal }, claim())).toBe(true);
    expect(meets({ types: ["devices"], pathTemplate: literal }, claim({ types: ["deviceTemplates"] }))).toBe(false);
  });

  test("is refused with the field, the other export and the remedy", () => {
    expect(() => refuseOverlap(settings, "folder:/lake/iot", [claim()], "hub")).toThrow(
      expect.objectContaining({
        kind: "conflict",
        code: "export-overlap",
        field: "pathTemplate",
        message: expect.stringContaining('"other"'),
        hint: expect.stringContaining("another container"),
      }),
    );
    refuseOverlap(settings, "folder:/lake/iot", [], "hub");
  });
});

describe("claimsOf", () => {
  const definition = (version: number, windowFirst: number, container: string): ExportDefinition => ({
    version,
    windowFirst,
    storageAccountId: "a",
    container,
    types: ["measurements"],
    pathTemplate: defaultPathTemplate,
    codec: "null",
    formatRevision: "2018-07",
    blockBytes: 65_536,
    fileBytesMax: 1 << 30,
  });
  const one: Export = {
    id: "e",
    name: "E",
    on: true,
    definitions: [
      definition(1, 10, "first"),
      definition(2, 20, "never"),
      definition(3, 20, "present"),
      definition(4, 31, "coming"),
    ],
    tenures: [],
    backlog: holdBacklog,
    etag: 1,
    createdAt: "",
  };
  const shown = (isOwn: boolean, windowOpen: number) =>
    claimsOf(one, isOwn, windowOpen, ({ container }) => container).map(({ root, isBefore }) => [root, isBefore]);

  test("leaves out what never came into force, and tells what is over", () => {
    expect(shown(false, 30)).toEqual([
      ["first", true],
      ["present", false],
      ["coming", false],
    ]);
    expect(shown(false, 31)).toEqual([
      ["first", true],
      ["present", true],
      ["coming", false],
    ]);
  });

  test("an export's own definitions all end where its new one begins", () => {
    expect(shown(true, 30).every(([, isBefore]) => isBefore)).toBe(true);
  });
});
