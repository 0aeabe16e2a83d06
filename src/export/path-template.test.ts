import fc from "fast-check";
import { expect, test } from "vitest";
import { windowOf } from "../lib/window.ts";
import { exportTypes } from "../registry/registry.ts";
import {
  type FileName,
  checkPathTemplate,
  defaultPathTemplate,
  parsePath,
  printPath,
  templatesOverlap,
} from "./path-template.ts";

const name = fc.record({
  type: fc.constantFrom(...exportTypes),
  window: fc.integer({ min: 0, max: windowOf(Date.parse("9999-12-31T23:59:00Z")) }),
  partition: fc.integer({ min: 0, max: 99 }),
  part: fc.integer({ min: 0, max: 999 }),
});

/** Templates that `checkPathTemplate` accepts: the tokens in any order with separators between them. */
const template = fc
  .tuple(
    fc.shuffledSubarray(["{type}", "{hub}", "{YYYY}", "{MM}", "{dd}", "{hh}", "{mm}", "{NN}"], { minLength: 8 }),
    fc.array(fc.constantFrom("/", "-", "", "x", "/a/", "_", "."), { minLength: 8, maxLength: 8 }),
  )
  .map(([tokens, separators]) => tokens.map((token, index) => `${token}${separators[index]}`).join(""))
  .filter((text) => {
    try {
      checkPathTemplate(text, exportTypes);
      return true;
    } catch {
      return false;
    }
  });

test("The default template gives the seed's paths", () => {
  const window = windowOf(Date.parse("2018-06-11T00:07:00Z"));
  const path = (more: Partial<FileName>): string =>
    printPath(defaultPathTemplate, "myhub", { type: "measurements", window, partition: 0, part: 0, ...more });
  expect(path({})).toBe("measurements/myhub/2018/06/11/00/07/00.avro");
  expect(path({ type: "deviceTemplates" })).toBe("deviceTemplates/myhub/2018/06/11/00/07/00.avro");
  expect(path({ partition: 3, part: 12 })).toBe("measurements/myhub/2018/06/11/00/07/03_012.avro");
});

test("E2: whatever a valid template prints it parses back, and two files never share a path", () => {
  fc.assert(
    fc.property(template, name, name, (text, one, other) => {
      const path = printPath(text, "hub-1", one);
      expect(parsePath(text, "hub-1", path)).toEqual(one);
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      expect(printPath(text, "hub-1", other) === path).toBe(isSame);
    }),
  );
});

test("With the default template path order is window order, then part order", () => {
  fc.assert(
    fc.property(name, name, (one, other) => {
      const a = { ...one, type: "devices" as const, partition: 0 };
      const b = { ...other, type: "devices" as const, partition: 0 };
      const order = a.window - b.window || a.part - b.part;
      const [pathA, pathB] = [printPath(defaultPathTemplate, "h", a), printPath(defaultPathTemplate, "h", b)];
      expect(Math.sign(order)).toBe(pathA < pathB ? -1 : pathA > pathB ? 1 : 0);
    }),
  );
});

test("A path that the template never prints is no file of it", () => {
  for (const path of [
    "measurements/h/2026/02/30/00/00/00.avro",
    "measurements/h/2026/02/03/24/00/00.avro",
    "measurements/other/2026/02/03/00/00/00.avro",
    "measurements/h/2026/02/03/00/00/0.avro",
    "measurements/h/2026/02/03/00/00/00.avro.tmp",
    "things/h/2026/02/03/00/00/00.avro",
  ]) {
    expect(parsePath(defaultPathTemplate, "h", path)).toBeNull();
  }
});

test.each([
  ["{type}/{YYYY}/{MM}/{dd}/{hh}/{NN}.avro", "{mm}"],
  ["{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro", "{type}"],
  ["{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{mm}/{NN}.avro", "twice"],
  ["{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}{hub}.avro", "right behind {NN}"],
  ["{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}_001.avro", "right behind {NN}"],
  ["{type}/{YYYY}/{MM}/{DD}/{hh}/{mm}/{NN}.avro", "unknown token {DD}"],
  ["{type}/../{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro", "segment"],
  ["/{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro", "segment"],
  [".coldpath/{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro", ".coldpath"],
  ["{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}\u0000.avro", "characters"],
  // Taken once, though no destination takes what they print (found by test/fuzz).
  ["{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN} /x.avro", "ends in a dot or a space"],
  [".COLDPATH/{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro", "Coldpath's own"],
  [`{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}${"x".repeat(250)}`, "more than 250 bytes"],
  [`${"{hub}/".repeat(60)}{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}`, "more than 1024"],
])("The template %s is refused: %s", (text, what) => {
  expect(() => checkPathTemplate(text, exportTypes)).toThrow(
    expect.objectContaining({ code: "path-template", field: "pathTemplate", message: expect.stringContaining(what) }),
  );
});

test("Templates overlap when they could meet on any day, and not when a literal or the length keeps them apart", () => {
  const overlap = (one: string, other: string): boolean => templatesOverlap(one, other, "h", "devices");
  const base = "{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro";
  expect(overlap(`{type}/${base}`, `{type}/${base}`)).toBe(true);
  expect(overlap(`{type}/${base}`, `devices/${base}`)).toBe(true);
  expect(overlap("{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}", "{YYYY}/{dd}/{MM}/{hh}/{mm}/{NN}")).toBe(true);
  expect(overlap("a/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}", "b/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}")).toBe(false);
  expect(overlap(`{type}/${base}`, `{type}/{hub}/${base}`)).toBe(false);
});
