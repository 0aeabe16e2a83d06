// The counters row: revisions (S1) and generation ids (D1), taken inside the change that uses them.

import { must } from "../../lib/assert.ts";
import { nextGenerationIds } from "../generation-id.ts";
import type { Change } from "./database.ts";

/** Takes `count` revisions and returns the first; they are consecutive and above all taken before. */
export async function takeRevisions(change: Change, count: number): Promise<number> {
  const row = await change
    .updateTable("counters")
    .set((eb) => ({ revision: eb("revision", "+", count) }))
    .returning("revision")
    .executeTakeFirst();
  return must(row, "migration 1 made the counters row").revision - count + 1;
}

export async function takeGenerationIds(change: Change, nowMs: number, count: number): Promise<readonly string[]> {
  const row = must(
    await change.selectFrom("counters").select("generation").executeTakeFirst(),
    "migration 1 made the counters row",
  );
  const ids = nextGenerationIds(row.generation, nowMs, count);
  await change
    .updateTable("counters")
    .set({ generation: must(ids.at(-1), "at least one id is asked for") })
    .execute();
  return ids;
}
