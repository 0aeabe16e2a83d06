// Writing a device's row: what really changes, with a revision when it is exported (S1).

import { canonicalJson } from "../input.ts";
import type { Device, DeviceValues } from "../registry.ts";
import { takeRevisions } from "./counters.ts";
import type { Change, Tell } from "./database.ts";
import { deviceFromRow, searchText, valuesFromRow } from "./device-row.ts";
import type { DeviceRow } from "./schema.ts";

/**
 * The row as it was when nothing changes.
 *
 * @param access  whether what lets the device in was taken away or changed.
 */
export async function writeDevice(
  change: Change,
  tell: Tell,
  row: DeviceRow,
  set: Partial<DeviceRow>,
  access: boolean,
): Promise<Device> {
  const isChanged = (key: keyof DeviceRow): boolean => set[key] !== undefined && set[key] !== row[key];
  const isExported = isChanged("name") || isChanged("template_version") || isChanged("property_values");
  if (!isExported && !isChanged("enabled")) return deviceFromRow(row);
  const next: DeviceRow = { ...row, ...set, etag: row.etag + 1 };
  next.search_text = searchText(next.id, next.name);
  if (isExported) next.revision = await takeRevisions(change, 1);
  const { id: _id, ...columns } = next;
  await change.updateTable("devices").set(columns).where("id", "=", row.id).execute();
  tell({ kind: "device-changed", deviceId: row.id, access });
  return deviceFromRow(next);
}

/** The column only when the values differ, not only their order. */
export function valueColumns(row: DeviceRow, values: DeviceValues): { property_values?: string } {
  if (canonicalJson(valuesFromRow(row)) === canonicalJson(values)) return {};
  return { property_values: JSON.stringify(values) };
}
