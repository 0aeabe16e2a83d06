// One entry of the audit log, whole: exact time, call, what was sent, and ways to more of the kind.

import { Button, Text, makeStyles, tokens } from "@fluentui/react-components";
import { JsonView } from "../parts/json-view.tsx";
import { Facts } from "../parts/panel.tsx";
import { TimeText } from "../parts/time-text.tsx";
import type { AuditSearch } from "./audit-search.ts";
import type { Entry } from "./audit-words.ts";

const useStyles = makeStyles({
  detail: {
    display: "flex",
    flexDirection: "column",
    rowGap: "10px",
    padding: "6px 8px 10px",
    textAlign: "start",
    minWidth: 0,
  },
  quiet: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  actions: { display: "flex", flexWrap: "wrap", gap: "8px" },
});

export function EntryDetail({
  entry,
  search,
  onFilter,
}: {
  readonly entry: Entry;
  readonly search: AuditSearch;
  readonly onFilter: (search: AuditSearch) => void;
}) {
  const styles = useStyles();
  const { number, at, actor, action, subject, outcome, detail } = entry;
  const who = actor.id ?? actor.name;
  return (
    <div className={styles.detail}>
      <Facts
        items={[
          { name: "Time", value: <TimeText time={at} show="exact" /> },
          { name: "Call", value: action },
          { name: "HTTP status", value: outcome },
          { name: "Entry", value: number },
          ...(subject === null ? [] : [{ name: "Id", value: subject }]),
          ...(actor.id === null ? [] : [{ name: "Id of who did it", value: actor.id }]),
        ]}
      />
      <div>
        <div className={styles.quiet}>What was sent</div>
        {detail === null || detail === undefined ? (
          <Text>Nothing but the call.</Text>
        ) : (
          <JsonView value={detail} openDepth={2} />
        )}
      </div>
      <div className={styles.actions}>
        {who !== null && (
          <Button size="small" onClick={() => onFilter({ ...search, actor: who })}>
            Only by {actor.name ?? who}
          </Button>
        )}
        {subject !== null && (
          <Button size="small" onClick={() => onFilter({ ...search, subject })}>
            Only about this
          </Button>
        )}
      </div>
    </div>
  );
}
