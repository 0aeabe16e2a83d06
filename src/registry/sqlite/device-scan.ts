// Devices that fit a filter, found by reading an index from end to end.
//
// SQLite answers within the turn, so it is read in slices, each some milliseconds: between two of them the server does what else
// there is, and of all lists that are asked for, one slice a turn is read. A count under changes is of no single moment.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { DeviceFilter } from "../registry.ts";
import {
  type Condition,
  type ListOrder,
  type Place,
  besidePlace,
  comparePlaces,
  sortKeys,
  templateGroups,
} from "./device-order.ts";

/** Devices that one slice looks at. */
const sliceDevices = 2_000;
/** Before and behind all ids, which are ASCII. */
const first = "";
const last = "~~";

export interface FilteredPage extends ListOrder {
  readonly filter: DeviceFilter;
  readonly limit: number;
  readonly after: Place | null;
  readonly isCounted: boolean;
}

type Row = Readonly<Record<string, string | number>>;

export class DeviceScan {
  readonly #db: DatabaseSync;
  /** One slice a turn, whoever asks. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  async count(filter: DeviceFilter): Promise<number> {
    let total = 0;
    const wanted = conditionOf(filter);
    for await (const slice of this.#slices(false, first)) total += this.#countIn([slice, wanted], filter);
    return total;
  }

  /**
   * The places of a page, one more than its limit when there are more, and the number of all when that is asked for.
   */
  async page(asked: FilteredPage): Promise<{ readonly places: readonly Place[]; readonly total: number }> {
    const { filter, limit, after, isCounted, sort, descending } = asked;
    const groups = sort === "template" ? templateGroups(this.#db, asked) : [];
    const key = sort === "template" ? "template_id || ' ' || template_version" : (sortKeys[sort] ?? "null");
    const select = `id, ${key} as key`;
    const ranks = new Map<string | number, Place>(groups.map(({ id, version, rank }) => [`${id} ${version}`, rank]));
    const wanted = conditionOf(filter);
    const behind = after === null ? [] : [besidePlace(asked, after, "behind", groups)];
    const inOrder = (a: Place, b: Place): number => comparePlaces(a, b) * (descending ? -1 : 1);
    let places: Place[] = [];
    /** Of a page that is full: what is behind its last one need not be looked at. */
    let before: readonly Condition[] = [];
    let total = 0;
    // By id they come in order, so it begins where the page does, and may end with it.
    const isById = sort === "id";
    const start = isById && after !== null && !isCounted ? String(after[0]) : undefined;
    for await (const slice of this.#slices(isById && descending, start)) {
      // The same once more only where the page takes a part of it.
      const isAll = behind.length + before.length === 0;
      if (isCounted && !isAll) total += this.#countIn([slice, wanted], filter);
      if (isById && places.length > limit) continue;
      for (const { id = "", key = "" } of this.#all(select, [slice, wanted, ...behind, ...before])) {
        if (filter.isIncluded !== undefined && !filter.isIncluded(String(id))) continue;
        places.push(isById ? [id] : [...(ranks.get(key) ?? [key]), id]);
        if (isAll) total++;
      }
      if (places.length <= limit) continue;
      places = places.sort(inOrder).slice(0, limit + 1);
      if (isById && !isCounted) break;
      before = [besidePlace(asked, places.at(-1) ?? [], "before", groups)];
    }
    return { places: places.sort(inOrder), total };
  }

  /** The devices of each slice, in the order of ids. */
  async *#slices(descending: boolean, start = descending ? last : first): AsyncGenerator<Condition> {
    const [compare, back, way] = descending ? ["<", ">=", "desc"] : [">", "<=", "asc"];
    const boundOf = this.#db.prepare(
      `select id from devices where id ${compare} ? order by id ${way} limit 1 offset ${sliceDevices - 1}`,
    );
    for (let after = start; ;) {
      await (this.#turn = this.#turn.then(() => setImmediate()));
      const bound = boundOf.get(after)?.["id"];
      const end = typeof bound === "string" ? bound : descending ? first : last;
      yield { sql: `id ${compare} ? and id ${back} ?`, values: [after, end] };
      if (typeof bound !== "string") return;
      after = bound;
    }
  }

  #countIn(conditions: readonly Condition[], { isIncluded }: DeviceFilter): number {
    // Ids have no spaces, and one text is made faster than thousands of rows.
    const column = isIncluded === undefined ? "count(*)" : "group_concat(id, ' ')";
    const found = this.#all(`${column} as found`, conditions)[0]?.["found"];
    if (isIncluded === undefined) return Number(found);
    return typeof found === "string" ? found.split(" ").filter((id) => isIncluded(id)).length : 0;
  }

  #all(select: string, conditions: readonly Condition[]): readonly Row[] {
    const sql = conditions.map((condition) => `(${condition.sql})`).join(" and ");
    const values = conditions.flatMap((condition) => condition.values);
    const found = this.#db.prepare(`select ${select} from devices indexed by devices_by_search where ${sql}`);
    return found.all(...values) as unknown as readonly Row[];
  }
}

export function isFiltered({
  templateId,
  templateVersion,
  simulated,
  enabled,
  search,
  isIncluded,
}: DeviceFilter): boolean {
  return (
    [templateId, templateVersion, simulated, enabled, isIncluded].some((part) => part !== undefined) ||
    (search !== undefined && search !== "")
  );
}

function conditionOf(filter: DeviceFilter): Condition {
  const conditions: (readonly [sql: string, value: SQLInputValue])[] = [];
  if (filter.templateId !== undefined) conditions.push(["template_id = ?", filter.templateId]);
  if (filter.templateVersion !== undefined) conditions.push(["template_version = ?", filter.templateVersion]);
  if (filter.simulated !== undefined) conditions.push(["simulated = ?", filter.simulated ? 1 : 0]);
  if (filter.enabled !== undefined) conditions.push(["enabled = ?", filter.enabled ? 1 : 0]);
  if (filter.search !== undefined && filter.search !== "") {
    conditions.push(["instr(search_text, ?) > 0", filter.search.toLowerCase()]);
  }
  if (conditions.length === 0) return { sql: "true", values: [] };
  return {
    sql: conditions.map(([sql]) => sql).join(" and "),
    values: conditions.map(([, value]) => value),
  };
}
