import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compatibilityDocument } from "./table.ts";

test("docs/compatibility.md says what rows.ts says, which the suite holds to what happens", () => {
  const path = join(import.meta.dirname, "../../docs/compatibility.md");
  expect(readFileSync(path, "utf8"), "to write it again: npm run conformance").toBe(compatibilityDocument());
});
