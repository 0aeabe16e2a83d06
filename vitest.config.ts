// The suites. `npm test` runs them all through test/run.ts; one alone: `npm test -- --project unit`.
//
//   unit      beside the code: pure behaviour, properties, contract suites on adapters that need no server
//   service   real servers from npm (Azurite), real device SDKs, the whole server in this process or a child
//   page      the web page in a real Chromium, against a real server
//   fuzz      each target of test/fuzz for a few seconds, and with a planted fault
//   simulation  the whole server on a virtual clock, seeded: 500 stories, and the proof that sabotages are caught
//   fault     processes killed, clocks moved, destinations taken away
//
// The suites run one after the other, each with two files at a time: what measures time or kills processes is not
// disturbed by the rest.
import { defineConfig } from "vitest/config";

const setupFiles = ["test/lib/leak-guard.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "src/**/*.test.ts",
            "test/*.test.ts",
            "test/lib/*.test.ts",
            "test/soak/*.test.ts",
            "test/simulation/store.test.ts",
          ],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
          setupFiles,
        },
      },
      {
        test: {
          name: "service",
          include: ["test/service/**/*.test.ts", "test/interop/**/*.test.ts", "test/conformance/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
          setupFiles,
        },
      },
      {
        test: {
          name: "fault",
          include: ["test/fault/**/*.test.ts", "test/e2e/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
          setupFiles,
        },
      },
      {
        test: {
          name: "page",
          include: ["test/page/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 5 },
          globalSetup: ["test/page/built-page.ts"],
          setupFiles,
        },
      },
      {
        test: {
          name: "fuzz",
          include: ["test/fuzz/**/*.test.ts"],
          testTimeout: 120_000,
          sequence: { groupOrder: 3 },
          setupFiles,
        },
      },
      {
        test: {
          name: "simulation",
          include: ["test/simulation/{simulation,mutations}.test.ts"],
          testTimeout: 1_200_000,
          sequence: { groupOrder: 4 },
          setupFiles,
        },
      },
    ],
    maxWorkers: 2,
  },
});
