// Holds the shape of the code: the rules are in test/lib/tidy.ts, this tries them on the repository, and proves on small
// made-up inputs that each of them can fail.

import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkPage } from "./lib/tidy-page.ts";
import { checkPaths, checkSources, mayImport } from "./lib/tidy.ts";

const root = join(import.meta.dirname, "..");

describe("the repository", () => {
  const paths = globSync("{src,test,bench,tools}/**/*.ts", { cwd: root });
  const sources = new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
  // Before there is a program, everything is unreachable.
  const hasProgram = sources.has("src/main.ts");
  const entries = ["src/main.ts", ...paths.filter((path) => /^(bench|tools)\//.test(path))];

  test("keeps its rules", () => {
    expect(sources.size).toBeGreaterThan(10);
    expect(checkSources(sources, hasProgram ? entries : [])).toEqual([]);
  });

  test("keeps the page's rules", () => {
    const ofPage = globSync("web/src/**/*.{ts,tsx}", { cwd: root });
    expect(ofPage.length).toBeGreaterThan(10);
    expect(checkPage(new Map(ofPage.map((path) => [path, readFileSync(join(root, path), "utf8")])))).toEqual([]);
  });

  test("has the import table in ARCHITECTURE.md that is enforced", () => {
    const map = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
    const [, table = ""] = /^\| room +\|.*\n\|[ -|]*\n((?:\|.*\n)+)/m.exec(map) ?? [];
    const words = (cell: string): string[] => cell.replace(" (to come)", "").trim().split(", ");
    const told = table.split("\n").flatMap((line) => {
      const [, names = "", others = ""] = line.split("|");
      const rooms = others.trim() === "–" ? [] : words(others);
      return names === "" ? [] : words(names).map((name): [string, string[]] => [name, rooms]);
    });
    const fronts = ["server", "cli", "main"];
    const isInside = ([name]: readonly [string, unknown]): boolean => !fronts.includes(name);
    expect(Object.fromEntries(told.filter(isInside))).toEqual(
      Object.fromEntries(Object.entries(mayImport).filter(isInside)),
    );
  });

  test("names in ARCHITECTURE.md only paths that exist", () => {
    const map = join(root, "ARCHITECTURE.md");
    if (!existsSync(map)) return;
    // Made by `npm start`, and not in the repository.
    const exists = (path: string): boolean => path === "web/dist" || existsSync(join(root, path));
    expect(checkPaths("ARCHITECTURE.md", readFileSync(map, "utf8"), exists)).toEqual([]);
  });
});

describe("the check", () => {
  const faultsOf = (files: Readonly<Record<string, string>>, ...entries: string[]): readonly string[] =>
    checkSources(new Map(Object.entries(files)), entries);

  test("lets through what the table allows", () => {
    expect(
      faultsOf(
        {
          "src/main.ts": 'import { run } from "./cli/run.ts"; run(process.argv, process.env);',
          "src/cli/run.ts": 'import { serve } from "../server.ts"; export const run = serve;',
          "src/server.ts": 'import pino from "pino"; import { open } from "./export/exporter.ts";',
          "src/export/exporter.ts":
            'import type { Journal } from "../journal/journal.ts"; // not Date.now()\nimport { x } from "./x.ts";',
          "src/export/x.ts": 'import { a } from "../lib/a.ts"; const url = "http://x"; const d = new Date(5);',
          "src/journal/journal.ts": "/** import { y } from '../export/y.ts'; process.env */ export {};",
          "src/lib/a.ts": 'import { b } from "node:fs"; Date.now(); setTimeout(() => {}, 1);',
          "src/ingest/sas.ts": "Date.now();",
          "src/export/exporter.test.ts": 'import "../admin/x.ts"; import avsc from "avsc"; process.env;',
          "src/admin/x.ts": 'import { Type } from "typebox"; const later = () => import("fastify");',
        },
        "src/main.ts",
        "src/ingest/sas.ts",
      ),
    ).toEqual([]);
  });

  test("refuses an import against the table, of any form", () => {
    const target = { "src/export/y.ts": "" };
    for (const statement of [
      'import { y } from "../export/y.ts";',
      'import type { y } from "../export/y.ts";',
      'import "../export/y.ts";',
      'export * from "../export/y.ts";',
      'const y = await import("../export/y.ts");',
      'import {\n  a,\n  b,\n} from "../export/y.ts";',
    ]) {
      expect(faultsOf({ ...target, "src/journal/x.ts": statement }), statement).toEqual([
        expect.stringMatching(/^src\/journal\/x.ts: imports src\/export\/y.ts. journal may import only lib, journal,/),
      ]);
    }
    expect(faultsOf({ "src/server.ts": 'import "./cli/a.ts";', "src/cli/a.ts": "" })).toHaveLength(1);
  });

  test("refuses imports of tests, of what lies outside src, and files in no room", () => {
    expect(
      faultsOf({
        "src/journal/x.ts": 'import "./x.contract.ts"; import "../../test/lib/needs.ts";',
        "src/utils/y.ts": "",
      }),
    ).toEqual([
      expect.stringMatching(/imports no test/),
      expect.stringMatching(/nothing from outside src/),
      expect.stringMatching(/src\/utils\/y.ts: is in no room/),
    ]);
  });

  test("refuses a package out of its place, and one that has none", () => {
    expect(
      faultsOf({
        "src/export/x.ts": 'import avsc from "avsc";',
        "src/destinations/folder/x.ts": 'import { BlobClient } from "@azure/storage-blob";',
        "src/registry/x.ts": 'import { Migrator } from "kysely/migration";',
        "src/lib/x.ts": 'import _ from "lodash/fp";',
      }),
    ).toEqual([
      expect.stringMatching(/imports avsc, allowed only in src\/avro\//),
      expect.stringMatching(/imports @azure\/storage-blob, allowed only in src\/destinations\/azure-blob\//),
      expect.stringMatching(/imports kysely, allowed only in src\/registry\/sqlite\//),
      expect.stringMatching(/imports lodash, which has no place/),
    ]);
  });

  test("refuses environment, real time and chance where options, a Clock or a seed are given", () => {
    expect(faultsOf({ "src/ingest/x.ts": "process.env['A'];" })).toEqual([expect.stringMatching(/Only config\/ does/)]);
    for (const code of ["Date.now()", "Math.random()", "new Date()", "const now = Date.now;"]) {
      expect(faultsOf({ "src/export/x.ts": code }), code).toEqual([expect.stringMatching(/gets a Clock/)]);
      expect(faultsOf({ "src/ingest/x.ts": code }), code).toEqual([]);
    }
    for (const code of ["setTimeout(f, 1)", "setInterval(f, 1)", 'import { setTimeout } from "node:timers/promises"']) {
      expect(faultsOf({ "src/journal/x.ts": code }), code).toEqual([expect.stringMatching(/timer of real time/)]);
    }
  });

  test("A1: refuses a comparison of secrets whose time tells how much is right", () => {
    for (const code of [
      "if (given === token) open();",
      "return options.adminToken !== given;",
      "if (printKeyPair(a) === printKeyPair(b)) same();",
      "const isSame = secret === open(row);",
      "isSigned = expected == signature;",
    ]) {
      expect(faultsOf({ "src/admin/x.ts": code }), code).toEqual([expect.stringMatching(/compares a secret/)]);
    }
    for (const code of [
      "if (token === null || secret !== undefined) f();",
      'if (typeof secret !== "string" || signature === "") f();',
      "if (option.isSecret === true && tokens === count && keys === names) f();",
      "if (secret.length === 0) f();",
      "if (isSameSecret(given, token)) f();",
    ]) {
      expect(faultsOf({ "src/admin/x.ts": code }), code).toEqual([]);
    }
  });

  test("finds a cycle and says its way", () => {
    expect(
      faultsOf({
        "src/lib/a.ts": 'import "./b.ts";',
        "src/lib/b.ts": 'import "./c.ts";',
        "src/lib/c.ts": 'import "./b.ts";',
      }),
    ).toEqual([expect.stringMatching(/^src\/lib\/b.ts → src\/lib\/c.ts → src\/lib\/b.ts: a cycle/)]);
  });

  test("finds a file that nothing leads to", () => {
    const files = {
      "src/main.ts": 'import "./lib/a.ts";',
      "src/lib/a.ts": "",
      "src/lib/b.ts": "",
      "src/lib/c.ts": "",
      "src/lib/c.test.ts": 'import "./c.ts";',
    };
    expect(faultsOf(files, "src/main.ts")).toEqual([expect.stringMatching(/^src\/lib\/b.ts: nothing leads here/)]);
  });

  test("finds a path in a document that does not exist, and takes no topic or word for one", () => {
    const exists = (path: string): boolean => ["src", "src/journal", "src/journal/journal.ts", "docs"].includes(path);
    const text =
      "`journal/journal.ts` `src/journal` `docs/none.md` `journal/gone.ts` `application/json` `a/b/{c}` `accept` `x.ts`\n" +
      "```\n`journal/in-a-drawing.ts`\n```\n";
    expect(checkPaths("MAP.md", text, exists)).toEqual([
      expect.stringMatching(/^MAP.md: names `docs\/none.md`, which does not exist/),
      expect.stringMatching(/^MAP.md: names `journal\/gone.ts`/),
    ]);
  });
});

describe("the check of the page", () => {
  const faultsOf = (path: string, text: string): readonly string[] => checkPage(new Map([[path, text]]));

  test("lets through what its table allows", () => {
    expect(
      faultsOf(
        "web/src/devices/device-page.tsx",
        'import { useState } from "react"; import { api } from "../api/client.ts"; import { x } from "./x.ts"; // fetch("http://x")',
      ),
    ).toEqual([]);
    expect(faultsOf("web/src/app/routes.tsx", 'const page = import("../devices/device-page.tsx");')).toEqual([]);
  });

  test.each([
    ["web/src/devices/x.tsx", 'import { y } from "../users/y.tsx";', /may import only/],
    ["web/src/parts/x.tsx", 'import { y } from "../session/session.ts";', /may import only/],
    ["web/src/app/shell.tsx", 'import { y } from "../devices/y.tsx";', /may import only/],
    ["web/src/devices/x.tsx", 'import { y } from "../../../src/lib/y.ts";', /only by its API/],
    ["web/src/strange/x.tsx", 'import { y } from "../api/client.ts";', /no folder of the page's table/],
    ["web/src/devices/x.tsx", 'import z from "lodash";', /has no place/],
    ["web/src/devices/x.tsx", 'import UPlot from "uplot";', /allowed only in/],
    ["web/src/devices/x.tsx", "<p dangerouslySetInnerHTML={{ __html: name }} />", /never become markup/],
    ["web/src/devices/x.tsx", "place.innerHTML = name;", /never become markup/],
    ["web/src/devices/x.tsx", 'await fetch("/api/v1/devices");', /api\/client.ts/],
    ["web/src/devices/x.tsx", 'new EventSource("/api/v1/live");', /event-stream/],
    ["web/src/devices/x.tsx", "localStorage.setItem(a, b);", /kept in the browser/],
    ["web/src/devices/x.tsx", 'eval("1")', /forbids it/],
  ] as const)("%s: %s is a fault", (path, text, fault) => {
    expect(faultsOf(path, text)).toContainEqual(expect.stringMatching(fault));
  });
});
