// The state of an export in plain words: badge, what happened, what to do, how far it is. For the list and for its own page.

import { MessageBar, MessageBarBody, MessageBarTitle, Text, makeStyles, tokens } from "@fluentui/react-components";
import { useLive } from "../live/live-stream.ts";
import { formatBytes, formatCount, formatDuration, formatTime } from "../parts/amounts.ts";
import type { Fact } from "../parts/panel.tsx";
import { StateBadge } from "../parts/states.tsx";
import { TimeText, useNowMs } from "../parts/time-text.tsx";
import type { Export } from "./export-queries.ts";
import { stateWords } from "./export-words.ts";
import { FirstFile } from "./first-file.tsx";

const useStyles = makeStyles({
  words: { display: "flex", flexDirection: "column", rowGap: "8px", maxWidth: "90ch", overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** What the live stream says of it, once a second; null before, and for an export that is new to it. */
export function useLiveExport(exportId: string) {
  return useLive().status?.exports?.find(({ id }) => id === exportId) ?? null;
}

export function ExportStateBadge({ state }: { readonly state: Export["status"]["state"] }) {
  const { word, tone } = stateWords[state];
  return <StateBadge tone={tone}>{word}</StateBadge>;
}

const intents = { retrying: "warning", stopped: "error" } as const;

/** What happened and what to do. What stands in the way is told with the server's own words below. */
export function ExportAdvice({ one }: { readonly one: Export }) {
  const styles = useStyles();
  const { advice, status } = one;
  const { state, trouble } = status;
  return (
    <div className={styles.words} aria-live="polite">
      {state === "retrying" || state === "stopped" ? (
        <MessageBar intent={intents[state]} layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{advice.happened}</MessageBarTitle>
            {advice.toDo !== null && (
              <>
                <br />
                <strong>What to do:</strong> {advice.toDo}
              </>
            )}
          </MessageBarBody>
        </MessageBar>
      ) : (
        <>
          <Text>{advice.happened}</Text>
          {advice.toDo !== null && (
            <Text>
              <strong>What to do:</strong> {advice.toDo}
            </Text>
          )}
        </>
      )}
      {trouble !== null && <Trouble trouble={trouble} />}
      {one.on && trouble === null && !hasFile(one) && <FirstFile one={one} />}
    </div>
  );
}

/** Whether it wrote one since it was turned on. */
function hasFile({ status, tenures }: Export): boolean {
  const since = tenures.at(-1)?.windowFirst;
  return (
    status.lastFile !== null && (since === undefined || Date.parse(status.lastFile.committedAt) > Date.parse(since))
  );
}

function Trouble({ trouble }: { readonly trouble: NonNullable<Export["status"]["trouble"]> }) {
  const styles = useStyles();
  const { since, attempts, nextAttempt, message, code, path } = trouble;
  return (
    <Text size={200} className={styles.quiet}>
      Since <TimeText time={since} show="both" />, {formatCount(attempts)} {attempts === 1 ? "attempt" : "attempts"}
      {nextAttempt !== null && (
        <>
          , next <NextAttempt time={nextAttempt} />
        </>
      )}
      . The store says: {message} ({code}
      {path !== null && `, ${path}`})
    </Text>
  );
}

function NextAttempt({ time }: { readonly time: string }) {
  const now = useNowMs();
  return <>{new Date(time).getTime() <= now ? "now" : <TimeText time={time} />}</>;
}

/** Violations of the conservation audit are an alarm: the promise may be broken. */
export function AuditAlarm({ one }: { readonly one: Export }) {
  const violations = one.status.audit?.violations ?? 0;
  if (violations === 0) return null;
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>
          {violations === 1 ? "1 violation" : `${formatCount(violations)} violations`} of the conservation audit.
        </MessageBarTitle>{" "}
        Records are lost, doubled or miscounted: what the journal took and what was exported do not agree. Look at the
        audit of this export; it says what to do for each.
      </MessageBarBody>
    </MessageBar>
  );
}

/** How far it is: fresh from the live stream where that knows. */
export function useProgressFacts(one: Export): readonly Fact[] {
  const live = useLiveExport(one.id);
  const { lastFile, owedBytes } = one.status;
  const owedFiles = live?.owedFiles ?? one.status.owedFiles;
  const lagMs = live?.lagMs ?? one.status.lagMs;
  return [
    {
      name: "Last file",
      value:
        lastFile === null ? (
          "None yet"
        ) : (
          <>
            <TimeText time={lastFile.committedAt} />, {formatCount(lastFile.records)}{" "}
            {lastFile.records === 1 ? "record" : "records"}
          </>
        ),
    },
    {
      name: "Oldest unexported record",
      value: owedFiles === 0 ? "None waits" : `${formatDuration(Math.floor(lagMs / 1000) * 1000)} old`,
    },
    {
      name: "Files owed",
      value: owedFiles === 0 ? "None" : `${formatCount(owedFiles)} (${formatBytes(owedBytes)})`,
    },
  ];
}

/** `12:04:00 UTC`. */
export function formatClock(time: string | number): string {
  return formatTime(time).slice(11);
}
