// Files of an import: an example, and the report of rows that made no device. Pure.
//
// Safe to open in a spreadsheet by the rule of src/lib/csv.ts: a cell that would be run as a formula gets an apostrophe.

import type { Schema } from "../api/client.ts";

export const sheetTemplate = "IOTC_DeviceID,IOTC_DeviceName\r\nfridge-0001,Fridge in the lobby\r\n";

export function importReportSheet(rows: readonly Schema<"DeviceImportRow">[]): string {
  const heading = ["row", "deviceId", "outcome", "field", "code", "message", "hint"];
  const lines = rows.map(({ row, deviceId, outcome, field = "", code, message, hint = "" }) => [
    String(row),
    deviceId,
    outcome,
    field,
    code,
    message,
    hint,
  ]);
  return [heading, ...lines].map((cells) => `${cells.map(cellOf).join(",")}\r\n`).join("");
}

function cellOf(text: string): string {
  const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text);
  const safe = /^'*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
