// Lists of devices, page by page, and their number.
//
// A list of everything is read from the index of its order, only as far as the page goes; one that filters is looked for:
// device-scan.ts. A device that is renamed between two pages moves in a list by name, as it should.

import type { SQLInputValue } from "node:sqlite";
import { booleanOf, integerOf, oneOf } from "../input.ts";
import { type Device, type DeviceFilter, type DevicePage, type DeviceQuery, deviceOrders } from "../registry.ts";
import type { Database } from "./database.ts";
import { type Place, besidePlace, comparePlaces, nextOf, placeOf, sortKeys, templateGroups } from "./device-order.ts";
import { deviceColumns, deviceFromRow } from "./device-row.ts";
import { DeviceScan, type FilteredPage, isFiltered } from "./device-scan.ts";
import type { DeviceRow } from "./schema.ts";

const columns = deviceColumns.join(", ");

interface Found {
  readonly place: Place;
  readonly device: Device;
}

export interface DevicePages {
  page(query: DeviceQuery): Promise<DevicePage>;
  count(filter: DeviceFilter): Promise<number>;
}

export function devicePagesIn(database: Database): DevicePages {
  const db = database.rawReader;
  const scan = new DeviceScan(db);

  const all = (sql: string, ...values: readonly SQLInputValue[]): readonly (DeviceRow & { place: string })[] =>
    db.prepare(sql).all(...values) as unknown as readonly (DeviceRow & { place: string })[];

  /** The devices at places that were found; one deleted since is not among them. */
  const devicesAt = (places: readonly Place[]): readonly Device[] => {
    const ids = JSON.stringify(places.map((place) => place.at(-1)));
    const rows = all(`select ${columns} from devices where id in (select value from json_each(?))`, ids);
    const byId = new Map<string | number | undefined, DeviceRow>(rows.map((row) => [row.id, row]));
    return places.flatMap((place) => {
      const row = byId.get(place.at(-1));
      return row === undefined ? [] : [deviceFromRow(row)];
    });
  };

  /** Of everything: up to one more than the limit. */
  const firstBehind = (asked: FilteredPage): readonly Found[] => {
    if (asked.sort === "template") return byTemplate(asked);
    const key = sortKeys[asked.sort];
    const way = asked.descending ? "desc" : "asc";
    const order = key === null ? `id ${way}` : `${key} ${way}, id ${way}`;
    const behind = asked.after === null ? null : besidePlace(asked, asked.after, "behind", []);
    const rows = all(
      `select ${columns}, ${key ?? "id"} as place from devices
       ${behind === null ? "" : `where ${behind.sql}`} order by ${order} limit ?`,
      ...(behind?.values ?? []),
      asked.limit + 1,
    );
    return rows.map((row) => ({ place: key === null ? [row.id] : [row.place, row.id], device: deviceFromRow(row) }));
  };

  /** Group by group, each from its index. */
  const byTemplate = ({ descending, limit, after, ...order }: FilteredPage): readonly Found[] => {
    const found: Found[] = [];
    const [compare, way] = descending ? ["<", "desc"] : [">", "asc"];
    for (const { id, version, rank } of templateGroups(db, { ...order, descending })) {
      const side = after === null ? 1 : comparePlaces(rank, after.slice(0, -1)) * (descending ? -1 : 1);
      if (side < 0) continue;
      const behind = side === 0 ? [String(after?.at(-1))] : [];
      const rows = all(
        `select ${columns} from devices where template_id = ? and template_version = ?
         ${behind.length === 0 ? "" : `and id ${compare} ?`} order by id ${way} limit ?`,
        id,
        version,
        ...behind,
        limit + 1 - found.length,
      );
      found.push(...rows.map((row) => ({ place: [...rank, row.id], device: deviceFromRow(row) })));
      if (found.length > limit) break;
    }
    return found;
  };

  const countAll = (): number => Number(db.prepare("select count(*) as devices from devices").get()?.["devices"]);

  return {
    async page(query) {
      const asked = askedOf(query);
      const { limit, isCounted } = asked;
      if (isFiltered(query)) {
        const { places, total } = await scan.page(asked);
        const shown = places.slice(0, limit);
        const next = places.length > limit ? nextOf(asked, shown.at(-1) ?? []) : null;
        return { items: devicesAt(shown), next, total: isCounted ? total : null };
      }
      const found = firstBehind(asked);
      const shown = found.slice(0, limit);
      const next = found.length > limit ? nextOf(asked, shown.at(-1)?.place ?? []) : null;
      return { items: shown.map(({ device }) => device), next, total: isCounted ? countAll() : null };
    },

    async count(filter) {
      return isFiltered(filter) ? await scan.count(filter) : countAll();
    },
  };
}

function askedOf(query: DeviceQuery): FilteredPage {
  const { sort, descending, limit, after, isCounted = false, ...filter } = query;
  const order = {
    sort: sort === undefined ? ("id" as const) : oneOf(deviceOrders, sort, "sort"),
    descending: descending !== undefined && booleanOf(descending, "descending"),
  };
  return {
    ...order,
    filter,
    limit: limit === undefined ? 100 : integerOf(limit, "limit", 1, 1000),
    after: after === undefined ? null : placeOf(after, order),
    isCounted,
  };
}
