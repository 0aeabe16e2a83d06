// Messages per second of the last five minutes, live, and per minute of the last hour.

import { Text, makeStyles, tokens } from "@fluentui/react-components";
import { formatCount, formatRate } from "../parts/amounts.ts";
import { Chart } from "../parts/chart.tsx";
import { Panel } from "../parts/panel.tsx";
import { useRates } from "./rates.ts";

const useStyles = makeStyles({
  pair: { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(420px, 100%), 1fr))", gap: "16px" },
  quiet: { color: tokens.colorNeutralForeground3 },
});

const minuteMs = 60_000;

/** The time that a chart shows: as long from its first start on. */
function lastOf(times: readonly number[], spanMs: number): readonly [number, number] {
  const endMs = times.at(-1) ?? Date.now();
  return [endMs - spanMs, endMs];
}

export function RatePanels() {
  const styles = useStyles();
  const { seconds, minutes } = useRates();
  const last = seconds.values.at(-1);
  const most = Math.max(0, ...seconds.values);
  const lastMinute = minutes.values.at(-1);
  return (
    <div className={styles.pair}>
      <Panel title="Messages per second">
        <Chart
          label={`Messages per second in the last five minutes; now ${last === undefined ? "unknown" : formatRate(last)}, at most ${formatRate(most)}`}
          times={seconds.times}
          series={[{ label: "messages per second", values: seconds.values, isFilled: true }]}
          timeRange={lastOf(seconds.times, 5 * minuteMs)}
          format={formatRate}
        />
        <Text size={200} className={styles.quiet}>
          Last five minutes, live. At most {formatRate(most)} in a second.
        </Text>
      </Panel>
      <Panel title="Messages per minute">
        {minutes.times.length === 0 ? (
          <Text className={styles.quiet}>The first minute since the server started is not over yet.</Text>
        ) : (
          <>
            <Chart
              label={`Messages per minute in the last hour; ${formatCount(lastMinute ?? 0)} in the last minute`}
              times={minutes.times}
              series={[{ label: "messages per minute", values: minutes.values, isFilled: true, hasPoints: true }]}
              timeRange={lastOf(minutes.times, 60 * minuteMs)}
              format={formatCount}
            />
            <Text size={200} className={styles.quiet}>
              Last hour. {formatCount(lastMinute ?? 0)} in the last whole minute.
            </Text>
          </>
        )}
      </Panel>
    </div>
  );
}
