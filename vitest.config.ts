// The suites. `npm test` runs them all through test/run.ts; one alone: `npx vitest run --project unit`.
//
//   unit      beside the code: pure behaviour, properties, contract suites on adapters that need no server
//   service   real servers from npm (Azurite), real device SDKs, the whole server in this process or a child
//   fault     processes killed, clocks moved, destinations taken away
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts", "test/*.test.ts"], testTimeout: 30_000 } },
      {
        test: {
          name: "service",
          include: ["test/service/**/*.test.ts", "test/interop/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "fault",
          include: ["test/fault/**/*.test.ts", "test/e2e/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
    maxWorkers: 2,
  },
});
