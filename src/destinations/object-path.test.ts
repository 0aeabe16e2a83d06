// Object names: whatever the text, an accepted path stays below the root.

import { posix } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isListed, pathProblem } from "./object-path.ts";

describe("a path", () => {
  it("that is accepted is itself when resolved, and below the root but not below .coldpath", () => {
    const segment = fc.oneof(
      fc.constantFrom("..", ".", "", ".coldpath", ".Coldpath", "a", "a.", "\\", "\0", "00.avro", " "),
      fc.string({ unit: "binary", maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
        const path = segments.join("/");
        if (pathProblem(path) !== null) return;
        expect(posix.resolve("/root", path)).toBe(`/root/${path}`);
        expect(isListed(path)).toBe(true);
        expect(encodeURIComponent(path)).not.toBe("");
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(["measurements/coldpath/2026/01/02/03/04/00.avro", "a", "é/ü +%#?&=", "a/.coldpath/b", "..a/b..c"])(
    "%j is fine",
    (path) => expect(pathProblem(path)).toBeNull(),
  );
});
