import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Json,
  type JsonObject,
  type TwinSection,
  bytesOf,
  eitherContent,
  mergeDiff,
  patchedSection,
  untouchedSection,
} from "./twin-section.ts";

const at = "2026-01-02T03:04:05.678Z";
const later = "2026-01-02T03:05:00.000Z";
const after = (patch: unknown, section = untouchedSection): TwinSection =>
  patchedSection(section, "reported", patch, at);
/** What a section may hold. */
const content = fc
  .dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3 }))
  .map((given) => after(withKeys(given as Json)).content);
const nested = (levels: number): Json => (levels === 0 ? { leaf: 1 } : { in: nested(levels - 1) });

describe("a merge patch", () => {
  test("adds, replaces, goes into objects and removes by null", () => {
    const first = after({ a: 1, b: { c: "x", d: true }, e: [1, null, { f: 2 }] });
    expect(first.content).toEqual({ a: 1, b: { c: "x", d: true }, e: [1, null, { f: 2 }] });
    expect(first.version).toBe(2);
    const second = after({ a: { g: 1 }, b: { c: null }, e: [3] }, first);
    expect(second.content).toEqual({ a: { g: 1 }, b: { d: true }, e: [3] });
    expect(second.version).toBe(3);
    // A null in what is new removes nothing, and is not kept.
    expect(after({ new: { h: null } }, second).content).toEqual({ ...second.content, new: {} });
  });

  test("says of each part when it was changed last, and in desired at which version", () => {
    const first = patchedSection(untouchedSection, "desired", { a: 1, b: { c: 2, d: 3 } }, at);
    const { metadata } = patchedSection(first, "desired", { b: { c: 4 }, a: null }, later);
    const before = { $lastUpdated: at, $lastUpdatedVersion: 2 };
    const now = { $lastUpdated: later, $lastUpdatedVersion: 3 };
    expect(metadata).toEqual({ ...now, b: { ...now, c: now, d: before } });
    expect(after({ a: 1 }).metadata).toEqual({ $lastUpdated: at, a: { $lastUpdated: at } });
  });

  test("takes names of JavaScript for names", () => {
    const patch = JSON.parse('{"__proto__":{"x":1},"constructor":2}') as object;
    const { content } = after(patch);
    expect(JSON.stringify(content)).toBe('{"__proto__":{"x":1},"constructor":2}');
    expect(JSON.stringify(after(JSON.parse('{"__proto__":{"y":2}}'), after(patch)).content)).toBe(
      '{"__proto__":{"x":1,"y":2},"constructor":2}',
    );
  });

  test("twice is as once, but for the version", () => {
    const value = fc.jsonValue({ maxDepth: 3, stringUnit: "grapheme" });
    const key = fc.stringMatching(/^[a-z_]{1,3}$/);
    fc.assert(
      fc.property(fc.dictionary(key, value), fc.dictionary(key, value), (one, two) => {
        const patches = [one, two].map((patch) => withKeys(patch as Json));
        const once = patches.reduce<TwinSection>((section, patch) => after(patch, section), untouchedSection);
        const twice = after(patches[1], once);
        expect(twice.content).toEqual(once.content);
        expect(twice.version).toBe(4);
      }),
    );
  });
});

describe("is refused, by the path of what is wrong", () => {
  test.each([
    [[1], "reported"],
    [null, "reported"],
    ["text", "reported"],
    [{ "a.b": 1 }, "reported.a.b"],
    [{ a: { $b: 1 } }, "reported.a.$b"],
    [{ "a b": null }, "reported.a b"],
    [{ "": 1 }, "reported."],
    [{ "a\u0007": 1 }, "reported.a\u0007"],
    [{ ["k".repeat(1025)]: 1 }, `reported.${"k".repeat(64)}…`],
    [{ a: "x".repeat(4097) }, "reported.a"],
    [{ a: "\ud800" }, "reported.a"],
    [{ a: { b: 4_503_599_627_370_497 } }, "reported.a.b"],
    [{ a: [1, "x".repeat(4097)] }, "reported.a[1]"],
    [{ a: nested(10) }, `reported.a${".in".repeat(10)}`],
  ] as const)("%j", (patch, field) => {
    expect(() => after(patch)).toThrow(expect.objectContaining({ code: "twin-invalid", kind: "invalid", field }));
  });

  test("just within the bounds it is taken", () => {
    const patch = { ["k".repeat(1024)]: 1, a: "x".repeat(4096), b: -4_503_599_627_370_496, c: nested(9), d: 1e-300 };
    expect(after(patch).content).toEqual(patch);
  });

  test("when the section would become too large, which it may become smaller again", () => {
    const full = after(Object.fromEntries(Array.from({ length: 8 }, (_one, n) => [`k${n}`, "x".repeat(4094)])));
    expect(bytesOf(full.content)).toBe(32 * 1024);
    expect(() => after({ one: true }, full)).toThrow(
      expect.objectContaining({ code: "twin-too-large", field: "reported" }),
    );
    expect(after({ k0: null, one: true }, full).version).toBe(3);
  });
});

test("the difference of two contents makes one of the other, and of equal ones there is none", () => {
  fc.assert(
    fc.property(content, content, (had, wanted) => {
      const patch = mergeDiff(had, wanted);
      expect(mergeDiff(wanted, wanted)).toBeNull();
      const made: JsonObject = patch === null ? had : after(patch, { ...untouchedSection, content: had }).content;
      expect(made).toEqual(wanted);
    }),
  );
});

/** Keys that twins allow, on all levels. */
function withKeys(value: Json): Json {
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "number") return Math.abs(value) > 1e15 ? 1 : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one: Json) => withKeys(one));
  return Object.fromEntries(Object.entries(value).map(([_key, one], index) => [`k${index}`, withKeys(one)]));
}

test("What somebody may hold, in one of several contents, becomes the same by one patch", () => {
  fc.assert(
    fc.property(content, content, content, content, (one, two, three, wanted) => {
      const patch = mergeDiff(eitherContent(eitherContent(one, two), three), wanted) ?? {};
      for (const had of [one, two, three]) {
        expect(after(patch, { ...untouchedSection, content: had }).content).toEqual(wanted);
      }
    }),
  );
});
