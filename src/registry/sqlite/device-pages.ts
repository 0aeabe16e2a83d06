// Lists of devices: filtered, in order, page by page, and counted.
//
// Owns:      the order of lists, the text of `next`, and that a long list holds nobody up.
// Does not:  change anything.
//
// A list that filters nothing is read from the index of its order, only as far as the page goes. One that filters is found
// by reading an index from end to end, in slices of so many devices that one takes some milliseconds; SQLite answers within
// the turn, so between two slices the server does what else there is, and of all lists only one slice a turn is read. Pages
// continue behind the last device's place in the order (keyset), so what is made or deleted meanwhile moves none of the
// others. A device that is renamed between two pages moves in a list by name, as it should.

import type { SQLInputValue } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { registryError } from "../errors.ts";
import { booleanOf, integerOf, oneOf } from "../input.ts";
import { type Device, type DeviceFilter, type DeviceOrder, type DevicePage, type DeviceQuery } from "../registry.ts";
import { deviceOrders } from "../device.ts";
import type { Database } from "./database.ts";
import { deviceColumns, deviceFromRow } from "./device-row.ts";
import type { DeviceRow } from "./schema.ts";

/** Devices that one slice looks at. */
const sliceDevices = 2_000;
const columns = deviceColumns.join(", ");
/** As migration 5 has it in its index. */
const nameKey = "substr(search_text, length(id) + 2)";

/** A device's place: what the list is sorted by, then its id. */
type Place = readonly (string | number)[];

interface Asked {
  readonly filter: DeviceFilter;
  readonly sort: DeviceOrder;
  readonly descending: boolean;
  readonly limit: number;
  readonly after: Place | null;
  readonly isCounted: boolean;
}

export interface DevicePages {
  page(query: DeviceQuery): Promise<DevicePage>;
  count(filter: DeviceFilter): Promise<number>;
}

