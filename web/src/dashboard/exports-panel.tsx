// How each export is, in a line, with what to do about it. For administrators.

import { Text, makeStyles, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { type Export, exportsQuery } from "../exports/export-queries.ts";
import { AuditAlarm, ExportStateBadge, useLiveExport } from "../exports/export-state.tsx";
import { LastFileLink } from "../exports/file-link.tsx";
import { formatCount, formatDuration } from "../parts/amounts.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Panel } from "../parts/panel.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground3 },
  stack: {
    display: "flex",
    flexDirection: "column",
    rowGap: "2px",
    "@media (max-width: 640px)": { alignItems: "end" },
  },
});

const columns: readonly Column<Export>[] = [
  {
    id: "name",
    title: "Export",
    isHeading: true,
    cell: ({ id, name }) => (
      <PageLink to="/admin/exports/$exportId" params={{ exportId: id }}>
        {name}
      </PageLink>
    ),
  },
  { id: "state", title: "State", cell: (one) => <State one={one} /> },
  { id: "last", title: "Last file", cell: (one) => <LastFile one={one} /> },
  { id: "oldest", title: "Oldest unexported record", cell: (one) => <Oldest one={one} /> },
];

export function ExportsPanel() {
  const exports = useQuery(exportsQuery);
  return (
    <Panel title="Continuous Data Export" actions={<LinkButton to="/admin/exports">All exports</LinkButton>}>
      <Shown query={exports}>
        {(items) =>
          items.length === 0 ? (
            <Text>Nothing is exported yet: what devices send now cannot be exported later.</Text>
          ) : (
            <>
              {items.map((one) => (
                <AuditAlarm key={one.id} one={one} />
              ))}
              <DataTable label="Exports" columns={columns} rows={items} keyOf={({ id }) => id} />
            </>
          )
        }
      </Shown>
    </Panel>
  );
}

function State({ one }: { readonly one: Export }) {
  const styles = useStyles();
  const { advice, status } = one;
  const isQuiet = status.state === "healthy" || status.state === "off";
  return (
    <div className={styles.stack}>
      <span>
        <ExportStateBadge state={status.state} />
      </span>
      {!isQuiet && <Text size={200}>{advice.happened}</Text>}
      {!isQuiet && advice.toDo !== null && (
        <Text size={200}>
          <strong>What to do:</strong> {advice.toDo}
        </Text>
      )}
    </div>
  );
}

function LastFile({ one }: { readonly one: Export }) {
  const styles = useStyles();
  const { lastFile } = one.status;
  if (lastFile === null) return <>None yet</>;
  return (
    <div className={styles.stack}>
      <span>
        <TimeText time={lastFile.committedAt} />, {formatCount(lastFile.records)}{" "}
        {lastFile.records === 1 ? "record" : "records"}
      </span>
      <Text size={200} className={styles.quiet}>
        <LastFileLink one={one} />
      </Text>
    </div>
  );
}

function Oldest({ one }: { readonly one: Export }) {
  const live = useLiveExport(one.id);
  const owedFiles = live?.owedFiles ?? one.status.owedFiles;
  const lagMs = live?.lagMs ?? one.status.lagMs;
  if (owedFiles === 0) return <>None waits</>;
  return (
    <>
      {formatDuration(Math.floor(lagMs / 1000) * 1000)} old, {formatCount(owedFiles)}{" "}
      {owedFiles === 1 ? "file" : "files"} owed
    </>
  );
}
