// Minutes that were let go: their files were never written, and never will be.

import { Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client.ts";
import { formatCount, formatTime } from "../parts/amounts.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Panel } from "../parts/panel.tsx";
import { Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { gapsQuery } from "./export-queries.ts";
import { typeNames } from "./export-words.ts";

type Gap = Schema<"ExportGap">;

const columns: readonly Column<Gap>[] = [
  { id: "windows", title: "Minutes", isHeading: true, cell: windows },
  { id: "type", title: "Data", cell: ({ type }) => typeNames[type] },
  {
    id: "records",
    title: "Records",
    isNumber: true,
    cell: ({ records }) => (records === null ? "unknown" : formatCount(records)),
  },
  { id: "reason", title: "Reason", cell: ({ reason }) => reason },
  { id: "at", title: "Let go", cell: ({ at }) => <TimeText time={at} /> },
];

function windows({ windowFirst, windowLast }: Gap): string {
  const first = formatTime(windowFirst).slice(0, 16);
  return windowFirst === windowLast ? first : `${first} to ${formatTime(windowLast).slice(0, 16)}`;
}

export function GapsPanel({ exportId }: { readonly exportId: string }) {
  const gaps = useQuery(gapsQuery(exportId));
  return (
    <Panel title="Gaps">
      <Shown query={gaps}>
        {(items) =>
          items.length === 0 ? (
            <Text>None: nothing that was owed was ever let go.</Text>
          ) : (
            <DataTable
              label="Gaps"
              columns={columns}
              rows={items}
              keyOf={(gap) => `${gap.type}${gap.partition}${gap.windowFirst}${gap.at}`}
            />
          )
        }
      </Shown>
    </Panel>
  );
}