export function devicePagesIn(database: Database): DevicePages {
  const db = database.rawReader;
  /** One slice a turn, whoever asks. */
  let turn: Promise<unknown> = Promise.resolve();
  const nextTurn = (): Promise<unknown> => (turn = turn.then(() => setImmediate()));

  const all = (sql: string, ...values: SQLInputValue[]): readonly DeviceRow[] =>
    db.prepare(sql).all(...values) as unknown as readonly DeviceRow[];

  /** The whole rows of a page whose places are known; a device deleted since is not among them. */
  const devicesOf = (ids: readonly string[]): readonly Device[] => {
    const rows = all(
      `select ${columns} from devices where id in (select value from json_each(?))`,
      JSON.stringify(ids),
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => {
      const row = byId.get(id);
      return row === undefined ? [] : [deviceFromRow(row)];
    });
  };

  /** A page of everything, from the index of its order. */
  const unfiltered = (asked: Asked): readonly { readonly place: Place; readonly device: Device }[] => {
    if (asked.sort === "template") return byTemplate(asked);
    const key = { id: null, name: nameKey, createdAt: "created_at" }[asked.sort];
    const [compare, way] = asked.descending ? ["<", "desc"] : [">", "asc"];
    const order = key === null ? `id ${way}` : `${key} ${way}, id ${way}`;
    const behind =
      asked.after === null ? "" : key === null ? `where id ${compare} ?` : `where (${key}, id) ${compare} (?, ?)`;
    const sql = `select ${columns}, ${key ?? "id"} as place from devices ${behind} order by ${order} limit ?`;
    const rows = all(sql, ...(asked.after ?? []), asked.limit + 1) as readonly (DeviceRow & { place: string })[];
    return rows.map((row) => ({ place: key === null ? [row.id] : [row.place, row.id], device: deviceFromRow(row) }));
  };

  /** Versions of templates are few, so they are put in order here; the devices of each have an index. */
  const byTemplate = ({ descending, limit, after }: Asked) => {
    const found: { readonly place: Place; readonly device: Device }[] = [];
    const [compare, way] = descending ? ["<", "desc"] : [">", "asc"];
    const groups = [...templateRanks().entries()].toSorted(
      ([, a], [, b]) => comparePlaces(a, b) * (descending ? -1 : 1),
    );
    for (const [key, rank] of groups) {
      const side = after === null ? 1 : comparePlaces(rank, after.slice(0, -1)) * (descending ? -1 : 1);
      if (side < 0) continue;
      const start = side === 0 ? [String(after?.at(-1))] : [];
      const [id, version] = JSON.parse(key) as [string, string];
      const sql = `select ${columns} from devices where template_id = ? and template_version = ?
        ${start.length === 0 ? "" : `and id ${compare} ?`} order by id ${way} limit ?`;
      const rows = all(sql, id, version, ...start, limit + 1 - found.length);
      found.push(...rows.map((row) => ({ place: [...rank, row.id], device: deviceFromRow(row) })));
      if (found.length > limit) break;
    }
    return found;
  };

  /** Where each version of each template stands in a list by template. */
  const templateRanks = (): ReadonlyMap<string, Place> => {
    const rows = db.prepare("select id, version, version_rank as rank, name from device_templates").all();
    return new Map(
      rows.map((row) => [
        JSON.stringify([row["id"], row["version"]]),
        [String(row["name"]).toLowerCase(), String(row["id"]), Number(row["rank"])],
      ]),
    );
  };

  /** Slice by slice in the order of ids: `look` says whether to go on. */
  const scan = async (
    { select, filter, descending, start }: Scan,
    look: (rows: readonly ScannedRow[]) => boolean,
  ): Promise<void> => {
    const [compare, back, way] = descending ? ["<", ">=", "desc"] : [">", "<=", "asc"];
    const end = db.prepare(
      `select id from devices where id ${compare} ? order by id ${way} limit 1 offset ${sliceDevices - 1}`,
    );
    const { sql, values } = conditionsOf(filter);
    const found = db.prepare(
      `select ${select} from devices indexed by devices_by_search
       where id ${compare} ? and id ${back} ? ${sql} order by id ${way}`,
    );
    for (let after = start ?? (descending ? last : first); ;) {
      await nextTurn();
      const bound = end.get(after)?.["id"];
      const upTo = typeof bound === "string" ? bound : descending ? first : last;
      const goesOn = look(found.all(after, upTo, ...values) as unknown as readonly ScannedRow[]);
      if (!goesOn || typeof bound !== "string") return;
      after = bound;
    }
  };

  /** The places of a page, out of everything that matches. */
  const filtered = async (asked: Asked): Promise<{ readonly places: readonly Place[]; readonly total: number }> => {
    const { filter, sort, descending, limit, after, isCounted } = asked;
    const ranks = sort === "template" ? templateRanks() : null;
    const sign = descending ? -1 : 1;
    const inOrder = (a: Place, b: Place): number => comparePlaces(a, b) * sign;
    let places: Place[] = [];
    /** Of a full page: what is behind it is counted and not kept. */
    let worst: Place | undefined;
    let total = 0;
    const isById = sort === "id";
    const select = { id: "id", name: `id, ${nameKey} as place`, createdAt: "id, created_at as place" };
    const scanned: Scan = {
      select: sort === "template" ? "id, template_id, template_version" : select[sort],
      filter,
      descending: isById && descending,
      start: isById && !isCounted && after !== null ? String(after[0]) : undefined,
    };
    await scan(scanned, (rows) => {
      for (const row of rows) {
        if (filter.isIncluded !== undefined && !filter.isIncluded(row.id)) continue;
        total++;
        const rank = ranks?.get(JSON.stringify([row.template_id, row.template_version])) ?? [];
        const place = isById ? [row.id] : ranks !== null ? [...rank, row.id] : [row.place, row.id];
        const isBehind = after === null || inOrder(place, after) > 0;
        if (isBehind && (worst === undefined || inOrder(place, worst) < 0)) places.push(place);
      }
      if (places.length > limit) {
        places = places.sort(inOrder).slice(0, limit + 1);
        worst = places.at(-1);
      }
      return isCounted || !isById || places.length <= limit;
    });
    return { places: places.sort(inOrder), total };
  };

  return {
    async page(query) {
      const asked = askedOf(query);
      if (!isFiltered(query)) {
        const found = unfiltered(asked);
        const shown = found.slice(0, asked.limit);
        return {
          items: shown.map(({ device }) => device),
          next: found.length > asked.limit ? nextOf(asked, shown.at(-1)?.place) : null,
          total: asked.isCounted ? await this.count({}) : null,
        };
      }
      const { places, total } = await filtered(asked);
      const shown = places.slice(0, asked.limit);
      return {
        items: devicesOf(shown.map((place) => String(place.at(-1)))),
        next: places.length > asked.limit ? nextOf(asked, shown.at(-1)) : null,
        total: asked.isCounted ? total : null,
      };
    },

    async count(filter) {
      if (!isFiltered(filter)) return Number(db.prepare("select count(*) as devices from devices").get()?.["devices"]);
      let total = 0;
      const { isIncluded } = filter;
      if (isIncluded === undefined) {
        await scan({ select: "count(*) as devices", filter }, ([row]) => {
          total += row?.devices ?? 0;
          return true;
        });
      } else {
        await scan({ select: "id", filter }, (rows) => {
          total += rows.filter(({ id }) => isIncluded(id)).length;
          return true;
        });
      }
      return total;
    },
  };
}

