// The CSV file of devices, with the columns that IoT Central had in 2018. Pure.
//
// What is written is safe to open in a spreadsheet (src/lib/csv.ts), and reading takes that back, so that a file that was
// exported can be imported.

import { ColdpathError } from "../lib/errors.ts";
import { csvLine, csvPlain } from "../lib/csv.ts";
import type { Device, KeyPair, NewDevice } from "../registry/registry.ts";

const columns = [
  "IOTC_DEVICEID",
  "IOTC_DEVICENAME",
  "IOTC_SASKEY_PRIMARY",
  "IOTC_SASKEY_SECONDARY",
  "IOTC_X509THUMBPRINT_PRIMARY",
  "IOTC_X509THUMBPRINT_SECONDARY",
] as const;
type Column = (typeof columns)[number];

/** Which of a device's fields a column holds, for errors. */
const columnOfField: Readonly<Record<string, Column>> = {
  id: "IOTC_DEVICEID",
  name: "IOTC_DEVICENAME",
  primaryKey: "IOTC_SASKEY_PRIMARY",
  secondaryKey: "IOTC_SASKEY_SECONDARY",
  "authentication.primaryThumbprint": "IOTC_X509THUMBPRINT_PRIMARY",
  "authentication.secondaryThumbprint": "IOTC_X509THUMBPRINT_SECONDARY",
};

export const sheetHeading = csvLine(columns);

/** @param keys  null: their cells stay empty. */
export function sheetLine(device: Device, keys: KeyPair | null): string {
  const { authentication } = device;
  const thumbprints =
    authentication.type === "x509-thumbprint"
      ? [authentication.primaryThumbprint, authentication.secondaryThumbprint ?? ""]
      : ["", ""];
  return csvLine([device.id, device.name, keys?.primaryKey ?? "", keys?.secondaryKey ?? "", ...thumbprints]);
}

/** Where each known column stands. */
export type SheetColumns = ReadonlyMap<Column, number>;

/** @throws ColdpathError `csv-heading`. */
export function sheetColumns(heading: readonly string[]): SheetColumns {
  const found = new Map<Column, number>();
  for (const [index, cell] of heading.entries()) {
    const name = cell.trim();
    if (name === "") continue;
    const column = columns.find((known) => known === name.toUpperCase());
    if (column === undefined) throw headingError(`${shown(name)} is no column of a file of devices`);
    if (found.has(column)) throw headingError(`${column} stands there twice`);
    found.set(column, index);
  }
  if (!found.has("IOTC_DEVICEID")) throw headingError("IOTC_DEVICEID is missing");
  return found;
}

/** The device of a row, as it stands there: rules are the registry's. Null when nothing stands there. */
export function deviceOfRow(
  cells: readonly string[],
  found: SheetColumns,
): (Pick<NewDevice, "name" | "primaryKey" | "secondaryKey" | "authentication"> & { readonly id: string }) | null {
  if (cells.every((cell) => cell.trim() === "")) return null;
  const cellOf = (column: Column): string => csvPlain(cells[found.get(column) ?? -1] ?? "");
  const given = (text: string): string | undefined => (text === "" ? undefined : text);
  const primaryThumbprint = given(cellOf("IOTC_X509THUMBPRINT_PRIMARY").trim());
  const secondaryThumbprint = given(cellOf("IOTC_X509THUMBPRINT_SECONDARY").trim());
  const isByThumbprint = primaryThumbprint !== undefined || secondaryThumbprint !== undefined;
  return {
    id: cellOf("IOTC_DEVICEID").trim(),
    name: given(cellOf("IOTC_DEVICENAME")),
    primaryKey: given(cellOf("IOTC_SASKEY_PRIMARY").trim()),
    secondaryKey: given(cellOf("IOTC_SASKEY_SECONDARY").trim()),
    ...(isByThumbprint ? { authentication: { type: "x509-thumbprint", primaryThumbprint, secondaryThumbprint } } : {}),
  };
}

/** What is wrong with a row before anybody looks at its device, or null. */
export function faultOfRow(cells: readonly string[], found: SheetColumns): ColdpathError | null {
  const over = cells.findIndex((cell, index) => cell.trim() !== "" && ![...found.values()].includes(index));
  if (over >= 0) {
    return fault(
      `Column ${over + 1} of the row has something in it and no heading.`,
      undefined,
      "Put what holds a separator into quotes.",
    );
  }
  if ((cells[found.get("IOTC_DEVICEID") ?? -1] ?? "").trim() === "") {
    return fault(
      "The device has no id.",
      "IOTC_DEVICEID",
      "Give every device an id: so the same file never makes it twice.",
    );
  }
  return null;
}

/** The column that a refused field of a device came from. */
export function columnOf(field: string | undefined): string | undefined {
  return field === undefined ? undefined : (columnOfField[field] ?? field);
}

function fault(message: string, field: Column | undefined, hint: string): ColdpathError {
  return new ColdpathError("invalid", "input-invalid", message, { field, hint });
}

function headingError(what: string): ColdpathError {
  return new ColdpathError("invalid", "csv-heading", `The heading, row 1, is not as it must be: ${what}.`, {
    hint: `Begin with the line IOTC_DeviceID,IOTC_DeviceName. Known columns: ${columns.join(", ")}.`,
  });
}

function shown(name: string): string {
  return JSON.stringify(name.length <= 40 ? name : `${name.slice(0, 40).toWellFormed()}…`);
}
