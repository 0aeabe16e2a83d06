// What was refused since the server started, what it means, and what to do.

import { Text } from "@fluentui/react-components";
import { formatCount } from "../parts/amounts.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Panel } from "../parts/panel.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { rejectionWords } from "./rejection-words.ts";

type Rejection = readonly [reason: string, count: number];

const columns: readonly Column<Rejection>[] = [
  { id: "what", title: "What", isHeading: true, cell: ([reason]) => rejectionWords(reason).title },
  { id: "toDo", title: "What to do", cell: ([reason]) => rejectionWords(reason).toDo },
  { id: "count", title: "Times", isNumber: true, cell: ([, count]) => formatCount(count) },
];

export function RejectionsPanel({
  rejections,
  since,
}: {
  readonly rejections: Readonly<Record<string, number>>;
  readonly since: string;
}) {
  const rows = Object.entries(rejections).toSorted(([, one], [, other]) => other - one);
  return (
    <Panel
      title="Refused"
      about={
        <>
          Connections and messages that the hub did not take, since the server started <TimeText time={since} />.
        </>
      }
    >
      {rows.length === 0 ? (
        <Text>Nothing was refused.</Text>
      ) : (
        <DataTable label="Refused" columns={columns} rows={rows} keyOf={([reason]) => reason} />
      )}
    </Panel>
  );
}
