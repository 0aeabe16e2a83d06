import { expect, test } from "vitest";
import { openFilesMax, socketsMaxOf } from "./open-files.ts";

test("M1: sockets leave half of a small limit of open files, 1024 of a large one, and are without bound where it is unknown", () => {
  expect([1, 2, 200, 1024, 65_536, Infinity].map(socketsMaxOf)).toEqual([1, 1, 100, 512, 64_512, Infinity]);
});

test.runIf(process.platform === "linux")("the limit is that of this process", () => {
  expect(openFilesMax()).toBeGreaterThan(100);
});
