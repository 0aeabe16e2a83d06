// A view: the registry at one moment, for cutting snapshots (S2).
//
// A read transaction on a connection of its own, so writers go on beside it. It keeps the WAL from being shortened as
// long as it is open: close it. Pages go by revision, so their cost follows what changed, not what exists.

import type { RegistryView } from "../registry.ts";
import { openReadOnly } from "./database.ts";
import { deviceColumns, deviceFromRow } from "./device-row.ts";
import type { DeviceRow, TemplateRow } from "./schema.ts";
import { templateFromRow } from "./templates.ts";

/** Exported for the test that asks SQLite how it would run them. */
export const viewQueries = {
  devices: `select revision, ${deviceColumns.join(", ")} from devices
    where revision > ? and revision <= ? order by revision limit ?`,
  deviceTemplates: `select * from device_templates
    where revision > ? and revision <= ? order by revision limit ?`,
} as const;

export function openSqliteView(file: string): RegistryView {
  const connection = openReadOnly(file);
  try {
    connection.exec("begin");
    // The first read fixes the moment.
    const { revision } = connection.prepare("select revision from counters").get() as { revision: number };
    const devices = connection.prepare(viewQueries.devices);
    const deviceTemplates = connection.prepare(viewQueries.deviceTemplates);
    return {
      revision,
      devices: (revisionAfter, limit) =>
        (devices.all(revisionAfter, revision, limit) as unknown as DeviceRow[]).map((row) => ({
          revision: row.revision,
          device: deviceFromRow(row),
        })),
      deviceTemplates: (revisionAfter, limit) =>
        (deviceTemplates.all(revisionAfter, revision, limit) as unknown as (TemplateRow & { revision: number })[]).map(
          (row) => ({ revision: row.revision, template: templateFromRow(row) }),
        ),
      close: () => {
        if (connection.isOpen) connection.close();
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}
