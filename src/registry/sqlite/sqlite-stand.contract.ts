// The test stand of this adapter: data directories that go away with their test.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { type MakeStand, type Stand, handClock } from "../contract/stand.ts";
import type { Registry } from "../registry.ts";
import { type SqliteRegistryOptions, openSqliteRegistry } from "./sqlite-registry.ts";

export function makeDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "coldpath-registry-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Opens the registry of a directory; closed when the test ends, if not before. */
export async function openIn(directory: string, more: Partial<SqliteRegistryOptions> = {}): Promise<Registry> {
  const registry = await openSqliteRegistry({ directory, clock: handClock(), ...more });
  onTestFinished(() => registry.close());
  return registry;
}

export const makeSqliteStand: MakeStand = async () => {
  const directory = makeDirectory();
  const clock = handClock();
  const stand: Stand = {
    clock,
    registry: await openIn(directory, { clock }),
    async reopen() {
      await stand.registry.close();
      stand.registry = await openIn(directory, { clock });
      return stand.registry;
    },
  };
  return stand;
};