/** What a scan selects; not all of it at once. */
type ScannedRow = Pick<DeviceRow, "id" | "template_id" | "template_version"> & {
  readonly place: string;
  readonly devices: number;
};

interface Scan {
  readonly select: string;
  readonly filter: DeviceFilter;
  readonly descending?: boolean | undefined;
  readonly start?: string | undefined;
}

/** Before and behind all ids, which are ASCII. */
const first = "";
const last = "~~";

function isFiltered({ templateId, templateVersion, simulated, enabled, search, isIncluded }: DeviceFilter): boolean {
  return (
    [templateId, templateVersion, simulated, enabled, isIncluded].some((part) => part !== undefined) ||
    (search !== undefined && search !== "")
  );
}

function conditionsOf(filter: DeviceFilter): { readonly sql: string; readonly values: readonly SQLInputValue[] } {
  const conditions: (readonly [sql: string, value: SQLInputValue])[] = [];
  if (filter.templateId !== undefined) conditions.push(["template_id = ?", filter.templateId]);
  if (filter.templateVersion !== undefined) conditions.push(["template_version = ?", filter.templateVersion]);
  if (filter.simulated !== undefined) conditions.push(["simulated = ?", filter.simulated ? 1 : 0]);
  if (filter.enabled !== undefined) conditions.push(["enabled = ?", filter.enabled ? 1 : 0]);
  if (filter.search !== undefined && filter.search !== "") {
    conditions.push(["instr(search_text, ?) > 0", filter.search.toLowerCase()]);
  }
  return {
    sql: conditions.map(([sql]) => `and ${sql}`).join(" "),
    values: conditions.map(([, value]) => value),
  };
}

function askedOf(query: DeviceQuery): Asked {
  const { sort, descending, limit, after, isCounted = false, ...filter } = query;
  const order = sort === undefined ? "id" : oneOf(deviceOrders, sort, "sort");
  const isDescending = descending !== undefined && booleanOf(descending, "descending");
  return {
    filter,
    sort: order,
    descending: isDescending,
    limit: limit === undefined ? 100 : integerOf(limit, "limit", 1, 1000),
    after: after === undefined ? null : placeOf(after, order, isDescending),
    isCounted,
  };
}

function nextOf({ sort, descending }: Asked, place: Place | undefined): string {
  return Buffer.from(JSON.stringify([sort, descending, ...(place ?? [])])).toString("base64url");
}

function placeOf(next: string, sort: DeviceOrder, descending: boolean): Place {
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

/** By code units, numbers by size. */
function comparePlaces(a: Place, b: Place): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (part < other) return -1;
    if (part > other) return 1;
  }
  return a.length < b.length ? -1 : 0;
}
