// The orders that lists of devices have: where a device stands in one, and the text of `next`.
//
// A device's place is what its list is sorted by, then its id: no two have the same. Pages go on behind a place (keyset), so
// what is made or deleted meanwhile moves none of the others.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { registryError } from "../errors.ts";
import type { DeviceOrder } from "../registry.ts";

/** By template: its name, its id, the rank of its version, and the device's id. */
export type Place = readonly (string | number)[];

export interface ListOrder {
  readonly sort: DeviceOrder;
  readonly descending: boolean;
}

export interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** What devices are sorted by before their id, as the indexes of migration 5 have it. By template: see `TemplateGroup`. */
export const sortKeys = { id: null, name: "substr(search_text, length(id) + 2)", createdAt: "created_at" } as const;

/** The devices of one version of a template stand together. */
export interface TemplateGroup {
  readonly id: string;
  readonly version: string;
  readonly rank: Place;
}

/** Versions of templates are few, so they are put in order here. */
export function templateGroups(db: DatabaseSync, { descending }: ListOrder): readonly TemplateGroup[] {
  const rows = db.prepare("select id, version, version_rank as rank, name from device_templates").all();
  const groups = rows.map(({ id, version, rank, name }) => ({
    id: String(id),
    version: String(version),
    rank: [String(name).toLowerCase(), String(id), Number(rank)],
  }));
  return groups.toSorted((a, b) => comparePlaces(a.rank, b.rank) * (descending ? -1 : 1));
}

/** Those that the list has behind a place, or before it. */
export function besidePlace(
  order: ListOrder,
  place: Place,
  side: "behind" | "before",
  groups: readonly TemplateGroup[],
): Condition {
  const isAbove = (side === "behind") !== order.descending;
  const compare = isAbove ? ">" : "<";
  if (order.sort === "template") {
    const [rank, id] = [place.slice(0, -1), String(place.at(-1))];
    const keyOf = (group: TemplateGroup): string => `${group.id} ${group.version}`;
    const beyond = groups.filter((group) => comparePlaces(group.rank, rank) * (isAbove ? 1 : -1) > 0).map(keyOf);
    const own = groups.filter((group) => comparePlaces(group.rank, rank) === 0).map(keyOf);
    const key = "template_id || ' ' || template_version";
    return {
      sql: `(${key} in (select value from json_each(?)) or (${key} = ? and id ${compare} ?))`,
      values: [JSON.stringify(beyond), own[0] ?? "", id],
    };
  }
  const key = sortKeys[order.sort];
  return key === null
    ? { sql: `id ${compare} ?`, values: place }
    : { sql: `(${key}, id) ${compare} (?, ?)`, values: place };
}

/** As SQLite orders them: texts by their bytes, numbers by size. */
export function comparePlaces(a: Place, b: Place): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    if (typeof part === "string" && typeof other === "string") return compareTexts(part, other);
    return part < other ? -1 : 1;
  }
  return a.length < b.length ? -1 : 0;
}

/** Where two texts differ, those of a pair of code units (U+10000 and up) stand behind all others, as in UTF-8. */
function compareTexts(a: string, b: string): number {
  // Code units say the same but where both have high ones.
  const isHigh = /[\ud800-\uffff]/;
  if (!isHigh.test(a) || !isHigh.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  let at = 0;
  while (at < a.length && a.codePointAt(at) === b.codePointAt(at)) at++;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

export function nextOf({ sort, descending }: ListOrder, place: Place): string {
  return Buffer.from(JSON.stringify([sort, descending, ...place])).toString("base64url");
}

/** @throws ColdpathError `input-invalid`, field `after`. */
export function placeOf(next: string, { sort, descending }: ListOrder): Place {
  const types = { id: "s", name: "ss", createdAt: "ss", template: "ssns" }[sort];
  let parts: unknown = null;
  try {
    parts = JSON.parse(Buffer.from(next, "base64url").toString("utf8"));
  } catch {
    // refused below
  }
  if (Array.isArray(parts)) {
    const [itsSort, itsWay, ...place] = parts as readonly unknown[];
    const fits = place.map((part) => (typeof part)[0]).join("") === types;
    if (itsSort === sort && itsWay === descending && fits) return place as Place;
  }
  throw registryError("input-invalid", "after is not the `next` of a page in this order.", {
    field: "after",
    hint: "Begin again without `after`, and give back what `next` says, with the same sort and descending.",
  });
}
