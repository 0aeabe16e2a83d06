// Whether a fleet that was exported with its keys is the fleet of a group key: which of its devices prove themselves by keys
// derived from it, and which by others. Pure but for reading the file.

import { csvRows } from "../admin/csv-reader.ts";
import { type SheetColumns, deviceOfRow, faultOfRow, sheetColumns } from "../admin/device-sheet.ts";
import { accessKeyOf } from "../registry/access-key.ts";
import { derivedKeys } from "../registry/derived-key.ts";
import { deviceIdOf } from "../registry/device-id.ts";
import type { KeyPair } from "../registry/registry.ts";
import { ColdpathError } from "../lib/errors.ts";

/**
 *   derived    by the group: nothing is to be done for it
 *   own-keys   by keys of its own: it needs an individual enrollment with them
 *   x509       by a certificate
 *   no-keys    nothing stands there to compare: exported without keys?
 *   unusable   the row cannot be a device here
 */
export const fleetVerdicts = ["derived", "own-keys", "x509", "no-keys", "unusable"] as const;
export type FleetVerdict = (typeof fleetVerdicts)[number];

export interface FleetRow {
  readonly row: number;
  readonly deviceId: string;
  readonly verdict: FleetVerdict;
  /** Why it is unusable. */
  readonly message?: string | undefined;
  /** Of `own-keys`. */
  readonly keys?: KeyPair | undefined;
}

/** @throws ColdpathError `csv-unreadable`, `csv-heading`. */
export async function checkFleet(file: Buffer, groupKeys: KeyPair): Promise<readonly FleetRow[]> {
  let columns: SheetColumns | null = null;
  const found: FleetRow[] = [];
  for await (const rows of csvRows(file)) {
    for (const { number, cells } of rows) {
      if (columns === null) {
        columns = sheetColumns(cells);
        continue;
      }
      const verdict = verdictOf(number, cells, columns, groupKeys);
      if (verdict !== null) found.push(verdict);
    }
  }
  if (columns === null) sheetColumns([]); // says what is missing
  return found;
}

function verdictOf(row: number, cells: readonly string[], columns: SheetColumns, groupKeys: KeyPair): FleetRow | null {
  const device = deviceOfRow(cells, columns);
  if (device === null) return null;
  const { id: deviceId, primaryKey, secondaryKey, authentication } = device;
  try {
    const fault = faultOfRow(cells, columns);
    if (fault !== null) throw fault;
    deviceIdOf(deviceId, "IOTC_DEVICEID");
    if (authentication !== undefined) return { row, deviceId, verdict: "x509" };
    if (primaryKey === undefined && secondaryKey === undefined) return { row, deviceId, verdict: "no-keys" };
    const derived = derivedKeys(groupKeys, deviceId);
    const given = [primaryKey, secondaryKey].filter((one) => one !== undefined);
    const opens = new Set([derived.primaryKey, derived.secondaryKey]);
    if (given.every((one) => opens.has(one))) return { row, deviceId, verdict: "derived" };
    const keys = {
      primaryKey: accessKeyOf(primaryKey ?? secondaryKey, "IOTC_SASKEY_PRIMARY"),
      secondaryKey: accessKeyOf(secondaryKey ?? primaryKey, "IOTC_SASKEY_SECONDARY"),
    };
    return { row, deviceId, verdict: "own-keys", keys };
  } catch (error) {
    if (!(error instanceof ColdpathError)) throw error;
    return { row, deviceId, verdict: "unusable", message: error.message };
  }
}
