// Runs the cells of rows: each row on a hub of its own, its cells one after the other, and looks at the files at the end.
// What an SDK is said not to have is tried all the same: it must fail.

import { type Feature, features } from "./features.ts";
import type { Row } from "./rows.ts";
import { type Cell, Stand } from "./stand.ts";

/** What was found in one cell. */
export type Found =
  | { readonly state: "works"; readonly seconds: number }
  | { readonly state: "fails"; readonly error: Error; readonly seconds: number };

export interface FoundCell {
  readonly row: Row;
  readonly feature: Feature;
  readonly found: Found;
}

/** The features that a row is about. */
export function featuresOf(row: Row): readonly Feature[] {
  return features.filter(({ kinds }) => kinds.includes(row.kind));
}

/** Tries the cells of `row`, or only those of which `isWanted`. */
export async function tryRow(
  row: Row,
  isWanted: (feature: Feature) => boolean = () => true,
): Promise<readonly FoundCell[]> {
  const stand = await Stand.open(row);
  try {
    const tried: { feature: Feature; cell: Cell; found: Found }[] = [];
    for (const feature of featuresOf(row).filter(isWanted)) tried.push({ feature, ...(await tryCell(stand, feature)) });
    await stand.bench.exported();
    const cells: FoundCell[] = [];
    for (const { feature, cell, found } of tried) cells.push({ row, feature, found: await lookedAt(cell, found) });
    return cells;
  } finally {
    await stand.close();
  }
}

async function tryCell(stand: Stand, feature: Feature): Promise<{ cell: Cell; found: Found }> {
  const startMs = performance.now();
  const cell = await stand.cell(feature.id);
  const seconds = (): number => Math.round((performance.now() - startMs) / 100) / 10;
  try {
    await feature.run(cell);
    return { cell, found: { state: "works", seconds: seconds() } };
  } catch (error) {
    return { cell, found: { state: "fails", error: error as Error, seconds: seconds() } };
  } finally {
    await cell.close();
  }
}

/** With what the files say. */
async function lookedAt(cell: Cell, found: Found): Promise<Found> {
  if (found.state !== "works") return found;
  try {
    await cell.expectExported();
    return found;
  } catch (error) {
    return { state: "fails", error: error as Error, seconds: found.seconds };
  }
}

/** What a cell should be by rows.ts. */
export function expectedOf(row: Row, { id }: Feature): "works" | "none" | "not yet" {
  if (row.none[id] !== undefined) return "none";
  return row.notYet.includes(id) ? "not yet" : "works";
}

/** What is wrong with a cell, or null: it works as it should, or does not and should not. */
export function complaintOf({ row, feature, found }: FoundCell): Error | null {
  const expected = expectedOf(row, feature);
  if (expected === "works") return found.state === "fails" ? found.error : null;
  if (found.state === "fails") return null;
  const where = expected === "none" ? "none" : "notYet";
  return new Error(`It works: take it out of \`${where}\` in test/conformance/rows.ts, then: npm run conformance`);
}

/** Tries rows, `width` at a time; each promise is a row's. */
export function tryRows(rows: readonly Row[], width: number): ReadonlyMap<Row, Promise<readonly FoundCell[]>> {
  const turns = rows.map(() => Promise.withResolvers<void>());
  for (const { resolve } of turns.slice(0, width)) resolve();
  let next = width;
  return new Map(
    rows.map((row, at) => {
      const tried = (turns[at] as (typeof turns)[number]).promise
        .then(async () => await tryRow(row))
        .finally(() => turns[next++]?.resolve());
      tried.catch(() => {}); // whoever asks for the row hears of it
      return [row, tried] as const;
    }),
  );
}
