// A time as people say it ("3 min ago"), with the exact one in UTC beside it or behind it. All of them move on together.

import { Tooltip } from "@fluentui/react-components";
import { useSyncExternalStore } from "react";
import { formatAgo, formatTime } from "./amounts.ts";

const tickMs = 5_000;
let nowMs = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  nowMs = Date.now();
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const one of listeners) one();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Real time, good to five seconds; whoever uses it is drawn again when it moves on. */
export function useNowMs(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}

export interface TimeTextProps {
  /** ISO; null and undefined show `none`. */
  readonly time: string | null | undefined;
  /** `both` writes the exact time beside the relative one, `exact` only that. */
  readonly show?: "relative" | "exact" | "both";
  readonly none?: string;
}

export function TimeText({ time, show = "relative", none = "–" }: TimeTextProps) {
  const now = useNowMs();
  if (time === null || time === undefined) return <>{none}</>;
  const exact = formatTime(time);
  if (show === "exact") return <time dateTime={time}>{exact}</time>;
  const ago = formatAgo(time, now);
  if (show === "both") {
    return (
      <time dateTime={time}>
        {exact} ({ago})
      </time>
    );
  }
  return (
    <Tooltip content={exact} relationship="description">
      <time dateTime={time} tabIndex={0}>
        {ago}
      </time>
    </Tooltip>
  );
}
