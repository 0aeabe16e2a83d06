// Files that an export wrote, newest first; new ones come in by themselves.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client.ts";
import { formatBytes, formatCount, formatDuration, formatTime } from "../parts/amounts.ts";
import { type Column, DataTable, Pager, usePages } from "../parts/data-table.tsx";
import { EmptyState, Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { runsQuery } from "./export-queries.ts";
import { typeNames } from "./export-words.ts";
import { FileLink } from "./file-link.tsx";

type Run = Schema<"ExportRun">;
const pageSize = 50;

export function RunHistory({ exportId }: { readonly exportId: string }) {
  const pages = usePages();
  const before = pages.after === undefined ? undefined : Number(pages.after);
  const runs = useQuery({ ...runsQuery(exportId, before, pageSize), placeholderData: keepPreviousData });
  const columns: readonly Column<Run>[] = [
    { id: "window", title: "Minute (UTC)", isHeading: true, cell: ({ window }) => formatTime(window).slice(0, 16) },
    { id: "type", title: "Data", cell: ({ type }) => typeNames[type] },
    {
      id: "path",
      title: "File",
      cell: ({ path, definitionVersion }) => <FileLink exportId={exportId} path={path} version={definitionVersion} />,
    },
    { id: "records", title: "Records", isNumber: true, cell: ({ records }) => formatCount(records) },
    { id: "bytes", title: "Size", isNumber: true, cell: ({ bytes }) => formatBytes(bytes) },
    { id: "duration", title: "Took", isNumber: true, cell: ({ durationMs }) => formatDuration(durationMs) },
    { id: "attempts", title: "Attempts", isNumber: true, cell: ({ attempts }) => formatCount(attempts) },
    { id: "committedAt", title: "Written", cell: ({ committedAt }) => <TimeText time={committedAt} /> },
  ];
  return (
    <Shown query={runs}>
      {({ items, next }) =>
        items.length === 0 && pages.number === 1 ? (
          <EmptyState title="No file was written yet">
            The first one comes when a minute is over in which a device sent something.
          </EmptyState>
        ) : (
          <>
            <DataTable
              label="Run history"
              columns={columns}
              rows={items}
              keyOf={({ number }) => String(number)}
              isStale={runs.isPlaceholderData}
            />
            <Pager pages={pages} next={next === null ? null : String(next)} shown={items.length} />
          </>
        )
      }
    </Shown>
  );
}
