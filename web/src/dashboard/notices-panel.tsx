// The newest notices of the journal: what an operator must know of the place where messages are safe.

import { Text, makeStyles, tokens } from "@fluentui/react-components";
import type { Schema } from "../api/client.ts";
import { Panel } from "../parts/panel.tsx";
import { StateBadge, type Tone } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";

type Notice = Schema<"JournalNotice">;
const shownMax = 5;
const levels: Readonly<Record<Notice["level"], readonly [Tone, string]>> = {
  info: ["busy", "Note"],
  warn: ["warn", "Warning"],
  error: ["bad", "Error"],
};

const useStyles = makeStyles({
  list: { display: "flex", flexDirection: "column", rowGap: "10px", listStyleType: "none", margin: 0, padding: 0 },
  line: { display: "flex", flexWrap: "wrap", columnGap: "8px", rowGap: "2px", overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground3 },
});

export function NoticesPanel({ notices }: { readonly notices: readonly Notice[] }) {
  const styles = useStyles();
  const newest = notices.toSorted((one, other) => (one.at < other.at ? 1 : -1)).slice(0, shownMax);
  return (
    <Panel title="Notices of the journal" about="The journal is where a message is safe before its device is told so.">
      {newest.length === 0 ? (
        <Text>None: all is well.</Text>
      ) : (
        <ul className={styles.list}>
          {newest.map((notice) => (
            <li key={`${notice.at}${notice.code}${notice.message}`} className={styles.line}>
              <StateBadge tone={levels[notice.level][0]}>{levels[notice.level][1]}</StateBadge>
              <Text>{notice.message}</Text>
              <Text size={200} className={styles.quiet}>
                <TimeText time={notice.at} />
              </Text>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
