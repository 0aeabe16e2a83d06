// Path templates: what is taken when an export is saved can be written, is read back, and never names two files alike.
//
// The input: a byte for the types, a byte for the hub's name, then one template or two with a NUL between them.

import fc from "fast-check";
import { pathProblem } from "../../../src/destinations/object-path.ts";
import {
  type FileName,
  checkPathTemplate,
  defaultPathTemplate,
  parsePath,
  printPath,
  templatesOverlap,
} from "../../../src/export/path-template.ts";
import { codeOf } from "../../../src/lib/errors.ts";
import { windowOf } from "../../../src/lib/window.ts";
import { exportTypes } from "../../../src/registry/registry.ts";
import { type Target, claim } from "../engine/target.ts";

const hubs = ["h", "hub-1", "2026-01-02"];
const windows = [
  "2026-01-02T03:04:00Z",
  "2026-01-02T04:03:00Z",
  "2026-02-01T03:04:00Z",
  "2024-02-29T23:59:00Z",
  "9999-12-31T00:00:00Z",
].map((text) => windowOf(Date.parse(text)));
const numbers = [
  { partition: 0, part: 0 },
  { partition: 0, part: 1 },
  { partition: 1, part: 0 },
  { partition: 99, part: 999 },
];
const tokens = ["{type}", "{hub}", "{YYYY}", "{MM}", "{dd}", "{hh}", "{mm}", "{NN}"];

function isTaken(template: string, types: readonly (typeof exportTypes)[number][]): boolean {
  try {
    checkPathTemplate(template, types);
    return true;
  } catch (error) {
    if (codeOf(error) === "path-template") return false;
    throw error;
  }
}

export const target: Target = {
  bytesMax: 700,
  seeds: () =>
    [
      `\0\0${defaultPathTemplate}`,
      "\x01\x01{YYYY}-{MM}-{dd}/{hh}{mm}_{NN}.avro",
      "\x02\x02a b/{type}={NN}/y={YYYY}{MM}{dd}T{hh}{mm}",
      `\0\0${defaultPathTemplate}\0{type}/{hub}/{YYYY}/{dd}/{MM}/{hh}/{mm}/{NN}.avro`,
      `\x01\0${"x".repeat(200)}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN} /x`,
    ].map((text) => Buffer.from(text)),
  grammar: fc
    .tuple(
      fc.nat(7),
      fc.nat(2),
      fc.shuffledSubarray(tokens, { minLength: 5 }),
      fc.array(fc.constantFrom("/", ".", "-", "_", "0", " ", "a", "", ".coldpath/", "..", "=")),
    )
    .map(([types, hub, order, literals]) =>
      Buffer.from(
        `${String.fromCharCode(types, hub)}${order.map((token, index) => token + (literals[index] ?? "/")).join("")}`,
      ),
    ),
  dictionary: [...tokens, ".coldpath/", ".COLDPATH/", " /", "./", "../", "{}", "x".repeat(60)],
  run: (input) => {
    const types = exportTypes.filter((_, index) => (((input[0] ?? 0) + 1) & (1 << index)) !== 0);
    const hub = hubs[(input[1] ?? 0) % hubs.length] as string;
    const [template = "", other = defaultPathTemplate] = input.subarray(2).toString("utf8").split("\0");
    if (!isTaken(template, types)) return;
    const paths = new Map<string, string>();
    for (const type of types) {
      for (const window of windows) {
        for (const number of numbers) {
          const name: FileName = { type, window, ...number };
          const path = printPath(template, hub, name);
          const problem = pathProblem(path);
          claim(
            problem === null,
            () => `E5: it is taken, and no destination takes ${JSON.stringify(path)}: it ${problem}`,
          );
          claim(!paths.has(path), () => `E2: ${paths.get(path)} and ${JSON.stringify(name)} are both ${path}`);
          paths.set(path, JSON.stringify(name));
          const found = parsePath(template, hub, path, type);
          claim(
            JSON.stringify(found) === JSON.stringify(name),
            () => `E2: ${path} is read as ${JSON.stringify(found)}`,
          );
        }
      }
    }
    if (!isTaken(other, types)) return;
    for (const type of types) {
      const overlap = templatesOverlap(template, other, hub, type);
      claim(overlap === templatesOverlap(other, template, hub, type), "E5: they overlap one way only");
      if (overlap) continue;
      for (const window of windows) {
        for (const number of numbers) {
          const path = printPath(other, hub, { type, window, ...number });
          claim(!paths.has(path), () => `E5: two templates that do not overlap both print ${path}`);
        }
      }
    }
  },
};
