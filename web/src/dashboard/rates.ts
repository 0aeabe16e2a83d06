// The last minutes of messages: what the server remembers, and each second that comes in by the live stream since.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useLive } from "../live/live-stream.ts";
import { historyQuery } from "./dashboard-queries.ts";

const secondsShown = 300;
const minutesShown = 60;

export interface Series {
  readonly times: readonly number[];
  readonly values: readonly number[];
}

interface Second {
  readonly atMs: number;
  readonly perSecond: number;
}

export interface Rates {
  readonly seconds: Series;
  readonly minutes: Series;
}

export function useRates(): Rates {
  const history = useQuery(historyQuery).data;
  const { status } = useLive();
  const [live, setLive] = useState<readonly Second[]>([]);
  useEffect(() => {
    if (status === null) return;
    const second = { atMs: Date.parse(status.at), perSecond: status.messagesPerSecond };
    setLive((last) => (last.at(-1)?.atMs === second.atMs ? last : [...last, second].slice(-secondsShown)));
  }, [status]);
  const seconds = useMemo(() => {
    const known = (history?.seconds ?? []).map(({ at, messages, spanMs }) => ({
      atMs: Date.parse(at),
      perSecond: (messages * 1000) / Math.max(1, spanMs),
    }));
    const knownMs = known.at(-1)?.atMs ?? 0;
    return seriesOf([...known, ...live.filter(({ atMs }) => atMs > knownMs)].slice(-secondsShown));
  }, [history, live]);
  const minutes = useMemo(
    () => ({
      times: (history?.minutes ?? []).slice(-minutesShown).map(({ at }) => Date.parse(at)),
      values: (history?.minutes ?? []).slice(-minutesShown).map(({ messages }) => messages),
    }),
    [history],
  );
  return { seconds, minutes };
}

function seriesOf(seconds: readonly Second[]): Series {
  return { times: seconds.map(({ atMs }) => atMs), values: seconds.map(({ perSecond }) => perSecond) };
}
