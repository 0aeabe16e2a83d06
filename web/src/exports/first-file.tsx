// When the first file can be expected: a count-down to the end of the minute that runs, by the server's clock.

import { ProgressBar, Text, makeStyles } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type Export, windowClockQuery } from "./export-queries.ts";
import { formatClock } from "./export-state.tsx";

const minuteMs = 60_000;
/** After the end of a minute its file should be there in this time. */
const writingMs = 10_000;
const useStyles = makeStyles({ place: { display: "flex", flexDirection: "column", rowGap: "6px", maxWidth: "440px" } });

export function FirstFile({ one }: { readonly one: Export }) {
  const styles = useStyles();
  const clock = useQuery(windowClockQuery);
  const nowMs = useSecond() + (clock.data?.aheadMs ?? 0);
  const began = one.tenures.at(-1)?.windowFirst;
  if (clock.data === undefined || began === undefined) return null;
  const firstMs = Date.parse(began) + minuteMs;
  const isSilent = nowMs > firstMs + writingMs && one.status.owedFiles === 0;
  const dueMs = Math.max(firstMs, Math.floor(nowMs / minuteMs) * minuteMs + (isSilent ? minuteMs : 0));
  const leftMs = dueMs - nowMs;
  if (isSilent) {
    return (
      <Text>
        No device has sent anything since it was turned on: there is nothing to write. The next minute ends at{" "}
        {formatClock(dueMs)}.
      </Text>
    );
  }
  const words = leftMs > 0 ? `in ${Math.ceil(leftMs / 1000)} s` : "any moment";
  return (
    <div className={styles.place}>
      {/* Not told second by second to who listens. */}
      <Text aria-live="off">
        First file expected at {formatClock(dueMs)}, {words}.
      </Text>
      <ProgressBar
        aria-label="Until the first file"
        {...(leftMs > 0 ? { value: 1 - leftMs / minuteMs } : {})}
        thickness="large"
      />
    </div>
  );
}

/** Real time, moving on each second. */
function useSecond(): number {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
