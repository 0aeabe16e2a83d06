import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  describeWith,
  readSkipped,
  reasonMissing,
  requireVariable,
  setupCommand,
  skippedFileVariable,
} from "./needs.ts";

/** Stands in for Vitest: notes what was registered, runs nothing by itself. */
function recorder() {
  const ran: string[] = [];
  const skipped: string[] = [];
  const tests: { name: string; body: () => void }[] = [];
  return {
    ran,
    skipped,
    tests,
    runner: {
      describe: (name: string, body: () => void) => {
        ran.push(name);
        body();
      },
      skip: (name: string) => {
        skipped.push(name);
      },
      test: (name: string, body: () => void) => {
        tests.push({ name, body });
      },
    },
  };
}

describe("a suite that needs a tool", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "coldpath-needs-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("runs when the tool is there", () => {
    const { runner, ran, skipped } = recorder();
    describeWith(null, { [requireVariable]: "all" }, runner)("reads", () => {});
    expect({ ran, skipped }).toEqual({ ran: ["reads"], skipped: [] });
  });

  test("is skipped when it is missing, and says so", () => {
    const file = join(folder, "skipped.jsonl");
    const { runner, ran, skipped } = recorder();
    describeWith("java is not installed", { [skippedFileVariable]: file }, runner)("reads", () => {});
    expect({ ran, skipped }).toEqual({ ran: [], skipped: ["reads"] });
    expect(readSkipped(file)).toEqual([{ suite: "reads", reason: "java is not installed", command: setupCommand }]);
  });

  test("is a failing test when it is missing and skipping is forbidden", () => {
    const { runner, ran, skipped, tests } = recorder();
    describeWith(
      "java is not installed",
      { [requireVariable]: "all" },
      runner,
    )("reads", () => {
      throw new Error("the body must not run");
    });
    expect({ ran, skipped }).toEqual({ ran: ["reads"], skipped: [] });
    expect(tests).toHaveLength(1);
    expect(() => tests[0]?.body()).toThrow(/java is not installed.*npm run setup:machine/s);
  });

  test("names every tool that is missing", () => {
    // Control: `openssl` is looked for on PATH like the others; an empty PATH has none of them.
    const path = process.env["PATH"];
    process.env["PATH"] = "";
    try {
      expect(reasonMissing(["mosquitto_pub", "openssl"])).toBe(
        "mosquitto_pub is not installed; openssl is not installed",
      );
    } finally {
      process.env["PATH"] = path;
    }
  });
});
